"""Learners count as stuck or silent when they may need help, and not otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from quizserver.classes.statistics.pace import (
    Pace,
    SilentLearner,
    StuckLearner,
    silent_learners,
    stuck_learners,
)

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)


def time_before_now(**span: float) -> float:
    return (NOW - timedelta(**span)).timestamp()


def pace_of(
    rows: list[list[tuple[int, bool, float] | None]], joined: list[float] | None = None
) -> Pace:
    """A row a learner: (attempts, solved, days since the latest) for each question, or None."""
    width = len(rows[0]) if rows else 0

    def table(value_of, empty, dtype):
        values = [[empty if cell is None else value_of(cell) for cell in row] for row in rows]
        return np.array(values, dtype).reshape(len(rows), width)

    return Pace(
        tuple(f"q{number}" for number in range(1, width + 1)),
        np.arange(101, 101 + len(rows)),
        np.array(joined if joined is not None else [time_before_now(days=60)] * len(rows)),
        table(lambda cell: cell[0], 0, np.int32),
        table(lambda cell: cell[1], False, np.bool_),
        np.array(
            [
                max((time_before_now(days=cell[2]) for cell in row if cell), default=-np.inf)
                for row in rows
            ]
        ),
    )


BUSY = [(1, False, 0.1), None]


def test_three_attempts_without_success_are_stuck_and_one_success_ends_it():
    stuck = stuck_learners(
        pace_of(
            [
                [(3, False, 1), None],
                [(2, False, 1), (5, True, 1)],
                [(4, False, 1), (3, False, 2)],
                [(7, False, 9), (1, True, 1)],
                [None, None],
            ]
        )
    )
    assert stuck == (
        StuckLearner(103, ("q1", "q2"), 7),
        StuckLearner(104, ("q1",), 7),
        StuckLearner(101, ("q1",), 3),
    )


def test_who_joined_and_answered_nothing_is_silent_after_a_day():
    rows = [[None, None], [None, None], BUSY]
    silent = silent_learners(
        pace_of(
            rows, [time_before_now(hours=20), time_before_now(days=3), time_before_now(days=60)]
        ),
        NOW,
    )
    assert silent == (SilentLearner(102, 3, False),)


def test_who_stopped_while_the_class_moves_is_silent_longest_first():
    rows = [[(1, True, 8), None], [(1, False, 20), (1, True, 9)], [(2, False, 6.9), None], BUSY]
    assert silent_learners(pace_of(rows), NOW) == (
        SilentLearner(102, 9, True),
        SilentLearner(101, 8, True),
    )


def test_in_a_holiday_nobody_is_silent_but_who_never_began():
    rows = [[(1, False, 20), None], [(1, True, 25), None], [None, None]]
    assert silent_learners(pace_of(rows), NOW) == (SilentLearner(103, 60, False),)


def test_who_is_done_is_not_silent_and_the_others_who_are_not_done_are():
    done = [(1, True, 30), (2, True, 30)]
    silent = silent_learners(pace_of([done, done, [(1, True, 30), (1, False, 29)]]), NOW)
    assert silent == (SilentLearner(103, 29, True),)


def test_a_class_without_learners_or_without_questions_has_nobody_to_talk_to():
    assert (stuck_learners(pace_of([])), silent_learners(pace_of([]), NOW)) == ((), ())
    assert (stuck_learners(pace_of([[]])), silent_learners(pace_of([[]]), NOW)) == ((), ())


def test_tables_that_do_not_fit_together_are_refused():
    good = pace_of([BUSY])
    with pytest.raises(ValueError, match="1 learners, 2 questions"):
        Pace(good.questions, good.learners, good.joined_at, good.attempts[:, :1], good.solved,
             good.last_seen)  # fmt: skip
