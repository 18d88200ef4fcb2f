"""Live streams: complete, resumable, bounded, and gone when nobody reads."""

from __future__ import annotations

import gc
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from quizserver.runs import hub as hub_module
from quizserver.runs.hub import StreamHub
from quizserver.runs.model import Run, RunRefusedError
from quizserver.runs.store import RunStore
from quizserver.runs.stream import EventStream

from .conftest import Ask, batch
from .fakes import POINTS, order

WAIT = 20.0  # seconds that a busy machine may take for what takes milliseconds


@pytest.fixture
def hub(store: RunStore) -> Iterator[StreamHub]:
    hub = StreamHub(store, streams_max=3, tick=0.01)
    yield hub
    hub.close()


Event = tuple[str, int | None, dict[str, Any]]


def parse(frame: bytes) -> Event | None:
    """(event, id, data) of a frame; None for a comment or the retry line."""
    fields = dict(
        line.split(": ", 1)
        for line in frame.decode().splitlines()
        if not line.startswith(":") and line
    )
    if "event" not in fields:
        return None
    number = int(fields["id"]) if "id" in fields else None
    return fields["event"], number, json.loads(fields["data"])


def events(stream: EventStream) -> Iterator[Event]:
    return (event for frame in stream if (event := parse(frame)) is not None)


def next_points(told: Iterator[Event]) -> Event:
    return next(event for event in told if event[0] == "points")


def add(store: RunStore, run: Run, seq: int, points: int = 1) -> None:
    start = seq - 1
    assert store.add_batch(
        run.id, run.attempt, batch(run.request, seq, start, start + points), time.time()
    )


def until(condition: Any) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.005)


def test_a_late_joiner_gets_everything_from_the_start_in_one_piece(
    store: RunStore, hub: StreamHub, running: Run
) -> None:
    for seq in (1, 2, 3):
        add(store, running, seq)
    told = events(EventStream(store, hub, running.id, 0))
    assert next(told) == ("state", None, {"state": "running", "waiting": 0})
    name, number, data = next(told)
    assert (name, number, data["x"]) == ("points", 3, [0, 1, 2])
    assert (data["done"], data["total"]) == (3, POINTS)
    assert len(data["series"]["loss"]["median"]) == 3


def test_points_arrive_while_they_are_made_and_then_the_end(
    store: RunStore, hub: StreamHub, running: Run
) -> None:
    told = events(EventStream(store, hub, running.id, 0))
    assert next(told)[0] == "state"
    x: list[float] = []
    for seq in range(1, POINTS + 1):
        add(store, running, seq)
        _, number, data = next_points(told)
        assert number == seq
        x += data["x"]
    store.finish_run(running.id, 1, "done", time.time(), sentence="It falls.")
    rest = list(told)
    assert x == list(range(POINTS))
    assert rest[-1] == ("end", None, {"state": "done", "error": None, "sentence": "It falls."})
    assert hub.open_count == 0


def test_a_stream_resumes_behind_what_the_client_has(
    store: RunStore, hub: StreamHub, running: Run
) -> None:
    for seq in (1, 2, 3, 4):
        add(store, running, seq)
    told = events(EventStream(store, hub, running.id, 2))
    assert next_points(told)[2]["x"] == [2, 3]
    add(store, running, 5)
    assert next_points(told)[1:2] == (5,)


def test_an_ended_run_is_told_at_once_even_to_who_has_it_all(
    store: RunStore, hub: StreamHub, running: Run
) -> None:
    add(store, running, 1)
    store.finish_run(running.id, 1, "failed", time.time(), error="It broke.")
    assert [e[0] for e in events(EventStream(store, hub, running.id, 0))] == [
        "state",
        "points",
        "end",
    ]
    [_, end] = list(events(EventStream(store, hub, running.id, 1)))
    assert end[2] == {"state": "failed", "error": "It broke.", "sentence": None}


