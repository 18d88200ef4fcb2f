"""Checks that a seed's curve does not depend on its batch, by training its first points alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from quizserver.lab.ensemble import Curves, Floats, simulate
from quizserver.lab.model import DEFAULT_BACKEND, Backend, SimulationError
from quizserver.lab.simulation import Simulation

CHECKED_POINTS = 4
"""Points that are trained again: code that mixes replicas changes the first of them."""

EXACT_DTYPES = ("float32", "float64")


def check_seed_isolation(
    simulation: Simulation,
    setting: Mapping[str, float],
    seed: int,
    curves: Mapping[str, Floats],
    *,
    device: str = "cpu",
    backend: Backend = DEFAULT_BACKEND,
) -> None:
    """Compares ``seed``'s row (P,) of each of ``curves``, trained beside others, with it alone.

    Raises ``SimulationError`` when they differ. Compares nothing in 16 bits and on an accelerator,
    where a curve is the same only up to rounding.
    """
    if simulation.dtype not in EXACT_DTYPES or device != "cpu":
        return
    alone = _first_points(simulation, setting, seed, backend)
    points = len(alone.x)
    for name, values in alone.series.items():
        if not np.array_equal(values[0], curves[name][:points], equal_nan=True):
            raise SimulationError(
                f"seed {seed} has another curve alone than beside other seeds. train must give the "
                "same numbers each time, and nothing may mix the replicas, which are the first "
                "axis of every tensor: torch.nn.BatchNorm1d does, and so does a mean over all axes",
                simulation.train_line,
            )


def _first_points(
    simulation: Simulation, setting: Mapping[str, float], seed: int, backend: Backend
) -> Curves:
    calls = 0

    def has_enough() -> bool:
        nonlocal calls
        calls += 1
        return calls > CHECKED_POINTS

    return simulate(simulation, setting, [seed], should_stop=has_enough, backend=backend)
