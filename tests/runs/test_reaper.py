"""Runs that nobody looks after any more, and results that no longer fit."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from quizserver.runs.model import Run
from quizserver.runs.queue import RunQueue
from quizserver.runs.store import RunStore
from quizserver.worker.reaper import Reaper

from .conftest import Ask, batch
from .fakes import order


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[RunQueue]:
    queue = RunQueue(f"sqlite:///{tmp_path / 'queue.sqlite3'}")
    yield queue
    queue.close()


class Clock:
    """A clock that the test turns on, a second at a time as the reaper is called."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def look(self, reap: Reaper, *, seconds: int) -> None:
        for _ in range(seconds):
            self.now += 1
            reap()


def test_a_run_with_a_message_gets_no_second_one(
    store: RunStore, ask: Ask, queue: RunQueue
) -> None:
    queue.put(ask().run.id)
    reap = Reaper(store, queue, size_max_mb=1)
    for _ in range(4):
        reap()
    assert len(queue) == 1


def test_a_run_whose_message_was_just_taken_gets_no_second_one(
    store: RunStore, ask: Ask, queue: RunQueue
) -> None:
    run_id = ask().run.id
    reap = Reaper(store, queue, size_max_mb=1)
    reap()  # its worker has taken the message, but not yet the run
    store.claim_run(run_id, time.time())
    reap()
    assert len(queue) == 0


def test_a_run_without_a_message_gets_one_at_the_second_look(
    store: RunStore, ask: Ask, queue: RunQueue
) -> None:
    ask()
    reap = Reaper(store, queue, size_max_mb=1)
    reap()
    assert len(queue) == 0
    reap()
    reap()
    assert len(queue) == 1


def test_a_worker_that_gives_signs_of_life_keeps_its_run(
    store: RunStore, queue: RunQueue, running: Run
) -> None:
    clock = Clock()
    reap = Reaper(store, queue, size_max_mb=1, silence=5, clock=clock)
    for moment in range(20):
        # whatever its own clock says: it is far behind, and is set back meanwhile
        store.update_heartbeat(running.id, 1, 5000.0 - 100 * moment)
        clock.look(reap, seconds=1)
    assert store.owns_run(running.id, 1)
    clock.look(reap, seconds=5)
    assert store.owns_run(running.id, 1), "five seconds of silence at most"
    clock.look(reap, seconds=1)
    assert not store.owns_run(running.id, 1)
    assert len(queue) == 1


def test_silence_while_nobody_could_look_does_not_count(
    store: RunStore, queue: RunQueue, running: Run
) -> None:
    """The store was gone for a minute, for its workers as well."""
    clock = Clock()
    reap = Reaper(store, queue, size_max_mb=1, silence=5, clock=clock)
    clock.look(reap, seconds=1)
    clock.now += 60
    reap()
    clock.look(reap, seconds=4)
    assert store.owns_run(running.id, 1)
    clock.look(reap, seconds=2)
    assert not store.owns_run(running.id, 1)


def test_results_beyond_the_bound_are_forgotten(store: RunStore, ask: Ask, queue: RunQueue) -> None:
    ids = []
    for seed in range(3):
        run = store.claim_run(ask(order(seed=seed), now=1000.0 + seed).run.id, 1.0)
        assert run is not None
        huge = batch(run.request, 1, 0, 12)
        store.add_batch(run.id, 1, type(huge)(1, 12, huge.summary, bytes(600 * 1024)), 1.0)
        store.finish_run(run.id, 1, "done", 1.0)
        ids.append(run.id)
    Reaper(store, queue, size_max_mb=1)()
    assert [store.get_run(run_id) is not None for run_id in ids] == [False, False, True]
