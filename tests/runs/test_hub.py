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
from tests.runs.conftest import Submit
from tests.runs.examples import POINTS, curve_request, expected_batch

WAIT = 20.0  # seconds that a busy machine may take for what takes milliseconds


@pytest.fixture
def hub(store: RunStore) -> Iterator[StreamHub]:
    hub = StreamHub(store, streams_max=3, tick=0.01)
    yield hub
    hub.close()


Event = tuple[str, int | None, dict[str, Any]]


def parse_frame(frame: bytes) -> Event | None:
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
    return (event for frame in stream if (event := parse_frame(frame)) is not None)


def next_points(stream_events: Iterator[Event]) -> Event:
    return next(event for event in stream_events if event[0] == "points")


def add_points(store: RunStore, run: Run, seq: int, points: int = 1) -> None:
    start = seq - 1
    assert store.add_batch(
        run.id, run.attempt, expected_batch(run.request, seq, start, start + points), time.time()
    )


def wait_until(condition: Any) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.005)


def test_a_late_joiner_gets_everything_from_the_start_in_one_piece(
    store: RunStore, hub: StreamHub, claimed_run: Run
) -> None:
    for seq in (1, 2, 3):
        add_points(store, claimed_run, seq)
    stream_events = events(EventStream(store, hub, claimed_run.id, 0))
    assert next(stream_events) == ("state", None, {"state": "running", "waiting": 0})
    name, number, data = next(stream_events)
    assert (name, number, data["x"]) == ("points", 3, [0, 1, 2])
    assert (data["done"], data["total"]) == (3, POINTS)
    assert len(data["series"]["loss"]["median"]) == 3


def test_points_arrive_while_they_are_trained_and_then_the_end(
    store: RunStore, hub: StreamHub, claimed_run: Run
) -> None:
    stream_events = events(EventStream(store, hub, claimed_run.id, 0))
    assert next(stream_events)[0] == "state"
    x: list[float] = []
    for seq in range(1, POINTS + 1):
        add_points(store, claimed_run, seq)
        _, number, data = next_points(stream_events)
        assert number == seq
        x += data["x"]
    store.finish_run(claimed_run.id, 1, "done", time.time(), sentence="It falls.")
    rest = list(stream_events)
    assert x == list(range(POINTS))
    assert rest[-1] == ("end", None, {"state": "done", "error": None, "sentence": "It falls."})
    assert hub.open_count == 0


def test_a_stream_resumes_behind_what_the_client_has(
    store: RunStore, hub: StreamHub, claimed_run: Run
) -> None:
    for seq in (1, 2, 3, 4):
        add_points(store, claimed_run, seq)
    stream_events = events(EventStream(store, hub, claimed_run.id, 2))
    assert next_points(stream_events)[2]["x"] == [2, 3]
    add_points(store, claimed_run, 5)
    assert next_points(stream_events)[1:2] == (5,)


def test_the_end_of_a_run_is_sent_at_once_even_to_a_client_that_has_all_points(
    store: RunStore, hub: StreamHub, claimed_run: Run
) -> None:
    add_points(store, claimed_run, 1)
    store.finish_run(claimed_run.id, 1, "failed", time.time(), error="It broke.")
    assert [e[0] for e in events(EventStream(store, hub, claimed_run.id, 0))] == [
        "state",
        "points",
        "end",
    ]
    [_, end] = list(events(EventStream(store, hub, claimed_run.id, 1)))
    assert end[2] == {"state": "failed", "error": "It broke.", "sentence": None}


