"""Finds runs that nobody looks after any more, and results that no longer fit."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from quizserver.runs.queue import Queue
from quizserver.runs.store import RunStore, Sign

log = logging.getLogger(__name__)

SILENCE = 10.0  # seconds without a new sign of life after which a run's worker counts as lost
ATTEMPTS = 2
RUNS_KEPT = 20_000
EVICT_EVERY = 30.0

LOST = (
    "The worker was lost while it trained this run, twice. The setting may be more than the "
    "machine can bear. Try fewer replicas."
)


class Reaper:
    """Called about every second by each worker; any number may do so at once.

    How long a worker has been silent is counted by watching its sign of life stay the same, on a
    clock that nobody sets. So neither clocks that differ between machines nor one that jumps take a
    run from a worker that lives; and after a time without the store, in which nobody could give a
    sign, the counting begins anew.
    """

    def __init__(
        self,
        store: RunStore,
        queue: Queue,
        *,
        kept_mb: int,
        silence: float = SILENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._queue = queue
        self._bytes_max = kept_mb * 1024 * 1024
        self._silence = silence
        self._clock = clock
        self._signs: dict[str, tuple[Sign, float]] = {}
        self._looked_at = clock()
        self._evicted_at = float("-inf")
        self._unseen: set[str] = set()

    def __call__(self) -> None:
        for run_id, last in self._silent().items():
            state = self._store.take_away(run_id, last, time.time(), attempts=ATTEMPTS, error=LOST)
            if state == "queued":
                log.warning("run %s lost its worker and waits again", run_id)
                self._queue.put(run_id)
        self._find_forgotten()
        if self._clock() - self._evicted_at > EVICT_EVERY:
            self._evicted_at = self._clock()
            self._store.evict(self._bytes_max, runs_max=RUNS_KEPT)

    def _silent(self) -> dict[str, Sign]:
        """The runs whose sign of life has not changed for ``silence`` seconds of watching."""
        now, before = self._clock(), self._signs
        if now - self._looked_at > self._silence / 2:
            before = {}
        signs = self._store.signs()
        self._looked_at = now
        self._signs = {
            run_id: before[run_id]
            if run_id in before and before[run_id][0] == sign
            else (sign, now)
            for run_id, sign in signs.items()
        }
        return {
            run_id: sign
            for run_id, (sign, since) in self._signs.items()
            if now - since > self._silence
        }

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
