"""The three states of a question, and whose rule decides when its answer is shown."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest

from quizserver.attempts.reveals import (
    AppliedRule,
    ClassRule,
    Reveal,
    question_stage,
    resolve_rule,
)

SHOWN = Reveal("q", datetime(2026, 3, 1, tzinfo=UTC), "asked")


@pytest.mark.parametrize(
    ("reveal", "attempts", "stage"),
    [(None, 0, "open"), (None, 3, "tried"), (SHOWN, 3, "revealed"), (SHOWN, 0, "revealed")],
)
def test_a_question_is_open_then_tried_then_revealed(
    reveal: Reveal | None, attempts: int, stage: str
):
    assert question_stage(reveal, attempts) == stage


def test_without_a_class_that_says_so_the_question_decides():
    assert resolve_rule("tried", []) == AppliedRule("tried")
    assert resolve_rule("at-once", []) == AppliedRule("at-once")


@pytest.mark.parametrize("question_rule", ["tried", "at-once"])
def test_a_class_decides_over_the_question_and_the_strictest_class_over_the_others(
    question_rule: str,
):
    strict, mild = ClassRule("Strict", "tried"), ClassRule("Mild", "at-once")
    rule = question_rule  # the same whatever the question says
    assert resolve_rule(rule, [mild]) == AppliedRule("at-once", "Mild")  # type: ignore[arg-type]
    for rules in itertools.permutations([strict, mild, ClassRule("Other", "at-once")]):
        assert resolve_rule(rule, rules) == AppliedRule("tried", "Strict")  # type: ignore[arg-type]


def test_of_two_classes_with_one_rule_the_first_is_named():
    rules = [ClassRule("One", "tried"), ClassRule("Two", "tried")]
    assert resolve_rule("at-once", rules).class_title == "One"
