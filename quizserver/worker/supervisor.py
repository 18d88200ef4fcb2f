"""The processes of a worker: a supervisor, its consumers, and a scheduler that runs the reaper.

All are forked from one process that has imported torch already (``worker/main.py``). A process that
dies takes its children along (``limits.die_with_parent``), a dead consumer is replaced, and a run
that lost its worker is sent to another one.

huey must be 3.5.4 or newer (the bound in pyproject.toml). ``shutdown_timeout``, and workers and
schedulers that are constructed with a stop flag, came with 3.4.0. But up to 3.5.3 the stop flag was
multiprocessing's event, which blocks for ever when a process was killed while it waited for it:
with 3.4.0 a SIGTERM to the whole process group left a supervisor that never ended.
"""

from __future__ import annotations

import logging
import os
import signal
from types import FrameType
from typing import Any

from huey.consumer import Consumer, Scheduler, Worker, WorkerRecycle

from quizserver.confined import limits
from quizserver.db.computed import computed_database
from quizserver.db.session import Database
from quizserver.machine import this_machine
from quizserver.runs.outage import Outage
from quizserver.runs.queue import RunQueue
from quizserver.runs.store import RunStore
from quizserver.runs.workers_store import WorkerStore
from quizserver.settings import Settings
from quizserver.worker.execution import Execution, RunBounds
from quizserver.worker.held_files import WorkerStatements
from quizserver.worker.process import TrainFunction
from quizserver.worker.reaper import Reaper

log = logging.getLogger(__name__)

POLL = 0.02  # seconds between reads of an empty queue
TROUBLE = 1.0  # seconds between reads of a queue that can't be used
STOP = 1.5  # seconds that consumers have to leave when asked


class _WorkerContext:
    """What each forked process opens for itself; each process has its own copy."""

    def __init__(self, settings: Settings, train_function: TrainFunction, silence: float) -> None:
        self.settings = settings
        self.train_function = train_function
        self.silence = silence
        self.queue = RunQueue(settings.broker_url)
        self._database: Database | None = None

    def open_stores(self) -> tuple[RunStore, WorkerStore]:
        self._database = computed_database(self.settings.store_url)
        return RunStore(self._database), WorkerStore(self._database)

    def close_connections(self) -> None:
        """Closes every connection to the store and the queue; the next use opens one."""
        if self._database is not None:
            self._database.dispose()
        self.queue.close()


class _Consumer(Worker):  # type: ignore[misc]
    """Executes one run after another; several of them are forked from the supervisor."""

    context: _WorkerContext
    supervisor: int
    _leave_requested = False
    _outage: Outage
    _execution: Execution

    def initialize(self) -> None:
        limits.die_with_parent(self.supervisor)
        signal.signal(signal.SIGTERM, self._request_leave)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the supervisor decides
        self._outage = Outage(log, "The queue or the store of runs can't be used")
        context, settings = self.context, self.context.settings
        store, workers = context.open_stores()
        self._execution = Execution(
            store,
            context.queue,
            settings.content,
            RunBounds(
                memory_mb=settings.run_memory_mb,
                curve_seconds=settings.run_seconds_max,
                map_seconds=settings.map_seconds_max,
                verification_seconds=settings.verify_seconds_max,
            ),
            context.train_function,
            close_connections=context.close_connections,
            is_leaving=lambda: self._leave_requested or self.stop_flag.is_set(),
            is_held=workers.is_held,
        )

    def loop(self, now: Any = None) -> None:
        """Receives a message, claims its run and executes it. An outage of the queue or the store
        is logged when it begins, and when it is over."""
        if self._leave_requested:
            raise WorkerRecycle
        try:
            run_id = self.context.queue.receive_run()
            run = None if run_id is None else self._execution.claim_offered(run_id)
            self._outage.log_recovery()
            if run is not None:
                self._execution.execute_run(run)
            elif run_id is None and not self.huey.storage.blocking:
                self.sleep()
        except Exception as error:
            self._outage.log_failure(error)
            self.stop_flag.wait(TROUBLE)

    def _request_leave(self, _number: int, _frame: FrameType | None) -> None:
        self._leave_requested = True


class _Scheduler(Scheduler):  # type: ignore[misc]
    """huey's scheduler has nothing to schedule here; its process runs the reaper instead."""

    context: _WorkerContext
    supervisor: int
    _reaper: Reaper | None = None
    _statements: WorkerStatements | None = None
    _outage: Outage

    def initialize(self) -> None:
        limits.die_with_parent(self.supervisor)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self._outage = Outage(log, "Looking for lost runs failed")
        settings = self.context.settings
        store, workers = self.context.open_stores()
        self._statements = WorkerStatements(workers, settings.content, this_machine(settings.data))
        self._reaper = Reaper(
            store,
            self.context.queue,
            size_max_mb=settings.runs_kept_mb,
            silence=self.context.silence,
        )

    def loop(self, now: Any = None) -> None:
        assert self._reaper is not None
        assert self._statements is not None
        try:
            self._statements.run_once()
            self._reaper.run_once()
            self._outage.log_recovery()
        except Exception as error:
            self._outage.log_failure(error)
        self.stop_flag.wait(self.interval)


class Supervisor(Consumer):  # type: ignore[misc]
    """huey's consumer: forks the other processes, replaces those that die, stops them all."""

    def __init__(self, settings: Settings, train_function: TrainFunction, silence: float) -> None:
        self._context = _WorkerContext(settings, train_function, silence)
        super().__init__(
            self._context.queue.huey,
            workers=settings.worker_count,
            periodic=False,
            initial_delay=POLL,
            backoff=1.0,
            max_delay=POLL,
            worker_type="process",
            health_check_interval=0.5,
            shutdown_timeout=STOP,
        )

    def start(self) -> None:
        """Forks the other processes. A hangup ends this one, where huey would restart it."""
        super().start()
        signal.signal(signal.SIGHUP, signal.SIG_DFL)

    def stop(self, graceful: bool = False) -> None:
        """Lets the consumers leave, each of which releases its run within a tick: on SIGTERM too,
        where huey would stop without waiting for them."""
        super().stop(graceful=True)

    def kill_remaining(self) -> None:
        """Kills the processes that did not leave in time."""
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
