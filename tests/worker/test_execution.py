"""How a worker claims the run of a message, or leaves it to a worker that holds its files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from quizserver.db.availability import BusyError
from quizserver.db.computed import open_computed
from quizserver.machine import Machine
from quizserver.runs.model import Run
from quizserver.runs.queue import RunQueue
from quizserver.runs.store import RunStore
from quizserver.runs.workers_store import WorkerStore
from quizserver.worker import execution as module
from quizserver.worker.execution import CANNOT_TRAIN, NOT_HELD, Execution, RunBounds
from quizserver.worker.held_files import STATE_EVERY, WorkerStatements
from tests.runs.conftest import Submit
from tests.runs.examples import (
    curve_request,
    map_request,
    verification_request,
    write_simulation,
)
from tests.worker.failing_store import FailingStore
from tests.worker.fake_training import train_fake

BOUNDS = RunBounds(memory_mb=512, curve_seconds=9, map_seconds=9, verification_seconds=9)
OURS, THEIRS = Machine("1" * 32, "ours"), Machine("2" * 32, "theirs")


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEFT_PAUSE", 0.0)


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[RunQueue]:
    queue = RunQueue(f"sqlite:///{tmp_path / 'queue.sqlite3'}")
    yield queue
    queue.close()


@pytest.fixture
def workers(runs_url: str, store: RunStore) -> Iterator[WorkerStore]:
    database = open_computed(runs_url)
    yield WorkerStore(database)
    database.dispose()


def create_execution(
    store: object,
    queue: RunQueue,
    content: Path,
    is_held: Callable[[Mapping[str, str]], bool] = lambda _files: False,
    can_train: bool = True,
) -> Execution:
    return Execution(
        store,  # type: ignore[arg-type]
        queue,
        content,
        BOUNDS,
        train_fake,
        close_connections=lambda: None,
        is_leaving=lambda: False,
        is_held=is_held,
        can_train=can_train,
    )


def get_run(store: RunStore, run_id: str) -> Run:
    run = store.get_run(run_id)
    assert run is not None
    return run


def test_the_message_of_a_run_whose_claim_failed_is_sent_again(
    store: RunStore, submit: Submit, queue: RunQueue, tmp_path: Path
) -> None:
    failing = FailingStore(store)
    write_simulation(tmp_path)
    execution = create_execution(failing, queue, tmp_path)
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


@pytest.mark.parametrize("make_request", [curve_request, map_request, verification_request])
def test_a_run_goes_to_the_worker_that_holds_its_files(
    store: RunStore,
    workers: WorkerStore,
    submit: Submit,
    queue: RunQueue,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_request: Callable[[], object],
):
    """However long that one is busy: a run is not ended while somebody may still train it."""
    monkeypatch.setattr(module, "OTHERS", -1.0)
    old, new = tmp_path / "old", tmp_path / "new"
    write_simulation(old).write_text("another text\n")
    write_simulation(new)
    for content, machine in ((old, OURS), (new, THEIRS)):
        WorkerStatements(workers, content, machine).run_once()
    run_id = submit(make_request()).run.id
    lagging = create_execution(store, queue, old, workers.is_held)
    for _ in range(3):
        assert lagging.claim_offered(run_id) is None
        assert queue.receive_run() == run_id
        assert (get_run(store, run_id).state, get_run(store, run_id).attempt) == ("queued", 0)
    assert queue.receive_run() is None, "one message stays one"
    claimed = create_execution(store, queue, new, workers.is_held).claim_offered(run_id)
    assert claimed is not None
    assert claimed.id == run_id


def test_a_run_that_no_living_worker_can_train_ends_after_a_while_with_the_truth(
    store: RunStore,
    workers: WorkerStore,
    submit: Submit,
    queue: RunQueue,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    write_simulation(tmp_path).write_text("another text\n")
    WorkerStatements(workers, tmp_path, OURS).run_once()
    execution = create_execution(store, queue, tmp_path, workers.is_held)
    run_id = submit().run.id
    assert execution.claim_offered(run_id) is None
    assert get_run(store, run_id).state == "queued", "its files may be on their way"
    assert queue.receive_run() == run_id
    monkeypatch.setattr(module, "OTHERS", -1.0)
    assert execution.claim_offered(run_id) is None
    assert (get_run(store, run_id).state, get_run(store, run_id).error) == ("failed", NOT_HELD)
    assert queue.receive_run() is None


def test_a_worker_that_can_not_train_leaves_every_run_to_those_that_can(
    store: RunStore,
    workers: WorkerStore,
    submit: Submit,
    queue: RunQueue,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """Both hold the files. Where nobody else can, the run ends and says what is wrong."""
    write_simulation(tmp_path)
    WorkerStatements(workers, tmp_path, OURS, can_train=False).run_once()
    unable = create_execution(store, queue, tmp_path, workers.is_held, can_train=False)
    run_id = submit().run.id
    monkeypatch.setattr(module, "OTHERS", -1.0)
    WorkerStatements(workers, tmp_path, THEIRS).run_once()
    assert unable.claim_offered(run_id) is None
    assert queue.receive_run() == run_id
    assert create_execution(store, queue, tmp_path).claim_offered(run_id) is not None

    lonely = create_execution(store, queue, tmp_path, can_train=False)
    run_id = submit(curve_request(seed=7)).run.id
    assert lonely.claim_offered(run_id) is None
    assert (get_run(store, run_id).state, get_run(store, run_id).error) == ("failed", CANNOT_TRAIN)


def test_a_worker_that_looks_for_short_runs_takes_the_first_that_it_can_train(
    store: RunStore, submit: Submit, tmp_path: Path
):
    foreign = submit(curve_request(seed=1), now=1000.0).run.id
    own = submit(curve_request(seed=2), now=1001.0).run.id
    claimed = store.claim_next(
        2000.0, kinds={"curves"}, holds=lambda request: request.seeds.start == 2
    )
    assert claimed is not None
    assert claimed.id == own
    assert get_run(store, foreign).state == "queued"


def test_a_worker_states_what_it_holds_and_what_it_holds_now(workers: WorkerStore, tmp_path: Path):
    now = [0.0]
    statements = WorkerStatements(workers, tmp_path, OURS, clock=lambda: now[0])
    statements.run_once()
    (worker,) = workers.list_workers()
    assert (worker.machine, worker.name, worker.files) == (OURS.id, "ours", {})
    write_simulation(tmp_path)
    files = curve_request().files
    statements.run_once()
    assert not workers.is_held(files), "not due yet"
    for write_more in (lambda: None, lambda: write_simulation(tmp_path).write_text("new\n")):
        now[0] += STATE_EVERY
        statements.run_once()
        assert workers.is_held(files)
        write_more()
    assert not workers.is_held({**files, "numbers/other.py": "f" * 64}), "all of them, not some"
    now[0] += STATE_EVERY
    statements.run_once()
    assert not workers.is_held(files)
    assert len(workers.list_workers()) == 1
