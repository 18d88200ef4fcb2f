"""The geometry of drawn lines: fewer points that look the same, smooth ones through a few."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence


def thin_points(points: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """The points without which no part of the line moves by more than one unit (swinging door).

    A thousandth of the plot's height is less than a pixel; a plateau becomes a single stroke.
    """
    anchor = last = points[0]
    thinned = [anchor]
    steepest, flattest = math.inf, -math.inf
    for point in points[1:]:
        width = point[0] - anchor[0]
        if width and flattest <= (point[1] - anchor[1]) / width <= steepest:
            steepest = min(steepest, (point[1] + 1 - anchor[1]) / width)
            flattest = max(flattest, (point[1] - 1 - anchor[1]) / width)
        elif last is not anchor:
            thinned.append(last)
            anchor = last
            width = point[0] - anchor[0]
            steepest = (point[1] + 1 - anchor[1]) / width if width else math.inf
            flattest = (point[1] - 1 - anchor[1]) / width if width else -math.inf
        last = point
    return [*thinned, last] if last is not anchor else thinned


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
