"""The process that trains one run: forked from a warm worker, limited, and killed at the end.

It has no connection to a database and no secret; it can only write messages to the pipe of its
parent (``worker/protocol.py``).
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from quizserver.lab.model import SimulationError
from quizserver.runs.requests import RunRequest
from quizserver.worker import limits
from quizserver.worker.protocol import DoneMessage, Emit, ErrorMessage, Message, encode_message

# What a training process may read from its environment.
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "OMP_NUM_THREADS")


class TrainFunction(Protocol):
    """Trains a request: calls ``emit`` with points, cells or shares as they come, and returns a
    sentence that describes the result. ``path`` is the absolute one of the request's ``path``."""

    def __call__(self, path: Path, request: RunRequest, emit: Emit) -> str: ...


@dataclass(slots=True)
class TrainingProcess:
    """A training process, seen from its parent. ``pipe`` is where its messages are read."""

    pid: int
    pipe: int
    _code: int | None = None

    def wait_for_exit(self, seconds: float) -> int | None:
        """Its exit code (negative: the signal that killed it); None when it is still alive."""
        deadline = time.monotonic() + seconds
        while self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > deadline:
                break
            else:
                time.sleep(0.005)
        return self._code

    def pause_group(self) -> None:
        """Stops the process, with everything that it started, until ``resume_group``."""
        self._send_signal(signal.SIGSTOP)

    def resume_group(self) -> None:
        self._send_signal(signal.SIGCONT)

    def _send_signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def kill_group(self) -> None:
        """Kills the process with everything that it started, and leaves no zombie."""
        os.close(self.pipe)
        self._send_signal(signal.SIGKILL)
        if self._code is None:
            # It may not have made its own process group yet.
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def start_training(
    train_function: TrainFunction,
    path: Path,
    request: RunRequest,
    *,
    memory_mb: int,
    seconds: float,
) -> TrainingProcess:
    """Forks a process that trains ``request``.

    The caller must have closed every database connection: the child shares its open files until it
    closes them, and SQLite does not survive being used on both sides of a fork.
    """
    reader, writer = os.pipe()
    worker_pid = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        os.close(writer)
        return TrainingProcess(pid, reader)
    # From here on nothing may return into the worker's code, whatever happens.
    status = 1
    try:
        _drop_inherited(worker_pid, writer)
        limits.limit_process(memory_mb=memory_mb, seconds=seconds)
        status = _run_training(train_function, path, request, writer)
    finally:
        os._exit(status)


def _drop_inherited(worker: int, writer: int) -> None:
    """Drops what belongs to the worker: signals, files, environment, process group."""
    limits.die_with_parent(worker)
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.closerange(3, writer)
    os.closerange(writer + 1, os.sysconf("SC_OPEN_MAX"))
    null_device = os.open(os.devnull, os.O_RDWR)
    os.dup2(null_device, 0)
    os.dup2(null_device, 1)
    os.close(null_device)
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    os.environ.clear()
    os.environ.update(environment)
    # The objects of the worker must not be finalised in this process.
    gc.freeze()


def _run_training(
    train_function: TrainFunction, path: Path, request: RunRequest, writer: int
) -> int:
    def emit_message(message: Message) -> None:
        _write_all(writer, encode_message(message))

    try:
        emit_message(DoneMessage(train_function(path, request, emit_message)))
        return 0
    except BaseException as error:
        # The traceback goes to the log; people see the message.
        with suppress(Exception):
            traceback.print_exc()
        emit_message(
            ErrorMessage(
                _error_text(error)[:500], _is_memory_error(error), _error_line(error, path)
            )
        )
        return 1


def _write_all(writer: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(writer, view) :]


def _error_text(error: BaseException) -> str:
    # The lab's own errors are complete sentences.
    if isinstance(error, SimulationError):
        return error.message
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _is_memory_error(error: BaseException) -> bool:
    """Whether the error, or what caused it, is memory that could not be had."""
    if isinstance(error, MemoryError):
        return True
    text = str(error).lower()
    if any(phrase in text for phrase in ("allocate memory", "not enough memory", "bad_alloc")):
        return True
    return error.__cause__ is not None and _is_memory_error(error.__cause__)


def _error_line(error: BaseException, path: Path) -> int | None:
    """The line of the simulation's own file where the error came from, innermost first."""
    if isinstance(error, SimulationError):
        return error.line
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    return lines[-1] if lines else None
