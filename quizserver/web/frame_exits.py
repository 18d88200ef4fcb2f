"""Where lines leave a chart's frame, or end for want of a number.

``static/js/chart-geometry.js`` does the same for the lab bench.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from quizserver.web.line_geometry import Numbers, clip_position
from quizserver.web.scales import Scale, is_drawable, is_number

Edge = Literal["top", "bottom"]


@dataclass(frozen=True, slots=True)
class LineExit:
    """Where a line first leaves the frame: the point that is outside, and a share of the width."""

    edge: Edge
    point: int
    across: float

    @property
    def place(self) -> tuple[float, float]:
        """Where its sign stands, as shares of the plot (y downwards)."""
        return self.across, 0.0 if self.edge == "top" else 1.0


@dataclass(frozen=True, slots=True)
class LineEnd:
    """From which point on a line has no number.

    ``place`` is where it ends, as shares of the plot (y downwards): at its last number, or on the
    axis where it never had one. None where it has left the frame before.
    """

    point: int
    place: tuple[float, float] | None


def find_exit(x_scale: Scale, y_scale: Scale, x: Numbers, y: Numbers) -> LineExit | None:
    """Where the line, as it is drawn, first crosses the frame's upper or lower edge."""
    before: tuple[float, float] | None = None
    for point, (across, up) in enumerate(_positions(x_scale, y_scale, x, y)):
        if across is None or up is None:
            before = None
            continue
        if not 0 <= up <= 1:
            edge: Edge = "top" if up > 1 else "bottom"
            if before is not None:
                height = 1 if edge == "top" else 0
                share = (height - before[1]) / (clip_position(up) - before[1])
                across = before[0] + share * (across - before[0])
            return LineExit(edge, point, across)
        before = (across, up)
    return None


def find_end(x_scale: Scale, y_scale: Scale, x: Numbers, y: Numbers) -> LineEnd | None:
    """Where the line ends before its last point; None when its last point has a number."""
    last = max((i for i, value in enumerate(y) if is_number(value)), default=-1)
    if last == len(y) - 1:
        return None
    across, up = next(_positions(x_scale, y_scale, x[max(0, last) :], y[max(0, last) :]))
    if across is None or (last >= 0 and (up is None or not 0 <= up <= 1)):
        return LineEnd(last + 1, None)
    return LineEnd(last + 1, (across, 1.0 if up is None else 1 - up))


def _positions(
    x_scale: Scale, y_scale: Scale, x: Numbers, y: Numbers
) -> Iterator[tuple[float | None, float | None]]:
    for x_value, value in zip(x, y, strict=False):
        yield x_scale.position(x_value) if is_drawable(x_value) else None, y_scale.position(value)
