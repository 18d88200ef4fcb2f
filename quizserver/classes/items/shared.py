"""Long work that several requests ask for: done once, for all of them, while they may wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Generic, TypeVar

from quizserver.classes.items.reading import Told

T = TypeVar("T")

OWED = 30.0
"""Seconds for which a result waits for those who were told to come back for it."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not yet: ``done`` of it is, from 0 to 1. Ask again in a second."""

    done: float


class _Job(Generic[T]):
    def __init__(self) -> None:
        self.future: Future[T] = Future()
        self.done = 0.0
        self.began = self.ended = float("inf")
        self.owed = 0
        """How many were told to come back."""

    def run(self, work: Callable[[Told], T]) -> None:
        self.began = time.monotonic()
        try:
            result = work(self._tell)
        except BaseException as error:
            self.ended = time.monotonic()
            self.future.set_exception(error)
        else:
            self.ended = time.monotonic()
            self.future.set_result(result)

    def _tell(self, done: float) -> None:
        self.done = done


class Shared(Generic[T]):
    """Does work under keys, beside the requests in ``threads``; one piece of each key at a time."""

    def __init__(self, threads: Executor) -> None:
        self._jobs: dict[Hashable, _Job[T]] = {}
        self._lock = threading.Lock()
        self._threads = threads

    def ask(self, key: Hashable, work: Callable[[Told], T], patience: float | None) -> T | Waiting:
        """What ``work``, begun after this was called, returns; Waiting after ``patience`` seconds.

        None waits for as long as it takes. Who was told to wait, and asks again, gets what was
        begun for them. Raises what ``work`` raises.
        """
        asked = time.monotonic()
        while True:
            job, new = self._job(key, asked)
            if new and patience is None:
                job.run(work)  # here: who waits anyway needs no thread, and no place in its queue
            elif new:
                self._threads.submit(job.run, work)
            left = None if patience is None else max(0.0, asked + patience - time.monotonic())
            try:
                job.future.exception(left)
            except TimeoutError:
                with self._lock:
                    if not job.future.done():
                        job.owed += 1
                        return Waiting(job.done)
            if self._take(key, job, asked):
                return job.future.result()

    def _job(self, key: Hashable, now: float) -> tuple[_Job[T], bool]:
        """The work of this key, on its way or done for somebody, else new; and whether it is."""
        with self._lock:
            job = self._jobs.get(key)
            if job is not None and now - job.ended <= OWED:
                return job, False
            job = self._jobs[key] = _Job()
            return job, True

    def _take(self, key: Hashable, job: _Job[T], asked: float) -> bool:
        """Whether a finished job is for who asked then; it goes when nobody else waits for it."""
        with self._lock:
            mine = job.began >= asked or job.owed > 0
            job.owed = max(0, job.owed - 1)
            if not job.owed and self._jobs.get(key) is job:
                del self._jobs[key]
            return mine
