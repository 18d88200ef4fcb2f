"""What a phase map shows, in words. Pure: no numpy, no torch."""

from __future__ import annotations

from quizserver.lab.phases import PhaseMap


def sentence(found: PhaseMap) -> str:
    """In how many cells most replicas show the shape, and in how many all or none do."""
    n, cells = found.plane.replicas, found.plane.cells
    most = found.cells_with(n // 2 + 1)
    every = found.cells_with(n)
    none = cells - found.cells_with(1)
    return (
        f"In {most} of {cells} cells most of {n} replicas show it. "
        f"All {n} do in {every}, none does in {none}."
    )
