"""What to teach tomorrow: misconceptions, worn questions, and keys in doubt, with reasons."""

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
from tests.classes.statistics.attempt_tables import attempt_table, item_keys


def test_misconceptions_are_what_most_learners_still_hold():
    """Of 12 learners 8 chose b at first and 5 still do; c at the second question grew to 6."""
    first = attempt_table([[0, 1]] * 8 + [[1, 0]] * 4, [[1, 0]] * 8 + [[0, 2]] * 4)
    latest = attempt_table(
        [[0, 1]] * 5 + [[1, 0]] * 6 + [[1, 1]],
        [[1, 0]] * 5 + [[0, 2]] * 6 + [[0, 0]],
        which="latest",
    )
    misconceptions = find_misconceptions(first, latest, item_keys(2))
    figures = [
        (
            misconception.question,
            misconception.held.option,
            misconception.held.count,
            misconception.held.n,
            misconception.first,
        )
        for misconception in misconceptions
    ]
    assert figures == [("q2", "c", 6, 12, 4), ("q1", "b", 5, 12, 8)]
    assert misconceptions[0].held.share.value == 50


def test_at_most_limit_misconceptions_are_found_and_a_single_slip_is_none():
    chosen = [[1, 1, 2, 1]] * 3 + [[1, 1, 0, 0]] * 2 + [[2, 0, 0, 0]]
    marks = attempt_table([[float(number == 0) for number in row] for row in chosen], chosen)
    misconceptions = find_misconceptions(marks, marks, item_keys(4))
    assert [
        (misconception.question, misconception.held.option) for misconception in misconceptions
    ] == [("q1", "b"), ("q2", "b"), ("q3", "c")]
    more = find_misconceptions(marks, marks, item_keys(4), limit=9)
    assert [(misconception.question, misconception.held.option) for misconception in more][3:] == [
        ("q4", "b")
    ]


def test_an_option_that_is_gone_is_no_misconception():
    marks = attempt_table([[0]] * 4, [[1]] * 4)
    assert find_misconceptions(marks, marks, [ItemKey("q1", ("a", "c"), frozenset("a"))]) == ()


def test_first_and_latest_attempts_must_be_of_the_same_class():
    marks = attempt_table([[0, 1]] * 4)
    with pytest.raises(ValueError, match="same learners"):
        find_misconceptions(marks, marks.select_questions(["q1"]), item_keys(2))
    with pytest.raises(ValueError, match="same learners"):
        find_misconceptions(marks, attempt_table([[0, 1]] * 3), item_keys(2))


def item_with(**figures: Figure) -> ItemStatistics:
    """A question in the middle of all bands, but for the figures given."""
    item = item_statistics(attempt_table([[1, 1], [0, 0]] * 20), item_keys(2))[0]
    defaults = {"facility": Figure(50.0), "discrimination": Figure(40.0, low=10.0, high=60.0)}
    return replace(item, **(defaults | figures))


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
    worn = worn_questions([item_with(**figures)])
    assert [question.why for question in worn] == ([why] if why else [])


def test_a_question_that_a_coin_decides_is_found_worn_and_a_good_one_is_not():
    generator = np.random.default_rng(3)
    ability = generator.normal(size=(400, 1))
    marks = (generator.random((400, 10)) < 1 / (1 + np.exp(-2 * ability))).astype(float)
    marks[:, 4] = generator.random(400) < 0.5
    worn = worn_questions(item_statistics(attempt_table(marks.tolist()), item_keys(10)))
    assert [(question.question, question.why) for question in worn] == [("q5", "flat")]


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


def finding_of(k: int, at_least: float = 0.5, option: str = "b", n: int = 64) -> Finding:
    return Finding(
        "q1", option, k, n, at_least, *wilson_interval(k, n), count_verdict(k, n, at_least)
    )


@pytest.mark.parametrize(
    ("k", "at_least", "verdict", "expected"),
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
def test_a_margin_is_thin_when_another_verdict_was_near(k, at_least, verdict, expected):
    finding = finding_of(k, at_least)
    assert (finding.verdict, is_thin(finding)) == (verdict, expected)


def option_count(share: float, weak: float, strong: float, name: str = "b") -> OptionCount:
    figures = (Figure(share), Figure(weak), Figure(strong))
    return OptionCount(name, name == "a", False, round(share), 100, *figures)


@pytest.mark.parametrize(
    ("chosen", "k", "popular", "stronger"),
    [
        (option_count(40, 50, 20), 32, True, False),
        (option_count(20, 10, 30), 32, False, True),
        (option_count(40, 10, 60), 23, True, True),
        (option_count(30, 30, 39), 32, None, None),
        (option_count(90, 50, 99), 12, None, None),
        (option_count(90, 50, 99, "a"), 32, None, None),
    ],
)
def test_a_key_is_doubted_when_a_popular_wrong_option_was_thinly_refuted(
    chosen, k, popular, stronger
):
    doubts = find_key_doubts(
        [replace(item_with(), options=(chosen,))], [finding_of(k, option=chosen.option)]
    )
    expected = [] if popular is None else [(popular, stronger)]
    assert [(doubt.popular, doubt.stronger) for doubt in doubts] == expected


def test_no_key_is_doubted_without_an_experiment_or_without_enough_answers():
    popular = replace(item_with(), options=(option_count(90, 50, 99),))
    assert find_key_doubts([popular], []) == ()
    assert find_key_doubts([popular], [finding_of(32, option="c")]) == ()
    too_few = replace(
        option_count(90, 50, 99),
        share=missing_figure(""),
        weakest=missing_figure(""),
        strongest=missing_figure(""),
    )
    assert find_key_doubts([replace(item_with(), options=(too_few,))], [finding_of(32)]) == ()


def test_of_several_findings_about_an_option_a_thin_one_is_chosen():
    popular = replace(item_with(), options=(option_count(90, 50, 99),))
    doubts = find_key_doubts([popular], [finding_of(0), finding_of(32), finding_of(30)])
    assert [doubt.finding.k for doubt in doubts] == [32]
