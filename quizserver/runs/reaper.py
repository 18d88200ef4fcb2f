"""Finds runs that nobody looks after any more, and results that no longer fit."""

from __future__ import annotations

import logging
import time

from quizserver.runs.queue import Queue
from quizserver.runs.store import RunStore

log = logging.getLogger(__name__)

SILENCE = 10.0  # seconds without a heartbeat after which a run's worker counts as lost
ATTEMPTS = 2
RUNS_KEPT = 20_000
EVICT_EVERY = 30.0

LOST = (
    "The worker was lost while it trained this run, twice. The setting may be more than the "
    "machine can bear. Try fewer replicas."
)


class Reaper:
    """Called about every second by each worker; any number may do so at once."""

    def __init__(
        self, store: RunStore, queue: Queue, *, kept_mb: int, silence: float = SILENCE
    ) -> None:
        self._store = store
        self._queue = queue
        self._bytes_max = kept_mb * 1024 * 1024
        self._silence = silence
        self._evicted_at = float("-inf")
        self._unseen: set[str] = set()

    def __call__(self) -> None:
        now = time.time()
        again = self._store.reap(now - self._silence, now, attempts=ATTEMPTS, error=LOST)
        for run_id in again:
            log.warning("run %s lost its worker and waits again", run_id)
            self._queue.put(run_id)
        self._find_forgotten()
        if time.monotonic() - self._evicted_at > EVICT_EVERY:
            self._evicted_at = time.monotonic()
            self._store.evict(self._bytes_max, runs_max=RUNS_KEPT)

    def _find_forgotten(self) -> None:
        """Gives a new message to runs that wait although the queue has been empty for a while.

        Their messages were lost with a queue that was deleted, or with a worker that died between
        taking a message and taking its run.
        """
        waiting = set(self._store.waiting()) if not len(self._queue) else set()
        for run_id in waiting & self._unseen:
            log.warning("run %s was not in the queue and is put there", run_id)
            self._queue.put(run_id)
        self._unseen = waiting - self._unseen
