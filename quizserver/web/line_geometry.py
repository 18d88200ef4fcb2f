"""The geometry of drawn lines: SVG path data of few points, and smooth curves through a few.

Paths are in units of a thousandth of the plot, y downwards. ``static/js/chart-geometry.js`` and
``line-geometry.js`` do the same for the lab bench.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence

from quizserver.web.scales import Scale, is_drawable

Numbers = Sequence[float | None]


def line_data(x_scale: Scale, y_scale: Scale, x: Numbers, y: Numbers) -> str:
    """The path of a line, lifted over gaps; empty when no point of it can be drawn."""
    # A lone point between gaps would vanish: a zero-length segment shows as a dot (round caps).
    return "".join(
        "M" + _format_points(thin_points(run) if len(run) > 1 else run * 2)
        for run in unbroken_runs(x_scale, y_scale, x, y)
    )


def band_data(x_scale: Scale, y_scale: Scale, x: Numbers, low: Numbers, high: Numbers) -> str:
    """The outline of the band between two lines."""
    edges = []
    for run in unbroken_runs(x_scale, y_scale, x, low, high):
        upper_edge = thin_points([(across, up) for across, _, up in run])
        lower_edge = thin_points([(across, down) for across, down, _ in run])[::-1]
        edges.append("M" + _format_points(upper_edge + lower_edge) + "Z")
    return "".join(edges)


def unbroken_runs(
    x_scale: Scale, y_scale: Scale, x: Numbers, *lines: Numbers
) -> list[list[tuple[int, ...]]]:
    """Stretches of points where every line has a value, as (x, y…)."""
    runs: list[list[tuple[int, ...]]] = [[]]
    for x_value, *y_values in zip(x, *lines, strict=False):
        x_position = x_scale.position(x_value) if is_drawable(x_value) else None
        y_positions = [y_scale.position(value) for value in y_values]
        if x_position is None or None in y_positions:
            runs.append([])
            continue
        down = (_units_down(position) for position in y_positions if position is not None)
        runs[-1].append((round(1000 * x_position), *down))
    return [run for run in runs if run]


def _units_down(position: float) -> int:
    return round(1000 * (1 - clip_position(position)))


def clip_position(position: float) -> float:
    """Far outside is as good as just outside: the inner drawing clips, and numbers stay short."""
    return min(3.0, max(-2.0, position))


def _format_points(points: Iterable[tuple[int, ...]]) -> str:
    return " ".join(f"{x} {y}" for x, y in points)


def thin_points(points: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """The points without which no part of the line moves by more than one unit (swinging door).

    A thousandth of the plot's height is less than a pixel; a plateau becomes a single stroke.
    """
    anchor = last = points[0]
    thinned = [anchor]
    flattest, steepest = -math.inf, math.inf
    for point in points[1:]:
        low, high = _slopes_to(anchor, point)
        width = point[0] - anchor[0]
        slope = (point[1] - anchor[1]) / width if width else flattest
        if flattest <= slope <= steepest:
            flattest, steepest = max(flattest, low), min(steepest, high)
        else:
            thinned.append(last)
            anchor = last
            flattest, steepest = _slopes_to(anchor, point)
        last = point
    return [*thinned, last] if last is not anchor else thinned


def _slopes_to(start: tuple[int, ...], end: tuple[int, ...]) -> tuple[float, float]:
    """The flattest and the steepest line from one point that passes another within a unit.

    Of two points that stand above each other further apart than that, no line does.
    """
    width, rise = end[0] - start[0], end[1] - start[1]
    if width:
        return (rise - 1) / width, (rise + 1) / width
    return (-math.inf, math.inf) if abs(rise) <= 1 else (math.inf, -math.inf)


def smooth_curve(
    points: Sequence[tuple[float, float]], steps: int = 12
) -> tuple[list[float], list[float]]:
    """Monotone cubic interpolation: no overshoot, so a plateau stays flat (Fritsch-Carlson 1980).

    Gives ``steps`` values for each stretch between neighbours; ``points`` must rise in x.
    """
    if len(points) < 2:
        return [px for px, _ in points], [py for _, py in points]
    widths = [b[0] - a[0] for a, b in itertools.pairwise(points)]
    if min(widths) <= 0:
        raise ValueError("the points of a described curve must rise in x")
    slopes = [
        (b[1] - a[1]) / w for (a, b), w in zip(itertools.pairwise(points), widths, strict=True)
    ]
    tangents = [slopes[0], *map(_harmonic_tangent, slopes, slopes[1:]), slopes[-1]]
    xs, ys = [points[0][0]], [points[0][1]]
    for i, width in enumerate(widths):
        for step in range(1, steps + 1):
            t = step / steps
            xs.append(points[i][0] + t * width)
            ys.append(
                (1 + 2 * t) * (1 - t) ** 2 * points[i][1]
                + t * (1 - t) ** 2 * width * tangents[i]
                + t**2 * (3 - 2 * t) * points[i + 1][1]
                + t**2 * (t - 1) * width * tangents[i + 1]
            )
    return xs, ys


def _harmonic_tangent(left_slope: float, right_slope: float) -> float:
    # The harmonic mean keeps the curve monotone; at a turning point the tangent is level.
    return (
        0.0
        if left_slope * right_slope <= 0
        else 2 * left_slope * right_slope / (left_slope + right_slope)
    )
