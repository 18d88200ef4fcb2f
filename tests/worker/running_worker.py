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
from quizserver.runs.model import Run
from quizserver.runs.queue import RunQueue
from quizserver.runs.requests import RunRequest
from quizserver.runs.store import RunStore
from quizserver.settings import Settings
from tests.runs.examples import write_simulation

WAIT = 60.0  # seconds that a busy machine may take; nothing here measures speed
CHECKOUT = Path(__file__).parents[2]


class RunningWorker:
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
        if not real:
            write_simulation(data)
        settings = Settings(
            data=data,
            database_url=database_url,
            queue_url=queue_url,
            content=data,
            workers=2,
            run_seconds_max=seconds,
            map_seconds_max=map_seconds,
            run_memory_mb=memory_mb,
            secret_key="hidden from whatever an author runs",
        )
        self._environment = os.environ | settings.to_environment() | {"MY_TOKEN": "hidden"}
        module = (
            ["quizserver.worker.main"] if real else ["tests.worker.fake_training", str(silence)]
        )
        self._command = [sys.executable, "-m", *module]
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
        """Kills the worker, when it is still alive, and closes the databases."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.queue.close()
        self._database.dispose()

    def submit(self, request: RunRequest, visitor: str = "ann") -> str:
        """The id of the request's run, which is sent to the worker when it is new."""
        submission = self.store.submit_request(
            request, visitor, time.time(), waiting_max=99, per_visitor=99
        )
        if submission.how == "new":
            self.queue.send_run(submission.run.id)
        return submission.run.id

    def get_run(self, run_id: str) -> Run:
        run = self.store.get_run(run_id)
        assert run is not None
        return run

    def wait_for_end(self, run_id: str) -> Run:
        """The run, once it has ended."""
        wait_until(lambda: not self.get_run(run_id).active, f"run {run_id} did not end")
        return self.get_run(run_id)

    def wait_for_training(self) -> tuple[int, int]:
        """(executor, training process) of the one run that is being trained."""
        assert self.process is not None
        dispatcher = self.process.pid
        pairs: list[tuple[int, int]] = []

        def has_one_training() -> bool:
            parents = _parent_ids()
            pairs[:] = [
                (parent, pid)
                for pid, parent in parents.items()
                if parents.get(parent) == dispatcher
            ]
            return len(pairs) == 1

        wait_until(has_one_training, "no run is being trained")
        return pairs[0]

    def process_ids(self) -> set[int]:
        """The worker and every process below it."""
        assert self.process is not None
        parents = _parent_ids()
        pids = {self.process.pid}
        while children := {pid for pid, parent in parents.items() if parent in pids} - pids:
            pids |= children
        return pids


def wait_until(condition: Callable[[], bool], message: str) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, message
        time.sleep(0.01)


def alive_ids(pids: set[int]) -> set[int]:
    """Those of the processes that still run (a zombie does not)."""
    return pids & set(_parent_ids())


def _parent_ids() -> dict[int, int]:
    """The parent of every process that runs."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):
                state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
                if state != "Z":
                    parents[int(folder.name)] = int(parent)
    return parents
