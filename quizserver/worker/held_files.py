"""What a worker holds: the simulations in its content folder, as it tells the others."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path

from quizserver import __version__
from quizserver.lab.fingerprint import file_fingerprint
from quizserver.machine import Machine
from quizserver.runs.requests import RunRequest
from quizserver.runs.workers_store import WorkerStore
from quizserver.topics.folder import is_simulation, list_folder

STATE_EVERY = 5.0
"""Seconds between two statements of a worker."""


def holds_files(content: Path, request: RunRequest) -> bool:
    """Whether the simulations that a request needs are in the folder as it needs them."""
    try:
        return all(
            file_fingerprint(content / path) == fingerprint
            for path, fingerprint in request.files.items()
        )
    except (OSError, UnicodeDecodeError):
        return False


def held_simulations(content: Path) -> dict[str, str]:
    """The fingerprint of each simulation in the folder, by path; none when it can't be read."""
    files: dict[str, str] = {}
    try:
        paths = [path for path in list_folder(content).files if is_simulation(path)]
    except OSError:
        return files
    for path in paths:
        try:
            files[path] = file_fingerprint(content / path)
        except (OSError, UnicodeDecodeError):  # nobody can train it
            continue
    return files


class WorkerStatements:
    """States one worker in the store of runs. ``run_once`` may be called as often as one likes."""

    def __init__(
        self,
        store: WorkerStore,
        content: Path,
        machine: Machine,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._content = content
        self._machine = machine
        self._clock = clock
        self._id = secrets.token_hex(16)
        self._stated_at = float("-inf")
        self._stated_files: dict[str, str] | None = None

    def run_once(self) -> None:
        """States the worker if that is due. Raises what the database raises."""
        if self._clock() - self._stated_at < STATE_EVERY:
            return
        files = held_simulations(self._content)
        is_known = files == self._stated_files and self._store.has_row(self._id)
        self._store.state_worker(self._id, self._machine, __version__, None if is_known else files)
        self._stated_files, self._stated_at = files, self._clock()
