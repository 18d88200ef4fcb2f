"""Grades a submission against a question's key. Pure: no database, no web."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

OptionStatus = Literal["right-chosen", "right-missed", "wrong-chosen", "wrong-avoided"]


class SubmissionError(ValueError):
    """The submission can't be graded; the message says to the learner what to do."""


@dataclass(frozen=True, slots=True)
class Grade:
    """``missed`` and ``wrong`` are option ids; ``mark`` is 1.0 without any of them, else 0.0."""

    right: bool
    mark: float
    missed: frozenset[str]
    wrong: frozenset[str]


def grade_submission(
    right_ids: Collection[str], options: Collection[str], chosen: Sequence[str]
) -> Grade:
    """Grades the option ids ``chosen`` of a question with the ids ``options``.

    Raises SubmissionError when nothing was chosen, when several were chosen although one option is
    right, or when an id is not one of the options.
    """
    chosen_ids = frozenset(chosen)
    if not chosen_ids:
        raise SubmissionError("Choose an answer first, then submit it.")
    if not chosen_ids <= frozenset(options):
        raise SubmissionError(
            "The question has changed since you opened it. Read it again, then submit."
        )
    if len(right_ids) == 1 and len(chosen_ids) > 1:
        raise SubmissionError("Choose exactly one answer, then submit it.")
    return compare_choice(right_ids, chosen_ids)


def compare_choice(right_ids: Collection[str], chosen: Collection[str]) -> Grade:
    """The grade of a choice that is valid."""
    missed = frozenset(right_ids).difference(chosen)
    wrong = frozenset(chosen).difference(right_ids)
    all_right = not missed and not wrong
    return Grade(all_right, float(all_right), missed, wrong)


def option_status(option: str, right_ids: Collection[str], chosen: Collection[str]) -> OptionStatus:
    """Whether an option is right and whether it was chosen, for the page of the result."""
    if option in right_ids:
        return "right-chosen" if option in chosen else "right-missed"
    return "wrong-chosen" if option in chosen else "wrong-avoided"


def shuffle_options(options: Sequence[str], question: str, visitor: str) -> list[str]:
    """The option ids in a visitor's own order, the same at every visit and after every edit."""

    def sort_key(option: str) -> bytes:
        return hashlib.sha256(f"{visitor}\0{question}\0{option}".encode()).digest()

    return sorted(options, key=sort_key)
