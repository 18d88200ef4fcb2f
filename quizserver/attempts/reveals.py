"""When the answer to a question is shown to a learner: its three states, and whose rule. Pure.

A question is *open* to a learner until they answer, *tried* after an answer that was not right, and
*revealed* once the answer was shown to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from quizserver.topics.model import RevealRule

Stage = Literal["open", "tried", "revealed"]
RevealReason = Literal["right", "asked", "rule"]


@dataclass(frozen=True, slots=True)
class Reveal:
    """That the answer to a question was shown to a person; attempts after it have no mark."""

    question: str
    revealed_at: datetime
    why: RevealReason


@dataclass(frozen=True, slots=True)
class ClassRule:
    """When a class shows answers, and its title."""

    title: str
    rule: RevealRule


@dataclass(frozen=True, slots=True)
class AppliedRule:
    """The rule that holds for a learner; ``class_title`` is that of the class whose it is."""

    rule: RevealRule
    class_title: str | None = None

    @property
    def reveals_wrong_answers(self) -> bool:
        return self.rule == "at-once"


def question_stage(reveal: Reveal | None, attempts: int) -> Stage:
    """The state of a question for a learner with that many attempts."""
    if reveal is not None:
        return "revealed"
    return "tried" if attempts else "open"


def resolve_rule(question_rule: RevealRule, class_rules: Sequence[ClassRule]) -> AppliedRule:
    """The strictest rule of the learner's classes that have one, else the question's own.

    "tried" is stricter than "at-once". Of several classes with that rule, the first is named.
    """
    rules: tuple[RevealRule, ...] = ("tried", "at-once")
    for rule in rules:
        for class_rule in class_rules:
            if class_rule.rule == rule:
                return AppliedRule(rule, class_rule.title)
    return AppliedRule(question_rule)
