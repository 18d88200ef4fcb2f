"""When what a training process told is stored: the first point at once, later ones together."""

from __future__ import annotations

import numpy as np

from quizserver.runs.model import Run
from quizserver.worker import process
from quizserver.worker.buffer import FLUSH, RunBuffer


def point(told: RunBuffer, x: float) -> None:
    order = told.run.request
    told.add_bytes(
        process.points_frame(x, {name: np.full((order.replicas, 1), x) for name in order.series})
    )


def test_the_first_point_waits_for_no_other(running: Run) -> None:
    told = RunBuffer(running, set())
    assert not told.is_due(0.0)
    point(told, 0.0)
    assert told.is_due(0.0)
    assert told.next_batch(0.0).count == 1
    assert not told.is_due(2 * FLUSH), "nothing is left"


def test_later_points_are_gathered_for_a_while(running: Run) -> None:
    told = RunBuffer(running, set())
    point(told, 0.0)
    told.next_batch(10.0)
    point(told, 1.0)
    point(told, 2.0)
    assert not told.is_due(10.0 + FLUSH / 2)
    assert told.is_due(10.0 + FLUSH)
    batch = told.next_batch(10.0 + FLUSH)
    assert (batch.seq, batch.count) == (2, 2)
