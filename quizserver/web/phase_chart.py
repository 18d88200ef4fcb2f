"""A phase map as SVG: a cell for each pair of values of two knobs, its colour for a count.

It is built as the curves are (``charts``): axes and labels stand at percentages of an outer
``<svg>``, and only the cells live in an inner one that stretches. All cells with one count are one
path, so a map of some hundred cells is a few kilobytes. A line goes round the region where most
replicas show the shape: colour is not the only sign. ``map-picture.js`` draws the same structure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from quizserver.web.charts import framed
from quizserver.web.scales import Scale, ScaleName, number, ticks

Counts = Sequence[Sequence[int | None]]

LEVELS = 8
"""Steps of the colour scale above that of no replica."""

_ARM_COLOURS = 12
# An axis with no more values than this has a tick at each.
_FEW = 8


@dataclass(frozen=True, slots=True)
class Side:
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

    def spot(self, value: float) -> float | None:
        """Where a value stands, 0 at the one edge and 1 at the other; None when it is beyond.

        The middle of a cell is its value; in between, places follow the scale.
        """
        at = [self._height(each) for each in self.values]
        here = self._height(value)
        after = next((i for i, each in enumerate(at) if each >= here), len(at) - 1)
        first = min(max(after - 1, 0), len(at) - 2)
        share = (here - at[first]) / (at[first + 1] - at[first])
        spot = (first + share + 0.5) / len(at)
        return spot if -1e-9 <= spot <= 1 + 1e-9 else None

    def _height(self, value: float) -> float:
        if self.scale != "log":
            return value
        return math.log(value) if value > 0 else -math.inf


@dataclass(frozen=True, slots=True)
class Mark:
    """A named setting in the plane: ``number`` is its number in the key, ``arm`` its colour."""

    x: float
    y: float
    number: int
    arm: int


def phase_chart(
    *,
    ident: str,
    title: str,
    description: str,
    x: Side,
    y: Side,
    counts: Counts,
    of: int,
    marks: Sequence[Mark] = (),
) -> Markup:
    """Draw how many ``of`` replicas show a shape: ``counts`` has a row a value of y, from low.

    ``ident`` must be unique in the page; ``title`` names the picture and ``description`` says what
    it shows, for those who can't see it. None is a cell that nobody has trained yet.
    """
    classes = f"chart-map{' named-rows' if y.names else ''}"
    inside = f"{_cells(counts, of)}{_axes(x, y)}{_marks(x, y, marks)}"
    return framed(classes, ident, title, description, inside)


def level(count: int, of: int) -> int:
    """The step of the colour scale, 0 for no replica and ``LEVELS`` for all of them."""
    if count in (0, of):  # none and all have a step of their own
        return LEVELS if count else 0
    return min(max(math.floor(LEVELS * count / of + 0.5), 1), LEVELS - 1)


def _cells(counts: Counts, of: int) -> str:
    height, width = len(counts), len(counts[0])
    paths: dict[int, list[str]] = {}
    for row, line in enumerate(counts):
        for start, end, count in _stretches(line):
            if count is not None:
                piece = f"M{start} {height - 1 - row}h{end - start}v1H{start}z"
                paths.setdefault(level(count, of), []).append(piece)
    drawn = [f'<path class="k-{k}" d="{"".join(paths[k])}"/>' for k in sorted(paths)]
    if border := "".join(_border(counts, of)):
        drawn.append(f'<path class="most" d="{border}"/>')
    return (
        f'<svg class="cells" viewBox="0 0 {width} {height}" preserveAspectRatio="none"'
        f' width="100%" height="100%"><rect class="untrained" width="{width}" height="{height}"/>'
        f"{''.join(drawn)}</svg>"
    )


def _stretches(line: Sequence[int | None]) -> Iterator[tuple[int, int, int | None]]:
    """Neighbours with one count, as (first column, column after the last, count)."""
    start = 0
    for column in range(1, len(line) + 1):
        if column == len(line) or line[column] != line[start]:
            yield start, column, line[start]
            start = column


def _border(counts: Counts, of: int) -> Iterator[str]:
    """The edges between cells where most replicas show the shape and those where not."""
    height = len(counts)
    most = [[None if count is None else 2 * count > of for count in line] for line in counts]
    for row, line in enumerate(most):
        for column, here in enumerate(line):
            if column and _differ(line[column - 1], here):
                yield f"M{column} {height - 1 - row}v1"
            if row and _differ(most[row - 1][column], here):
                yield f"M{column} {height - row}h1"


def _differ(one: bool | None, other: bool | None) -> bool:
    """Whether both are known and not the same."""
    return None not in (one, other) and one != other


def _axes(x: Side, y: Side) -> str:
    parts = ['<g class="ticks">']
    for spot, text in _ticks(y):
        up = _percent(1 - spot)
        parts.append(f'<line x1="0" x2="-4" y1="{up}" y2="{up}"/>')
        parts.append(f'<text class="tick-y" x="0" dx="-8" y="{up}" dy="0.32em">{text}</text>')
    for spot, text in _ticks(x):
        across = _percent(spot)
        parts.append(f'<text class="tick-x" x="{across}" y="100%" dy="1.5em">{text}</text>')
    parts.append(
        f'</g><text class="axis-y" x="0" y="0" dx="-8" dy="-0.9em">{escape(y.text)}</text>'
        f'<text class="axis-x" x="100%" y="100%" dy="2.9em">{escape(x.text)}</text>'
    )
    return "".join(parts)


def _ticks(side: Side) -> list[tuple[float, str]]:
    """(place 0…1, SVG text content) of names, of a few whole numbers, or of round numbers."""
    count = len(side.values)
    if side.names:
        return [((i + 0.5) / count, str(escape(name))) for i, name in enumerate(side.names)]
    if side.integer and count <= _FEW:
        return [((i + 0.5) / count, number(value)) for i, value in enumerate(side.values)]
    scale = Scale(side.values[0], side.values[-1], side.scale)
    found = []
    for share, text in ticks(scale):
        value = _value(scale, share)
        spot = side.spot(value)
        whole = not side.integer or abs(value - round(value)) < 1e-6
        if spot is not None and whole:
            found.append((spot, text))
    return found


def _value(scale: Scale, share: float) -> float:
    """The inverse of ``scale.spot``."""
    if scale.name == "linear":
        return scale.low + share * (scale.high - scale.low)
    low, high = math.log(scale.low), math.log(scale.high)
    return math.exp(low + share * (high - low))


def _marks(x: Side, y: Side, marks: Sequence[Mark]) -> str:
    parts = []
    for mark in marks:
        across, up = x.spot(mark.x), y.spot(mark.y)
        if across is None or up is None:
            continue
        left, top = _percent(across), _percent(1 - up)
        parts.append(
            f'<circle class="arm-mark arm-{mark.arm % _ARM_COLOURS}" cx="{left}" cy="{top}" r="9"/>'
            f'<text class="arm-number" x="{left}" y="{top}" dy="0.34em">{mark.number}</text>'
        )
    return "".join(parts)


def _percent(share: float) -> str:
    return f"{100 * share:.2f}".rstrip("0").rstrip(".") + "%"
