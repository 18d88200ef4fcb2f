"""One stream of server-sent events on one run."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from quizserver.runs import planes
from quizserver.runs.hub import Hub, Mark
from quizserver.runs.model import Batch, Run
from quizserver.runs.results import merge
from quizserver.runs.store import Progress, RunStore

HEARTBEAT = 10.0  # seconds of silence after which an event shows that the stream lives
RETRY = 1000  # milliseconds after which a browser tries again when the stream breaks

GONE = "This run is no longer kept here. Run it again."


class Stream:
    """The events of a run after a cursor, as the body of a response.

    ``state`` and ``points`` (of a map, ``cells``; of a verification, ``share``) as they come, an
    ``alive`` where none did for ``heartbeat`` seconds, then one ``end``. Closing it, or dropping it
    without ever having read it, gives its place in the hub free. Raises RefusedError when there is
    none.
    """

    def __init__(
        self,
        store: RunStore,
        hub: Hub,
        run_id: str,
        after: int,
        visitor: str = "",
        *,
        heartbeat: float = HEARTBEAT,
    ) -> None:
        self._store = store
        self._hub = hub
        self._run_id = run_id
        self._visitor = visitor
        self._after = after
        self._heartbeat = heartbeat
        self._said: tuple[str, int] | None = None
        self._once = threading.Lock()
        hub.enter(run_id, visitor)
        self._events = self._tell()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._events)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Lets the hub know that nobody reads any more. May be called twice, by any thread."""
        if self._once.acquire(blocking=False):
            self._hub.leave(self._run_id, self._visitor)

    def __del__(self) -> None:
        # A server that never reads nor closes the body of a response only drops it.
        if hasattr(self, "_events") and self._once.acquire(blocking=False):
            self._hub.drop(self._run_id, self._visitor)

    def _tell(self) -> Iterator[bytes]:
        yield f"retry: {RETRY}\n\n".encode()
        progress = self._read()
        since = time.monotonic()
        while progress is not None:
            yield from self._news(progress)
            run = progress.run
            if not run.active:
                yield _event("end", _end(run))
                return
            told = Mark(self._after, run.state, progress.waiting)
            news = self._hub.wait(self._run_id, told, since, self._heartbeat)
            while news is None:
                if self._hub.closed:
                    return  # without an end: the browser comes back and resumes
                yield _event("alive", {})
                news = self._hub.wait(self._run_id, told, since, self._heartbeat)
            progress, since = news.progress, news.at
            if not news.complete:
                progress = self._read()
                since = time.monotonic()
        yield _event("end", {"state": "failed", "error": GONE, "sentence": None})

    def _read(self) -> Progress | None:
        return self._store.progress({self._run_id: self._after}).get(self._run_id)

    def _news(self, progress: Progress) -> Iterator[bytes]:
        run = progress.run
        if self._said != (run.state, progress.waiting):
            self._said = (run.state, progress.waiting)
            yield _event("state", {"state": run.state, "waiting": progress.waiting})
        if progress.batches:
            self._after = progress.batches[-1].seq
            left = run.seconds_left(time.time())
            tenths = None if left is None else round(left, 1)
            event = _points if run.order.plane is None else _cells
            if run.order.overlay is not None:
                event = _share
            yield event(progress.batches, run.points_done, run.points_total, tenths)


@lru_cache(maxsize=64)
def _points(batches: tuple[Batch, ...], done: int, total: int, left: float | None) -> bytes:
    """The event of these batches; made once for all streams that stand at the same place."""
    x, series = merge(batches)
    told = {"x": x, "series": series, "done": done, "total": total, "seconds_left": left}
    return _event("points", told, batches[-1].seq)


@lru_cache(maxsize=64)
def _cells(batches: tuple[Batch, ...], done: int, total: int, left: float | None) -> bytes:
    cells, counts = planes.merge(batches)
    told = {"cells": cells, "counts": counts, "done": done, "total": total, "seconds_left": left}
    return _event("cells", told, batches[-1].seq)


@lru_cache(maxsize=64)
def _share(batches: tuple[Batch, ...], done: int, total: int, left: float | None) -> bytes:
    told = {"done": done, "total": total, "seconds_left": left}
    return _event("share", told, batches[-1].seq)


def _end(run: Run) -> dict[str, Any]:
    return {"state": run.state, "error": run.error, "sentence": run.sentence}


def _event(name: str, data: dict[str, Any], number: int | None = None) -> bytes:
    # json.dumps writes no line breaks, so one data line holds it all.
    head = f"id: {number}\n" if number is not None else ""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return f"{head}event: {name}\ndata: {text}\n\n".encode()
