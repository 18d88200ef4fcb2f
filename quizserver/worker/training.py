"""Trains an order with the lab. Only training processes call it: it runs the author's Python."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from quizserver.lab import catalog, curve_text, phase_map_text
from quizserver.lab.ensemble import Floats, simulate
from quizserver.lab.model import SimulationError
from quizserver.lab.phase_map_training import train_phase_map
from quizserver.runs.model import RunRequest
from quizserver.worker import verification
from quizserver.worker.process import OnCells, OnPoints, OnShare


def _ignore_share(_done: int, _evidence: bytes) -> None:
    """Nothing is told of how far a run is that gives points or cells."""


def train_run(
    path: Path,
    request: RunRequest,
    on_points: OnPoints,
    on_cells: OnCells,
    on_share: OnShare = _ignore_share,
) -> str:
    """Trains every replica, tells of points or a map's cells as they come, and says what came out.

    Of a verification it tells how far it is, and gives the evidence with the last share. Raises
    SimulationError, also when a file is no longer the one that was asked for.
    """
    if request.overlay is not None:
        return verification.verify_topic_claims(path, request, on_share)
    simulation = catalog.load(path)
    if simulation.fingerprint != request.fingerprint:
        raise SimulationError("its file was changed while the run was waiting. Run it again.")

    if request.plane is not None:
        phase_map = train_phase_map(simulation, request.plane, on_cells=on_cells)
        assert phase_map is not None  # nobody asks it to stop: a stopped run's process is killed
        return phase_map_text.phase_map_sentence(phase_map)

    def report_point(_index: int, x: float, series: Mapping[str, Floats]) -> None:
        on_points(x, series)

    curves = simulate(simulation, request.knobs, list(request.seeds), on_points=report_point)
    return curve_text.describe_curves(
        curves.x, curves.series[request.series[0]], label=request.x_label
    )
