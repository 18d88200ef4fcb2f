"""A store that can't be used for a while loses nothing of a run that is being trained."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from quizserver.db.availability import BusyError
from quizserver.runs.model import Run
from quizserver.runs.store import RunStore
from quizserver.worker import lease, process, protocol
from quizserver.worker.buffer import RunBuffer
from quizserver.worker.lease import Lease


class Broken:
    """The store, whose methods raise as long as ``down`` is set."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self.down = False
        self.error: Exception = BusyError("it is gone")

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._store, name)

        def call(*arguments: Any, **named: Any) -> Any:
            if self.down:
                raise self.error
            return method(*arguments, **named)

        return call


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for between two tries, looks and signs of life."""
    for name in ("RETRY", "TICK", "HEARTBEAT"):
        monkeypatch.setattr(lease, name, 0.0)
    monkeypatch.setattr("quizserver.worker.buffer.FLUSH", 0.0)


def point(told: RunBuffer, run: Run, x: float) -> None:
    """The training process tells of one more point."""
    series = {name: np.full((run.request.replicas, 1), x) for name in run.request.series}
    told.add_bytes(process.points_frame(x, series))


def test_points_that_came_without_a_store_are_stored_afterwards(
    store: RunStore, running: Run, caplog: pytest.LogCaptureFixture
) -> None:
    broken, told = Broken(store), RunBuffer(running, set())
    held = Lease(broken, running)  # type: ignore[arg-type]
    point(told, running, 0.0)
    assert held.store_or_renew(told)
    broken.down = True
    with caplog.at_level(logging.WARNING):
        for x in (1.0, 2.0, 3.0):
            point(told, running, x)
            assert held.store_or_renew(told)
            assert held.send_heartbeat()
        told.add_bytes(protocol.encode_frame(protocol.DONE, {"sentence": "It fell."}))
        assert not held.finish_run(told, "done", sentence="It fell.")
        broken.down = False
        assert held.finish_run(told, "done", sentence="It fell.")
    found = store.get_run(running.id)
    assert found is not None
    assert (found.state, found.points_done, found.sentence) == ("done", 4, "It fell.")
    assert sum(batch.count for batch in store.read_batches(running.id)) == 4
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"], "said once each"


def test_a_run_that_was_stopped_meanwhile_is_let_go(store: RunStore, running: Run) -> None:
    broken, told = Broken(store), RunBuffer(running, set())
    held = Lease(broken, running)  # type: ignore[arg-type]
    broken.down = True
    assert held.store_or_renew(told)
    store.leave_run(running.id, "ann", 1003.0)
    broken.down = False
    assert not held.store_or_renew(told)


def test_a_fault_of_ours_is_not_taken_for_a_store_that_is_gone(
    store: RunStore, running: Run
) -> None:
    broken = Broken(store)
    broken.down, broken.error = True, KeyError("a mistake")
    with pytest.raises(KeyError):
        Lease(broken, running).send_heartbeat()  # type: ignore[arg-type]
