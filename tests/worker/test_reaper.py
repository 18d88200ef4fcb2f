"""Runs that lost their worker or their message, and results beyond the bound."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from quizserver.runs.model import Heartbeat, Run
from quizserver.runs.queue import RunQueue
from quizserver.runs.store import RunStore
from quizserver.worker.reaper import IDLE_LOOKS, Reaper
from tests.runs.conftest import Submit
from tests.runs.examples import curve_request, expected_batch


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[RunQueue]:
    queue = RunQueue(f"sqlite:///{tmp_path / 'queue.sqlite3'}")
    yield queue
    queue.close()


class Clock:
    """A clock that the test advances, a second at a time as the reaper is called."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def tick(self, reaper: Reaper, *, seconds: int) -> None:
        for _ in range(seconds):
            self.now += 1
            reaper.run_once()


def test_a_run_with_a_message_gets_no_second_one(
    store: RunStore, submit: Submit, queue: RunQueue
) -> None:
    queue.send_run(submit().run.id)
    reaper = Reaper(store, queue, size_max_mb=1)
    for _ in range(4):
        reaper.run_once()
    assert len(queue) == 1


def test_a_run_whose_message_was_just_received_gets_no_second_one(
    store: RunStore, submit: Submit, queue: RunQueue
) -> None:
    run_id = submit().run.id
    reaper = Reaper(store, queue, size_max_mb=1)
    reaper.run_once()  # its worker has received the message, and not yet claimed the run
    store.claim_next(time.time(), offered=run_id)
    reaper.run_once()
    assert len(queue) == 0


def test_a_run_without_a_message_gets_one_the_second_time(
    store: RunStore, submit: Submit, queue: RunQueue
) -> None:
    submit()
    reaper = Reaper(store, queue, size_max_mb=1)
    reaper.run_once()
    assert len(queue) == 0
    reaper.run_once()
    reaper.run_once()
    assert len(queue) == 1


def test_a_released_run_is_sent_again_while_others_wait_in_the_queue(
    store: RunStore, submit: Submit, queue: RunQueue
) -> None:
    """Its message was used up by the worker that has left."""
    waiting_id = submit(curve_request(seed=1)).run.id
    queue.send_run(waiting_id)
    released = store.claim_next(1001.0, offered=submit().run.id)
    assert released is not None
    assert store.release_run(released.id, released.attempt)
    reaper = Reaper(store, queue, size_max_mb=1)
    for _ in range(4):
        reaper.run_once()
    assert queue.sent_ids() == [waiting_id, released.id]


def test_a_worker_that_sends_heartbeats_keeps_its_run(
    store: RunStore, queue: RunQueue, claimed_run: Run
) -> None:
    clock = Clock()
    reaper = Reaper(store, queue, size_max_mb=1, silence=5, clock=clock)
    for moment in range(20):
        # whatever its own clock says: it is far behind, and is set back meanwhile
        store.update_heartbeat(claimed_run.id, 1, 5000.0 - 100 * moment)
        clock.tick(reaper, seconds=1)
    assert store.owns_run(claimed_run.id, 1)
    clock.tick(reaper, seconds=5)
    assert store.owns_run(claimed_run.id, 1), "five seconds of silence at most"
    clock.tick(reaper, seconds=1)
    assert not store.owns_run(claimed_run.id, 1)
    assert len(queue) == 1


def test_a_worker_at_rest_looks_rarely_until_there_is_a_run(
    store: RunStore, submit: Submit, queue: RunQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    clock = Clock()
    read_heartbeats = store.read_heartbeats

    def read_and_note() -> dict[str, Heartbeat]:
        looks.append(clock.now)
        return read_heartbeats()

    monkeypatch.setattr(store, "read_heartbeats", read_and_note)
    reaper = Reaper(store, queue, size_max_mb=1, clock=clock)
    clock.tick(reaper, seconds=12)
    assert looks == [101.0, 101.0 + IDLE_LOOKS, 101.0 + 2 * IDLE_LOOKS]
    submit()
    clock.tick(reaper, seconds=int(IDLE_LOOKS) + 1)
    assert len(queue) == 1, "the message that it lacked"
    assert [later - sooner for sooner, later in pairwise(looks[-2:])] == [1.0]


def test_silence_while_the_store_was_gone_does_not_count(
    store: RunStore, queue: RunQueue, claimed_run: Run
) -> None:
    """The store was gone for a minute, for its workers as well."""
    clock = Clock()
    reaper = Reaper(store, queue, size_max_mb=1, silence=5, clock=clock)
    clock.tick(reaper, seconds=1)
    clock.now += 60
    reaper.run_once()
    clock.tick(reaper, seconds=4)
    assert store.owns_run(claimed_run.id, 1)
    clock.tick(reaper, seconds=2)
    assert not store.owns_run(claimed_run.id, 1)


def test_results_beyond_the_bound_are_forgotten(
    store: RunStore, submit: Submit, queue: RunQueue
) -> None:
    ids = []
    for seed in range(3):
        run = store.claim_next(
            1.0, offered=submit(curve_request(seed=seed), now=1000.0 + seed).run.id
        )
        assert run is not None
        batch = expected_batch(run.request, 1, 0, 12)
        store.add_batch(run.id, 1, replace(batch, data=bytes(600 * 1024)), 1.0)
        store.finish_run(run.id, 1, "done", 1.0)
        ids.append(run.id)
    Reaper(store, queue, size_max_mb=1).run_once()
    assert [store.get_run(run_id) is not None for run_id in ids] == [False, False, True]
