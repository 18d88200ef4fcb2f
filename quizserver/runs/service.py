"""Asking for runs and leaving them: the store and the queue, in the right order."""

from __future__ import annotations

import logging
import time

from quizserver.db.computed import open_computed
from quizserver.runs.hub import Hub
from quizserver.runs.model import Order, RefusedError, Run
from quizserver.runs.queue import Queue
from quizserver.runs.store import Asked, RunStore
from quizserver.runs.stream import Stream
from quizserver.settings import Settings

log = logging.getLogger(__name__)

_NO_QUEUE = "The run could not be handed to a worker. Try again in a moment."


class Runs:
    """The runs of this server, as its pages see them."""

    def __init__(self, settings: Settings) -> None:
        """Opens the computed store, making it where it is missing, and the queue."""
        self._database = open_computed(settings.store_url)
        self.store = RunStore(self._database)
        self.hub = Hub(
            self.store,
            streams_max=settings.streams_at_once,
            per_visitor=settings.streams_per_visitor,
        )
        self._queue = Queue(settings.broker_url)
        self._waiting_max = settings.runs_waiting_max
        self._per_visitor = settings.runs_per_visitor

    def close(self) -> None:
        """Ends the live streams and closes the databases."""
        self.hub.close()
        self._queue.close()
        self._database.dispose()

    def stream(self, run_id: str, after: int, visitor: str) -> Stream:
        """The events of a run behind a batch. Raises RefusedError when too many are open."""
        return Stream(self.store, self.hub, run_id, after, visitor)

    def ask(self, order: Order, visitor: str) -> Asked:
        """The run of this order: found, joined, or new and on its way to a worker.

        Raises RefusedError with 429 or 503.
        """
        asked = self.store.ask(
            order,
            visitor,
            time.time(),
            waiting_max=self._waiting_max,
            per_visitor=self._per_visitor,
        )
        if asked.how == "new":
            try:
                self._queue.put(asked.run.id)
            except Exception as error:
                log.error("the queue can't take run %s: %s", asked.run.id, error)
                self.store.refuse(asked.run.id, time.time(), _NO_QUEUE)
                raise RefusedError(503, _NO_QUEUE, retry_after=5) from None
        return asked

    def stop(self, run_id: str, visitor: str) -> Run | None:
        """The visitor leaves the run; it ends when nobody else wants it. None: there is no run."""
        return self.store.leave(run_id, visitor, time.time())
