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
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from quizserver.runs import child, wire
from quizserver.runs.model import Batch, Run
from quizserver.runs.store import RunStore
from quizserver.runs.summary import summarise

log = logging.getLogger(__name__)

TICK = 0.05  # seconds between looks at the clock and at whether the run is still wanted
FLUSH = 0.08  # seconds for which points are gathered into one batch; the first goes at once
HEARTBEAT = 1.0  # seconds between signs of life when no points come

TOO_LONG = (
    "The run was ended after {seconds:g} s, the longest that a run may take here. "
    "Try fewer replicas."
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
    """What one run may use: wall-clock seconds and MiB of memory."""

    seconds: float
    memory_mb: int


class Execution:
    """Executes claimed runs, one at a time.

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
        run = self._store.claim(run_id, time.time())
        if run is None:
            return
        self._forget()
        process = child.start(
            self._train,
            self._content / run.order.path,
            run.order,
            memory_mb=self._bounds.memory_mb,
            seconds=self._bounds.seconds,
        )
        try:
            self._follow(run, process)
        finally:
            process.end()

    def _follow(self, run: Run, process: child.Child) -> None:
        """Stores what the process tells until the run has ended, one way or another."""
        told = _Told(run)
        began = written = checked = time.monotonic()
        poll = select.poll()
        poll.register(process.pipe, select.POLLIN)
        while True:
            if poll.poll(TICK * 1000):
                told.take(os.read(process.pipe, 1 << 20))
            now = time.monotonic()
            wanted = True
            if told.due(now):
                wanted = self._store.add(run.id, run.attempt, told.batch(now), time.time())
                written = checked = now
            elif now - written >= HEARTBEAT:
                wanted = self._store.beat(run.id, run.attempt, time.time())
                written = checked = now
            elif now - checked >= TICK:
                wanted = self._store.holds(run.id, run.attempt)
                checked = now
            if not wanted:
                return
            if told.ended:
                break
            if self._leaving():
                self._store.give_back(run.id, run.attempt)
                return
            if now - began > self._bounds.seconds:
                self._fail(run, TOO_LONG.format(seconds=self._bounds.seconds))
                return
        self._conclude(run, told, process)

    def _conclude(self, run: Run, told: _Told, process: child.Child) -> None:
        now = time.time()
        if told.sentence is not None and told.problem is None:
            if told.pending:
                self._store.add(run.id, run.attempt, told.batch(time.monotonic()), now)
            self._store.finish(run.id, run.attempt, "done", now, sentence=told.sentence)
            return
        self._fail(run, told.problem or self._death(told, process))

    def _death(self, told: _Told, process: child.Child) -> str:
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
            return TOO_LONG.format(seconds=self._bounds.seconds)
        if code == -signal.SIGKILL:
            return KILLED
        if code < 0:
            return DIED.format(how=f"signal {signal.Signals(-code).name}")
        return DIED.format(how=f"exit code {code}")

    def _fail(self, run: Run, message: str) -> None:
        log.warning("run %s of %s failed: %s", run.id, run.order.path, message)
        self._store.finish(run.id, run.attempt, "failed", time.time(), error=message)


@dataclass(slots=True)
class _Told:
    """What the training process has said so far, and what of it is not yet stored."""

    run: Run
    x: list[npt.NDArray[np.float64]] = field(default_factory=list)
    values: list[npt.NDArray[np.float64]] = field(default_factory=list)
    ended: bool = False
    sentence: str | None = None
    error: dict[str, object] | None = None
    problem: str | None = None
    _frames: wire.Frames = field(default_factory=wire.Frames)
    _seq: int = 0
    _given: int = 0
    _skip: int = 0
    _flushed: float = 0.0

    def __post_init__(self) -> None:
        # A run that an earlier worker lost keeps its points; equal seeds give equal points, so
        # this attempt only adds what is missing and nobody who watches sees anything twice.
        self._seq = self.run.last_seq
        self._skip = self.run.points_done

    @property
    def pending(self) -> bool:
        return bool(self.x)

    def take(self, piece: bytes) -> None:
        if not piece:
            self.ended = True
            return
        try:
            for kind, header, body in self._frames.feed(piece):
                if kind == wire.POINTS:
                    self._points(header, body)
                elif kind == wire.DONE:
                    self.sentence = str(header.get("sentence", ""))
                    self.ended = True
                else:
                    self.error = header
                    self.ended = True
        except wire.WireError as error:
            self.problem = f"The simulation can't be used: {error}."
            self.ended = True

    def _points(self, header: dict[str, object], body: bytes) -> None:
        order = self.run.order
        x, values = child.read_points(header, body, order.series, order.replicas)
        self._given += len(x)
        if self._given > self.run.points_total:
            raise wire.WireError(
                f"it gave more points than the {self.run.points_total} of its description"
            )
        skip = min(self._skip, len(x))
        self._skip -= skip
        if skip < len(x):
            self.x.append(x[skip:])
            self.values.append(values[:, :, skip:])

    def due(self, now: float) -> bool:
        """Whether the gathered points should be stored now."""
        if not self.pending:
            return False
        return self._seq == 0 or now - self._flushed >= FLUSH

    def batch(self, now: float) -> Batch:
        """The gathered points as the next batch; they are no longer pending."""
        x = np.concatenate(self.x)
        values = np.concatenate(self.values, axis=2)
        self.x.clear()
        self.values.clear()
        self._seq += 1
        self._flushed = now
        series = dict(zip(self.run.order.series, values, strict=True))
        data = np.ascontiguousarray(values, dtype="<f8").tobytes()
        return Batch(self._seq, len(x), summarise(x, series), data)
