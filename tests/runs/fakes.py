"""A training that can fail in every way, and a worker process that uses it in place of the lab.

``python -m tests.runs.fakes SILENCE`` is such a worker, with its settings from the environment.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from quizserver.lab.model import Arm, Axis, Description, Knob, Map
from quizserver.lab.phase_maps import Plane, build_plane, coarse_to_fine
from quizserver.runs.model import RunRequest
from quizserver.settings import load_settings
from quizserver.worker.main import run_worker
from quizserver.worker.process import OnCells, OnPoints, OnShare

POINTS = 12
FAULTS = [
    "none",
    "raise",
    "exit",
    "crash",
    "hang",
    "hog",
    "flood",
    "series",
    "forks",
    "tell",
    "nonsense",
    "diverge",
]

KNOBS = (
    Knob("rate", "Learning rate", 0.001, 10, default=0.1, scale="log"),
    Knob("pause", "Seconds between points", 0, 10, default=0.0, unit="s"),
    Knob("fault", "What goes wrong", 0, len(FAULTS), default=0, integer=True),
)
DESCRIPTION = Description(
    title="A fake",
    summary="",
    knobs=KNOBS,
    arms=(
        Arm("healthy", "Healthy", {"rate": 0.1, "pause": 0.0, "fault": 0}),
        Arm("low-rate", "Low rate", {"rate": 0.01, "pause": 0.0, "fault": 0}),
    ),
    x=Axis("epoch"),
    series={"loss": Axis("loss"), "accuracy": Axis("accuracy")},
    points=POINTS,
    fingerprint="f" * 64,
)


def order(
    fault: str = "none", *, rate: float = 0.1, pause: float = 0.0, seed: int = 0
) -> RunRequest:
    return RunRequest(
        topic="numbers",
        simulation="simulation",
        path="numbers/simulation.py",
        fingerprint=DESCRIPTION.fingerprint,
        arm="healthy",
        knobs={"rate": rate, "pause": pause, "fault": float(FAULTS.index(fault))},
        first_seed=seed,
        replicas=5,
        x_label="epoch",
        series=("loss", "accuracy"),
        points=POINTS,
    )


def expected(order: RunRequest) -> tuple[np.ndarray, np.ndarray]:
    """loss and accuracy of every replica, (replicas, points), as the fake training gives them."""
    x = np.arange(order.points)
    loss = np.array([1 / (1 + seed + x * order.knobs["rate"]) for seed in order.seeds])
    return loss, 1 - loss


def map_order(
    fault: str = "none", *, pause: float = 0.0, seed: int = 0, shape: str = "flat"
) -> RunRequest:
    """A map of rate × pause, 6 × 4 cells of 5 replicas."""
    asked = build_plane(
        DESCRIPTION, Map("rate", "pause", shape), side=6, replicas=5, first_seed=seed
    )
    asked = replace(asked, y_values=asked.y_values[:4])
    wanted = order(fault, pause=pause, seed=seed)
    asked = replace(asked, setting=wanted.knobs)
    return replace(wanted, points=asked.cell_count, plane=asked)


def expected_counts(plane: Plane) -> list[list[int]]:
    """The counts of every cell, (rows, columns), as the fake training gives them."""
    width = len(plane.x_values)
    numbers = [_count(plane, cell) for cell in range(plane.cell_count)]
    return [numbers[start : start + width] for start in range(0, plane.cell_count, width)]


def _count(plane: Plane, cell: int) -> int:
    return (cell + plane.first_seed) % (plane.replicas + 1)


def _train_map(plane: Plane, knobs: Mapping[str, float], on_cells: OnCells) -> str:
    cells = coarse_to_fine(len(plane.x_values), len(plane.y_values))
    for start in range(0, len(cells), 4):
        chunk = cells[start : start + 4]
        fault = FAULTS[int(knobs["fault"])]
        if fault == "nonsense" and start:
            chunk[0] = plane.cell_count
        on_cells(chunk, [_count(plane, cell) for cell in chunk])
        if fault == "hang" and start:
            _hang()
        time.sleep(knobs["pause"])
    return "A map."


def train(
    path: Path, request: RunRequest, on_points: OnPoints, on_cells: OnCells, on_share: OnShare
) -> str:
    fault = FAULTS[int(request.knobs["fault"])]
    if request.plane is not None and fault != "series":
        return _train_map(request.plane, request.knobs, on_cells)
    loss, accuracy = expected(request)
    if fault == "diverge":
        loss[0, 1], loss[1, 1], loss[2:, 2] = np.nan, np.inf, -np.inf
    for index in range(request.points):
        series = {"loss": loss[:, index], "accuracy": accuracy[:, index]}
        on_points(index, series)
        if index == 3 and fault in _ACTS:
            _ACTS[fault](on_points, series)
        time.sleep(request.knobs["pause"])
    return json.dumps(_surroundings()) if fault == "tell" else "It went as it should."


def _raise(*_: object) -> None:
    raise ZeroDivisionError("a rate of nothing")


def _hang(*_: object) -> None:
    while True:
        time.sleep(60)


def _flood(on_points: OnPoints, series: dict[str, np.ndarray]) -> None:
    for index in range(100):
        on_points(index, series)


def _wrong_series(on_points: OnPoints, series: dict[str, np.ndarray]) -> None:
    on_points(4, {"loss": series["loss"]})


def _forks(*_: object) -> None:
    """Leaves a process of its own behind, in its group, and never ends."""
    if os.fork() == 0:
        _hang()
    _hang()


def _nonsense(*_: object) -> None:
    """Writes something else than frames into whatever it can write to."""
    for number in range(3, 64):
        with suppress(OSError):
            os.write(number, b"this is no frame" * 9)
    _hang()


_ACTS: dict[str, Callable[..., None]] = {
    "raise": _raise,
    "exit": lambda *_: os._exit(3),
    "crash": lambda *_: os.kill(os.getpid(), signal.SIGSEGV),
    "hang": _hang,
    "hog": lambda *_: bytearray(4 * 1024**3),
    "flood": _flood,
    "series": _wrong_series,
    "forks": _forks,
    "nonsense": _nonsense,
}


def _surroundings() -> dict[str, object]:
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
    run_worker(load_settings(os.environ), train_function=train, silence=float(sys.argv[1]))
