"""The one process of a worker at rest: it has imported torch, receives runs, and forks an executor
for each of them, as many at once as there are cores. Beside a run that takes long one more may
train that is short, so that nobody who turns a knob waits for somebody's map.

dispatcher (claims runs, uses the store; the reaper) ── executor (one run, uses the store)
                                                        └─ training process

A process that dies takes its children along (``limits.die_with_parent``). The dispatcher has one
thread and closes its connections before it forks, so that nothing of it is half done in a child.
"""

from __future__ import annotations

import gc
import logging
import os
import select
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType

from quizserver.confined import limits
from quizserver.db.computed import computed_database
from quizserver.machine import this_machine
from quizserver.runs.model import Run
from quizserver.runs.outage import Outage
from quizserver.runs.queue import RunQueue
from quizserver.runs.store import RunStore
from quizserver.runs.workers_store import WorkerStore
from quizserver.settings import Settings
from quizserver.worker.execution import LONG, Execution, RunBounds
from quizserver.worker.held_files import WorkerStatements
from quizserver.worker.library_pages import release_library_pages
from quizserver.worker.process import TrainFunction
from quizserver.worker.reaper import Reaper

log = logging.getLogger(__name__)

# Seconds between looks at the file of a queue: just after it changed, and while nothing tells when
# it changes.
POLL, BLIND_POLL = 0.02, 0.05
BESIDE_POLL = 0.05  # seconds between looks for short runs while every core has a long one
TROUBLE = 1.0  # seconds between reads of a queue that can't be used
REAP = 1.0  # seconds between looks for lost runs
STOP = 1.5  # seconds that executors have to leave when asked


