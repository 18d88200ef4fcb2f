"""What a phase map shows, in words. Pure: no numpy, no torch."""

from __future__ import annotations

from quizserver.lab.phase_maps import PhaseMap


def phase_map_sentence(phase_map: PhaseMap) -> str:
    """In how many cells most replicas show the shape, and in how many all or none do."""
    n, cells = phase_map.plane.replicas, phase_map.plane.cell_count
    most = phase_map.count_cells_with(n // 2 + 1)
    every = phase_map.count_cells_with(n)
    none = cells - phase_map.count_cells_with(1)
    return (
        f"In {most} of {cells} cells most of {n} replicas show it. "
        f"All {n} do in {every}, none does in {none}."
    )
