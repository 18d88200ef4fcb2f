"""Finds runs that lost their worker or their message, and deletes results beyond the size limit."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from quizserver.runs.model import Heartbeat
from quizserver.runs.queue import RunQueue
from quizserver.runs.store import RunStore

log = logging.getLogger(__name__)

# Seconds without a new heartbeat after which a run's worker counts as lost: many of its heartbeats,
# so that a busy machine loses none.
SILENCE = 10.0
IDLE_LOOKS = 5.0  # seconds between two looks while there is no run that could be lost
ATTEMPTS = 2
RUNS_MAX = 20_000
EVICT_EVERY = 30.0

LOST = (
    "The worker was lost while it trained this run, twice. Try again in a moment; if that happens "
    "again, tell whoever looks after this server."
)


class Reaper:
    """``run_once`` is called about every second by each worker; several may do so at once. While no
    run is queued or running, most of these calls do nothing.

    How long a worker has been silent is measured by how long its heartbeat stays the same, on a
    monotonic clock. So neither clocks that differ between machines nor one that jumps take a run
    from a worker that is alive. After a time without the store, in which no worker could send a
    heartbeat, the measuring begins again.
    """

    def __init__(
        self,
        store: RunStore,
        queue: RunQueue,
        *,
        size_max_mb: int,
        silence: float = SILENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._queue = queue
        self._bytes_max = size_max_mb * 1024 * 1024
        self._silence = silence
        self._clock = clock
        self._heartbeats: dict[str, tuple[Heartbeat, float]] = {}
        self._looked_at = clock()
        self._evicted_at = float("-inf")
        self._idle_until = float("-inf")
        self._without_message: set[str] = set()

    def run_once(self) -> None:
        if self._clock() < self._idle_until:
            return
        for run_id, heartbeat in self._silent_runs().items():
            state = self._store.reclaim_run(
                run_id, heartbeat, time.time(), attempts=ATTEMPTS, error=LOST
            )
            if state == "queued":
                log.warning("run %s lost its worker and waits again", run_id)
                self._queue.send_run(run_id)
        queued = self._store.queued_ids()
        self._send_forgotten(queued)
        if self._clock() - self._evicted_at > EVICT_EVERY:
            self._evicted_at = self._clock()
            self._store.evict_runs(self._bytes_max, runs_max=RUNS_MAX)
        if not self._heartbeats and not queued:
            self._idle_until = self._clock() + IDLE_LOOKS

    def _silent_runs(self) -> dict[str, Heartbeat]:
        """The runs whose heartbeat has not changed for ``silence`` seconds."""
        now, previous = self._clock(), self._heartbeats
        if now - self._looked_at > self._silence / 2:
            previous = {}
        heartbeats = self._store.read_heartbeats()
        self._looked_at = now
        self._heartbeats = {
            run_id: previous[run_id]
            if run_id in previous and previous[run_id][0] == heartbeat
            else (heartbeat, now)
            for run_id, heartbeat in heartbeats.items()
        }
        return {
            run_id: heartbeat
            for run_id, (heartbeat, since) in self._heartbeats.items()
            if now - since > self._silence
        }

    def _send_forgotten(self, queued: Sequence[str]) -> None:
        """Sends the queued runs again that had no message at this look nor at the last one.

        Their messages were lost with a queue that was deleted, or with a worker that died between
        receiving a message and claiming its run. At a single look a message may just have been
        received, and its run not yet claimed.
        """
        sent = set(self._queue.sent_ids()) if queued else set()
        without_message = [run_id for run_id in queued if run_id not in sent]
        forgotten = [run_id for run_id in without_message if run_id in self._without_message]
        for run_id in forgotten:
            log.warning("run %s was not in the queue and is put there", run_id)
            self._queue.send_run(run_id)
        self._without_message = set(without_message).difference(forgotten)