class Dispatcher:
    """``run`` returns after a SIGTERM or SIGINT, when no process is left.

    One that can't train (``can_train``) takes no run, and looks for lost ones all the same.
    """

    def __init__(
        self,
        settings: Settings,
        train_function: TrainFunction,
        silence: float,
        *,
        can_train: bool = True,
    ) -> None:
        self._executors: dict[int, _Executor] = {}  # by process id
        self._executors_max = settings.worker_count
        self._is_stopping = False
        self._wakeup = _Wakeup()
        self._queue = RunQueue(settings.broker_url)
        self._database = computed_database(settings.store_url)
        self._store = RunStore(self._database)
        workers = WorkerStore(self._database)
        self._statements = WorkerStatements(
            workers, settings.content, this_machine(settings.data), can_train=can_train
        )
        self._reaper = Reaper(
            self._store, self._queue, size_max_mb=settings.runs_kept_mb, silence=silence
        )
        self._reap_at = time.monotonic()
        self._outage = Outage(log, "The queue or the store of runs can't be used")
        self._reaper_outage = Outage(log, "Looking for lost runs failed")
        self._execution = Execution(
            self._store,
            self._queue,
            settings.content,
            RunBounds(
                memory_mb=settings.run_memory_mb,
                curve_seconds=settings.run_seconds_max,
                map_seconds=settings.map_seconds_max,
                verification_seconds=settings.verify_seconds_max,
            ),
            train_function,
            close_connections=self._close_connections,
            is_leaving=lambda: self._is_stopping,
            is_held=workers.is_held,
            can_train=can_train,
        )

    def run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._request_stop)
        # Its own work at the end of a child is to wake this process.
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        # Objects that the collector does not touch stay in memory that executors share.
        gc.collect()
        gc.freeze()
        release_library_pages()
        watch = self._queue.watch
        if watch is not None:
            watch.open_events()
        try:
            while not self._is_stopping:
                self._collect_executors()
                self._look_for_lost_runs()
                self._dispatch_next()
        finally:
            self._stop_executors()

    def _request_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._is_stopping = True
        # At once, as this process may be waiting for a message.
        self._signal_executors(signal.SIGTERM)

    def _dispatch_next(self) -> None:
        """Receives a message, claims its run and forks its executor, or waits a little. An outage
        of the queue or the store is logged when it begins, and when it is over."""
        if len(self._executors) >= self._executors_max:
            if not self._start_beside_long():
                self._wakeup.wait(BESIDE_POLL)
            return
        try:
            run_id = self._queue.receive_run()
            run = None if run_id is None else self._execution.claim_offered(run_id)
            self._outage.log_recovery()
            if run is not None:
                self._start_executor(run)
        except Exception as error:
            self._outage.log_failure(error)
            self._wakeup.wait(TROUBLE)
            return
        watch = self._queue.watch
        if run_id is None and watch is not None:
            may_sleep = watch.is_settled and watch.events is not None
            blind_poll = BLIND_POLL if watch.is_settled else POLL
            self._wakeup.wait(REAP if may_sleep else blind_poll, watch.events)

    def _start_beside_long(self) -> bool:
        """Starts a short run that waits, if there is one, and fewer short ones train than there are
        cores. Whether it did."""
        long_since = time.monotonic() - LONG
        short_count = sum(e.started_at > long_since for e in self._executors.values())
        if short_count >= self._executors_max or len(self._executors) >= 2 * self._executors_max:
            return False
        try:
            run = self._execution.claim_short()
            self._outage.log_recovery()
            if run is not None:
                self._start_executor(run)
        except Exception as error:
            self._outage.log_failure(error)
            self._wakeup.wait(TROUBLE)
            return False
        return run is not None

    def _start_executor(self, run: Run) -> None:
        """Forks the process that trains a claimed run and stores its points."""
        self._close_connections()
        sys.stdout.flush()
        sys.stderr.flush()
        dispatcher_pid = os.getpid()
        try:
            pid = os.fork()
        except OSError:
            self._execution.release_run(run)
            raise
        if pid:
            self._executors[pid] = _Executor(run, time.monotonic())
            return
        # From here on nothing may return into the dispatcher's code, whatever happens.
        status = 1
        try:
            self._become_executor(dispatcher_pid)
            self._execution.execute_run(run)
            status = 0
        except Exception as error:
            Outage(log, f"Run {run.id} was given up").log_failure(error)
        finally:
            os._exit(status)

    def _become_executor(self, dispatcher_pid: int) -> None:
        # Ctrl-C reaches all; the dispatcher decides. Its handler of SIGTERM serves here as well.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._wakeup.close()
        if self._queue.watch is not None:
            self._queue.watch.close_events()
        self._executors.clear()
        limits.die_with_parent(dispatcher_pid)

    def _collect_executors(self) -> None:
        """Forgets the executors that have ended."""
        for pid, executor in list(self._executors.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                del self._executors[pid]
                if status:
                    code = os.waitstatus_to_exitcode(status)
                    log.warning("the executor of run %s ended with code %d", executor.run.id, code)

    def _look_for_lost_runs(self) -> None:
        now = time.monotonic()
        if now < self._reap_at:
            return
        self._reap_at = now + REAP
        try:
            self._statements.run_once()
            self._reaper.run_once()
            self._reaper_outage.log_recovery()
        except Exception as error:
            self._reaper_outage.log_failure(error)

    def _stop_executors(self) -> None:
        """Lets the executors leave, each of which releases its run within a tick, and kills those
        that do not, whose runs are released here."""
        self._signal_executors(signal.SIGTERM)
        deadline = time.monotonic() + STOP
        self._collect_executors()
        while self._executors and time.monotonic() < deadline:
            self._wakeup.wait(0.05)
            self._collect_executors()
        self._signal_executors(signal.SIGKILL)
        for pid, executor in self._executors.items():
            os.waitpid(pid, 0)
            try:
                self._execution.release_run(executor.run)
            except Exception as error:
                log.warning("run %s waits for the reaper: %s", executor.run.id, error)
        self._close_connections()

    def _signal_executors(self, number: signal.Signals) -> None:
        for pid in list(self._executors):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _close_connections(self) -> None:
        """Closes every connection to the store and the queue; the next use opens one."""
        self._database.dispose()
        self._queue.close()


@dataclass(frozen=True, slots=True)
class _Executor:
    """The process of a run; ``started_at`` by time.monotonic()."""

    run: Run
    started_at: float


class _Wakeup:
    """Waits until a signal comes, a descriptor can be read, or a time is over."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        for end in (self._reader, self._writer):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)

    def wait(self, seconds: float, descriptor: int | None = None) -> None:
        """``descriptor``, if there is one, is for the caller to read."""
        descriptors = [self._reader] if descriptor is None else [self._reader, descriptor]
        if self._reader in select.select(descriptors, [], [], seconds)[0]:
            with suppress(BlockingIOError):
                os.read(self._reader, 4096)

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        os.close(self._reader)
        os.close(self._writer)
