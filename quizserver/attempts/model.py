"""A submission to be recorded, an attempt as it was recorded, and a person's standing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from quizserver.attempts.reveals import Reveal


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
    """One person's summary on one question; marks are fractions of 1.

    They are of the attempts that were made before the answer was shown, None where there is none.
    """

    question: str
    attempts: int
    first_mark: float | None
    best_mark: float | None
    latest_mark: float | None
    first_at: datetime
    latest_at: datetime


@dataclass(frozen=True, slots=True)
class LearnerProgress:
    """One person's standings, and when which answers were shown to them, by question."""

    standings: Mapping[str, Standing] = field(default_factory=dict)
    reveals: Mapping[str, Reveal] = field(default_factory=dict)

    def is_right(self, question: str) -> bool:
        """Whether an attempt that counts was right."""
        standing = self.standings.get(question)
        return standing is not None and standing.best_mark == 1

    def is_finished(self, question: str) -> bool:
        """Whether nothing is left to try: the answer is known."""
        return self.is_right(question) or question in self.reveals


NO_PROGRESS = LearnerProgress()