def test_news_that_the_hub_read_while_a_stream_read_the_store_are_not_lost(
    store: RunStore, hub: StreamHub, running: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The hub looks at the clock, the stream reads the store, a point comes, the hub reads it.
    look, stream_has_read = store.read_progress, threading.Event()

    def held_up(cursors: dict[str, int]) -> Any:
        if threading.current_thread().name == "runs-hub":
            assert stream_has_read.wait(WAIT)
        return look(cursors)

    monkeypatch.setattr(store, "read_progress", held_up)
    told = events(EventStream(store, hub, running.id, 0, heartbeat=2 * WAIT))
    assert next(told)[0] == "state"
    add(store, running, 1)
    threading.Timer(0.05, stream_has_read.set).start()
    began = time.monotonic()
    assert next_points(told)[1] == 1
    assert time.monotonic() - began < WAIT


def test_who_waits_is_told_how_many_are_ahead(store: RunStore, hub: StreamHub, ask: Ask) -> None:
    first = ask(order(seed=1), now=1.0).run
    second = ask(order(seed=2), now=2.0).run
    told = events(EventStream(store, hub, second.id, 0))
    assert next(told)[2] == {"state": "queued", "waiting": 1}
    store.claim_run(first.id, 3.0)
    assert next(told)[2] == {"state": "queued", "waiting": 0}
    store.claim_run(second.id, 4.0)
    assert next(told)[2] == {"state": "running", "waiting": 0}


def test_a_slow_reader_costs_no_memory_and_misses_nothing(
    store: RunStore, hub: StreamHub, running: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "HELD", 2)
    slow, quick = (events(EventStream(store, hub, running.id, 0)) for _ in range(2))
    assert next(slow)[0] == next(quick)[0] == "state"
    for seq in range(1, 11):
        add(store, running, seq)
        next_points(quick)
    assert len(hub._feeds[running.id].batches) == 2
    assert next_points(slow)[2]["x"] == list(range(10))


def test_many_readers_in_threads_all_get_the_same(store: RunStore, running: Run) -> None:
    hub = StreamHub(store, streams_max=20, tick=0.01)
    got: list[list[float]] = []

    def read(after: int) -> None:
        x: list[float] = []
        for name, _, data in events(EventStream(store, hub, running.id, after)):
            x += data["x"] if name == "points" else []
        got.append(x)

    threads = [threading.Thread(target=read, args=(0,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for seq in range(1, POINTS + 1):
        add(store, running, seq)
        time.sleep(0.005)
    store.finish_run(running.id, 1, "done", time.time())
    for thread in threads:
        thread.join(WAIT)
    hub.close()
    assert got == [list(range(POINTS))] * 20


def test_the_number_of_streams_is_bounded(store: RunStore, hub: StreamHub, running: Run) -> None:
    streams = [EventStream(store, hub, running.id, 0) for _ in range(3)]
    with pytest.raises(RunRefusedError) as caught:
        EventStream(store, hub, running.id, 0)
    assert (caught.value.status, caught.value.retry_after) == (503, 3)
    streams[0].close()
    streams[0].close()
    assert hub.open_count == 2
    EventStream(store, hub, running.id, 0).close()


def test_a_stream_that_was_never_read_frees_its_place(
    store: RunStore, hub: StreamHub, running: Run
) -> None:
    stream = EventStream(store, hub, running.id, 0)
    assert hub.open_count == 1
    del stream
    gc.collect()
    until(lambda: hub.open_count == 0)
    assert hub._feeds == {}


def test_silence_is_broken_by_comments(store: RunStore, hub: StreamHub, running: Run) -> None:
    stream = EventStream(store, hub, running.id, 0, heartbeat=0.02)
    frames = [next(stream) for _ in range(4)]
    assert frames[2:] == [b"event: alive\ndata: {}\n\n"] * 2
    add(store, running, 1)
    assert next_points(events(stream))[1] == 1


def test_a_run_that_was_forgotten_ends_its_streams_with_a_message(
    store: RunStore, hub: StreamHub, running: Run
) -> None:
    told = events(EventStream(store, hub, running.id, 0))
    assert next(told)[0] == "state"
    store.leave_run(running.id, "ann", 1.0)
    store.evict_runs(0, runs_max=0)
    assert list(told)[-1][2]["state"] in ("stopped", "failed")
    [end] = list(events(EventStream(store, hub, "0" * 24, 0)))
    assert end[2]["state"] == "failed"
    assert "no longer kept" in end[2]["error"]


def test_closing_the_hub_ends_its_streams_without_an_end_so_that_clients_come_back(
    store: RunStore, running: Run
) -> None:
    hub = StreamHub(store, streams_max=3)
    told = events(EventStream(store, hub, running.id, 0))
    assert next(told)[0] == "state"
    threading.Timer(0.05, hub.close).start()
    assert list(told) == []
    with pytest.raises(RunRefusedError):
        hub.add_stream(running.id)
    hub.close()  # waits for its thread, which must not outlive the store


def test_the_hub_sleeps_while_nobody_watches(
    store: RunStore, hub: StreamHub, running: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    look = store.read_progress
    monkeypatch.setattr(store, "read_progress", lambda cursors: looks.append(1) or look(cursors))
    assert hub._thread is None, "it starts with the first stream"
    stream = EventStream(store, hub, running.id, 0)
    until(lambda: len(looks) > 2)
    stream.close()
    time.sleep(0.1)
    before = len(looks)
    time.sleep(0.2)
    assert len(looks) == before


def test_a_store_that_fails_for_a_moment_does_not_end_the_streams(
    store: RunStore, hub: StreamHub, running: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = events(EventStream(store, hub, running.id, 0))
    assert next(told)[0] == "state"
    look, failed = store.read_progress, threading.Event()

    def broken(cursors: dict[str, int]) -> Any:
        if not failed.is_set():
            failed.set()
            raise OSError("the disk is away")
        return look(cursors)

    monkeypatch.setattr(store, "read_progress", broken)
    assert failed.wait(WAIT)
    add(store, running, 1)
    assert next_points(told)[1] == 1


def test_one_visitor_leaves_places_for_others(store: RunStore) -> None:
    hub = StreamHub(store, streams_max=10, per_visitor=2)
    hub.add_stream("a", "ana")
    hub.add_stream("b", "ana")
    with pytest.raises(RunRefusedError) as caught:
        hub.add_stream("c", "ana")
    assert caught.value.status == 429
    hub.add_stream("c", "bob")
    hub.remove_stream("a", "ana")
    hub.add_stream("c", "ana")
    hub.drop_stream("c", "ana")
    hub.add_stream("d", "ana")
    hub.close()
