"""A real worker process that trains fakes, with the store and the queue that it works on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from quizserver.db.computed import open_computed
from quizserver.runs.model import Run, RunRequest
from quizserver.runs.queue import RunQueue
from quizserver.runs.store import RunStore
from quizserver.settings import Settings

WAIT = 60.0  # seconds that a busy machine may take; nothing here measures speed
CHECKOUT = Path(__file__).parents[2]


class Farm:
    """``real`` trains with the lab what ``data`` holds as content; else the fakes are trained."""

    def __init__(
        self,
        data: Path,
        *,
        seconds: float = 20,
        map_seconds: float = 20,
        memory_mb: int = 512,
        silence: float = 3,
        real: bool = False,
        database_url: str = "",
        queue_url: str = "",
    ) -> None:
        settings = Settings(
            data=data,
            database_url=database_url,
            queue_url=queue_url,
            content=data,
            workers=2,
            run_seconds_max=seconds,
            map_seconds_max=map_seconds,
            run_memory_mb=memory_mb,
            secret_key="hidden",
        )
        self._environment = os.environ | settings.to_environment() | {"MY_TOKEN": "hidden"}
        fake = ["tests.runs.fakes", str(silence)]
        self._command = [sys.executable, "-m", *(["quizserver.worker.main"] if real else fake)]
        self._database = open_computed(settings.store_url)
        self.store = RunStore(self._database)
        self.queue = RunQueue(settings.broker_url)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            self._command,
            cwd=CHECKOUT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def close(self) -> None:
        """Kills the worker, when it still lives, and closes the databases."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.queue.close()
        self._database.dispose()

    def ask(self, order: RunRequest, visitor: str = "ann") -> str:
        asked = self.store.submit(order, visitor, time.time(), waiting_max=99, per_visitor=99)
        if asked.how == "new":
            self.queue.put(asked.run.id)
        return asked.run.id

    def get(self, run_id: str) -> Run:
        run = self.store.get_run(run_id)
        assert run is not None
        return run

    def ended(self, run_id: str) -> Run:
        """The run, once it has ended."""
        until(lambda: not self.get(run_id).active, f"run {run_id} did not end")
        return self.get(run_id)

    def trainer(self) -> tuple[int, int]:
        """(consumer, training process) of the one run that is being trained."""
        assert self.process is not None
        found: list[tuple[int, int]] = []

        def look() -> bool:
            assert self.process is not None
            parents = _parents()
            found[:] = [
                (parent, pid)
                for pid, parent in parents.items()
                if parents.get(parent) == self.process.pid
            ]
            return len(found) == 1

        until(look, "no run is being trained")
        return found[0]

    def family(self) -> set[int]:
        """The worker and every process below it."""
        assert self.process is not None
        parents = _parents()
        found = {self.process.pid}
        while below := {p for p, parent in parents.items() if parent in found} - found:
            found |= below
        return found


def until(condition: Callable[[], bool], message: str) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, message
        time.sleep(0.01)


def alive(pids: set[int]) -> set[int]:
    """Those of the processes that still run (a zombie does not)."""
    return pids & set(_parents())


def _parents() -> dict[int, int]:
    """The parent of every process that runs."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):
                state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
                if state != "Z":
                    parents[int(folder.name)] = int(parent)
    return parents
