"""Submits, streams and leaves runs; checks at start-up that their store and queue are reachable."""

from __future__ import annotations

import logging
import time

import sqlalchemy as sa

from quizserver.db.availability import database_fault, first_line
from quizserver.db.computed import open_computed
from quizserver.db.session import DatabaseUrlError
from quizserver.runs.hub import StreamCursor, StreamHub
from quizserver.runs.model import Run, RunRefusedError, RunSubmission
from quizserver.runs.plans import StoredPlan
from quizserver.runs.plans_store import PlanStore
from quizserver.runs.queue import RunQueue
from quizserver.runs.requests import PlanRequest, RunRequest
from quizserver.runs.store import RunStore
from quizserver.runs.stream import EventStream
from quizserver.runs.workers_store import WorkerStore
from quizserver.settings import Settings

log = logging.getLogger(__name__)

PLAN_PATIENCE = 8.0
"""Seconds that whoever asks for a plan waits for it; it takes a worker a tenth of a second."""

_NO_PLAN = "The simulation fails at this setting."
_PLAN_WAITS = "Its plan has not come yet. Try again in a moment."
_NO_QUEUE = "The run could not be handed to a worker. Try again in a moment."


class RunService:
    """The runs of this server, for its pages."""

    def __init__(self, settings: Settings) -> None:
        """Opens the computed store, which is made where it is missing, and the queue."""
        self._database = open_computed(settings.store_url)
        self.store = RunStore(self._database)
        self.plans = PlanStore(self._database)
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

    def find_or_make_plan(self, request: PlanRequest, visitor: str) -> StoredPlan:
        """The plan of this request, or why there is none; made by a worker when it is not stored.

        A stored one that is damaged is made again. Raises RunRefusedError: 404 when the simulation
        fails at this setting, 429 or 503 as ``submit_request`` and ``open_stream`` do, and 503 when
        no plan has come after ``PLAN_PATIENCE`` seconds.
        """
        stored = self.plans.find_plan(request, time.time())
        if stored is not None and stored.is_whole:
            return stored
        if stored is not None:
            log.warning("the stored plan of %s was damaged: it is made again", request.path)
            self.plans.delete_plan(stored.run_id)
        made = self._make_plan(request, visitor)
        if made is not None and not made.is_whole:  # stored for this very setting
            self.plans.delete_plan(made.run_id)
            made = self._make_plan(request, visitor)
        if made is None or not made.is_whole:
            raise RunRefusedError(503, _PLAN_WAITS, retry_after=3)
        return made

    def _make_plan(self, request: PlanRequest, visitor: str) -> StoredPlan | None:
        run = self._wait_for_end(self.submit_request(request, visitor).run, visitor)
        if run is not None and run.state == "failed":
            raise RunRefusedError(404, _NO_PLAN, detail=run.error_detail or run.error or "")
        return None if run is None else self.plans.file_plan(request, run.id)

    def _wait_for_end(self, run: Run, visitor: str) -> Run | None:
        """The run once it has ended, within ``PLAN_PATIENCE`` seconds; None when it is gone."""
        if not run.active:
            return run
        self.hub.add_stream(run.id, visitor)
        try:
            since, deadline = float("-inf"), time.monotonic() + PLAN_PATIENCE
            cursor = StreamCursor(-1, run.state, -1)  # anything that is read is new
            while run.active and (seconds := deadline - time.monotonic()) > 0:
                update = self.hub.wait_for_update(run.id, cursor, since, seconds)
                if update is None:
                    break
                if update.progress is None:
                    return None
                run, since = update.progress.run, update.read_at
                cursor = StreamCursor(run.last_seq, run.state, update.progress.waiting)
            return run
        finally:
            self.hub.remove_stream(run.id, visitor)

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
