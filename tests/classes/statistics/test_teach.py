"""What to teach tomorrow: misconceptions, worn questions, and keys in doubt, each for a reason."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pytest

from quizserver.classes.statistics.answers import ItemKey
from quizserver.classes.statistics.figures import Figure, missing_figure
from quizserver.classes.statistics.item_statistics import ItemStatistics, item_statistics
from quizserver.classes.statistics.option_counts import OptionCount
from quizserver.classes.statistics.teach import (
    find_key_doubts,
    find_misconceptions,
    is_thin,
    worn_questions,
)
from quizserver.evidence.claims import count_verdict
from quizserver.evidence.intervals import wilson_interval
from tests.classes.statistics.answers_of import class_of, items


def test_misconceptions_are_what_most_learners_still_hold():
    """Of 12 learners 8 chose b at first and 5 still do; c at the second question grew to 6."""
    first = class_of([[0, 1]] * 8 + [[1, 0]] * 4, [[1, 0]] * 8 + [[0, 2]] * 4)
    latest = class_of(
        [[0, 1]] * 5 + [[1, 0]] * 6 + [[1, 1]],
        [[1, 0]] * 5 + [[0, 2]] * 6 + [[0, 0]],
        which="latest",
    )
    found = find_misconceptions(first, latest, items(2))
    told = [(m.question, m.held.option, m.held.count, m.held.n, m.first) for m in found]
    assert told == [("q2", "c", 6, 12, 4), ("q1", "b", 5, 12, 8)]
    assert found[0].held.share.value == 50


def test_only_so_many_are_told_and_a_single_slip_is_none():
    chosen = [[1, 1, 2, 1]] * 3 + [[1, 1, 0, 0]] * 2 + [[2, 0, 0, 0]]
    marks = class_of([[float(c == 0) for c in row] for row in chosen], chosen)
    found = find_misconceptions(marks, marks, items(4))
    assert [(m.question, m.held.option) for m in found] == [("q1", "b"), ("q2", "b"), ("q3", "c")]
    every = find_misconceptions(marks, marks, items(4), limit=9)
    assert [(m.question, m.held.option) for m in every][3:] == [("q4", "b")]


def test_an_option_that_is_gone_is_no_misconception():
    marks = class_of([[0]] * 4, [[1]] * 4)
    assert find_misconceptions(marks, marks, [ItemKey("q1", ("a", "c"), frozenset("a"))]) == ()


def test_first_and_latest_attempts_must_be_of_the_same_class():
    marks = class_of([[0, 1]] * 4)
    with pytest.raises(ValueError, match="same learners"):
        find_misconceptions(marks, marks.select_questions(["q1"]), items(2))
    with pytest.raises(ValueError, match="same learners"):
        find_misconceptions(marks, class_of([[0, 1]] * 3), items(2))


def statistics(**figures: Figure) -> ItemStatistics:
    """A question in the middle of all bands, but for the figures given."""
    one = item_statistics(class_of([[1, 1], [0, 0]] * 20), items(2))[0]
    usual = {"facility": Figure(50.0), "discrimination": Figure(40.0, low=10.0, high=60.0)}
    return replace(one, **(usual | figures))


@pytest.mark.parametrize(
    ("figures", "why"),
    [
        ({}, None),
        ({"facility": Figure(95.0)}, "too-easy"),
        ({"facility": Figure(94.9)}, None),
        ({"facility": Figure(5.0)}, "too-hard"),
        ({"discrimination": Figure(-40.0, low=-60.0, high=-10.0)}, "reversed"),
        ({"discrimination": Figure(-5.0, low=-40.0, high=30.0)}, "perhaps-reversed"),
        ({"discrimination": Figure(2.0, low=-10.0, high=14.0)}, "flat"),
        ({"discrimination": Figure(2.0, low=-30.0, high=34.0)}, None),
        ({"discrimination": missing_figure("Not enough.")}, None),
        (
            {
                "facility": missing_figure("Not enough."),
                "discrimination": missing_figure("Not enough."),
            },
            None,
        ),
    ],
)
def test_a_question_is_worn_only_when_its_figure_is_sure_enough(figures, why):
    found = worn_questions([statistics(**figures)])
    assert [one.why for one in found] == ([why] if why else [])


def test_a_question_that_a_coin_decides_is_found_worn_and_a_good_one_is_not():
    generator = np.random.default_rng(3)
    ability = generator.normal(size=(400, 1))
    marks = (generator.random((400, 10)) < 1 / (1 + np.exp(-2 * ability))).astype(float)
    marks[:, 4] = generator.random(400) < 0.5
    found = worn_questions(item_statistics(class_of(marks.tolist()), items(10)))
    assert [(one.question, one.why) for one in found] == [("q5", "flat")]


@dataclass(frozen=True)
class Finding:
    question: str
    option: str | None
    k: int
    n: int
    at_least: float
    low: float
    high: float
    verdict: Literal["supported", "refuted", "mixed"]


def finding(k: int, at_least: float = 0.5, option: str = "b", n: int = 64) -> Finding:
    return Finding(
        "q1", option, k, n, at_least, *wilson_interval(k, n), count_verdict(k, n, at_least)
    )


@pytest.mark.parametrize(
    ("k", "at_least", "word", "expected"),
    [
        # Wilson's intervals of 64: 23 ends at 0.48, 12 at 0.30; 43 begins at 0.55, 56 at 0.77.
        (23, 0.5, "refuted", True),
        (12, 0.5, "refuted", False),
        (32, 0.5, "mixed", True),
        (43, 0.5, "supported", True),
        (56, 0.5, "supported", False),
        # unanimous: no margin could be wider
        (64, 0.9, "supported", False),
        (0, 0.1, "refuted", False),
    ],
)
def test_a_margin_is_thin_when_another_verdict_was_near(k, at_least, word, expected):
    outcome = finding(k, at_least)
    assert (outcome.verdict, is_thin(outcome)) == (word, expected)


def option(share: float, weak: float, strong: float, name: str = "b") -> OptionCount:
    figures = (Figure(share), Figure(weak), Figure(strong))
    return OptionCount(name, name == "a", False, round(share), 100, *figures)


@pytest.mark.parametrize(
    ("chosen", "k", "popular", "stronger"),
    [
        (option(40, 50, 20), 32, True, False),
        (option(20, 10, 30), 32, False, True),
        (option(40, 10, 60), 23, True, True),
        (option(30, 30, 39), 32, None, None),
        (option(90, 50, 99), 12, None, None),
        (option(90, 50, 99, "a"), 32, None, None),
    ],
)
def test_a_key_is_doubted_when_a_liked_wrong_option_was_thinly_refuted(
    chosen, k, popular, stronger
):
    found = find_key_doubts(
        [replace(statistics(), options=(chosen,))], [finding(k, option=chosen.option)]
    )
    expected = [] if popular is None else [(popular, stronger)]
    assert [(doubt.popular, doubt.stronger) for doubt in found] == expected


def test_no_key_is_doubted_without_an_experiment_or_without_enough_answers():
    popular = replace(statistics(), options=(option(90, 50, 99),))
    assert find_key_doubts([popular], []) == ()
    assert find_key_doubts([popular], [finding(32, option="c")]) == ()
    few = replace(
        option(90, 50, 99),
        share=missing_figure(""),
        weakest=missing_figure(""),
        strongest=missing_figure(""),
    )
    assert find_key_doubts([replace(statistics(), options=(few,))], [finding(32)]) == ()


def test_of_several_findings_about_an_option_a_thin_one_is_told():
    popular = replace(statistics(), options=(option(90, 50, 99),))
    found = find_key_doubts([popular], [finding(0), finding(32), finding(30)])
    assert [doubt.finding.k for doubt in found] == [32]
