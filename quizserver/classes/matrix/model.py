"""The parts of a matrix: learners, cells, totals and attempts. Pure.

They are tuples, for speed: a class of 5,000 with 200 questions has a million cells.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

from quizserver.classes.model import member_label

ShownAttempt = Literal["first", "best", "latest"]
SHOWN_ATTEMPTS: tuple[ShownAttempt, ...] = ("first", "best", "latest")
LearnerState = Literal["new", "going", "stuck", "done"]


class MatrixLearner(NamedTuple):
    """A learner whom the class counts."""

    person_id: int
    name: str
    email: str

    @property
    def label(self) -> str:
        """The learner's name in the class, or else the email address."""
        return member_label(self.name, self.email)


class MatrixCell(NamedTuple):
    """One learner at one question: the marks of three attempts, as fractions of 1.

    They are of the attempts before the answer was shown, None where there is none.
    """

    attempts: int
    first: float | None
    best: float | None
    latest: float | None

    def mark_of(self, show: ShownAttempt) -> float | None:
        return (self.first, self.best, self.latest)[SHOWN_ATTEMPTS.index(show)]

    def is_right(self, show: ShownAttempt) -> bool:
        return self.mark_of(show) == 1

    def right_or_none(self, show: ShownAttempt) -> bool | None:
        """Whether that attempt is right; None when it has no mark."""
        return None if self.mark_of(show) is None else self.is_right(show)


class AttemptRow(NamedTuple):
    """One attempt of one learner."""

    person_id: int
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


class LearnerTotals(NamedTuple):
    """One learner at some questions: how many are answered, right, and stuck at.

    ``first``, ``best`` and ``latest`` count the questions that are right in that attempt;
    ``attempts`` and ``latest_at`` are over all questions.
    """

    answered: int = 0
    attempts: int = 0
    first: int = 0
    best: int = 0
    latest: int = 0
    stuck: int = 0
    latest_at: datetime | None = None

    def right_count(self, show: ShownAttempt) -> int:
        """The number of questions whose ``show`` attempt is right."""
        return (self.first, self.best, self.latest)[SHOWN_ATTEMPTS.index(show)]

    def state_of(self, question_count: int) -> LearnerState:
        """The state of a learner of a class with ``question_count`` questions."""
        if not self.answered:
            return "new"
        if self.best >= question_count:
            return "done"
        return "stuck" if self.stuck else "going"


NO_TOTALS = LearnerTotals()
