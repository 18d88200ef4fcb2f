"""Trains an order with the lab. Only training processes call it: it runs the author's Python."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from quizserver.lab import catalog, words
from quizserver.lab.ensemble import Floats, simulate
from quizserver.lab.simulation import SimulationError
from quizserver.runs.child import OnPoints
from quizserver.runs.model import Order


def train(path: Path, order: Order, on_points: OnPoints) -> str:
    """Trains every replica, tells of points as they come, and says in words what the curves do.

    Raises SimulationError, also when the file is no longer the one that was asked for.
    """
    simulation = catalog.load(path)
    if simulation.fingerprint != order.fingerprint:
        raise SimulationError("its file was changed while the run was waiting. Run it again.")

    def tell(_index: int, x: float, series: Mapping[str, Floats]) -> None:
        on_points(x, series)

    curves = simulate(simulation, order.knobs, list(order.seeds), on_points=tell)
    return words.describe(curves.x, curves.series[order.series[0]], label=order.x_label)
