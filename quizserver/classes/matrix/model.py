"""What a matrix is made of: learners, their cells and their totals. Pure.

These are tuples: a class of 5,000 with 200 questions has a million cells.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

Show = Literal["first", "best", "latest"]
SHOWS: tuple[Show, ...] = ("first", "best", "latest")
State = Literal["new", "going", "stuck", "done"]


class Learner(NamedTuple):
    """A learner whom the class counts."""

    person_id: int
    name: str
    email: str

    @property
    def label(self) -> str:
        """What the class calls them."""
        return self.name or self.email


class Cell(NamedTuple):
    """One learner at one question; marks are fractions of 1."""

    attempts: int
    first: float
    best: float
    latest: float

    def mark(self, show: Show) -> float:
        return (self.first, self.best, self.latest)[SHOWS.index(show)]

    def right(self, show: Show) -> bool:
        return self.mark(show) == 1


class Answer(NamedTuple):
    """One attempt of one learner, of which a class may have a million."""

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


class Totals(NamedTuple):
    """One learner over some questions: how many of them are answered, right, stuck at.

    ``attempts`` and ``latest_at`` are over all of them.
    """

    answered: int = 0
    attempts: int = 0
    first: int = 0
    best: int = 0
    latest: int = 0
    stuck: int = 0
    latest_at: datetime | None = None

    def right(self, show: Show) -> int:
        """How many questions are right, in that attempt of each."""
        return (self.first, self.best, self.latest)[SHOWS.index(show)]

    def state(self, questions: int) -> State:
        """How somebody stands who has ``questions`` to answer."""
        if not self.answered:
            return "new"
        if self.best >= questions:
            return "done"
        return "stuck" if self.stuck else "going"


NOTHING = Totals()
