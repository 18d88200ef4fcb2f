"""A store that can't be used for a while loses nothing of a run that is being trained."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from quizserver.runs.model import Run
from quizserver.runs.store import RunStore
from quizserver.worker import lease
from quizserver.worker.buffer import RunBuffer, create_buffer
from quizserver.worker.lease import Lease
from quizserver.worker.protocol import DoneMessage, PointsMessage, encode_message
from tests.worker.failing_store import FailingStore


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for between two tries, checks and heartbeats."""
    for name in ("RETRY", "TICK", "HEARTBEAT"):
        monkeypatch.setattr(lease, name, 0.0)
    monkeypatch.setattr("quizserver.worker.buffer.FLUSH", 0.0)


def add_point(buffer: RunBuffer, run: Run, x: float) -> None:
    """The training process has written one more point."""
    series = {name: np.full((run.request.replicas, 1), x) for name in run.request.series}
    buffer.add_bytes(encode_message(PointsMessage(x, series)))


def test_points_that_came_without_a_store_are_stored_afterwards(
    store: RunStore, claimed_run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    failing, buffer = FailingStore(store), create_buffer(claimed_run)
    run_lease = Lease(failing, claimed_run)  # type: ignore[arg-type]
    add_point(buffer, claimed_run, 0.0)
    assert run_lease.store_or_renew(buffer)
    failing.is_down = True
    with caplog.at_level(logging.WARNING):
        for x in (1.0, 2.0, 3.0):
            add_point(buffer, claimed_run, x)
            assert run_lease.store_or_renew(buffer)
            assert run_lease.send_heartbeat()
        buffer.add_bytes(encode_message(DoneMessage("It fell.")))
        assert not run_lease.finish_run(buffer, "done", sentence="It fell.")
        failing.is_down = False
        assert run_lease.finish_run(buffer, "done", sentence="It fell.")
    run = store.get_run(claimed_run.id)
    assert run is not None
    assert (run.state, run.points_done, run.sentence) == ("done", 4, "It fell.")
    assert sum(batch.count for batch in store.read_batches(claimed_run.id)) == 4
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"], (
        "logged once each"
    )


def test_a_run_that_was_stopped_meanwhile_is_given_up(store: RunStore, claimed_run: Run) -> None:
    failing, buffer = FailingStore(store), create_buffer(claimed_run)
    run_lease = Lease(failing, claimed_run)  # type: ignore[arg-type]
    failing.is_down = True
    assert run_lease.store_or_renew(buffer)
    store.leave_run(claimed_run.id, "ann", 1003.0)
    failing.is_down = False
    assert not run_lease.store_or_renew(buffer)


def test_a_mistake_in_the_program_is_not_taken_for_a_store_that_is_gone(
    store: RunStore, claimed_run: Run
) -> None:
    failing = FailingStore(store)
    failing.is_down, failing.error = True, KeyError("a mistake")
    with pytest.raises(KeyError):
        Lease(failing, claimed_run).send_heartbeat()  # type: ignore[arg-type]
