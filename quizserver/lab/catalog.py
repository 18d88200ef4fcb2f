"""Loads simulation files, and describes them without importing torch in this process.

A description is looked up in this order: in memory under the file's fingerprint; where the app says
that it may be recorded; else a child process imports the file.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import subprocess
import sys
import threading
import time
import traceback
import types
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from quizserver.lab.description_json import description_from_json
from quizserver.lab.fingerprint import ENGINE_VERSION, file_fingerprint, text_fingerprint
from quizserver.lab.model import Description, SimulationError
from quizserver.lab.simulation import Simulation

__all__ = ["ENGINE_VERSION", "SimulationCatalog", "file_fingerprint", "load"]

DescriptionOutcome = Description | SimulationError
RecordedLookup = Callable[[Path, str], Description | None]


def load(path: Path) -> Simulation:
    """Imports the file and returns its ``simulation``: for workers and the command line only.

    Raises ``SimulationError`` with the line of the file when it cannot be imported or defines none.
    """
    path = path.resolve()
    name = f"_simulation_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
    module = types.ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # dataclasses and pickling look a module up by its name
    try:
        # not through the import system: its cached bytecode could be older than the text
        text = path.read_text(encoding="utf-8")
        exec(compile(text, str(path), "exec", dont_inherit=True), module.__dict__)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise _import_error(error, path) from error
    simulation = getattr(module, "simulation", None)
    if not isinstance(simulation, Simulation):
        raise SimulationError("the file defines no `simulation = Simulation(…)`")
    if not simulation.has_train:
        raise SimulationError("no function is decorated with @simulation.train")
    simulation.fingerprint = text_fingerprint(text)
    if not simulation.summary:
        simulation.summary = _first_paragraph(module.__doc__)
    return simulation


class SimulationCatalog:
    """Descriptions of simulation files; safe to use from several threads.

    ``recorded(path, fingerprint)`` returns a description that needs no child process (such as that
    in the evidence), or None. A file that fails is read again when its text changes, or after
    ``retry`` seconds: the cause may have been outside of it. ``timeout`` (seconds) bounds a child.
    """

    def __init__(
        self,
        *,
        recorded: RecordedLookup | None = None,
        timeout: float = 60.0,
        retry: float = 300.0,
    ) -> None:
        self._recorded = recorded or _nothing_recorded
        self._timeout = timeout
        self._retry = retry
        self._outcomes: dict[str, DescriptionOutcome] = {}
        self._retry_at: dict[str, float] = {}
        self._lock = threading.Lock()
        self._child_lock = threading.Lock()
        self._being_read: set[str] = set()

    def describe(self, path: Path) -> Description:
        """The file's description; raises ``SimulationError`` (with a line where known)."""
        outcome = self.describe_many([path])[path]
        if isinstance(outcome, SimulationError):
            raise SimulationError(outcome.message, outcome.line)
        return outcome

    def describe_if_ready(self, path: Path) -> Description | None:
        """The file's description, at once; None while it is being read in the background.

        For pages, which must not wait for a slow file. Raises ``SimulationError`` as ``describe``
        does.
        """
        try:
            digest = file_fingerprint(path)
        except (OSError, UnicodeDecodeError) as error:
            raise SimulationError(f"cannot be read: {error}") from None
        if self._unknown_paths({path: digest}):
            description = self._recorded(path, digest)
            if description is not None:
                self._remember_outcome(digest, description)
            else:
                self._read_in_background(path, digest)
        with self._lock:
            outcome = self._outcomes.get(digest)
        if isinstance(outcome, SimulationError):
            raise SimulationError(outcome.message, outcome.line)
        return outcome

    def _read_in_background(self, path: Path, digest: str) -> None:
        """Reads one file in a thread and a child of its own: one that hangs holds up no other."""
        with self._lock:
            if digest in self._being_read:
                return
            self._being_read.add(digest)

        def read_file() -> None:
            try:
                self._remember_outcome(digest, _ask_child([path], self._timeout)[path])
            finally:
                with self._lock:
                    self._being_read.discard(digest)

        threading.Thread(target=read_file, name="catalog", daemon=True).start()

    def describe_many(self, paths: Iterable[Path]) -> dict[Path, DescriptionOutcome]:
        """The outcome for each file; one child process reads all that were not read before."""
        outcomes: dict[Path, DescriptionOutcome] = {}
        digests: dict[Path, str] = {}
        for path in paths:
            try:
                digests[path] = file_fingerprint(path)
            except (OSError, UnicodeDecodeError) as error:
                outcomes[path] = SimulationError(f"cannot be read: {error}")
        for path in self._unknown_paths(digests):
            description = self._recorded(path, digests[path])
            if description is not None:
                self._remember_outcome(digests[path], description)
        if self._unknown_paths(digests):
            # one child at a time; another thread's may have read the same files meanwhile
            with self._child_lock:
                unknown = self._unknown_paths(digests)
                if unknown:
                    for path, outcome in _ask_child(unknown, self._timeout).items():
                        self._remember_outcome(digests[path], outcome)
        with self._lock:
            outcomes.update({path: self._outcomes[digest] for path, digest in digests.items()})
        return outcomes

    def _unknown_paths(self, digests: Mapping[Path, str]) -> list[Path]:
        now = time.monotonic()
        with self._lock:
            return [
                path
                for path, digest in digests.items()
                if digest not in self._outcomes or self._retry_at.get(digest, math.inf) <= now
            ]

    def _remember_outcome(self, digest: str, outcome: DescriptionOutcome) -> None:
        with self._lock:
            self._outcomes[digest] = outcome
            if isinstance(outcome, SimulationError):
                self._retry_at[digest] = time.monotonic() + self._retry
            else:
                self._retry_at.pop(digest, None)


