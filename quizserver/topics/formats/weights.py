"""Percentages that answers are worth elsewhere, as a key: right or wrong, all or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quizserver.topics.formats.model import Choice, RefusedError

PARTIAL = "partial credit (an answer is right when all right options and no others are chosen)"
RATHER = "the credit for options that are not fully right"
NOT_ALL = "that its right options together were worth less than the whole mark"
RADIO = "that several options could be chosen (only one of them is fully right)"


@dataclass(frozen=True, slots=True)
class Weighed:
    """An answer and the percentage of the mark that choosing it gives (or takes, below 0)."""

    text: str
    weight: float
    feedback: str = ""


def weigh(
    answers: Sequence[Weighed], *, single: bool
) -> tuple[tuple[Choice, ...], tuple[str, ...]]:
    """The options with their key, and notes on what the key can't say.

    Raises RefusedError when no answer is right, or when any one of several is enough.
    """
    best = [answer for answer in answers if answer.weight >= 99.9]
    if single:
        return _one_of(answers, best)
    right = [answer for answer in answers if answer.weight > 0]
    if not right:
        raise _no_right()
    if len(best) > 1:
        raise _any_of()
    notes: list[str] = []
    if best:
        notes += [RADIO, *([RATHER] if len(right) > 1 else [])]
        right = best
    else:
        wrong = [answer for answer in answers if answer.weight <= 0]
        even = max(a.weight for a in right) - min(a.weight for a in right) < 0.01
        if not even or any(answer.weight > -99.9 for answer in wrong):
            notes.append(PARTIAL)
        if sum(answer.weight for answer in right) < 99:
            notes.append(NOT_ALL)
    return _keyed(answers, right), tuple(notes)


def _one_of(
    answers: Sequence[Weighed], best: Sequence[Weighed]
) -> tuple[tuple[Choice, ...], tuple[str, ...]]:
    if not best:
        raise _no_right()
    if len(best) > 1:
        raise _any_of()
    partly = any(0 < answer.weight < 99.9 or answer.weight < 0 for answer in answers)
    return _keyed(answers, best), (RATHER,) if partly else ()


def _keyed(answers: Sequence[Weighed], right: Sequence[Weighed]) -> tuple[Choice, ...]:
    marked = {id(answer) for answer in right}
    return tuple(Choice(a.text, id(a) in marked, a.feedback) for a in answers)


def _no_right() -> RefusedError:
    return RefusedError("no-right-option", "No answer is fully right.", "Mark the right ones.")


def _any_of() -> RefusedError:
    message = "Any one of several right answers is enough; here all right ones must be chosen."
    hint = "Keep one of them, or give each its share of 100 % so that all are to be chosen."
    return RefusedError("any-of-several", message, hint)


def share(item_right: int) -> str:
    """The weight of each of ``item_right`` right options, as Moodle writes it."""
    return f"{100 / item_right:.5f}".rstrip("0").rstrip(".")
