"""Trains an order with the lab. Only training processes call it: it runs the author's Python."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from quizserver.lab import catalog, words
from quizserver.lab.ensemble import Floats, simulate
from quizserver.lab.model import SimulationError
from quizserver.lab.sweep import sweep
from quizserver.runs import map_words, proof
from quizserver.runs.child import OnCells, OnPoints, OnShare
from quizserver.runs.model import Order


def _nobody(_done: int, _evidence: bytes) -> None:
    """Nothing is told of how far a run is that gives points or cells."""


def train(
    path: Path,
    order: Order,
    on_points: OnPoints,
    on_cells: OnCells,
    on_share: OnShare = _nobody,
) -> str:
    """Trains every replica, tells of points or a map's cells as they come, and says what came out.

    Of a verification it tells how far it is, and gives the evidence with the last share. Raises
    SimulationError, also when a file is no longer the one that was asked for.
    """
    if order.overlay is not None:
        return proof.prove(path, order, on_share)
    simulation = catalog.load(path)
    if simulation.fingerprint != order.fingerprint:
        raise SimulationError("its file was changed while the run was waiting. Run it again.")

    if order.plane is not None:
        found = sweep(simulation, order.plane, on_cells=on_cells)
        assert found is not None  # nobody asks it to stop: a stopped run's process is killed
        return map_words.sentence(found)

    def tell(_index: int, x: float, series: Mapping[str, Floats]) -> None:
        on_points(x, series)

    curves = simulate(simulation, order.knobs, list(order.seeds), on_points=tell)
    return words.describe(curves.x, curves.series[order.series[0]], label=order.x_label)
