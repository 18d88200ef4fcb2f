"""The processes of a worker: a supervisor, its consumers, and a scheduler that looks for lost runs.

Everything here is forked from one process that has imported torch already (see ``worker``). Whoever
dies takes everything below it along (``limits.die_with``), a dead consumer is replaced, and a run
that lost its worker is given to another one.
"""

from __future__ import annotations

import logging
import os
import signal
from types import FrameType
from typing import Any

from huey.consumer import Consumer, Scheduler, Worker, WorkerRecycle

from quizserver.db.computed import computed_database
from quizserver.db.session import Database
from quizserver.runs.outage import Outage
from quizserver.runs.queue import RunQueue
from quizserver.runs.store import RunStore
from quizserver.settings import Settings
from quizserver.worker import limits
from quizserver.worker.execution import Execution, RunBounds
from quizserver.worker.process import TrainFunction
from quizserver.worker.reaper import Reaper

log = logging.getLogger(__name__)

POLL = 0.02  # seconds between looks into an empty queue
TROUBLE = 1.0  # seconds between looks into a queue that can't be used
STOP = 1.5  # seconds that consumers have to leave when asked


class _WorkerContext:
    """What each forked process opens for itself; each has its own copy of this."""

    def __init__(self, settings: Settings, train_function: TrainFunction, silence: float) -> None:
        self.settings = settings
        self.train = train_function
        self.silence = silence
        self.execution: Execution | None = None
        self._database: Database | None = None

    def open_store(self) -> RunStore:
        self._database = computed_database(self.settings.store_url)
        return RunStore(self._database)

    def close_connections(self) -> None:
        """Closes every connection to the store; the next use opens one."""
        if self._database is not None:
            self._database.dispose()

    def execute_run(self, run_id: str) -> None:
        assert self.execution is not None
        self.execution(run_id)


class _Consumer(Worker):  # type: ignore[misc]
    """Takes one run after another; several of them are forked from the supervisor."""

    context: _WorkerContext
    supervisor: int
    _leave_requested = False
    _outage: Outage

    def initialize(self) -> None:
        limits.die_with_parent(self.supervisor)
        signal.signal(signal.SIGTERM, self._request_leave)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the supervisor decides
        self._outage = Outage(log, "The queue or the store of runs can't be used")
        context = self.context
        context.execution = Execution(
            context.open_store(),
            context.settings.content,
            RunBounds(
                context.settings.run_seconds_max,
                context.settings.run_memory_mb,
                context.settings.map_seconds_max,
                context.settings.verify_seconds_max,
            ),
            context.train,
            close_connections=self._close_connections,
            is_leaving=lambda: self._leave_requested or self.stop_flag.is_set(),
        )

    def loop(self, now: Any = None) -> None:
        """Takes a message and does what it says. What lies outside (a database that is gone) makes
        a line in the log when it begins, and another when it is over."""
        if self._leave_requested:
            raise WorkerRecycle
        try:
            task = self.huey.dequeue()
            self._outage.log_recovery()
            if task is not None:
                self.huey.execute(task, now)
            elif not self.huey.storage.blocking:
                self.sleep()
        except Exception as error:
            self._outage.log_failure(error)
            self.stop_flag.wait(TROUBLE)

    def _close_connections(self) -> None:
        self.context.close_connections()
        self.huey.storage.close()

    def _request_leave(self, _number: int, _frame: FrameType | None) -> None:
        self._leave_requested = True


class _Scheduler(Scheduler):  # type: ignore[misc]
    """huey's scheduler has nothing to schedule here; its process looks for lost runs instead."""

    context: _WorkerContext
    supervisor: int
    _reaper: Reaper | None = None
    _outage: Outage

    def initialize(self) -> None:
        limits.die_with_parent(self.supervisor)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self._outage = Outage(log, "Looking for lost runs failed")
        settings = self.context.settings
        self._reaper = Reaper(
            self.context.open_store(),
            RunQueue(settings.broker_url),
            size_max_mb=settings.runs_kept_mb,
            silence=self.context.silence,
        )

    def loop(self, now: Any = None) -> None:
        assert self._reaper is not None
        try:
            self._reaper()
            self._outage.log_recovery()
        except Exception as error:
            self._outage.log_failure(error)
        self.stop_flag.wait(self.interval)


class Supervisor(Consumer):  # type: ignore[misc]
    """huey's consumer: forks the others, replaces those that die, stops them all."""

    def __init__(self, settings: Settings, train_function: TrainFunction, silence: float) -> None:
        self._context = _WorkerContext(settings, train_function, silence)
        self._queue = RunQueue(settings.broker_url, self._context.execute_run)
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

    def kill_remaining(self) -> None:
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
        consumer.context, consumer.supervisor = self._context, os.getpid()
        return consumer

    def _create_scheduler(self) -> _Scheduler:
        scheduler = _Scheduler(self.huey, self.stop_flag, self.scheduler_interval, False)
        scheduler.context, scheduler.supervisor = self._context, os.getpid()
        return scheduler