def test_updates_that_the_hub_read_while_a_stream_read_the_store_are_not_lost(
    store: RunStore, hub: StreamHub, claimed_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The hub notes the time, the stream reads the store, a point comes, the hub reads it.
    read_progress, stream_has_read = store.read_progress, threading.Event()

    def read_after_the_stream(cursors: dict[str, int]) -> Any:
        if threading.current_thread().name == "runs-hub":
            assert stream_has_read.wait(WAIT)
        return read_progress(cursors)

    monkeypatch.setattr(store, "read_progress", read_after_the_stream)
    stream_events = events(EventStream(store, hub, claimed_run.id, 0, heartbeat=2 * WAIT))
    assert next(stream_events)[0] == "state"
    add_points(store, claimed_run, 1)
    threading.Timer(0.05, stream_has_read.set).start()
    began = time.monotonic()
    assert next_points(stream_events)[1] == 1
    assert time.monotonic() - began < WAIT


def test_a_queued_run_shows_how_many_are_before_it(
    store: RunStore, hub: StreamHub, submit: Submit
) -> None:
    first = submit(curve_request(seed=1), now=1.0).run
    second = submit(curve_request(seed=2), now=2.0).run
    stream_events = events(EventStream(store, hub, second.id, 0))
    assert next(stream_events)[2] == {"state": "queued", "waiting": 1}
    store.claim_next(3.0, offered=first.id)
    assert next(stream_events)[2] == {"state": "queued", "waiting": 0}
    store.claim_next(4.0, offered=second.id)
    assert next(stream_events)[2] == {"state": "running", "waiting": 0}


def test_a_slow_reader_costs_no_memory_and_misses_nothing(
    store: RunStore, hub: StreamHub, claimed_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "HELD", 2)
    slow, quick = (events(EventStream(store, hub, claimed_run.id, 0)) for _ in range(2))
    assert next(slow)[0] == next(quick)[0] == "state"
    for seq in range(1, 11):
        add_points(store, claimed_run, seq)
        next_points(quick)
    assert len(hub._feeds[claimed_run.id].batches) == 2
    assert next_points(slow)[2]["x"] == list(range(10))


def test_many_readers_in_threads_all_get_the_same(store: RunStore, claimed_run: Run) -> None:
    hub = StreamHub(store, streams_max=20, tick=0.01)
    curves: list[list[float]] = []

    def read_stream(after: int) -> None:
        x: list[float] = []
        for name, _, data in events(EventStream(store, hub, claimed_run.id, after)):
            x += data["x"] if name == "points" else []
        curves.append(x)

    threads = [threading.Thread(target=read_stream, args=(0,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for seq in range(1, POINTS + 1):
        add_points(store, claimed_run, seq)
        time.sleep(0.005)
    store.finish_run(claimed_run.id, 1, "done", time.time())
    for thread in threads:
        thread.join(WAIT)
    hub.close()
    assert curves == [list(range(POINTS))] * 20


def test_the_number_of_streams_is_bounded(
    store: RunStore, hub: StreamHub, claimed_run: Run
) -> None:
    streams = [EventStream(store, hub, claimed_run.id, 0) for _ in range(3)]
    with pytest.raises(RunRefusedError) as caught:
        EventStream(store, hub, claimed_run.id, 0)
    assert (caught.value.status, caught.value.retry_after) == (503, 3)
    streams[0].close()
    streams[0].close()
    assert hub.open_count == 2
    EventStream(store, hub, claimed_run.id, 0).close()


def test_a_stream_that_was_never_read_frees_its_place(
    store: RunStore, hub: StreamHub, claimed_run: Run
) -> None:
    stream = EventStream(store, hub, claimed_run.id, 0)
    assert hub.open_count == 1
    del stream
    gc.collect()
    wait_until(lambda: hub.open_count == 0)
    assert hub._feeds == {}


def test_a_silent_stream_sends_signs_of_life(
    store: RunStore, hub: StreamHub, claimed_run: Run
) -> None:
    stream = EventStream(store, hub, claimed_run.id, 0, heartbeat=0.02)
    frames = [next(stream) for _ in range(4)]
    assert frames[2:] == [b"event: alive\ndata: {}\n\n"] * 2
    add_points(store, claimed_run, 1)
    assert next_points(events(stream))[1] == 1


def test_a_run_that_was_deleted_ends_its_streams_with_a_message(
    store: RunStore, hub: StreamHub, claimed_run: Run
) -> None:
    stream_events = events(EventStream(store, hub, claimed_run.id, 0))
    assert next(stream_events)[0] == "state"
    store.leave_run(claimed_run.id, "ann", 1.0)
    store.evict_runs(0, runs_max=0)
    assert list(stream_events)[-1][2]["state"] in ("stopped", "failed")
    [end] = list(events(EventStream(store, hub, "0" * 24, 0)))
    assert end[2]["state"] == "failed"
    assert "no longer kept" in end[2]["error"]


def test_closing_the_hub_ends_its_streams_without_an_end_so_that_clients_come_back(
    store: RunStore, claimed_run: Run
) -> None:
    hub = StreamHub(store, streams_max=3)
    stream_events = events(EventStream(store, hub, claimed_run.id, 0))
    assert next(stream_events)[0] == "state"
    threading.Timer(0.05, hub.close).start()
    assert list(stream_events) == []
    with pytest.raises(RunRefusedError):
        hub.add_stream(claimed_run.id)
    hub.close()  # waits for its thread, which must not outlive the store


def test_the_hub_sleeps_while_nobody_watches(
    store: RunStore, hub: StreamHub, claimed_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    read_progress = store.read_progress
    monkeypatch.setattr(
        store, "read_progress", lambda cursors: reads.append(1) or read_progress(cursors)
    )
    assert hub._thread is None, "it starts with the first stream"
    stream = EventStream(store, hub, claimed_run.id, 0)
    wait_until(lambda: len(reads) > 2)
    stream.close()
    time.sleep(0.1)
    before = len(reads)
    time.sleep(0.2)
    assert len(reads) == before


def test_a_store_that_fails_for_a_moment_does_not_end_the_streams(
    store: RunStore, hub: StreamHub, claimed_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream_events = events(EventStream(store, hub, claimed_run.id, 0))
    assert next(stream_events)[0] == "state"
    read_progress, failed = store.read_progress, threading.Event()

    def fail_once(cursors: dict[str, int]) -> Any:
        if not failed.is_set():
            failed.set()
            raise OSError("the disk is away")
        return read_progress(cursors)

    monkeypatch.setattr(store, "read_progress", fail_once)
    assert failed.wait(WAIT)
    add_points(store, claimed_run, 1)
    assert next_points(stream_events)[1] == 1


def test_a_stream_whose_store_fails_breaks_off_without_an_end_and_frees_its_place(
    store: RunStore, hub: StreamHub, claimed_run: Run, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """A page that misses the end asks again: it must not take the silence for one."""
    stream = EventStream(store, hub, claimed_run.id, 0)

    def fail(_after: object) -> None:
        raise OSError("the database is gone")

    with monkeypatch.context() as patch:
        patch.setattr(store, "read_progress", fail)
        assert list(events(stream)) == []
    assert "the events of run" in caplog.text
    for _ in range(2):  # of three places one would be taken
        EventStream(store, hub, claimed_run.id, 0)
    last = EventStream(store, hub, claimed_run.id, 0)
    assert next(events(last))[0] == "state"
    last.close()


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
