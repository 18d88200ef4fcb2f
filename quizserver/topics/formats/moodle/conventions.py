"""Conventions that GIFT and Moodle XML share: the weights of answers, and categories as tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quizserver.topics.formats.model import OptionData, UnsupportedQuestionError

PARTIAL_CREDIT = (
    "partial credit (an answer is right when all right options and no others are chosen)"
)
PARTLY_RIGHT = "the credit for options that are not fully right"
BELOW_FULL_CREDIT = "that its right options together were worth less than the whole mark"
SEVERAL_CHOICES = "that several options could be chosen (only one of them is fully right)"
ALL_OR_NOTHING = "all-or-nothing grading: some of the right options earn some of the mark there"
INEXACT_WEIGHTS = "its exact weights: Moodle knows shares of at most ten right options"


@dataclass(frozen=True, slots=True)
class WeightedAnswer:
    """An answer and the percentage of the score that choosing it adds (subtracts, below 0)."""

    text: str
    weight: float
    feedback: str = ""


def options_from_weights(
    answers: Sequence[WeightedAnswer], *, single: bool
) -> tuple[tuple[OptionData, ...], tuple[str, ...]]:
    """The options with their key, and notes on what the key cannot express.

    Raises UnsupportedQuestionError when no answer is right, or when any one of several is enough.
    """
    fully_right = [answer for answer in answers if answer.weight >= 99.9]
    if single:
        return _single_choice_options(answers, fully_right)
    right = [answer for answer in answers if answer.weight > 0]
    if not right:
        raise _no_right_error()
    if len(fully_right) > 1:
        raise _any_of_error()
    notes: list[str] = []
    if fully_right:
        notes += [SEVERAL_CHOICES, *([PARTLY_RIGHT] if len(right) > 1 else [])]
        right = fully_right
    else:
        wrong = [answer for answer in answers if answer.weight <= 0]
        is_even = max(a.weight for a in right) - min(a.weight for a in right) < 0.01
        if not is_even or any(answer.weight > -99.9 for answer in wrong):
            notes.append(PARTIAL_CREDIT)
        if sum(answer.weight for answer in right) < 99:
            notes.append(BELOW_FULL_CREDIT)
    return _options_with_key(answers, right), tuple(notes)


def _single_choice_options(
    answers: Sequence[WeightedAnswer], fully_right: Sequence[WeightedAnswer]
) -> tuple[tuple[OptionData, ...], tuple[str, ...]]:
    if not fully_right:
        raise _no_right_error()
    if len(fully_right) > 1:
        raise _any_of_error()
    has_partial = any(0 < answer.weight < 99.9 or answer.weight < 0 for answer in answers)
    return _options_with_key(answers, fully_right), (PARTLY_RIGHT,) if has_partial else ()


def _options_with_key(
    answers: Sequence[WeightedAnswer], right: Sequence[WeightedAnswer]
) -> tuple[OptionData, ...]:
    right_ids = {id(answer) for answer in right}
    return tuple(OptionData(a.text, id(a) in right_ids, a.feedback) for a in answers)


def _no_right_error() -> UnsupportedQuestionError:
    return UnsupportedQuestionError(
        "no-right-option", "No answer is fully right.", "Mark the right ones."
    )


def _any_of_error() -> UnsupportedQuestionError:
    message = "Any one of several right answers is enough; here all right ones must be chosen."
    hint = "Keep one of them, or give each its share of 100 % so that all are to be chosen."
    return UnsupportedQuestionError("any-of-several", message, hint)


def weight_share(right_count: int) -> str:
    """The weight of each of ``right_count`` right options, as Moodle writes it."""
    return f"{100 / right_count:.5f}".rstrip("0").rstrip(".")


def category_tag(category: str) -> str:
    """The last part of a category's path; empty for a category that Moodle creates by itself."""
    name = category.replace("//", "\0").split("/")[-1].replace("\0", "/").strip()
    is_builtin = name.startswith("$") or name.lower() in ("top", "default")
    return "" if is_builtin or name.lower().startswith("default for ") else name
