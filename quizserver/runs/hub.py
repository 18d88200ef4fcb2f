"""Live streams: one thread a process reads the progress of watched runs and wakes their streams.

A stream keeps no queue. It remembers the last batch that it sent and takes what follows from the
few batches that the hub holds for all streams of the run, or, when it fell behind them, from the
store. So a slow reader costs no memory, and one that joins late or reconnects gets
everything it lacks.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import NamedTuple

from quizserver.runs.model import Batch, Run, RunProgress, RunRefusedError, State
from quizserver.runs.outage import Outage
from quizserver.runs.store import RunStore

log = logging.getLogger(__name__)

TICK = 0.04  # seconds between reads of the store while there are streams
HELD = 64  # batches of a run that are held for its streams
NO_BATCHES = 2**31 - 1  # a cursor beyond every batch: only the state of the run is read


class StreamCursor(NamedTuple):
    """What a stream has sent: its last batch, and the state of the run."""

    seq: int
    state: State
    waiting: int


@dataclass(frozen=True, slots=True)
class RunUpdate:
    """What the hub has read that a stream has not sent.

    ``progress`` is None when the run is gone. ``complete`` is False when the batches held do not
    reach back to the stream's last one, so that it must read the store. ``read_at`` is when the hub
    read it (time.monotonic()).
    """

    progress: RunProgress | None
    complete: bool
    read_at: float


@dataclass(slots=True)
class RunFeed:
    """What the hub last read of one run, and when. ``batches`` ends with the run's last batch.

    ``changed`` wakes the streams of this run; it shares the hub's lock.
    """

    changed: threading.Condition
    run: Run | None = None
    waiting: int = 0
    read_at: float = float("-inf")
    gone: bool = False
    uncertain: bool = False
    streams: int = 0
    batches: deque[Batch] = field(default_factory=lambda: deque(maxlen=HELD))

    def update_since(self, cursor: StreamCursor, since: float) -> RunUpdate | None:
        if self.gone:
            return RunUpdate(None, True, self.read_at)
        run = self.run
        if run is None or StreamCursor(run.last_seq, run.state, self.waiting) == cursor:
            return None
        if self.read_at <= since:
            # Perhaps older than what the stream has read itself; the next read will be newer.
            self.uncertain = True
            return None
        batches = tuple(batch for batch in self.batches if batch.seq > cursor.seq)
        return RunUpdate(
            RunProgress(run, self.waiting, batches),
            cursor.seq + len(batches) == run.last_seq,
            self.read_at,
        )

    def apply_progress(self, progress: RunProgress | None, read_at: float) -> bool:
        """Takes over what was read at ``read_at``; whether the streams must be woken."""
        uncertain, self.uncertain = self.uncertain, False
        self.read_at = read_at
        if progress is None:
            self.gone = True
            return True
        changed = uncertain or (self.run, self.waiting) != (progress.run, progress.waiting)
        self.run, self.waiting = progress.run, progress.waiting
        self.batches.extend(progress.batches)
        return changed


class StreamHub:
    """The open streams of one process, at most ``streams_max`` in all and ``per_visitor`` for one.

    The first one starts its thread.
    """

    def __init__(
        self, store: RunStore, *, streams_max: int, per_visitor: int = 4, tick: float = TICK
    ) -> None:
        self._store = store
        self._streams_max = streams_max
        self._per_visitor = per_visitor
        self._visitors: Counter[str] = Counter()
        self._tick = tick
        # Reentrant: a stream may be finalised by the garbage collector while this is held.
        self._lock = threading.RLock()
        self._wanted = threading.Condition(self._lock)
        self._feeds: dict[str, RunFeed] = {}
        self._dropped: deque[tuple[str, str]] = deque()
        self._thread: threading.Thread | None = None
        self._open_count = 0
        self.closed = False

    def add_stream(self, run_id: str, visitor: str = "") -> None:
        """Adds a stream. Raises RunRefusedError when there are as many as there may be.

        503 for all streams, 429 for those of one visitor (one without a name is not counted).
        """
        with self._lock:
            self._remove_dropped()
            if visitor and self._visitors[visitor] >= self._per_visitor:
                raise RunRefusedError(
                    429,
                    f"You have {self._per_visitor} live curves open already. Close one of them.",
                    retry_after=3,
                )
            if self.closed or self._open_count >= self._streams_max:
                raise RunRefusedError(
                    503,
                    "Too many live curves are open just now. This one will be tried again.",
                    retry_after=3,
                )
            if run_id not in self._feeds:
                self._feeds[run_id] = RunFeed(threading.Condition(self._lock))
            self._open_count += 1
            self._visitors[visitor] += 1
            self._feeds[run_id].streams += 1
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._poll_store, name="runs-hub", daemon=True
                )
                self._thread.start()
            self._wanted.notify()

    def remove_stream(self, run_id: str, visitor: str = "") -> None:
        """Removes a stream; with the last of a run its batches are dropped."""
        with self._lock:
            self._open_count -= 1
            self._visitors[visitor] -= 1
            if not self._visitors[visitor]:
                del self._visitors[visitor]
            feed = self._feeds[run_id]
            feed.streams -= 1
            if not feed.streams:
                del self._feeds[run_id]

    def drop_stream(self, run_id: str, visitor: str = "") -> None:
        """Removes a stream a little later. For finalisers, which may run at any moment."""
        self._dropped.append((run_id, visitor))

    def wait_for_update(
        self, run_id: str, cursor: StreamCursor, since: float, seconds: float
    ) -> RunUpdate | None:
        """What a stream has not sent by ``since`` (time.monotonic()).

        Returns as soon as there is an update; None when there was none for ``seconds``, or the hub
        was closed.
        """
        deadline = time.monotonic() + seconds
        with self._lock:
            feed = self._feeds[run_id]
            while not self.closed:
                if (update := feed.update_since(cursor, since)) is not None:
                    return update
                seconds_left = deadline - time.monotonic()
                if seconds_left <= 0:
                    break
                feed.changed.wait(seconds_left)
        return None

    @property
    def open_count(self) -> int:
        """How many streams are open."""
        return self._open_count

    def close(self) -> None:
        """Ends every stream and the thread."""
        with self._lock:
            self.closed = True
            self._wanted.notify_all()
            for feed in list(self._feeds.values()):
                feed.changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _poll_store(self) -> None:
        outage = Outage(log, "The points of runs can't be read")
        while (cursors := self._next_cursors()) is not None:
            pause = self._tick
            try:
                self._read_progress(cursors)
                outage.log_recovery()
            except Exception as error:
                outage.log_failure(error)
                pause = 1.0
            with self._lock:
                self._wanted.wait_for(lambda: self.closed, pause)

    def _next_cursors(self) -> dict[str, int] | None:
        """The runs to read, each with the number of its last batch; sleeps while there are none.

        None when the hub was closed.
        """
        with self._lock:
            self._remove_dropped()
            self._wanted.wait_for(lambda: bool(self._feeds) or self.closed)
            if self.closed:
                return None
            return {
                # A run that is read for the first time: its streams have read the store themselves,
                # so only batches that come from now on are held.
                run_id: feed.run.last_seq if feed.run else NO_BATCHES
                for run_id, feed in self._feeds.items()
            }

    def _read_progress(self, cursors: dict[str, int]) -> None:
        read_at = time.monotonic()
        progress_by_run = self._store.read_progress(cursors)
        with self._lock:
            for run_id in cursors:
                feed = self._feeds.get(run_id)
                if feed is not None and feed.apply_progress(progress_by_run.get(run_id), read_at):
                    feed.changed.notify_all()

    def _remove_dropped(self) -> None:
        while self._dropped:
            self.remove_stream(*self._dropped.popleft())
