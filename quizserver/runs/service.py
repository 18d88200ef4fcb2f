"""Submits, streams and leaves runs; checks at start-up that their store and queue are reachable."""

from __future__ import annotations

import logging
import time

import sqlalchemy as sa

from quizserver.db.availability import database_fault, first_line
from quizserver.db.computed import open_computed
from quizserver.db.session import DatabaseUrlError
from quizserver.runs.hub import StreamHub
from quizserver.runs.model import Run, RunRefusedError, RunSubmission
from quizserver.runs.queue import RunQueue
from quizserver.runs.requests import RunRequest
from quizserver.runs.store import RunStore
from quizserver.runs.stream import EventStream
from quizserver.runs.workers_store import WorkerStore
from quizserver.settings import Settings

log = logging.getLogger(__name__)

_NO_QUEUE = "The run could not be handed to a worker. Try again in a moment."


class RunService:
    """The runs of this server, for its pages."""

    def __init__(self, settings: Settings) -> None:
        """Opens the computed store, which is made where it is missing, and the queue."""
        self._database = open_computed(settings.store_url)
        self.store = RunStore(self._database)
        self.workers = WorkerStore(self._database)
        self.hub = StreamHub(
            self.store,
            streams_max=settings.streams_at_once,
            per_visitor=settings.streams_per_visitor,
        )
        self._queue = RunQueue(settings.broker_url)
        self._waiting_max = settings.runs_waiting_max
        self._per_visitor = settings.runs_per_visitor

    def close(self) -> None:
        """Ends the live streams and closes the databases."""
        self.hub.close()
        self._queue.close()
        self._database.dispose()

    def open_stream(
        self, run_id: str, after: int, visitor: str, *, for_author: bool = False
    ) -> EventStream:
        """The events of a run after a batch; see ``EventStream``.

        Raises RunRefusedError at too many open streams.
        """
        return EventStream(self.store, self.hub, run_id, after, visitor, for_author=for_author)

    def submit_request(self, request: RunRequest, visitor: str) -> RunSubmission:
        """The run of this request: found, joined, or new and sent to the workers.

        Raises RunRefusedError with 429 or 503.
        """
        submission = self.store.submit_request(
            request,
            visitor,
            time.time(),
            waiting_max=self._waiting_max,
            per_visitor=self._per_visitor,
        )
        if submission.how == "new":
            try:
                self._queue.send_run(submission.run.id)
            except Exception as error:
                log.error("the queue can't take run %s: %s", submission.run.id, error)
                self.store.fail_waiting(submission.run.id, time.time(), _NO_QUEUE)
                raise RunRefusedError(503, _NO_QUEUE, retry_after=5) from None
        return submission

    def leave_run(self, run_id: str, visitor: str) -> Run | None:
        """Removes the visitor from the run, which stops without any visitor; None without a run."""
        return self.store.leave_run(run_id, visitor, time.time())


class UnreachableError(RuntimeError):
    """The store or the queue can't be used; the message is one line with the reason."""


def check_backends(settings: Settings) -> None:
    """Makes the store of runs and tries the queue. Raises UnreachableError."""
    try:
        open_computed(settings.store_url).dispose()
    except DatabaseUrlError as error:
        raise UnreachableError(f"QUIZSERVER_RUNS_URL: {error}") from error
    except sa.exc.DatabaseError as error:
        raise UnreachableError(
            f"Can't open the store of runs: {database_fault(error).rstrip('.')}."
            " See that it can be reached, and that QUIZSERVER_RUNS_URL is right if it is set."
        ) from error
    try:
        queue = RunQueue(settings.broker_url)
        queue.check_usable()
        queue.close()
    except Exception as error:  # each kind of queue has errors of its own
        raise UnreachableError(
            f"Can't use the queue of runs: {first_line(error).rstrip('.')}. See that it can be"
            " reached, and that QUIZSERVER_QUEUE_URL is right if it is set."
        ) from error
