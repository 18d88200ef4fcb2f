"""Finds learners who may need help: stuck at a question, or silent. Pure numpy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from quizserver.classes.model import STUCK_ATTEMPTS
from quizserver.classes.statistics.answers import Bools, Floats, Ids, Ints
from quizserver.deferred_numpy import np

SILENT_AFTER = timedelta(days=7)
NEWCOMER_FOR = timedelta(days=1)
"""A learner without answers is not silent until this long after joining."""
MOVING_SHARE = 0.25
"""Learners count as silent only if this share of the class answered lately or is done: in a holiday
everybody is silent, and that means nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Pace:
    """The progress of R learners at Q questions.

    - ``joined_at`` (R,): Unix time.
    - ``last_seen`` (R,): Unix time of the latest answer to any of the questions; -inf without one.
    - ``attempts`` (R, Q): the number of attempts.
    - ``solved`` (R, Q): whether any attempt was right.

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
        if any(column.shape != shape[:1] for column in (self.joined_at, self.last_seen)) or any(
            table.shape != shape for table in (self.attempts, self.solved)
        ):
            raise ValueError(f"the tables are not all of {shape[0]} learners, {shape[1]} questions")


@dataclass(frozen=True, slots=True)
class StuckLearner:
    """A learner stuck at ``questions``, with ``attempts`` at all of them together."""

    learner: int
    questions: tuple[str, ...]
    attempts: int


@dataclass(frozen=True, slots=True)
class SilentLearner:
    """A learner silent for ``days``; ``started`` says whether they have ever answered."""

    learner: int
    days: int
    started: bool


def stuck_learners(pace: Pace) -> tuple[StuckLearner, ...]:
    """The stuck learners: most questions first, then most attempts."""
    is_stuck = (pace.attempts >= STUCK_ATTEMPTS) & ~pace.solved
    learners = [
        StuckLearner(
            int(pace.learners[row]),
            tuple(pace.questions[column] for column in np.flatnonzero(is_stuck[row])),
            int(pace.attempts[row][is_stuck[row]].sum()),
        )
        for row in np.flatnonzero(is_stuck.any(axis=1))
    ]
    return tuple(
        sorted(
            learners,
            key=lambda learner: (-len(learner.questions), -learner.attempts, learner.learner),
        )
    )


def silent_learners(pace: Pace, now: datetime) -> tuple[SilentLearner, ...]:
    """The learners who have not begun, or have stopped while the class moves on; longest first.

    Not begun: joined more than a day ago, and no answer. Stopped: no answer for 7 days, with
    questions left that are not solved, while at least a quarter of the class answered in that time
    or has nothing left to solve.
    """
    moment, last_seen = now.timestamp(), pace.last_seen
    started = last_seen > -np.inf
    silence = moment - np.where(started, last_seen, pace.joined_at)
    done, silent_seconds = pace.solved.all(axis=1), SILENT_AFTER.total_seconds()
    has_moved = done | (moment - last_seen <= silent_seconds)
    moving = float(has_moved.mean()) >= MOVING_SHARE if len(has_moved) else False
    stopped = started & ~done & (silence > silent_seconds) & moving
    not_begun = ~started & (silence > NEWCOMER_FOR.total_seconds()) & bool(pace.questions)
    learners = [
        SilentLearner(int(pace.learners[row]), int(silence[row] // 86_400), bool(started[row]))
        for row in np.flatnonzero(stopped | not_begun)
    ]
    return tuple(sorted(learners, key=lambda learner: (-learner.days, learner.learner)))
