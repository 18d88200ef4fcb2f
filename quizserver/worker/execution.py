"""A worker's side of one run: start the training process, store its points, end it.

Whatever the training process does (finishes, raises, hangs, dies, eats memory), the run ends in the
store with a sentence for people, and nothing of the process is left.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from quizserver.db.availability import unavailable_reason
from quizserver.runs import map_requests
from quizserver.runs.model import Run, RunRequest
from quizserver.runs.store import RunStore
from quizserver.worker import process
from quizserver.worker.buffer import RunBuffer
from quizserver.worker.lease import TICK, Lease

log = logging.getLogger(__name__)

PATIENCE = 0.25  # seconds that a curve waits for a free worker before a longer run lets it pass
TURN = 1.0  # seconds that a longer run trains at least between two curves that pass it

TOO_LONG = (
    "The run was ended after {seconds:g} s, the longest that a run may take here. "
    "Try fewer replicas."
)
MAP_TOO_LONG = (
    "The map was ended after {seconds:g} s, the longest that a map may take here. Its cells so far "
    "stay in the picture. Try knobs that make a run shorter."
)
VERIFY_TOO_LONG = (
    "The verification was ended after {seconds:g} s, the longest that one may take here. Run "
    "`quizserver verify` where the content folder is."
)
TOO_MUCH_MEMORY = (
    "The run needed more than the {memory} MiB of memory that a run may use here. "
    "Try fewer replicas."
)
RAISED = "The simulation ended with an error{where}: {message}"
DIED = "The training process died ({how}) before the run was finished. Try again."
KILLED = (
    "The training process was killed from outside, most likely because the machine ran out of "
    "memory. Try again with fewer replicas."
)


@dataclass(frozen=True, slots=True)
class RunBounds:
    """What one run may use: wall-clock seconds (of a map, ``map_seconds``; of a verification,
    ``verify_seconds``) and MiB of memory."""

    seconds: float
    memory_mb: int
    map_seconds: float
    verify_seconds: float

    def seconds_for(self, request: RunRequest) -> float:
        if request.overlay is not None:
            return self.verify_seconds
        return self.seconds if request.plane is None else self.map_seconds


class Execution:
    """Executes claimed runs, one at a time.

    A map or a verification may take minutes, a curve takes seconds. So the longer run's process
    stands still while a curve that found no free worker is trained.

    ``forget`` closes every database connection of this process; it is called before each fork.
    ``leaving`` says that the worker must stop: the run then goes back into the queue.
    """

    def __init__(
        self,
        store: RunStore,
        content: Path,
        bounds: RunBounds,
        train_function: process.TrainFunction,
        *,
        close_connections: Callable[[], None],
        is_leaving: Callable[[], bool],
    ) -> None:
        self._store = store
        self._content = content
        self._bounds = bounds
        self._train = train_function
        self._close_connections = close_connections
        self._is_leaving = is_leaving

    def __call__(self, run_id: str) -> None:
        """Trains the run if it still waits; else another worker has it, or nobody wants it."""
        try:
            run = self._store.claim_run(run_id, time.time())
        except Exception as error:
            if (reason := unavailable_reason(error)) is None:
                raise
            # It still waits, and the reaper will put it into the queue again.
            log.warning("run %s could not be taken: %s", run_id, reason)
            return
        if run is not None:
            self._train_run(run)

    def _train_run(self, run: Run, on_tick: Callable[[], object] = lambda: None) -> None:
        """Trains a claimed run to its end. ``beside`` is called every ``TICK`` seconds or more
        often."""
        self._close_connections()
        training = process.start_training(
            self._train,
            self._content / run.request.path,
            run.request,
            memory_mb=self._bounds.memory_mb,
            seconds=self._bounds.seconds_for(run.request),
        )
        try:
            self._follow_process(run, training, on_tick)
        finally:
            training.kill_group()

    def _follow_process(
        self, run: Run, training: process.TrainingProcess, on_tick: Callable[[], object]
    ) -> None:
        """Stores what the process tells until the run has ended, one way or another."""
        buffer = RunBuffer(run, self._stored_cells(run))
        lease = Lease(self._store, run)
        started_at = time.monotonic()
        deadline, next_turn = started_at + self._bounds.seconds_for(run.request), started_at + TURN
        poll = select.poll()
        poll.register(training.pipe, select.POLLIN)
        while True:
            if poll.poll(TICK * 1000):
                buffer.add_bytes(os.read(training.pipe, 1 << 20))
            if not lease.store_or_renew(buffer):
                return
            if buffer.ended:
                break
            if self._is_leaving():
                self._store.release_run(run.id, run.attempt)
                return
            now = time.monotonic()
            if now > deadline:
                self._fail_run(run, lease, buffer, self._timeout_message(run))
                return
            on_tick()
            if run.request.is_long and now > next_turn:
                paused_seconds = self._let_curve_pass(lease, training)
                deadline += paused_seconds
                next_turn = time.monotonic() + (TURN if paused_seconds else PATIENCE)
        self._end_run(run, lease, buffer, training)

    def _let_curve_pass(self, lease: Lease, training: process.TrainingProcess) -> float:
        """Trains a curve that has waited, while the longer run stands still; the seconds it took.

        Whoever stopped the longer run meanwhile is heard when the curve has ended.
        """
        try:
            curve = self._store.claim_curve(time.time(), patience=PATIENCE)
        except Exception as error:
            if unavailable_reason(error) is None:
                raise
            return 0.0
        if curve is None:
            return 0.0
        paused_at = time.monotonic()
        training.pause()
        try:
            self._train_run(curve, lease.send_heartbeat)
        finally:
            training.resume()
        return time.monotonic() - paused_at

    def _stored_cells(self, run: Run) -> set[int]:
        """The cells of a map that an earlier worker trained before it was lost."""
        if run.request.plane is None or not run.points_done:
            return set()
        return set(map_requests.merge_cells(self._store.read_batches(run.id))[0])

    def _end_run(
        self, run: Run, lease: Lease, buffer: RunBuffer, training: process.TrainingProcess
    ) -> None:
        if buffer.sentence is None or buffer.problem is not None:
            self._fail_run(
                run, lease, buffer, buffer.problem or self._failure_message(run, buffer, training)
            )
            return
        self._retry_until_stored(lambda: lease.finish_run(buffer, "done", sentence=buffer.sentence))

    def _timeout_message(self, run: Run) -> str:
        template = TOO_LONG if run.request.plane is None else MAP_TOO_LONG
        if run.request.overlay is not None:
            template = VERIFY_TOO_LONG
        return template.format(seconds=self._bounds.seconds_for(run.request))

    def _failure_message(
        self, run: Run, buffer: RunBuffer, training: process.TrainingProcess
    ) -> str:
        """Why the process ended without having told."""
        if buffer.error is not None:
            error = buffer.error
            if error.get("memory"):
                return TOO_MUCH_MEMORY.format(memory=self._bounds.memory_mb)
            where = f" in line {error['line']}" if error.get("line") else ""
            return RAISED.format(where=where, message=error.get("message"))
        code = training.wait(2.0)
        if code is None:
            return DIED.format(how="it closed its pipe")
        if code == -signal.SIGXCPU:
            return self._timeout_message(run)
        if code == -signal.SIGKILL:
            return KILLED
        if code < 0:
            return DIED.format(how=f"signal {signal.Signals(-code).name}")
        return DIED.format(how=f"exit code {code}")

    def _fail_run(self, run: Run, lease: Lease, buffer: RunBuffer, message: str) -> None:
        log.warning("run %s of %s failed: %s", run.id, run.request.path, message)
        self._retry_until_stored(lambda: lease.finish_run(buffer, "failed", error=message))

    def _retry_until_stored(self, store_end: Callable[[], bool]) -> None:
        """Tries until the store has taken how the run ended. A worker that must leave before that
        lets it go: another one will train it."""
        while not store_end() and not self._is_leaving():
            time.sleep(TICK)
