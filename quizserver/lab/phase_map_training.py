"""Trains a phase map: every cell of a plane, some hundred replicas at a time.

Replicas come out the same to the last bit in any company (``ensemble``), so the counts depend on
the plane alone, never on how its cells were ordered or cut into chunks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from quizserver.lab.ensemble import simulate
from quizserver.lab.phase_maps import PhaseMap, Plane, coarse_to_fine, phase_map_from_counts
from quizserver.lab.shapes.single import SHAPES
from quizserver.lab.simulation import Simulation

AT_ONCE = 512
"""Replicas in a chunk: what bounds the memory, since of each chunk only its counts are kept."""

LEVELS = (16, 4, 1)
"""A picture of every sixteenth cell is complete first, then one of every fourth."""

OnCells = Callable[[Sequence[int], Sequence[int]], None]


def train_phase_map(
    simulation: Simulation,
    plane: Plane,
    *,
    on_cells: OnCells | None = None,
    should_stop: Callable[[], bool] | None = None,
    device: str = "cpu",
    at_once: int = AT_ONCE,
) -> PhaseMap | None:
    """The plane with its counts; None when ``should_stop()`` said so, which every point asks.

    ``on_cells(cells, counts)`` is called after each chunk: cell numbers of the plane, and of how
    many replicas each shows the shape. Every cell comes once, coarse to fine. Raises ``KeyError``
    for a shape or series that there is not, ``KnobError`` and ``SimulationError`` as ``simulate``.
    """
    shape = SHAPES[plane.shape]
    series = next(iter(simulation.series)) if plane.series is None else plane.series
    if series not in simulation.series:
        raise KeyError(series)
    counts: dict[int, int] = {}
    for cells in _cell_chunks(simulation, plane, max(1, at_once // plane.replicas)):
        curves = simulate(
            simulation,
            [setting for cell in cells for setting in [plane.cell_setting(cell)] * plane.replicas],
            [seed for _ in cells for seed in plane.seeds],
            should_stop=should_stop,
            device=device,
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

    Cells that differ in a whole-number knob train apart: within a level of the picture, those alike
    stand together, so that their batches are as large as they can be.
    """
    integer_knobs = [k.name for k in simulation.knobs if k.integer and k.name in (plane.x, plane.y)]
    cells = coarse_to_fine(len(plane.x_values), len(plane.y_values))
    chunks: list[list[int]] = []
    start = 0
    for share in LEVELS:
        end = -(-len(cells) // share)
        level = cells[start:end]
        level.sort(key=lambda cell: [plane.cell_setting(cell)[name] for name in integer_knobs])
        chunks += [level[at : at + size] for at in range(0, len(level), size)]
        start = end
    return chunks
