"""The lease of a worker on one run in the store, which others may stop or reclaim."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Literal

from quizserver.db.availability import unavailable_reason
from quizserver.runs.model import Batch, Run
from quizserver.runs.outage import Outage
from quizserver.runs.store import RunStore
from quizserver.worker.buffer import RunBuffer

log = logging.getLogger(__name__)

TICK = 0.05  # seconds between checks whether the run still belongs to this worker
HEARTBEAT = 1.0  # seconds between heartbeats when no points come
RETRY = 1.0  # seconds between tries to reach a store that can't be used


class Lease:
    """Stores the batches of a run, and reports whether the run still belongs to this worker.

    When the store can't be used for a while, the training goes on, and its points are stored
    afterwards.
    """

    def __init__(self, store: RunStore, run: Run) -> None:
        self._store = store
        self._run = run
        self._written_at = self._checked_at = time.monotonic()
        self._batch: Batch | None = None
        self._try_at = float("-inf")
        self._outage = Outage(log, f"Run {run.id} goes on without the store of runs")

    def store_or_renew(self, buffer: RunBuffer) -> bool:
        """Stores the batch that is due, else sends a heartbeat, else only checks the ownership.

        False when the run was stopped or reclaimed.
        """
        now = time.monotonic()
        if self._batch is not None or buffer.is_due(now):
            return self._try_store(lambda: self._store_batch(buffer)) is not False
        if now - self._written_at < HEARTBEAT and now - self._checked_at >= TICK:
            self._checked_at = now
            owned = self._try_store(lambda: self._store.owns_run(self._run.id, self._run.attempt))
            return owned is not False
        return self.send_heartbeat()

    def send_heartbeat(self) -> bool:
        """Sends a heartbeat unless one was sent within ``HEARTBEAT``.

        False when the run was stopped or reclaimed.
        """
        now = time.monotonic()
        if now - self._written_at < HEARTBEAT:
            return True
        self._written_at = self._checked_at = now
        owned = self._try_store(
            lambda: self._store.update_heartbeat(self._run.id, self._run.attempt, time.time())
        )
        return owned is not False

    def finish_run(
        self,
        buffer: RunBuffer,
        state: Literal["done", "failed"],
        *,
        error: str | None = None,
        error_detail: str | None = None,
        sentence: str | None = None,
    ) -> bool:
        """Stores the pending points and ends the run; False while the store can't be used."""

        def store_rest() -> bool:
            # first a batch that could not be stored, then the points that came after it
            while self._batch is not None or buffer.has_pending:
                if not self._store_batch(buffer):
                    break
            run = self._run
            self._store.finish_run(
                run.id,
                run.attempt,
                state,
                time.time(),
                error=error,
                error_detail=error_detail,
                sentence=sentence,
                outputs_sha256=buffer.outputs_sha256,
            )
            return True

        return self._try_store(store_rest) is True

    def _store_batch(self, buffer: RunBuffer) -> bool:
        now = time.monotonic()
        # A batch that could not be stored keeps its number, and is tried again as it is.
        self._batch = self._batch or buffer.next_batch(now)
        owned = self._store.add_batch(self._run.id, self._run.attempt, self._batch, time.time())
        self._batch = None
        self._written_at = self._checked_at = now
        return owned

    def _try_store(self, operation: Callable[[], bool]) -> bool | None:
        """The result of the operation; None while the store can't be used."""
        if time.monotonic() < self._try_at:
            return None
        try:
            result = operation()
            self._outage.log_recovery()
            return result
        except Exception as error:
            if unavailable_reason(error) is None:
                raise
            self._outage.log_failure(error)
            self._try_at = time.monotonic() + RETRY
            return None
