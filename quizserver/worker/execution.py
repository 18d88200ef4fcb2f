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
LONG = 0.5  # seconds after which a run counts as a long one, beside which a short one may train
SHORT_KINDS: tuple[RunKind, ...] = ("plan", "curves")
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

    A run that takes longer than ``LONG`` seconds goes on at the lowest priority, since others may
    train beside it then.

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

    def claim_short(self) -> Run | None:
        """Claims the first plan or, without one, the first curves that wait, whatever their message
        waits behind: that one will find the run claimed."""
        return self._store.claim_next(time.time(), kinds=SHORT_KINDS, holds=self._holds)

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

    def execute_run(self, run: Run) -> None:
        """Trains a claimed run to its end."""
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
            self._follow_process(run, training, mark)
        finally:
            training.kill_group()

    def _follow_process(self, run: Run, training: process.TrainingProcess, mark: bytes) -> None:
        """Stores the points of the process until the run has ended, one way or another."""
        stored_batches = self._store.read_batches(run.id) if run.points_done else ()
        buffer = create_buffer(run, stored_batches, mark=mark)
        lease = Lease(self._store, run)
        seconds = self._bounds.seconds(run.request)
        started, is_long = time.monotonic(), False
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
            elapsed = time.monotonic() - started
            if elapsed > seconds and elapsed - training.waited_seconds() > seconds:
                training.ask_where()
                failure = self._teller(run).out_of_time(buffer, training.printed_text)
                self._fail_run(run, lease, buffer, failure)
                return
            if elapsed > LONG and not is_long:
                is_long = True
                training.lower_priority()
        self._end_run(run, lease, buffer, training)

    def release_run(self, run: Run) -> None:
        """Queues the run again, as this worker leaves, and sends its message to the others."""
        if not self._store.release_run(run.id, run.attempt):
            return
        try:
            self._queue.send_run(run.id)
        except Exception as error:  # each kind of queue has errors of its own
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
