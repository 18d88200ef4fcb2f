"""The worker: one supervisor that imported torch once, and consumers forked from it.

supervisor ── consumer (huey; takes runs, holds the database) ── training process (one run)
           └─ scheduler (the reaper)

Whoever dies takes everything below it along (see ``limits.die_with``), a dead consumer is replaced,
and a run that lost its worker is given to another one.
"""

from __future__ import annotations

import logging
import os
import signal
from types import FrameType
from typing import Any

from huey.consumer import Consumer, Scheduler, Worker, WorkerRecycle

from quizserver.db.computed import open_computed
from quizserver.db.session import Database
from quizserver.runs import limits, reaper
from quizserver.runs.child import Train
from quizserver.runs.execution import Bounds, Execution
from quizserver.runs.paths import queue_url, store_url
from quizserver.runs.queue import Queue
from quizserver.runs.reaper import Reaper
from quizserver.runs.store import RunStore
from quizserver.settings import PREFIX, Settings, load

log = logging.getLogger(__name__)

POLL = 0.02  # seconds between looks into an empty queue
STOP = 1.5  # seconds that consumers have to leave when asked


def work(
    settings: Settings,
    *,
    parent: int | None = None,
    train: Train | None = None,
    silence: float = reaper.SILENCE,
) -> None:
    """Trains runs from the queue until SIGTERM or SIGINT; nothing is left behind then.

    With ``parent``, the id of the process that started this one, it also ends when that one dies.
    ``train`` trains an order in place of the lab; ``silence`` is how many seconds a worker may give
    no sign of life before its run is taken from it.
    """
    if parent is not None:
        limits.die_with(parent)
    forget_secrets()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave_at_once)
    train = train or _warm()
    open_computed(store_url(settings)).dispose()
    supervisor = _Supervisor(settings, train, silence)
    log.info("training with %d workers", settings.worker_count)
    try:
        supervisor.run()
    finally:
        supervisor.end()


def _leave_at_once(_number: int, _frame: FrameType | None) -> None:
    """Until there are consumers, nothing has to be put in order."""
    os._exit(0)


def forget_secrets() -> None:
    """Takes the settings that hold secrets out of this process's environment."""
    for name in ("SECRET_KEY", "DATABASE_URL"):
        os.environ.pop(PREFIX + name, None)


def _warm() -> Train:
    """Imports torch and takes one step of training, so that a fork need not: 2.5 s become 10 ms.

    One thread: a process forked from one with several would wait for threads that it has not got.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    import torch

    from quizserver.runs.training import train

    torch.set_num_threads(1)
    # A step by hand: torch.optim would import torch's compiler, one more second and 60 MB.
    weights = torch.randn(2, 4, 4, requires_grad=True)
    loss = torch.bmm(torch.randn(2, 3, 4), weights).tanh().square().mean()
    (gradient,) = torch.autograd.grad(loss, weights)
    with torch.no_grad():
        weights.sub_(gradient, alpha=0.1)
    return train


class _Parts:
    """What each forked process opens for itself; each has its own copy of this."""

    def __init__(self, settings: Settings, train: Train, silence: float) -> None:
        self.settings = settings
        self.train = train
        self.silence = silence
        self.execution: Execution | None = None
        self._database: Database | None = None

    def store(self) -> RunStore:
        self._database = Database(store_url(self.settings), durable=False)
        return RunStore(self._database)

    def forget(self) -> None:
        """Closes every connection to the store; the next use opens one."""
        if self._database is not None:
            self._database.dispose()

    def execute(self, run_id: str) -> None:
        assert self.execution is not None
        self.execution(run_id)


class _Consumer(Worker):  # type: ignore[misc]
    """Takes one run after another; several of them are forked from the supervisor."""

    parts: _Parts
    supervisor: int
    _told_to_leave = False

    def initialize(self) -> None:
        limits.die_with(self.supervisor)
        signal.signal(signal.SIGTERM, self._leave)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the supervisor decides
        parts = self.parts
        parts.execution = Execution(
            parts.store(),
            parts.settings.content_folder,
            Bounds(parts.settings.run_seconds_max, parts.settings.run_memory_mb),
            parts.train,
            forget=self._forget,
            leaving=lambda: self._told_to_leave or self.stop_flag.is_set(),
        )

    def loop(self, now: Any = None) -> None:
        if self._told_to_leave:
            raise WorkerRecycle
        super().loop(now)

    def _forget(self) -> None:
        self.parts.forget()
        self.huey.storage.close()

    def _leave(self, _number: int, _frame: FrameType | None) -> None:
        self._told_to_leave = True


class _Scheduler(Scheduler):  # type: ignore[misc]
    """huey's scheduler has nothing to schedule here; its process looks for lost runs instead."""

    parts: _Parts
    supervisor: int
    _reaper: Reaper | None = None

    def initialize(self) -> None:
        limits.die_with(self.supervisor)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        settings = self.parts.settings
        self._reaper = Reaper(
            self.parts.store(),
            Queue(queue_url(settings)),
            kept_mb=settings.runs_kept_mb,
            silence=self.parts.silence,
        )

    def loop(self, now: Any = None) -> None:
        assert self._reaper is not None
        try:
            self._reaper()
        except Exception:
            log.exception("looking for lost runs failed; the next look is in a second")
        self.stop_flag.wait(self.interval)


class _Supervisor(Consumer):  # type: ignore[misc]
    """huey's consumer: forks the others, replaces those that die, stops them all."""

    def __init__(self, settings: Settings, train: Train, silence: float) -> None:
        self._parts = _Parts(settings, train, silence)
        self._queue = Queue(queue_url(settings), self._parts.execute)
        super().__init__(
            self._queue.huey,
            workers=settings.worker_count,
            periodic=False,
            initial_delay=POLL,
            backoff=1.0,
            max_delay=POLL,
            worker_type="process",
            health_check_interval=0.5,
            shutdown_timeout=STOP,
        )
        # Both signals let the consumers leave in order: each gives its run back within a tick.
        self._signal_actions = {signal.SIGINT: (False, True), signal.SIGTERM: (False, True)}

    def end(self) -> None:
        """Kills whoever did not leave in time."""
        for process in [self.scheduler, *(process for _, process in self.worker_threads)]:
            if process.is_alive():
                process.kill()
                process.join()

    def _create_worker(self) -> _Consumer:
        consumer = _Consumer(
            huey=self.huey,
            stop_flag=self.stop_flag,
            default_delay=self.default_delay,
            max_delay=self.max_delay,
            backoff=self.backoff,
            max_tasks=None,
        )
        consumer.parts, consumer.supervisor = self._parts, os.getpid()
        return consumer

    def _create_scheduler(self) -> _Scheduler:
        scheduler = _Scheduler(self.huey, self.stop_flag, self.scheduler_interval, False)
        scheduler.parts, scheduler.supervisor = self._parts, os.getpid()
        return scheduler


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    work(load(os.environ))
