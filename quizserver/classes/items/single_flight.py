"""Long work that several requests ask for: done once, for all of them, while they may wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Generic, TypeVar

from quizserver.classes.items.loader import ReportProgress

T = TypeVar("T")

KEEP_SECONDS = 30.0
"""Seconds for which a result waits for those who were told to come back for it."""


@dataclass(frozen=True, slots=True)
class StillRunning:
    """Not yet: ``done`` of it is, from 0 to 1. Ask again in a second."""

    progress: float


class _SharedJob(Generic[T]):
    def __init__(self) -> None:
        self.future: Future[T] = Future()
        self.progress = 0.0
        self.started_at = self.ended_at = float("inf")
        self.waiters = 0
        """How many were told to come back."""

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
    """Does work under keys, beside the requests in ``threads``; one piece of each key at a time."""

    def __init__(self, threads: Executor) -> None:
        self._jobs: dict[Hashable, _SharedJob[T]] = {}
        self._lock = threading.Lock()
        self._threads = threads

    def run_or_wait(
        self, key: Hashable, work: Callable[[ReportProgress], T], patience: float | None
    ) -> T | StillRunning:
        """What ``work``, begun after this was called, returns; Waiting after ``patience`` seconds.

        None waits for as long as it takes. Who was told to wait, and asks again, gets what was
        begun for them. Raises what ``work`` raises.
        """
        asked_at = time.monotonic()
        while True:
            job, is_new = self._find_or_create_job(key, asked_at)
            if is_new and patience is None:
                job.run_work(
                    work
                )  # here: who waits anyway needs no thread, and no place in its queue
            elif is_new:
                self._threads.submit(job.run_work, work)
            remaining = (
                None if patience is None else max(0.0, asked_at + patience - time.monotonic())
            )
            try:
                job.future.exception(remaining)
            except TimeoutError:
                with self._lock:
                    if not job.future.done():
                        job.waiters += 1
                        return StillRunning(job.progress)
            if self._collect_job(key, job, asked_at):
                return job.future.result()

    def _find_or_create_job(self, key: Hashable, now: float) -> tuple[_SharedJob[T], bool]:
        """The work of this key, on its way or done for somebody, else new; and whether it is."""
        with self._lock:
            job = self._jobs.get(key)
            if job is not None and now - job.ended_at <= KEEP_SECONDS:
                return job, False
            job = self._jobs[key] = _SharedJob()
            return job, True

    def _collect_job(self, key: Hashable, job: _SharedJob[T], asked_at: float) -> bool:
        """Whether a finished job is for who asked then; it goes when nobody else waits for it."""
        with self._lock:
            is_for_caller = job.started_at >= asked_at or job.waiters > 0
            job.waiters = max(0, job.waiters - 1)
            if not job.waiters and self._jobs.get(key) is job:
                del self._jobs[key]
            return is_for_caller
