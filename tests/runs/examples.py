"""Requests of a simulation that nobody has to train, and what its training gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from quizserver.lab.fingerprint import text_fingerprint
from quizserver.lab.model import Arm, Axis, Description, Knob, Map
from quizserver.lab.phase_maps import Plane, build_plane
from quizserver.runs.model import Batch
from quizserver.runs.requests import CurveRequest, MapRequest, PlanRequest, VerificationRequest
from quizserver.worker.summary import summarise_points

POINTS = 12
# What goes wrong in ``tests.worker.fake_training``: the knob ``fault`` is an index into these.
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

SIMULATION_TEXT = '"""A fake: nobody trains this file."""\n'
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
    fingerprint=text_fingerprint(SIMULATION_TEXT),
)


def write_simulation(content: Path) -> Path:
    """Writes the simulation's file, so that a worker with this content holds what it needs."""
    path = content / "numbers" / "simulation.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SIMULATION_TEXT)
    return path


def curve_request(
    fault: str = "none", *, rate: float = 0.1, pause: float = 0.0, seed: int = 0
) -> CurveRequest:
    return CurveRequest(
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


def map_request(
    fault: str = "none", *, pause: float = 0.0, seed: int = 0, shape: str = "flat"
) -> MapRequest:
    """A map of rate × pause, 6 × 4 cells of 5 replicas."""
    curves = curve_request(fault, pause=pause, seed=seed)
    plane = build_plane(
        DESCRIPTION, Map("rate", "pause", shape), side=6, replicas=5, first_seed=seed
    )
    return MapRequest(
        topic=curves.topic,
        simulation=curves.simulation,
        path=curves.path,
        fingerprint=curves.fingerprint,
        arm=curves.arm,
        series=curves.series,
        plane=replace(plane, y_values=plane.y_values[:4], setting=curves.knobs),
    )


def verification_request() -> VerificationRequest:
    return VerificationRequest(
        topic="numbers",
        path="numbers",
        fingerprint="0" * 64,
        first_seed=0,
        replicas=64,
        overlay={"numbers/even.md": "# Even"},
        files={"numbers/simulation.py": DESCRIPTION.fingerprint},
    )


def plan_request(*, rate: float = 0.1, fault: str = "none", seed: int = 0) -> PlanRequest:
    curves = curve_request(fault, rate=rate, seed=seed)
    return PlanRequest(
        topic=curves.topic,
        simulation=curves.simulation,
        path=curves.path,
        fingerprint=curves.fingerprint,
        knobs=curves.knobs,
        first_seed=seed,
        replicas=curves.replicas,
    )


def expected_curves(request: CurveRequest) -> tuple[np.ndarray, np.ndarray]:
    """loss and accuracy of every replica, (replicas, points), as the fake training gives them."""
    x = np.arange(request.points)
    loss = np.array([1 / (1 + seed + x * request.knobs["rate"]) for seed in request.seeds])
    return loss, 1 - loss


def expected_count(plane: Plane, cell: int) -> int:
    """How many replicas show the shape in a cell, as the fake training gives it."""
    return (cell + plane.first_seed) % (plane.replicas + 1)


def expected_counts(plane: Plane) -> list[list[int]]:
    """The counts of every cell, (rows, columns), as the fake training gives them."""
    width = len(plane.x_values)
    counts = [expected_count(plane, cell) for cell in range(plane.cell_count)]
    return [counts[start : start + width] for start in range(0, plane.cell_count, width)]


def expected_batch(request: CurveRequest, seq: int, start: int, stop: int) -> Batch:
    """The points ``start`` to ``stop`` of the fake training as a worker would store them."""
    loss, accuracy = (values[:, start:stop] for values in expected_curves(request))
    data = loss.astype("<f8").tobytes() + accuracy.astype("<f8").tobytes()
    summary = summarise_points(list(range(start, stop)), {"loss": loss, "accuracy": accuracy})
    return Batch(seq, stop - start, summary, data)
