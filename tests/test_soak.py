"""The checks at the end of a soak can fail."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.soak.checks import Part, check_answers, check_growth
from benchmarks.soak.learners import Learner, Submission, Tally
from quizserver.db.session import Database


class RecordedLearner(Learner):
    """A learner of whom the server has ``stored``; numbers of the question "even"."""

    def __init__(self, stored: list[int], acknowledged: set[int], in_doubt: set[int]) -> None:
        super().__init__("ana", ["http://127.0.0.1:1"], Tally(), 1)
        self.stored = stored
        self.acknowledged = {Submission("even", number) for number in acknowledged}
        self.in_doubt = {Submission("even", number) for number in in_doubt}

    def stored_attempts(self, url: str) -> list[dict[str, Any]]:
        return [{"question": "even", "number": number} for number in self.stored]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("stored", "acknowledged", "in_doubt", "violation"),
    [
        ([1, 2, 3], {1, 2}, {3}, None),
        ([1, 2], {1, 2}, {3}, None),
        ([1], {1, 2}, set(), "('even', 2) was acknowledged and is lost"),
        ([1, 2], {1}, set(), "('even', 2) is stored and was never sent"),
        ([1, 1], {1}, set(), "('even', 1) is stored 2 times"),
        ([], set(), {1}, "no answer was acknowledged at all"),
    ],
)
def test_what_is_stored_is_held_to_what_was_acknowledged(
    database: Database,
    database_url: str,
    stored: list[int],
    acknowledged: set[int],
    in_doubt: set[int],
    violation: str | None,
):
    learner = RecordedLearner(stored, acknowledged, in_doubt)
    violations = list(check_answers([learner], "", database_url, Part("a part")))
    assert [v.removeprefix("ana: ") for v in violations] == ([violation] if violation else [])


@pytest.mark.parametrize(
    ("megabytes", "descriptors", "violations"),
    [
        ([200, 210, 205, 220], [90, 92, 95], []),
        ([200, 210, 300, 400], [90, 92, 95], ["a host grew from 210 to 400 MiB"]),
        ([200, 210, 205, 220], [90, 92, 150], ["a host grew from 92 to 150 descriptors"]),
    ],
)
def test_a_host_that_grows_is_noticed(
    megabytes: list[float], descriptors: list[int], violations: list[str]
):
    part = Part("a part", memory={"a host": megabytes}, descriptors={"a host": descriptors})
    assert list(check_growth(part)) == violations
