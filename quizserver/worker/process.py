"""The process that trains one run: a confined process, forked from a warm worker.

It can only write messages to the pipe of its parent (``worker/protocol.py``).
"""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from typing import Protocol

from quizserver.confined.error_text import error_text, is_memory_error, traceback_text
from quizserver.confined.limits import Limits
from quizserver.confined.process import ConfinedProcess, start_confined
from quizserver.lab.model import SimulationError, StaleRequestError
from quizserver.runs.requests import RunRequest
from quizserver.worker.protocol import (
    TEXT_MAX,
    DoneMessage,
    Emit,
    ErrorMessage,
    Message,
    encode_message,
)

TrainingProcess = ConfinedProcess


class TrainFunction(Protocol):
    """Trains a request: calls ``emit`` with points, cells or shares as they come, and returns a
    sentence that describes the result. ``path`` is the absolute one of the request's ``path``."""

    def __call__(self, path: Path, request: RunRequest, emit: Emit) -> str: ...


def start_training(
    train_function: TrainFunction,
    path: Path,
    request: RunRequest,
    *,
    memory_mb: int,
    seconds: float,
    mark: bytes,
) -> TrainingProcess:
    """Forks a process that trains ``request`` and begins each frame with ``mark``; see
    ``start_confined``."""
    return start_confined(
        lambda writer: _run_training(train_function, path, request, writer, mark),
        Limits(memory_mb, seconds),
    )


def _run_training(
    train_function: TrainFunction, path: Path, request: RunRequest, writer: int, mark: bytes
) -> int:
    def emit_message(message: Message) -> None:
        _write_all(writer, encode_message(message, mark))

    try:
        emit_message(DoneMessage(train_function(path, request, emit_message)))
        return 0
    except BaseException as error:
        emit_message(_error_message(error, path))
        return 1


def _error_message(error: BaseException, path: Path) -> ErrorMessage:
    content = path.parent if path.is_dir() else path.parent.parent
    is_memory = is_memory_error(error)
    if isinstance(error, SimulationError):
        # The lab's own errors are complete sentences.
        is_stale = isinstance(error, StaleRequestError)
        return ErrorMessage(
            error.message[:TEXT_MAX], is_memory, error.line, is_stale, error.traceback_text
        )
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    return ErrorMessage(
        error_text(error, content),
        is_memory,
        lines[-1] if lines else None,
        traceback_text=traceback_text(error, content),
    )


def _write_all(writer: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(writer, view) :]
