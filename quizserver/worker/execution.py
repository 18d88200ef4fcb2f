"""Executes runs: claims them, starts their training process, stores its points, ends it.

Whatever the training process does (finishes, raises, hangs, dies, takes all memory), the run ends
in the store with a sentence for people, and no process is left.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from quizserver.db.availability import unavailable_reason
from quizserver.runs.model import NotHeldError, Run
from quizserver.runs.queue import RunQueue
from quizserver.runs.requests import (
    CurveRequest,
    MapRequest,
    PlanRequest,
    RunKind,
    RunRequest,
    VerificationRequest,
)
from quizserver.runs.store import RunStore
from quizserver.server_log import detail
from quizserver.worker import process
from quizserver.worker.buffer import RunBuffer, create_buffer
from quizserver.worker.failures import Failure, FailureTeller
from quizserver.worker.held_files import holds_files
from quizserver.worker.lease import TICK, Lease
from quizserver.worker.protocol import new_mark

log = logging.getLogger(__name__)

OTHERS = 5.0  # seconds that a run whose files no living worker holds waits for one that does
LEFT_PAUSE = 0.1  # seconds in which a worker takes no message after it left one to the others
PATIENCE = 0.25  # seconds that a curve waits for a free worker before a longer run lets it pass
TURN = 1.0  # seconds that a longer run trains at least between two shorter ones that pass it
PLAN_SECONDS = 15.0  # that making a plan may take; whoever asked for it has given up before

NOT_HELD = (
    "No worker holds the files that this run needs: they were changed meanwhile, or the machines "
    "of this site differ in their content. Reload the page, then run it again."
)
CANNOT_TRAIN = (
    "This site has no machine that can train now. Whoever runs it finds the reason in the log of "
    "the server."
)


@dataclass(frozen=True, slots=True)
class RunBounds:
    """What one run may use: MiB of memory, and wall-clock seconds for each kind of request."""

    memory_mb: int
    curve_seconds: float
    map_seconds: float
    verification_seconds: float

    def seconds(self, request: RunRequest) -> float:
        match request:
            case CurveRequest():
                return self.curve_seconds
            case MapRequest():
                return self.map_seconds
            case VerificationRequest():
                return self.verification_seconds
            case PlanRequest():
                return min(PLAN_SECONDS, self.curve_seconds)


class Execution:
    """Claims the runs of messages, and executes one in the process that calls ``execute_run``.

    A map or a verification may take minutes, curves take seconds, a plan a tenth of one. So the
    process of a longer run is paused while shorter ones that found no free worker are executed.

    ``close_connections`` closes every connection of this process to the store and the queue; it is
    called before each fork. ``is_leaving`` returns whether the worker must stop: the run is then
    queued again. ``is_held(files)`` returns whether any living worker holds the files of a request.
    One that can't train (``can_train``) claims no run, and leaves all of them to the others.
    """

    def __init__(
        self,
        store: RunStore,
        queue: RunQueue,
        content: Path,
        bounds: RunBounds,
        train_function: process.TrainFunction,
        *,
        close_connections: Callable[[], None],
        is_leaving: Callable[[], bool],
        is_held: Callable[[Mapping[str, str]], bool],
        can_train: bool = True,
    ) -> None:
        self._store = store
        self._queue = queue
        self._content = content
        self._bounds = bounds
        self._train = train_function
        self._close_connections = close_connections
        self._is_leaving = is_leaving
        self._is_held = is_held
        self._can_train = can_train
        self._without_holder: dict[str, float] = {}  # run's id -> since when, by time.monotonic()

    def claim_offered(self, run_id: str) -> Run | None:
        """Claims the run of a message; None when it is no longer queued, or left to others.

        When the store can't be used, the message is sent again, as the run is still queued.
        """
        try:
            return self._store.claim_next(time.time(), offered=run_id, holds=self._holds)
        except NotHeldError as refusal:
            self._leave_to_others(refusal.run)
            return None
        except Exception:
            self._queue.send_run(run_id)
            raise

    def _holds(self, request: RunRequest) -> bool:
        return self._can_train and holds_files(self._content, request)

    def _leave_to_others(self, run: Run) -> None:
        """Sends the message again, for a worker that holds the files that the run needs.

        Such a worker may train something else for a while. When none is alive for ``OTHERS``
        seconds, as long as files may need to arrive, the run fails.
        """
        try:
            if self._is_held(run.request.files):
                self._without_holder.pop(run.id, None)
            elif self._seconds_without_holder(run.id) > OTHERS:
                del self._without_holder[run.id]
                why = "has its files" if self._can_train else "can train it"
                log.warning("run %s of %s: no worker %s", run.id, run.request.path, why)
                sentence = NOT_HELD if self._can_train else CANNOT_TRAIN
                self._store.fail_waiting(run.id, time.time(), sentence)
                return
        except Exception:
            self._queue.send_run(run.id)
            raise
        self._queue.send_run(run.id)
        # Sent first: a message that is held back for long would count as lost. Without the pause,
        # workers that hold other files would hand it around as fast as they can.
        time.sleep(LEFT_PAUSE)

    def _seconds_without_holder(self, run_id: str) -> float:
        """For how long this worker has known that no living worker holds the run's files."""
        now = time.monotonic()
        if len(self._without_holder) > 100:  # others ended those that this one never met again
            self._without_holder.clear()
        return now - self._without_holder.setdefault(run_id, now)

    def execute_run(self, run: Run, on_tick: Callable[[], object] = lambda: None) -> None:
        """Trains a claimed run to its end; calls ``on_tick`` at least every ``TICK`` seconds."""
        self._close_connections()
        mark = new_mark()
        training = process.start_training(
            self._train,
            self._content / run.request.path,
            run.request,
            memory_mb=self._bounds.memory_mb,
            seconds=self._bounds.seconds(run.request),
            mark=mark,
        )
        try:
            self._follow_process(run, training, mark, on_tick)
        finally:
            training.kill_group()

    def _follow_process(
        self,
        run: Run,
        training: process.TrainingProcess,
        mark: bytes,
        on_tick: Callable[[], object],
    ) -> None:
        """Stores the points of the process until the run has ended, one way or another."""
        stored_batches = self._store.read_batches(run.id) if run.points_done else ()
        buffer = create_buffer(run, stored_batches, mark=mark)
        lease = Lease(self._store, run)
        seconds = self._bounds.seconds(run.request)
        deadline, next_turn = time.monotonic() + seconds, time.monotonic() + PATIENCE
        while True:
            if training.wait_for_message(TICK):
                buffer.add_bytes(os.read(training.pipe, 1 << 20))
            if not lease.store_or_renew(buffer):
                return
            if buffer.ended:
                break
            if self._is_leaving():
                self.release_run(run)
                return
            now = time.monotonic()
            if now > deadline:
                training.ask_where()
                failure = self._teller(run).out_of_time(buffer, training.printed_text)
                self._fail_run(run, lease, buffer, failure)
                return
            on_tick()
            if now > next_turn:
                paused_seconds = self._let_shorter_pass(run, lease, training, on_tick)
                deadline += paused_seconds
                next_turn = time.monotonic() + (TURN if paused_seconds else PATIENCE)
        self._end_run(run, lease, buffer, training)

    def _let_shorter_pass(
        self,
        run: Run,
        lease: Lease,
        training: process.TrainingProcess,
        on_tick: Callable[[], object],
    ) -> float:
        """Executes the shorter run that has waited longest while this one is paused; the seconds it
        took.

        A stop of this run is noticed only after the shorter one has ended.
        """
        now = time.time()
        made_before: dict[RunKind, float]
        match run.request:
            case PlanRequest():
                return 0.0
            case CurveRequest():
                made_before = {"plan": now}
            case MapRequest() | VerificationRequest():
                made_before = {"plan": now, "curves": now - PATIENCE}
        try:
            shorter = self._store.claim_next(now, made_before=made_before, holds=self._holds)
        except Exception as error:
            if unavailable_reason(error) is None:
                raise
            return 0.0
        if shorter is None:
            return 0.0

        def keep_leases() -> None:
            lease.send_heartbeat()
            on_tick()

        paused_at = time.monotonic()
        training.pause_group()
        try:
            self.execute_run(shorter, keep_leases)
        finally:
            training.resume_group()
        return time.monotonic() - paused_at

    def release_run(self, run: Run) -> None:
        """Queues the run again, as this worker leaves, and sends its message to the others."""
        if not self._store.release_run(run.id, run.attempt):
            return
        try:
            self._queue.send_run(run.id)
        except Exception as error:  # each kind of queue has errors of its own
            # A longer run that was paused for this one must still be released.
            log.warning("run %s waits for the reaper to be sent again: %s", run.id, error)

    def _end_run(
        self, run: Run, lease: Lease, buffer: RunBuffer, training: process.TrainingProcess
    ) -> None:
        if buffer.sentence is None or buffer.problem is not None:
            has_said_why = buffer.error is not None or buffer.problem is not None
            code = None if has_said_why else training.wait_for_exit(2.0)
            training.read_output()
            failure = self._teller(run).ended_itself(buffer, code, training.printed_text)
            self._fail_run(run, lease, buffer, failure)
            return
        self._retry_until_stored(lambda: lease.finish_run(buffer, "done", sentence=buffer.sentence))

    def _teller(self, run: Run) -> FailureTeller:
        return FailureTeller(
            run.request,
            self._content,
            self._bounds.seconds(run.request),
            self._bounds.memory_mb,
        )

    def _fail_run(self, run: Run, lease: Lease, buffer: RunBuffer, failure: Failure) -> None:
        log.warning(
            "run %s of %s failed: %s",
            run.id,
            run.request.path,
            failure.sentence,
            extra=detail(failure.detail),
        )
        self._retry_until_stored(
            lambda: lease.finish_run(
                buffer, "failed", error=failure.sentence, error_detail=failure.detail or None
            )
        )

    def _retry_until_stored(self, store_end: Callable[[], bool]) -> None:
        """Tries until the store has the end of the run. A worker that must leave before that gives
        up: another one will train the run again."""
        while not store_end() and not self._is_leaving():
            time.sleep(TICK)
