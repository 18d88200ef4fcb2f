"""Trains a phase map: every cell of a plane, some hundred replicas at a time.

A replica's curve does not depend on its batch (see ``ensemble``), so the counts depend on the plane
alone, never on the order of its cells or the size of the chunks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from quizserver.lab.batches import PAD
from quizserver.lab.ensemble import simulate
from quizserver.lab.model import DEFAULT_BACKEND, Backend
from quizserver.lab.phase_maps import PhaseMap, Plane, phase_map_from_counts, picture_levels
from quizserver.lab.shapes.single import SHAPES
from quizserver.lab.shared_plans import SharedPlans
from quizserver.lab.simulation import Simulation

CHUNK_REPLICAS = 512
"""Replicas in a chunk. It bounds the memory, since only the counts of a chunk are stored."""

OnCells = Callable[[Sequence[int], Sequence[int]], None]


def train_phase_map(
    simulation: Simulation,
    plane: Plane,
    *,
    on_cells: OnCells | None = None,
    should_stop: Callable[[], bool] | None = None,
    device: str = "cpu",
    backend: Backend = DEFAULT_BACKEND,
    at_once: int = CHUNK_REPLICAS,
    threads: int = 1,
) -> PhaseMap | None:
    """The map of a plane; None when ``should_stop()``, called before every point, ended it.

    ``on_cells(cells, counts)`` is called after each chunk with cell numbers of the plane and in how
    many replicas of each the shape shows. Every cell comes once, coarse to fine. Raises
    ``KeyError`` for an unknown shape or series, ``KnobError`` and ``SimulationError`` as
    ``simulate``.
    """
    shape = SHAPES[plane.shape]
    series = next(iter(simulation.series)) if plane.series is None else plane.series
    if series not in simulation.series:
        raise KeyError(series)
    counts: dict[int, int] = {}
    plans = SharedPlans(simulation, getattr(torch, simulation.dtype), PAD)
    for cells in _cell_chunks(simulation, plane, max(1, at_once // plane.replicas)):
        curves = simulate(
            simulation,
            [setting for cell in cells for setting in [plane.cell_setting(cell)] * plane.replicas],
            [seed for _ in cells for seed in plane.seeds],
            should_stop=should_stop,
            device=device,
            backend=backend,
            plans=plans,
            threads=threads,
        )
        if curves.stopped:
            return None
        replicas_shown = shape.shown_by(curves.x, curves.series[series])
        cell_counts = replicas_shown.reshape(len(cells), plane.replicas).sum(axis=1).tolist()
        counts.update(zip(cells, cell_counts, strict=True))
        if on_cells is not None:
            on_cells(cells, cell_counts)
    return phase_map_from_counts(plane, counts)


def _cell_chunks(simulation: Simulation, plane: Plane, size: int) -> list[list[int]]:
    """All cells, coarse to fine, ``size`` at a time.

    Cells that differ in an integer knob train in batches of their own: within a level of the
    picture, cells with the same value come together, so that their batches are large.
    """
    integer_knobs = [k.name for k in simulation.knobs if k.integer and k.name in (plane.x, plane.y)]
    chunks: list[list[int]] = []
    for level in picture_levels(plane):
        level.sort(key=lambda cell: [plane.cell_setting(cell)[name] for name in integer_knobs])
        chunks += [level[at : at + size] for at in range(0, len(level), size)]
    return chunks
