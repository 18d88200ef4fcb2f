"""A phase map as SVG: a cell for each pair of values of two knobs, its colour for a count.

It is built as the curves are (``charts``): axes and labels stand at percentages of an outer
``<svg>``, and only the cells live in an inner one that stretches. All cells with one count are one
path, so a map of some hundred cells is a few kilobytes. A line goes round the region where most
replicas show the shape: colour is not the only sign. ``static/js/map-picture.js`` and
``map-axis.js`` draw the same structure, held to the same numbers by tests.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from quizserver.web.charts import arm_class, frame_chart
from quizserver.web.scales import (
    Scale,
    ScaleName,
    format_percent,
    format_svg_number,
    tick_values,
)

Counts = Sequence[Sequence[int | None]]

COLOUR_STEPS = 8
"""Steps of the colour scale above that of no replica."""

# An axis with no more values than this has a tick at each.
_FEW = 8


@dataclass(frozen=True, slots=True)
class MapAxis:
    """A knob along one side: its rising ``values``, at least two; ``names`` stand for them."""

    label: str
    values: Sequence[float]
    unit: str = ""
    scale: ScaleName = "linear"
    names: Sequence[str] = ()
    integer: bool = False

    @property
    def text(self) -> str:
        return f"{self.label} ({self.unit})" if self.unit else self.label

    def position(self, value: float) -> float | None:
        """Where a value stands, 0 at the one edge and 1 at the other; None when it is beyond.

        The middle of a cell is its value; in between, places follow the scale.
        """
        scaled_values = [self._scaled_value(item) for item in self.values]
        target = self._scaled_value(value)
        upper_index = next(
            (i for i, item in enumerate(scaled_values) if item >= target), len(scaled_values) - 1
        )
        lower_index = min(max(upper_index - 1, 0), len(scaled_values) - 2)
        share = (target - scaled_values[lower_index]) / (
            scaled_values[lower_index + 1] - scaled_values[lower_index]
        )
        position = (lower_index + share + 0.5) / len(scaled_values)
        return position if -1e-9 <= position <= 1 + 1e-9 else None

    def _scaled_value(self, value: float) -> float:
        if self.scale != "log":
            return value
        return math.log(value) if value > 0 else -math.inf


@dataclass(frozen=True, slots=True)
class ArmMarker:
    """A named setting in the plane: ``number`` is its number in the key, ``arm`` its colour."""

    x: float
    y: float
    number: int
    arm: int


def draw_phase_chart(
    *,
    ident: str,
    title: str,
    description: str,
    x: MapAxis,
    y: MapAxis,
    counts: Counts,
    replicas: int,
    markers: Sequence[ArmMarker] = (),
) -> Markup:
    """Draw how many ``of`` replicas show a shape: ``counts`` has a row a value of y, from low.

    ``ident`` must be unique in the page; ``title`` names the picture and ``description`` says what
    it shows, for those who can't see it. None is a cell that nobody has trained yet.
    """
    classes = f"chart-map{' named-rows' if y.names else ''}"
    inside = f"{_cells_svg(counts, replicas)}{_axes_svg(x, y)}{_markers_svg(x, y, markers)}"
    return frame_chart(classes, ident, title, description, inside)


def colour_step(count: int, replicas: int) -> int:
    """The step of the colour scale, 0 for no replica and ``LEVELS`` for all of them."""
    if count in (0, replicas):  # none and all have a step of their own
        return COLOUR_STEPS if count else 0
    return min(max(math.floor(COLOUR_STEPS * count / replicas + 0.5), 1), COLOUR_STEPS - 1)


def _cells_svg(counts: Counts, replicas: int) -> str:
    height, width = len(counts), len(counts[0])
    paths: dict[int, list[str]] = {}
    for row, line in enumerate(counts):
        for start, end, count in _equal_stretches(line):
            if count is not None:
                piece = f"M{start} {height - 1 - row}h{end - start}v1H{start}z"
                paths.setdefault(colour_step(count, replicas), []).append(piece)
    path_elements = [f'<path class="k-{k}" d="{"".join(paths[k])}"/>' for k in sorted(paths)]
    if border := "".join(_border_edges(counts, replicas)):
        path_elements.append(f'<path class="most" d="{border}"/>')
    return (
        f'<svg class="cells" viewBox="0 0 {width} {height}" preserveAspectRatio="none"'
        f' width="100%" height="100%"><rect class="untrained" width="{width}" height="{height}"/>'
        f"{''.join(path_elements)}</svg>"
    )


def _equal_stretches(line: Sequence[int | None]) -> Iterator[tuple[int, int, int | None]]:
    """Neighbours with one count, as (first column, column after the last, count)."""
    start = 0
    for column in range(1, len(line) + 1):
        if column == len(line) or line[column] != line[start]:
            yield start, column, line[start]
            start = column


def _border_edges(counts: Counts, replicas: int) -> Iterator[str]:
    """The edges between cells where most replicas show the shape and those where not."""
    height = len(counts)
    majority = [
        [None if count is None else 2 * count > replicas for count in line] for line in counts
    ]
    for row, line in enumerate(majority):
        for column, cell in enumerate(line):
            if column and _are_different(line[column - 1], cell):
                yield f"M{column} {height - 1 - row}v1"
            if row and _are_different(majority[row - 1][column], cell):
                yield f"M{column} {height - row}h1"


def _are_different(first: bool | None, second: bool | None) -> bool:
    """Whether both are known and not the same."""
    return None not in (first, second) and first != second


def _axes_svg(x: MapAxis, y: MapAxis) -> str:
    parts = ['<g class="ticks">']
    for position, text in map_axis_ticks(y):
        up = format_percent(1 - position)
        parts.append(f'<line x1="0" x2="-4" y1="{up}" y2="{up}"/>')
        parts.append(f'<text class="tick-y" x="0" dx="-8" y="{up}" dy="0.32em">{text}</text>')
    for position, text in map_axis_ticks(x):
        across = format_percent(position)
        parts.append(f'<text class="tick-x" x="{across}" y="100%" dy="1.5em">{text}</text>')
    parts.append(
        f'</g><text class="axis-y" x="0" y="0" dx="-8" dy="-0.9em">{escape(y.text)}</text>'
        f'<text class="axis-x" x="100%" y="100%" dy="2.9em">{escape(x.text)}</text>'
    )
    return "".join(parts)


def map_axis_ticks(side: MapAxis) -> list[tuple[float, str]]:
    """(position 0…1, SVG text content) of names, of a few whole numbers, or of round numbers."""
    count = len(side.values)
    if side.names:
        return [((i + 0.5) / count, str(escape(name))) for i, name in enumerate(side.names)]
    if side.integer and count <= _FEW:
        return [
            ((i + 0.5) / count, format_svg_number(value)) for i, value in enumerate(side.values)
        ]
    scale = Scale(side.values[0], side.values[-1], side.scale)
    labelled_ticks = []
    for value in tick_values(scale):
        position = side.position(value)
        is_whole = not side.integer or abs(value - round(value)) < 1e-6
        if position is not None and is_whole:
            labelled_ticks.append((position, format_svg_number(value)))
    return labelled_ticks


def _markers_svg(x: MapAxis, y: MapAxis, markers: Sequence[ArmMarker]) -> str:
    parts = []
    for marker in markers:
        across, up = x.position(marker.x), y.position(marker.y)
        if across is None or up is None:
            continue
        left, top = format_percent(across), format_percent(1 - up)
        arm = arm_class(marker.arm)
        parts.append(
            f'<circle class="arm-mark {arm}" cx="{left}" cy="{top}" r="9"/>'
            f'<text class="arm-number" x="{left}" y="{top}" dy="0.34em">{marker.number}</text>'
        )
    return "".join(parts)
