"""When the points of a training process are stored: the first at once, later ones together."""

from __future__ import annotations

import numpy as np
import pytest

from quizserver.runs.model import Run
from quizserver.worker.buffer import FLUSH, RunBuffer, create_buffer
from quizserver.worker.protocol import DoneMessage, PointsMessage, encode_message


def add_point(buffer: RunBuffer, run: Run, x: float) -> None:
    series = {name: np.full((run.request.replicas, 1), x) for name in run.request.series}
    buffer.add_bytes(encode_message(PointsMessage(x, series)))


def test_the_first_point_waits_for_no_other(claimed_run: Run) -> None:
    buffer = create_buffer(claimed_run)
    assert not buffer.is_due(0.0)
    add_point(buffer, claimed_run, 0.0)
    assert buffer.is_due(0.0)
    assert buffer.next_batch(0.0).count == 1
    assert not buffer.is_due(2 * FLUSH), "nothing is left"


def test_later_points_are_gathered_for_a_while(claimed_run: Run) -> None:
    buffer = create_buffer(claimed_run)
    add_point(buffer, claimed_run, 0.0)
    buffer.next_batch(10.0)
    add_point(buffer, claimed_run, 1.0)
    add_point(buffer, claimed_run, 2.0)
    assert not buffer.is_due(10.0 + FLUSH / 2)
    assert buffer.is_due(10.0 + FLUSH)
    batch = buffer.next_batch(10.0 + FLUSH)
    assert (batch.seq, batch.count) == (2, 2)


@pytest.mark.parametrize("missing", [0, 1])
def test_a_training_that_ends_before_its_last_point_has_failed(
    claimed_run: Run, missing: int
) -> None:
    buffer = create_buffer(claimed_run)
    for x in range(claimed_run.request.points - missing):
        add_point(buffer, claimed_run, float(x))
    buffer.add_bytes(encode_message(DoneMessage("It fell.")))
    assert buffer.ended
    assert (buffer.sentence, buffer.problem is None) == (
        ("It fell.", True) if not missing else (None, False)
    )


def test_nothing_counts_that_comes_after_the_end(claimed_run: Run) -> None:
    buffer = create_buffer(claimed_run)
    for x in range(claimed_run.request.points):
        add_point(buffer, claimed_run, float(x))
    done = encode_message(DoneMessage("It fell."))
    buffer.add_bytes(done + encode_message(DoneMessage("It rose.")) + b"more")
    assert (buffer.sentence, buffer.problem) == ("It fell.", None)
