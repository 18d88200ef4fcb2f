"""Loads simulation files, and describes them without importing torch in this process.

A description is looked up in this order: in memory under the file's fingerprint; where the app says
that it may be recorded; else a child process imports the file.
"""

from __future__ import annotations

import hashlib
import logging
import math
import sys
import threading
import time
import traceback
import types
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from quizserver.confined.error_text import error_text, hide_folders, traceback_text
from quizserver.confined.limits import Limits
from quizserver.lab.file_reading import DescriptionOutcome, read_files
from quizserver.lab.fingerprint import (
    ENGINE_VERSION,
    file_fingerprint,
    read_simulation_text,
    text_fingerprint,
)
from quizserver.lab.model import Description, ReadingEndedError, SimulationError
from quizserver.lab.simulation import Simulation
from quizserver.server_log import detail
from quizserver.settings import Settings

__all__ = ["ENGINE_VERSION", "SimulationCatalog", "file_fingerprint", "load"]

log = logging.getLogger(__name__)

READING_SECONDS = 60.0
READERS_MAX = 2
"""Child processes that read files at once; further files wait, no page does."""

RecordedLookup = Callable[[Path, str], Description | None]


def reading_limits(settings: Settings) -> Limits:
    """The limits of reading one file: those of a run, and at most ``READING_SECONDS``."""
    return Limits(settings.run_memory_mb, min(READING_SECONDS, settings.run_seconds_max))


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
        text = read_simulation_text(path)
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
    in the evidence), or None. ``limits`` are those of reading one file (None: those of the default
    settings). A file whose reading was
    ended by them, or that ended its process, is read again only when its text changes; one that
    fails otherwise also after ``retry`` seconds, as the cause may have been outside of it.
    ``on_read`` is called, from any thread, after each file that a child process has read.
    """

    def __init__(
        self,
        *,
        recorded: RecordedLookup | None = None,
        limits: Limits | None = None,
        retry: float = 300.0,
        on_read: Callable[[], None] = lambda: None,
    ) -> None:
        self._recorded = recorded or _nothing_recorded
        self._limits = limits or reading_limits(Settings())
        self._retry = retry
        self._on_read = on_read
        self._outcomes: dict[str, DescriptionOutcome] = {}
        self._retry_at: dict[str, float] = {}
        self._being_read: set[str] = set()
        self._changed = threading.Condition()
        self._readers = threading.BoundedSemaphore(READERS_MAX)

    def describe(self, path: Path) -> Description:
        """The file's description; raises ``SimulationError`` (with a line where known)."""
        outcome = self.describe_many([path])[path]
        if isinstance(outcome, SimulationError):
            raise _copied(outcome)
        return outcome

    def describe_if_ready(self, path: Path) -> Description | None:
        """The file's description, at once; None while it is being read in the background.

        For pages, which must not wait for a slow file. Raises ``SimulationError`` as ``describe``
        does.
        """
        known = self._known_description(path)
        if known is not None:
            return known
        outcome = self.describe_many_if_ready([path])[path]
        if isinstance(outcome, SimulationError):
            raise _copied(outcome)
        return outcome

    def _known_description(self, path: Path) -> Description | None:
        """What almost every page gets: the description that was read of this very text."""
        try:
            digest = file_fingerprint(path)
        except (OSError, UnicodeDecodeError):
            return None
        with self._changed:
            outcome = self._outcomes.get(digest)
        return None if isinstance(outcome, SimulationError) else outcome

    def describe_many_if_ready(
        self, paths: Iterable[Path], *, seconds: float = 0.0
    ) -> dict[Path, DescriptionOutcome | None]:
        """The outcome for each file; None while it is being read in the background, after at most
        ``seconds``. One child process reads all that were not read before."""
        digests, unreadable = _fingerprints(paths)
        self._look_up_records(digests)
        claimed = self._claim_unknown(digests)
        if claimed:
            threading.Thread(
                target=self._read_claimed, args=(claimed,), name="catalog", daemon=True
            ).start()
        with self._changed:
            self._changed.wait_for(lambda: not self._being_read & set(digests.values()), seconds)
            ready = {path: self._outcomes.get(digest) for path, digest in digests.items()}
        return {**unreadable, **ready}

    def describe_many(self, paths: Iterable[Path]) -> dict[Path, DescriptionOutcome]:
        """The outcome for each file; one child process reads all that were not read before.

        Waits for those that another thread is reading already.
        """
        digests, unreadable = _fingerprints(paths)
        outcomes: dict[Path, DescriptionOutcome] = dict(unreadable)
        self._look_up_records(digests)
        self._read_claimed(self._claim_unknown(digests))
        with self._changed:
            self._changed.wait_for(lambda: not self._being_read & set(digests.values()))
            for path, digest in digests.items():
                outcomes[path] = self._outcomes.get(digest) or _no_outcome()
        return outcomes

    def _look_up_records(self, digests: Mapping[Path, str]) -> None:
        for path in self._unknown_paths(digests):
            description = self._recorded(path, digests[path])
            if description is not None:
                self._remember_outcome(digests[path], description)

    def _claim_unknown(self, digests: Mapping[Path, str]) -> dict[Path, str]:
        """Those files that nobody has read nor is reading; the caller must read them now."""
        with self._changed:
            unknown = {path: digests[path] for path in self._unknown_paths(digests)}
            claimed = {p: digest for p, digest in unknown.items() if digest not in self._being_read}
            self._being_read.update(claimed.values())
        return claimed

    def _read_claimed(self, claimed: Mapping[Path, str]) -> None:
        if not claimed:
            return
        try:
            with self._readers:
                for path, outcome in read_files(list(claimed), self._limits):
                    self._remember_outcome(claimed[path], outcome)
                    self._on_read()
                    if isinstance(outcome, ReadingEndedError):
                        log.warning(
                            "%s: %s",
                            _place(path, outcome),
                            outcome.message,
                            extra=detail(outcome.traceback_text),
                        )
        finally:
            with self._changed:
                self._being_read.difference_update(claimed.values())
                self._changed.notify_all()

    def _unknown_paths(self, digests: Mapping[Path, str]) -> list[Path]:
        now = time.monotonic()
        with self._changed:
            return [
                path
                for path, digest in digests.items()
                if digest not in self._outcomes or self._retry_at.get(digest, math.inf) <= now
            ]

    def _remember_outcome(self, digest: str, outcome: DescriptionOutcome) -> None:
        with self._changed:
            self._outcomes[digest] = outcome
            may_mend = isinstance(outcome, SimulationError) and not isinstance(
                outcome, ReadingEndedError
            )
            if may_mend:
                self._retry_at[digest] = time.monotonic() + self._retry
            else:
                self._retry_at.pop(digest, None)
            self._being_read.discard(digest)
            self._changed.notify_all()