def _nothing_recorded(_path: Path, _digest: str) -> None:
    return None


def _ask_child(paths: list[Path], timeout: float) -> dict[Path, DescriptionOutcome]:
    command = [sys.executable, "-m", "quizserver.lab.describe_files", *map(str, paths)]
    package = str(Path(__file__).resolve().parents[2])
    search = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    # a simulation must not see the server's settings, its secret key among them
    environment = {k: v for k, v in os.environ.items() if not k.startswith("QUIZSERVER_")}
    try:
        completed = subprocess.run(
            command,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            timeout=timeout,
            env={**environment, "PYTHONPATH": search},
            check=False,
        )
    except subprocess.TimeoutExpired:
        too_slow = SimulationError(
            f"importing it took longer than {timeout:g} s: do the work inside train, not at import"
        )
        if len(paths) == 1:
            return {paths[0]: too_slow}
        # one file hangs: each is read alone, so that the others get their descriptions
        return {path: _ask_child([path], timeout)[path] for path in paths}
    try:
        answers = json.loads(completed.stdout)
        return {path: _parse_answer(answer) for path, answer in zip(paths, answers, strict=True)}
    except ValueError:
        if len(paths) > 1:
            return {path: _ask_child([path], timeout)[path] for path in paths}
        last = (completed.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        return {paths[0]: SimulationError(f"the process that read it died: {last}")}


def _parse_answer(answer: Mapping[str, Any]) -> DescriptionOutcome:
    if "error" in answer:
        return SimulationError(answer["error"], answer["line"])
    return description_from_json(answer["description"])


def _import_error(error: BaseException, path: Path) -> SimulationError:
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    line = lines[-1] if lines else None
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return SimulationError(f"SyntaxError: {error.msg}", error.lineno)
    if isinstance(error, SimulationError):
        return SimulationError(error.message, error.line or line)
    if isinstance(error, OSError | UnicodeDecodeError) and line is None:
        return SimulationError(f"cannot be read: {error}")
    return SimulationError(f"{type(error).__name__}: {error}", line)


def _first_paragraph(text: str | None) -> str:
    return " ".join((text or "").strip().split("\n\n")[0].split())
