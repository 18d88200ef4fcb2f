"""How a worker claims the run of a message."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from quizserver.db.availability import BusyError
from quizserver.runs.queue import RunQueue
from quizserver.runs.store import RunStore
from quizserver.worker.execution import Execution, RunBounds
from tests.runs.conftest import Submit
from tests.worker.failing_store import FailingStore
from tests.worker.fake_training import train_fake

BOUNDS = RunBounds(memory_mb=512, curve_seconds=9, map_seconds=9, verification_seconds=9)


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[RunQueue]:
    queue = RunQueue(f"sqlite:///{tmp_path / 'queue.sqlite3'}")
    yield queue
    queue.close()


def test_the_message_of_a_run_whose_claim_failed_is_sent_again(
    store: RunStore, submit: Submit, queue: RunQueue, tmp_path: Path
) -> None:
    failing = FailingStore(store)
    execution = Execution(
        failing,  # type: ignore[arg-type]
        queue,
        tmp_path,
        BOUNDS,
        train_fake,
        close_connections=lambda: None,
        is_leaving=lambda: False,
    )
    run_id = submit().run.id
    failing.is_down = True
    with pytest.raises(BusyError):
        execution.claim_offered(run_id)
    assert queue.sent_ids() == [run_id]
    failing.is_down = False
    claimed = execution.claim_offered(run_id)
    assert claimed is not None
    assert (claimed.id, claimed.state) == (run_id, "running")
    assert queue.sent_ids() == [run_id], "a claimed run needs no second message"
    assert execution.claim_offered(run_id) is None
