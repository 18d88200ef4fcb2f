"""What a worker holds: the simulations in its content folder, as it tells the others."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path

from quizserver import __version__
from quizserver.file_signatures import SavedFileCache
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


class HeldSimulations:
    """The simulations in a content folder; a file is read again only when it was saved."""

    def __init__(self, content: Path) -> None:
        self._content = content
        self._known: SavedFileCache[str] = SavedFileCache()

    def fingerprints(self) -> dict[str, str]:
        """The fingerprint of each simulation, by path; none when the folder can't be read."""
        try:
            signatures = list_folder(self._content).files
        except OSError:
            return {}
        simulations = {path: at for path, at in signatures.items() if is_simulation(path)}
        return self._known.values(simulations, self._fingerprint)

    def _fingerprint(self, path: str) -> str | None:
        try:
            return file_fingerprint(self._content / path)
        except (OSError, UnicodeDecodeError):  # nobody can train it
            return None


class WorkerStatements:
    """States one worker in the store of runs. ``run_once`` may be called as often as one likes.

    One that can't train (``can_train``) is stated as holding nothing: runs go to the others.
    """

    def __init__(
        self,
        store: WorkerStore,
        content: Path,
        machine: Machine,
        *,
        can_train: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._held = HeldSimulations(content)
        self._can_train = can_train
        self._machine = machine
        self._clock = clock
        self._id = secrets.token_hex(16)
        self._stated_at = float("-inf")
        self._stated_files: dict[str, str] | None = None

    def run_once(self) -> None:
        """States the worker if that is due. Raises what the database raises."""
        if self._clock() - self._stated_at < STATE_EVERY:
            return
        files = self._held.fingerprints() if self._can_train else {}
        self._store.state_worker(
            self._id,
            self._machine,
            __version__,
            files,
            are_stated=files == self._stated_files,
        )
        self._stated_files, self._stated_at = files, self._clock()
