"""Learners who may need somebody to talk to: stuck at a question, or silent. Pure numpy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from quizserver.classes.model import STUCK_ATTEMPTS
from quizserver.classes.statistics.answers import Bools, Floats, Ids, Ints

SILENT = timedelta(days=7)
NEWCOMER = timedelta(days=1)
"""Who joined this recently and has not answered is not silent yet."""
MOVING = 0.25
"""The share of the class that must have answered lately, or be done, for the rest to count as
silent. In a holiday everybody is, and it says nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Pace:
    """How far R learners are with Q questions.

    ``joined_at`` (R,) and ``last_seen`` (R,), each learner's latest answer to any of the questions,
    are POSIX seconds, ``last_seen`` -inf where there is no answer; ``attempts`` (R, Q) counts them,
    ``solved`` (R, Q) is whether any was right.
    Raises ValueError when the shapes do not fit together.
    """

    questions: tuple[str, ...]
    learners: Ids
    joined_at: Floats
    attempts: Ints
    solved: Bools
    last_seen: Floats

    def __post_init__(self) -> None:
        shape = (len(self.learners), len(self.questions))
        if any(each.shape != shape[:1] for each in (self.joined_at, self.last_seen)) or any(
            table.shape != shape for table in (self.attempts, self.solved)
        ):
            raise ValueError(f"the tables are not all of {shape[0]} learners, {shape[1]} questions")


@dataclass(frozen=True, slots=True)
class Stuck:
    """``attempts`` in all at the ``questions`` not solved in three attempts or more."""

    learner: int
    questions: tuple[str, ...]
    attempts: int


@dataclass(frozen=True, slots=True)
class Silent:
    """A learner with questions left, silent for whole ``days``; ``started``: has ever answered."""

    learner: int
    days: int
    started: bool


def stuck(pace: Pace) -> tuple[Stuck, ...]:
    """Who is stuck, those at the most questions and with the most attempts first."""
    at = (pace.attempts >= STUCK_ATTEMPTS) & ~pace.solved
    found = [
        Stuck(
            int(pace.learners[row]),
            tuple(pace.questions[column] for column in np.flatnonzero(at[row])),
            int(pace.attempts[row][at[row]].sum()),
        )
        for row in np.flatnonzero(at.any(axis=1))
    ]
    return tuple(sorted(found, key=lambda one: (-len(one.questions), -one.attempts, one.learner)))


def silent(pace: Pace, now: datetime) -> tuple[Silent, ...]:
    """Who has not begun, or has stopped while the class moves on; longest silence first.

    Not begun: joined more than a day ago, and no answer. Stopped: no answer for 7 days, with
    questions left that are not solved, while at least a quarter of the class answered in that time
    or has nothing left to solve.
    """
    moment, seen = now.timestamp(), pace.last_seen
    started = seen > -np.inf
    quiet = moment - np.where(started, seen, pace.joined_at)
    done, week = pace.solved.all(axis=1), SILENT.total_seconds()
    moved = done | (moment - seen <= week)
    moving = float(moved.mean()) >= MOVING if len(moved) else False
    stopped = started & ~done & (quiet > week) & moving
    not_begun = ~started & (quiet > NEWCOMER.total_seconds()) & bool(pace.questions)
    found = [
        Silent(int(pace.learners[row]), int(quiet[row] // 86_400), bool(started[row]))
        for row in np.flatnonzero(stopped | not_begun)
    ]
    return tuple(sorted(found, key=lambda one: (-one.days, one.learner)))
