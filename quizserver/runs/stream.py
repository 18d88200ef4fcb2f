"""The server-sent events of one run, as one client reads them."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from quizserver.runs.hub import StreamCursor, StreamHub
from quizserver.runs.model import Batch, Run, RunProgress
from quizserver.runs.requests import CurveRequest, MapRequest, RunRequest, VerificationRequest
from quizserver.runs.results import merge_cells, merge_curves
from quizserver.runs.store import RunStore

HEARTBEAT = 10.0  # seconds of silence after which an event shows that the stream lives
RETRY = 1000  # milliseconds after which a browser tries again when the stream breaks

GONE = "This run is no longer kept here. Run it again."


log = logging.getLogger(__name__)


class EventStream:
    """The events of a run after the batch number ``after``, as the body of a response.

    ``for_author`` adds to the end what the simulation's code said when it failed. The events are
    ``state`` and ``points`` (of a map, ``cells``; of a verification, ``share``) as they come, an
    ``alive`` after ``heartbeat`` seconds without one, then one ``end``. Closing the stream, or
    dropping it without ever having read it, frees its place in the hub. A stream whose store fails
    breaks off without an ``end``, and a page that misses that asks again. Raises RunRefusedError
    when the hub has no place.
    """

    def __init__(
        self,
        store: RunStore,
        hub: StreamHub,
        run_id: str,
        after: int,
        visitor: str = "",
        *,
        for_author: bool = False,
        heartbeat: float = HEARTBEAT,
    ) -> None:
        self._store = store
        self._hub = hub
        self._run_id = run_id
        self._visitor = visitor
        self._after = after
        self._for_author = for_author
        self._heartbeat = heartbeat
        self._last_state: tuple[str, int] | None = None
        self._close_lock = threading.Lock()
        hub.add_stream(run_id, visitor)
        self._events = self._generate_events()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._events)
        except Exception as error:
            self.close()
            if not isinstance(error, StopIteration):
                log.exception("the events of run %s broke off", self._run_id)
            raise StopIteration from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Removes the stream from the hub. May be called twice, and by any thread."""
        if self._close_lock.acquire(blocking=False):
            self._hub.remove_stream(self._run_id, self._visitor)

    def __del__(self) -> None:
        # A server that never reads nor closes the body of a response only drops it.
        if hasattr(self, "_events") and self._close_lock.acquire(blocking=False):
            self._hub.drop_stream(self._run_id, self._visitor)

    def _generate_events(self) -> Iterator[bytes]:
        yield f"retry: {RETRY}\n\n".encode()
        progress = self._read_progress()
        since = time.monotonic()
        while progress is not None:
            yield from self._progress_events(progress)
            run = progress.run
            if not run.active:
                yield _format_event("end", _end_data(run, self._for_author))
                return
            cursor = StreamCursor(self._after, run.state, progress.waiting)
            update = self._hub.wait_for_update(self._run_id, cursor, since, self._heartbeat)
            while update is None:
                if self._hub.closed:
                    return  # without an end: the browser comes back and resumes
                yield _format_event("alive", {})
                update = self._hub.wait_for_update(self._run_id, cursor, since, self._heartbeat)
            progress, since = update.progress, update.read_at
            if not update.complete:
                progress = self._read_progress()
                since = time.monotonic()
        yield _format_event("end", {"state": "failed", "error": GONE, "sentence": None})

    def _read_progress(self) -> RunProgress | None:
        return self._store.read_progress({self._run_id: self._after}).get(self._run_id)

    def _progress_events(self, progress: RunProgress) -> Iterator[bytes]:
        run = progress.run
        if self._last_state != (run.state, progress.waiting):
            self._last_state = (run.state, progress.waiting)
            yield _format_event("state", {"state": run.state, "waiting": progress.waiting})
        if progress.batches:
            self._after = progress.batches[-1].seq
            seconds_left = run.seconds_left(time.time())
            rounded = None if seconds_left is None else round(seconds_left, 1)
            encode_event = _BATCH_EVENTS[type(run.request)]
            yield encode_event(progress.batches, run.points_done, run.points_total, rounded)


@lru_cache(maxsize=64)
def _points_event(
    batches: tuple[Batch, ...], done: int, total: int, seconds_left: float | None
) -> bytes:
    """The event of these batches, encoded once for all streams with the same cursor."""
    x, series = merge_curves(batches)
    data = {"x": x, "series": series, "done": done, "total": total, "seconds_left": seconds_left}
    return _format_event("points", data, batches[-1].seq)


@lru_cache(maxsize=64)
def _cells_event(
    batches: tuple[Batch, ...], done: int, total: int, seconds_left: float | None
) -> bytes:
    cells, counts = merge_cells(batches)
    data = {
        "cells": cells,
        "counts": counts,
        "done": done,
        "total": total,
        "seconds_left": seconds_left,
    }
    return _format_event("cells", data, batches[-1].seq)


@lru_cache(maxsize=64)
def _share_event(
    batches: tuple[Batch, ...], done: int, total: int, seconds_left: float | None
) -> bytes:
    data = {"done": done, "total": total, "seconds_left": seconds_left}
    return _format_event("share", data, batches[-1].seq)


_BATCH_EVENTS: Mapping[
    type[RunRequest], Callable[[tuple[Batch, ...], int, int, float | None], bytes]
] = {CurveRequest: _points_event, MapRequest: _cells_event, VerificationRequest: _share_event}


def _end_data(run: Run, for_author: bool) -> dict[str, Any]:
    data = {"state": run.state, "error": run.error, "sentence": run.sentence}
    return {**data, "error_detail": run.error_detail} if for_author else data


def _format_event(name: str, data: dict[str, Any], event_id: int | None = None) -> bytes:
    # json.dumps writes no line breaks, so one data line holds it all.
    head = f"id: {event_id}\n" if event_id is not None else ""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return f"{head}event: {name}\ndata: {text}\n\n".encode()
