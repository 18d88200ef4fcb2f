"""Places the name of a line on a chart so that it touches no line and no other name."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Polyline = Sequence[tuple[float, float]]

# CSS pixels: an average letter's width and the height of a line of text in a chart.
_LETTER, _HEIGHT = 6.4, 15.0
# How far from its line a name still reads as that line's, and how near lines may come to it.
_GAPS = (14.0, 20.0, 28.0, 40.0)
_CLEARANCE = 10.0


@dataclass(frozen=True, slots=True)
class LabelBox:
    """A name's middle as shares of the plot (y downwards) and half its extent likewise."""

    x: float
    y: float
    half_width: float
    half_height: float


def axis_name_box(text: str, size: tuple[float, float]) -> LabelBox:
    """The box of the y axis' name, above the plot's upper left corner."""
    half_width = len(text) * _LETTER / 2 / size[0]
    return LabelBox(
        half_width - 8 / size[0], -1.1 * _HEIGHT / size[1], half_width, _HEIGHT / size[1]
    )


def place_label(
    text: str,
    line: Polyline,
    *,
    others: Sequence[Polyline],
    occupied: Sequence[LabelBox],
    size: tuple[float, float],
) -> LabelBox:
    """The best place for ``text`` beside ``line`` in a plot of ``size`` CSS pixels.

    Lines are points in shares of the plot, y downwards; ``others`` may hold ``line`` itself. When
    no place is free, the least bad one is returned: a name is never left out.
    """
    width, height = size
    half = (len(text) * _LETTER / 2 / width, _HEIGHT / 2 / height)
    obstacles = [point for other in others for point in _dense_points(other)]

    best, least_cost = LabelBox(0.5, 0.5, *half), math.inf
    for gap, box in _candidate_boxes(line, half, height):
        cost = (
            gap / 10
            + 60 * _overhang_heights(box)
            + 400 * sum(_boxes_overlap(box, other) for other in occupied)
        )
        for point in obstacles:
            if cost >= least_cost:
                break
            cost += 20 * _intrusion_depth(point, box, width, height)
        if cost < least_cost:
            best, least_cost = box, cost
    return best


def _candidate_boxes(
    line: Polyline, half: tuple[float, float], height: float
) -> Iterator[tuple[float, LabelBox]]:
    # Names stay inside the plot sideways, so that they never reach over the page's edge.
    inside = [point for point in line if half[0] <= point[0] <= 1 - half[0]]
    x, y = line[len(line) // 2]
    nearest = (min(max(x, half[0]), 1 - half[0]) if half[0] < 0.5 else 0.5, y)
    anchors = inside[:: max(1, len(inside) // 24)] or [nearest]
    # The nearest places first: once one of them is free, the others are rejected quickly.
    for gap, (x, y), side in itertools.product(_GAPS, anchors, (-1, 1)):
        yield gap, LabelBox(x, y + side * gap / height, *half)


def _dense_points(line: Polyline) -> Iterator[tuple[float, float]]:
    """Points at most a twenty-fifth of the plot apart, so that steep stretches count too."""
    for (ax, ay), (bx, by) in itertools.pairwise(line[:: max(1, len(line) // 50)]):
        pieces = max(1, int(max(abs(by - ay), abs(bx - ax)) / 0.04))
        for piece in range(min(pieces, 50)):
            t = piece / pieces
            yield ax + t * (bx - ax), ay + t * (by - ay)
    yield from line[-1:]


def _intrusion_depth(
    point: tuple[float, float], box: LabelBox, width: float, height: float
) -> float:
    """How deep, 0 to 1, a point lies within the clear space around a name."""
    dx = (abs(point[0] - box.x) - box.half_width) * width
    dy = (abs(point[1] - box.y) - box.half_height) * height
    if dx >= _CLEARANCE or dy >= _CLEARANCE:
        return 0.0
    return max(0.0, 1 - math.hypot(max(0.0, dx), max(0.0, dy)) / _CLEARANCE)


def _boxes_overlap(a: LabelBox, b: LabelBox) -> bool:
    return (
        abs(a.x - b.x) < a.half_width + b.half_width
        and abs(a.y - b.y) < a.half_height + b.half_height
    )


def _overhang_heights(box: LabelBox) -> float:
    """How many half heights a name sticks out above or below the plot."""
    overhang = max(0.0, box.half_height - box.y) + max(0.0, box.y + box.half_height - 1)
    return overhang / box.half_height
