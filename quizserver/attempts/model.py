"""A submission to be recorded, an attempt as it was recorded, and a person's standing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Submission:
    """A graded answer to be recorded.

    ``number`` is which attempt at the question the form says that it is, from 1; ``source`` is the
    text of the ``version``, ``shown`` the option ids in the order of the page.
    """

    question: str
    version: str
    source: str
    number: int
    shown: tuple[str, ...]
    chosen: tuple[str, ...]
    right: bool
    mark: float
    hints_seen: int
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One answer of one person to one version of a question.

    ``seconds`` counts from when its form was first shown; None when that is not known.
    """

    question: str
    version: str
    number: int
    shown: tuple[str, ...]
    chosen: tuple[str, ...]
    right: bool
    mark: float
    hints_seen: int
    answered_at: datetime
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Standing:
    """One person's summary on one question; marks are fractions of 1."""

    question: str
    attempts: int
    first_mark: float
    best_mark: float
    latest_mark: float
    first_at: datetime
    latest_at: datetime
