"""A worker's hold on one run in the store, which others may end or take away."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Literal

from quizserver.db.guards import unavailable
from quizserver.runs.model import Batch, Run
from quizserver.runs.outage import Outage
from quizserver.runs.store import RunStore
from quizserver.runs.told import Told

log = logging.getLogger(__name__)

TICK = 0.05  # seconds between looks at whether the run is still wanted
HEARTBEAT = 1.0  # seconds between signs of life when no points come
RETRY = 1.0  # seconds between tries to reach a store that can't be used


class Hold:
    """Stores what a run's training tells, and says whether anybody still wants it.

    A store that can't be used for a while changes nothing: the training goes on, and what it told
    meanwhile is stored afterwards.
    """

    def __init__(self, store: RunStore, run: Run) -> None:
        self._store = store
        self._run = run
        self._written = self._looked = time.monotonic()
        self._batch: Batch | None = None
        self._try_at = float("-inf")
        self._outage = Outage(log, f"Run {run.id} goes on without the store of runs")

    def goes_on(self, told: Told) -> bool:
        """Stores what is due, else shows life, else looks; False when nobody wants the run now."""
        now = time.monotonic()
        if self._batch is not None or told.due(now):
            return self._tried(lambda: self._add(told)) is not False
        if now - self._written < HEARTBEAT and now - self._looked >= TICK:
            self._looked = now
            held = self._tried(lambda: self._store.holds(self._run.id, self._run.attempt))
            return held is not False
        return self.show_life()

    def show_life(self) -> bool:
        """Says that somebody works at the run, unless that was said within ``HEARTBEAT``; False
        when nobody wants it now."""
        now = time.monotonic()
        if now - self._written < HEARTBEAT:
            return True
        self._written = self._looked = now
        alive = self._tried(lambda: self._store.beat(self._run.id, self._run.attempt, time.time()))
        return alive is not False

    def end(
        self,
        told: Told,
        state: Literal["done", "failed"],
        *,
        error: str | None = None,
        sentence: str | None = None,
    ) -> bool:
        """Stores what is left and ends the run; False while the store can't be used."""

        def end() -> bool:
            # a batch that waited for the store, then what came after it
            while self._batch is not None or told.pending:
                if not self._add(told):
                    break
            run = self._run
            self._store.finish(
                run.id, run.attempt, state, time.time(), error=error, sentence=sentence
            )
            return True

        return self._tried(end) is True

    def _add(self, told: Told) -> bool:
        now = time.monotonic()
        # A batch that could not be stored keeps its number, and is tried again as it is.
        self._batch = self._batch or told.batch(now)
        mine = self._store.add(self._run.id, self._run.attempt, self._batch, time.time())
        self._batch = None
        self._written = self._looked = now
        return mine

    def _tried(self, ask: Callable[[], bool]) -> bool | None:
        """What the store says; None while it can't be used."""
        if time.monotonic() < self._try_at:
            return None
        try:
            said = ask()
            self._outage.over()
            return said
        except Exception as error:
            if unavailable(error) is None:
                raise
            self._outage.told(error)
            self._try_at = time.monotonic() + RETRY
            return None
