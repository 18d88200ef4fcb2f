"""Runs long work once for all requests that need its result, while they wait or come back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
ReportProgress = Callable[[float], None]
"""Gets the part of the work that is done, from 0 to 1."""

KEEP_SECONDS = 30.0
"""Time for which a result is kept for the callers that got ``StillRunning``."""


@dataclass(frozen=True, slots=True)
class StillRunning:
    """There is no result yet; ``progress`` is from 0 to 1. Call again in a second."""

    progress: float


class _SharedJob(Generic[T]):
    def __init__(self) -> None:
        self.future: Future[T] = Future()
        self.progress = 0.0
        self.started_at = self.ended_at = float("inf")
        self.waiters = 0
        """Number of callers that got ``StillRunning``."""

    def run_work(self, work: Callable[[ReportProgress], T]) -> None:
        self.started_at = time.monotonic()
        try:
            result = work(self._set_progress)
        except BaseException as error:
            self.ended_at = time.monotonic()
            self.future.set_exception(error)
        else:
            self.ended_at = time.monotonic()
            self.future.set_result(result)

    def _set_progress(self, progress: float) -> None:
        self.progress = progress


class SingleFlight(Generic[T]):
    """Runs work by key, in ``threads``: at most one piece of work for each key at a time."""

    def __init__(self, threads: Executor) -> None:
        self._jobs: dict[Hashable, _SharedJob[T]] = {}
        self._lock = threading.Lock()
        self._threads = threads

    def run_or_wait(
        self, key: Hashable, work: Callable[[ReportProgress], T], patience: float | None
    ) -> T | StillRunning:
        """The result of ``work``, started after this call; StillRunning after ``patience`` seconds.

        With None it waits for as long as it takes. A caller that got StillRunning, and calls again,
        gets the result of the work that was started for it. Raises what ``work`` raises.
        """
        called_at = time.monotonic()
        while True:
            job, is_new = self._find_or_create_job(key, called_at)
            if is_new and patience is None:
                job.run_work(work)  # in this thread, which has to wait anyway
            elif is_new:
                self._threads.submit(job.run_work, work)
            remaining = None
            if patience is not None:
                remaining = max(0.0, called_at + patience - time.monotonic())
            try:
                job.future.exception(remaining)
            except TimeoutError:
                with self._lock:
                    if not job.future.done():
                        job.waiters += 1
                        return StillRunning(job.progress)
            if self._collect_job(key, job, called_at):
                return job.future.result()

    def _find_or_create_job(self, key: Hashable, now: float) -> tuple[_SharedJob[T], bool]:
        """The job of this key, running or kept, else a new one; and whether it is new."""
        with self._lock:
            job = self._jobs.get(key)
            if job is not None and now - job.ended_at <= KEEP_SECONDS:
                return job, False
            job = self._jobs[key] = _SharedJob()
            return job, True

    def _collect_job(self, key: Hashable, job: _SharedJob[T], called_at: float) -> bool:
        """Whether a finished job serves this call; it is dropped when nobody else waits for it."""
        with self._lock:
            is_for_caller = job.started_at >= called_at or job.waiters > 0
            job.waiters = max(0, job.waiters - 1)
            if not job.waiters and self._jobs.get(key) is job:
                del self._jobs[key]
            return is_for_caller
