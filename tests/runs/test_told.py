"""When what a training process told is stored: the first point at once, later ones together."""

from __future__ import annotations

import numpy as np

from quizserver.runs import child
from quizserver.runs.model import Run
from quizserver.runs.told import FLUSH, Told


def point(told: Told, x: float) -> None:
    order = told.run.order
    told.take(
        child.points_frame(x, {name: np.full((order.replicas, 1), x) for name in order.series})
    )


def test_the_first_point_waits_for_no_other(running: Run) -> None:
    told = Told(running, set())
    assert not told.due(0.0)
    point(told, 0.0)
    assert told.due(0.0)
    assert told.batch(0.0).count == 1
    assert not told.due(2 * FLUSH), "nothing is left"


def test_later_points_are_gathered_for_a_while(running: Run) -> None:
    told = Told(running, set())
    point(told, 0.0)
    told.batch(10.0)
    point(told, 1.0)
    point(told, 2.0)
    assert not told.due(10.0 + FLUSH / 2)
    assert told.due(10.0 + FLUSH)
    batch = told.batch(10.0 + FLUSH)
    assert (batch.seq, batch.count) == (2, 2)
