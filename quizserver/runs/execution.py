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

from quizserver.db.guards import unavailable
from quizserver.runs import child, planes
from quizserver.runs.hold import TICK, Hold
from quizserver.runs.model import Order, Run
from quizserver.runs.store import RunStore
from quizserver.runs.told import Told

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
class Bounds:
    """What one run may use: wall-clock seconds (of a map, ``map_seconds``; of a verification,
    ``verify_seconds``) and MiB of memory."""

    seconds: float
    memory_mb: int
    map_seconds: float
    verify_seconds: float

    def seconds_for(self, order: Order) -> float:
        if order.overlay is not None:
            return self.verify_seconds
        return self.seconds if order.plane is None else self.map_seconds


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
        bounds: Bounds,
        train: child.Train,
        *,
        forget: Callable[[], None],
        leaving: Callable[[], bool],
    ) -> None:
        self._store = store
        self._content = content
        self._bounds = bounds
        self._train = train
        self._forget = forget
        self._leaving = leaving

    def __call__(self, run_id: str) -> None:
        """Trains the run if it still waits; else another worker has it, or nobody wants it."""
        try:
            run = self._store.claim(run_id, time.time())
        except Exception as error:
            if (said := unavailable(error)) is None:
                raise
            # It still waits, and the reaper will put it into the queue again.
            log.warning("run %s could not be taken: %s", run_id, said)
            return
        if run is not None:
            self._execute(run)

    def _execute(self, run: Run, beside: Callable[[], object] = lambda: None) -> None:
        """Trains a claimed run to its end. ``beside`` is called every ``TICK`` seconds or more
        often."""
        self._forget()
        process = child.start(
            self._train,
            self._content / run.order.path,
            run.order,
            memory_mb=self._bounds.memory_mb,
            seconds=self._bounds.seconds_for(run.order),
        )
        try:
            self._follow(run, process, beside)
        finally:
            process.end()

    def _follow(self, run: Run, process: child.Child, beside: Callable[[], object]) -> None:
        """Stores what the process tells until the run has ended, one way or another."""
        told = Told(run, self._known_cells(run))
        hold = Hold(self._store, run)
        began = time.monotonic()
        until, turn = began + self._bounds.seconds_for(run.order), began + TURN
        poll = select.poll()
        poll.register(process.pipe, select.POLLIN)
        while True:
            if poll.poll(TICK * 1000):
                told.take(os.read(process.pipe, 1 << 20))
            if not hold.goes_on(told):
                return
            if told.ended:
                break
            if self._leaving():
                self._store.give_back(run.id, run.attempt)
                return
            now = time.monotonic()
            if now > until:
                self._fail(run, hold, told, self._too_long(run))
                return
            beside()
            if run.order.long and now > turn:
                passed = self._let_pass(hold, process)
                until += passed
                turn = time.monotonic() + (TURN if passed else PATIENCE)
        self._conclude(run, hold, told, process)

    def _let_pass(self, hold: Hold, process: child.Child) -> float:
        """Trains a curve that has waited, while the longer run stands still; the seconds it took.

        Whoever stopped the longer run meanwhile is heard when the curve has ended.
        """
        try:
            curve = self._store.claim_curve(time.time(), patience=PATIENCE)
        except Exception as error:
            if unavailable(error) is None:
                raise
            return 0.0
        if curve is None:
            return 0.0
        start = time.monotonic()
        process.pause()
        try:
            self._execute(curve, hold.show_life)
        finally:
            process.resume()
        return time.monotonic() - start

    def _known_cells(self, run: Run) -> set[int]:
        """The cells of a map that an earlier worker trained before it was lost."""
        if run.order.plane is None or not run.points_done:
            return set()
        return set(planes.merge(self._store.batches(run.id))[0])

    def _conclude(self, run: Run, hold: Hold, told: Told, process: child.Child) -> None:
        if told.sentence is None or told.problem is not None:
            self._fail(run, hold, told, told.problem or self._death(run, told, process))
            return
        self._until_said(lambda: hold.end(told, "done", sentence=told.sentence))

    def _too_long(self, run: Run) -> str:
        words = TOO_LONG if run.order.plane is None else MAP_TOO_LONG
        if run.order.overlay is not None:
            words = VERIFY_TOO_LONG
        return words.format(seconds=self._bounds.seconds_for(run.order))

    def _death(self, run: Run, told: Told, process: child.Child) -> str:
        """Why the process ended without having told."""
        if told.error is not None:
            error = told.error
            if error.get("memory"):
                return TOO_MUCH_MEMORY.format(memory=self._bounds.memory_mb)
            where = f" in line {error['line']}" if error.get("line") else ""
            return RAISED.format(where=where, message=error.get("message"))
        code = process.wait(2.0)
        if code is None:
            return DIED.format(how="it closed its pipe")
        if code == -signal.SIGXCPU:
            return self._too_long(run)
        if code == -signal.SIGKILL:
            return KILLED
        if code < 0:
            return DIED.format(how=f"signal {signal.Signals(-code).name}")
        return DIED.format(how=f"exit code {code}")

    def _fail(self, run: Run, hold: Hold, told: Told, message: str) -> None:
        log.warning("run %s of %s failed: %s", run.id, run.order.path, message)
        self._until_said(lambda: hold.end(told, "failed", error=message))

    def _until_said(self, said: Callable[[], bool]) -> None:
        """Tries until the store has taken how the run ended. A worker that must leave before that
        lets it go: another one will train it."""
        while not said() and not self._leaving():
            time.sleep(TICK)