def _fingerprints(paths: Iterable[Path]) -> tuple[dict[Path, str], dict[Path, SimulationError]]:
    """The fingerprint of each file, and what is wrong with those that can't be read."""
    digests: dict[Path, str] = {}
    unreadable: dict[Path, SimulationError] = {}
    for path in paths:
        try:
            digests[path] = file_fingerprint(path)
        except (OSError, UnicodeDecodeError) as error:
            unreadable[path] = _unreadable(error, path)
    return digests, unreadable


def _nothing_recorded(_path: Path, _digest: str) -> None:
    return None


def _copied(error: SimulationError) -> SimulationError:
    """The same error to be raised: each raise adds to the traceback of what it raises."""
    return type(error)(error.message, error.line, error.traceback_text)


def _no_outcome() -> SimulationError:
    return SimulationError("it could not be read just now: try again")


def _unreadable(error: OSError | UnicodeDecodeError, path: Path) -> SimulationError:
    return SimulationError(f"cannot be read: {hide_folders(str(error), path.parent.parent)}")


def _place(path: Path, error: SimulationError) -> str:
    return f"{path.parent.name}/{path.name}:{error.line or 1}"


def _import_error(error: BaseException, path: Path) -> SimulationError:
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    line = lines[-1] if lines else None
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return SimulationError(f"SyntaxError: {error.msg}", error.lineno)
    if isinstance(error, SimulationError):
        return SimulationError(error.message, error.line or line)
    if isinstance(error, OSError | UnicodeDecodeError) and line is None:
        return _unreadable(error, path)
    content = path.parent.parent
    return SimulationError(error_text(error, content), line, traceback_text(error, content))


def _first_paragraph(text: str | None) -> str:
    return " ".join((text or "").strip().split("\n\n")[0].split())
