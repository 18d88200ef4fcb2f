"""The process that trains one run: forked from a warm worker, limited, and gone at the end.

It holds no database and no secret; all it can do is write frames to the pipe of its parent.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from quizserver.lab.model import SimulationError
from quizserver.lab.phase_maps import Plane
from quizserver.runs.model import RunRequest
from quizserver.worker import limits, protocol

OnPoints = Callable[[npt.ArrayLike, Mapping[str, npt.ArrayLike]], None]
OnCells = Callable[[Sequence[int], Sequence[int]], None]
OnShare = Callable[[int, bytes], None]

# What a training process may read from its environment.
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "OMP_NUM_THREADS")


class TrainFunction(Protocol):
    """Trains an order from its file, tells ``on_points`` of points as they come (x (n,) and for
    each series (replicas, n)), ``on_cells`` of a map's cells and their counts, or ``on_share`` of
    how many thousandths of a verification are done, with the evidence as text at the last of them,
    and returns a sentence that says what came out."""

    def __call__(
        self,
        path: Path,
        request: RunRequest,
        on_points: OnPoints,
        on_cells: OnCells,
        on_share: OnShare,
    ) -> str: ...


@dataclass(slots=True)
class TrainingProcess:
    """A training process, as its parent knows it. ``pipe`` gives its frames."""

    pid: int
    pipe: int
    _code: int | None = None

    def wait(self, seconds: float) -> int | None:
        """Its exit code (negative: the signal that killed it); None when it goes on living."""
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

    def pause(self) -> None:
        """Lets it stand still, with everything that it started, until ``resume``."""
        self._send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._send_signal(signal.SIGCONT)

    def _send_signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def kill_group(self) -> None:
        """Kills it with everything that it started, and leaves no zombie."""
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
    """Forks a process that trains ``order``.

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
    """Lets go of what belongs to the worker: signals, files, environment, process group."""
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
    # What the worker left behind is not this process's to finalise.
    gc.freeze()


def _run_training(
    train_function: TrainFunction, path: Path, request: RunRequest, writer: int
) -> int:
    def on_points(x: npt.ArrayLike, series: Mapping[str, npt.ArrayLike]) -> None:
        _write_all(writer, points_frame(x, series))

    def on_cells(cells: Sequence[int], counts: Sequence[int]) -> None:
        header = {"cells": list(cells), "counts": list(counts)}
        _write_all(writer, protocol.encode_frame(protocol.CELLS, header))

    def on_share(done: int, evidence: bytes) -> None:
        _write_all(writer, protocol.encode_frame(protocol.SHARE, {"done": done}, evidence))

    try:
        sentence = train_function(path, request, on_points, on_cells, on_share)
        _write_all(writer, protocol.encode_frame(protocol.DONE, {"sentence": sentence}))
        return 0
    except BaseException as error:
        # The traceback is for the log; the frame is what people are told.
        with suppress(Exception):
            traceback.print_exc()
        header = {
            "message": _error_text(error)[:500],
            "memory": _is_memory_error(error),
            "line": _error_line(error, path),
        }
        _write_all(writer, protocol.encode_frame(protocol.ERROR, header))
        return 1


def points_frame(x: npt.ArrayLike, series: Mapping[str, npt.ArrayLike]) -> bytes:
    """The frame of points: x (n,) and for each series (replicas, n)."""
    xs = np.atleast_1d(np.asarray(x, dtype=np.float64))
    blocks = [
        np.asarray(values, dtype=np.float64).reshape(-1, len(xs)) for values in series.values()
    ]
    header: dict[str, Any] = {"names": list(series), "count": len(xs)}
    return protocol.encode_frame(
        protocol.POINTS, header, b"".join(_float_bytes(block) for block in [xs, *blocks])
    )


def read_points(
    header: Mapping[str, Any], body: bytes, names: Sequence[str], replicas: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """x (n,) and values (series, replicas, n) of a frame. Raises WireError when they don't fit."""
    count = header.get("count")
    if header.get("names") != list(names):
        raise protocol.ProtocolError(
            f"the simulation gave the series {json.dumps(header.get('names'))}, "
            f"but describes {json.dumps(list(names))}"
        )
    flat = np.frombuffer(body, dtype="<f8") if len(body) % 8 == 0 else np.empty(0)
    if not isinstance(count, int) or len(flat) != count * (1 + len(names) * replicas):
        raise protocol.ProtocolError("the simulation gave points of another number of replicas")
    return flat[:count], flat[count:].reshape(len(names), replicas, count)


def read_cells(header: Mapping[str, Any], plane: Plane) -> tuple[list[int], list[int]]:
    """Cell numbers and counts of a frame. Raises WireError when they are not the plane's."""
    cells, counts = header.get("cells"), header.get("counts")
    if not (_all_within(cells, plane.cell_count) and _all_within(counts, plane.replicas + 1)):
        raise protocol.ProtocolError("the map has cells or counts that it can't have")
    assert isinstance(cells, list)
    assert isinstance(counts, list)
    if len(cells) != len(counts):
        raise protocol.ProtocolError(
            f"{len(cells)} cells of the map came with {len(counts)} counts"
        )
    return cells, counts


def _all_within(numbers: object, end: int) -> bool:
    return isinstance(numbers, list) and all(
        isinstance(number, int) and 0 <= number < end for number in numbers
    )


def _float_bytes(values: npt.NDArray[np.float64]) -> bytes:
    return np.ascontiguousarray(values, dtype="<f8").tobytes()


def _write_all(writer: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(writer, view) :]


def _error_text(error: BaseException) -> str:
    # The lab's own errors are sentences already.
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
