"""A training that can fail in every way, and a worker process that uses it in place of the lab.

``python -m tests.worker.fake_training SILENCE`` is such a worker, with its settings from the
environment.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from quizserver.lab.phase_maps import coarse_to_fine
from quizserver.runs.requests import CurveRequest, MapRequest, PlanRequest, RunRequest
from quizserver.settings import load_settings
from quizserver.worker.main import run_worker
from quizserver.worker.protocol import (
    CellsMessage,
    Emit,
    PlanMessage,
    PointsMessage,
    encode_message,
)
from tests.runs.examples import FAULTS, expected_count, expected_curves


def train_fake(_path: Path, request: RunRequest, emit: Emit) -> str:
    if isinstance(request, PlanRequest):
        emit(PlanMessage((), reason="it is a fake"))
        return "No plan."
    assert isinstance(request, CurveRequest | MapRequest)
    fault = FAULTS[int(request.knobs["fault"])]
    if isinstance(request, CurveRequest):
        return _train_curves(request, fault, emit)
    if fault == "series":
        emit(PointsMessage(0, {"loss": np.zeros(5)}))
    return _train_map(request, fault, emit)


def _train_curves(request: CurveRequest, fault: str, emit: Emit) -> str:
    loss, accuracy = expected_curves(request)
    if fault == "diverge":
        loss[0, 1], loss[1, 1], loss[2:, 2] = np.nan, np.inf, -np.inf
    for index in range(request.points):
        series = {"loss": loss[:, index], "accuracy": accuracy[:, index]}
        emit(PointsMessage(index, series))
        if index == 3 and fault in _FAULT_ACTIONS:
            _FAULT_ACTIONS[fault](emit, series)
        time.sleep(request.knobs["pause"])
    return json.dumps(_describe_process()) if fault == "tell" else "It went as it should."


def _train_map(request: MapRequest, fault: str, emit: Emit) -> str:
    plane = request.plane
    cells = coarse_to_fine(len(plane.x_values), len(plane.y_values))
    for start in range(0, len(cells), 4):
        chunk = cells[start : start + 4]
        if fault == "nonsense" and start:
            chunk[0] = plane.cell_count
        emit(CellsMessage(chunk, [expected_count(plane, cell) for cell in chunk]))
        if fault == "hang" and start:
            _hang()
        time.sleep(request.knobs["pause"])
    return "A map."


def _raise_error(*_: object) -> None:
    raise ZeroDivisionError("a rate of nothing")


def _hang(*_: object) -> None:
    while True:
        time.sleep(60)


def _emit_too_many(emit: Emit, series: dict[str, np.ndarray]) -> None:
    for index in range(100):
        emit(PointsMessage(index, series))


def _emit_one_series(emit: Emit, series: dict[str, np.ndarray]) -> None:
    emit(PointsMessage(4, {"loss": series["loss"]}))


def _fork_and_hang(*_: object) -> None:
    """Leaves a process of its own behind, in its group, and never ends."""
    if os.fork() == 0:
        _hang()
    _hang()


def _write_nonsense(_emit: Emit, series: dict[str, np.ndarray]) -> None:
    """Writes a frame that is like those of the run, but none of them, into all it can write to."""
    frame = encode_message(PointsMessage(4, series))
    for number in range(3, 64):
        with suppress(OSError):
            os.write(number, frame)
    _hang()


_FAULT_ACTIONS: dict[str, Callable[..., None]] = {
    "raise": _raise_error,
    "exit": lambda *_: os._exit(3),
    "crash": lambda *_: os.kill(os.getpid(), signal.SIGSEGV),
    "hang": _hang,
    "hog": lambda *_: bytearray(4 * 1024**3),
    "flood": _emit_too_many,
    "series": _emit_one_series,
    "forks": _fork_and_hang,
    "nonsense": _write_nonsense,
}


def _describe_process() -> dict[str, object]:
    """What a training process can see of the worker that forked it."""
    files = {}
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the handle that lists the folder
            files[link.name] = str(link.readlink())
    return {
        "environment": sorted(os.environ),
        "files": files,
        "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
        "open_files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "cpu": resource.getrlimit(resource.RLIMIT_CPU)[0],
        "nice": os.nice(0),
        "group": os.getpgid(0) == os.getpid(),
    }


if __name__ == "__main__":
    run_worker(load_settings(os.environ), train_function=train_fake, silence=float(sys.argv[1]))
