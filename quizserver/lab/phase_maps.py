"""Phase maps: for every pair of values of two knobs, how many replicas show a shape. No torch.

A *plane* defines a map: two knobs with their values, the setting of all other knobs, the shape and
the seeds, which are the same in every cell. The counts depend on it alone: a map that is computed
again, in whatever order, is the same map.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from quizserver.lab.model import Description, Knob, Map

SIDE = 24
"""Values of each knob, unless it is a whole number with fewer."""

CELL_REPLICAS = 8
"""Replicas in each cell."""

LEVELS = (16, 4, 1)
"""A picture of every sixteenth cell is complete first, then one of every fourth."""

_DIGITS = 4
"""Significant digits of a value, so that the value that a learner reads is the one trained."""


@dataclass(frozen=True, slots=True)
class Plane:
    """The definition of a map. Cell ``row * len(x_values) + column`` has ``y_values[row]`` and
    ``x_values[column]``; values rise.

    ``setting`` has a value for every knob of the simulation; those of the knobs ``x`` and ``y`` are
    the map's own arm's and are replaced cell by cell. ``series`` None is the first one.
    """

    x: str
    x_values: tuple[float, ...]
    y: str
    y_values: tuple[float, ...]
    setting: Mapping[str, float]
    shape: str
    series: str | None = None
    first_seed: int = 0
    replicas: int = CELL_REPLICAS

    @property
    def cell_count(self) -> int:
        return len(self.x_values) * len(self.y_values)

    @property
    def seeds(self) -> range:
        return range(self.first_seed, self.first_seed + self.replicas)

    def cell_setting(self, cell: int) -> dict[str, float]:
        """The full setting of a cell."""
        row, column = divmod(cell, len(self.x_values))
        return {**self.setting, self.x: self.x_values[column], self.y: self.y_values[row]}


@dataclass(frozen=True, slots=True)
class PhaseMap:
    """A plane and its ``counts``: one row a value of y, one number of replicas a value of x.

    Raises ``ValueError`` when the counts do not fit the plane.
    """

    plane: Plane
    counts: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        width, height = len(self.plane.x_values), len(self.plane.y_values)
        if len(self.counts) != height or any(len(row) != width for row in self.counts):
            raise ValueError(f"the counts are not {height} rows of {width}")
        if any(not 0 <= count <= self.plane.replicas for row in self.counts for count in row):
            raise ValueError(f"a count is not between 0 and {self.plane.replicas}")

    def count_cells_with(self, least: int) -> int:
        """The number of cells in which at least ``least`` replicas show the shape."""
        return sum(count >= least for row in self.counts for count in row)


def build_plane(
    description: Description,
    declared: Map,
    *,
    setting: Mapping[str, float] | None = None,
    side: int = SIDE,
    replicas: int = CELL_REPLICAS,
    first_seed: int = 0,
) -> Plane:
    """The plane of the map ``declared``, with the knobs of ``setting`` in place of its arm's own.

    Raises ``KeyError`` when the description has no such knob or arm, ``KnobError`` for a value out
    of range.
    """
    knobs = {knob.name: knob for knob in description.knobs}
    arm = description.arms[0] if declared.arm is None else description.arm(declared.arm)
    arm_setting = {**arm.knobs, **(setting or {})}
    return Plane(
        x=declared.x,
        x_values=knob_values(knobs[declared.x], declared.x_range, side),
        y=declared.y,
        y_values=knob_values(knobs[declared.y], declared.y_range, side),
        setting={name: knob.check_value(arm_setting[name]) for name, knob in knobs.items()},
        shape=declared.shape,
        series=declared.series,
        first_seed=first_seed,
        replicas=replicas,
    )


def knob_values(
    knob: Knob, span: tuple[float, float] | None = None, count: int = SIDE
) -> tuple[float, ...]:
    """``count`` values of a knob from end to end of ``span`` (its own range when None), rising.

    They are evenly spread on the knob's scale and rounded to four digits; an integer knob has fewer
    when there are fewer whole numbers. Raises ``KnobError`` when the span leaves the knob's range.
    """
    low, high = (knob.check_value(end) for end in span or (knob.low, knob.high))
    positions = [index / (count - 1) for index in range(count)]
    if knob.scale == "log":
        exact = [
            math.exp(math.log(low) + position * (math.log(high) - math.log(low)))
            for position in positions
        ]
    else:
        exact = [low + position * (high - low) for position in positions]
    if knob.integer:
        readable = [float(round(value)) for value in exact]
    else:
        readable = [min(high, max(low, float(f"{value:.{_DIGITS}g}"))) for value in exact]
    return tuple(sorted(set(readable)))


def coarse_to_fine(columns: int, rows: int) -> list[int]:
    """Every cell number once, in an order whose every prefix is spread over the whole map.

    A map that is trained in this order is a coarse picture early and gets sharper (the idea of
    Adam7, the interlacing of PNG).
    """
    cells: dict[int, None] = {}
    step = 1 << max(columns, rows).bit_length()
    while step >= 1:
        for row in range(step // 2 if step > 1 else 0, rows, step):
            for column in range(step // 2 if step > 1 else 0, columns, step):
                cells[row * columns + column] = None
        for row in range(0, rows, step):
            for column in range(0, columns, step):
                cells[row * columns + column] = None
        step //= 2
    return list(cells)


def picture_levels(plane: Plane) -> list[list[int]]:
    """The cells of a plane, coarse to fine: for each of ``LEVELS`` those that its picture adds."""
    cells = coarse_to_fine(len(plane.x_values), len(plane.y_values))
    ends = [0, *(-(-len(cells) // share) for share in LEVELS)]
    return [cells[start:end] for start, end in pairwise(ends)]


def phase_map_from_counts(plane: Plane, counts: Mapping[int, int]) -> PhaseMap:
    """The map of all cells' counts; raises ``ValueError`` when one is missing."""
    missing = plane.cell_count - len(counts)
    if missing:
        raise ValueError(f"{missing} of {plane.cell_count} cells have no count")
    width = len(plane.x_values)
    return PhaseMap(
        replace(plane, setting=dict(plane.setting)),
        tuple(
            tuple(counts[row * width + column] for column in range(width))
            for row in range(len(plane.y_values))
        ),
    )


def phase_map_sentence(phase_map: PhaseMap) -> str:
    """Describes in how many cells most replicas show the shape, and in how many all or none do."""
    n, cells = phase_map.plane.replicas, phase_map.plane.cell_count
    most = phase_map.count_cells_with(n // 2 + 1)
    every = phase_map.count_cells_with(n)
    none = cells - phase_map.count_cells_with(1)
    return (
        f"In {most} of {cells} cells most of {n} replicas show it. "
        f"All {n} do in {every}, none does in {none}."
    )
