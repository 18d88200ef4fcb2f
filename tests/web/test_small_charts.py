"""The small pictures beside verdicts."""

from __future__ import annotations

import math
import re

from quizserver.web.charts import ChartCurve, DescribedCurve
from quizserver.web.small_charts import draw_small_chart

X = list(range(101))


def path_of(svg: str, name: str) -> list[tuple[int, int]]:
    match = re.search(rf'class="{name}[^"]*" d="M([^"]*?)Z?"', svg)
    assert match is not None
    numbers = [int(n) for n in match[1].split()]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def test_a_line_runs_from_edge_to_edge_with_few_points():
    svg = draw_small_chart([ChartCurve(X, [1 - x / 100 for x in X], arm=3)], y_range=(0, 1))
    (left, top), (right, bottom) = path_of(svg, "median")
    assert (left, right, bottom) == (0, 50, 100)
    assert 0 <= top <= 1
    assert 'class="median arm-3"' in svg
    assert 'aria-hidden="true"' in svg


def test_a_band_holds_every_value_between_its_edges():
    low = [0.2 if x % 2 else 0.4 for x in X]
    high = [0.9 if x % 2 else 0.6 for x in X]
    svg = draw_small_chart([ChartCurve(X, [0.5] * 101, low, high)], y_range=(0, 1))
    heights = [y for _, y in path_of(svg, "band")]
    assert (min(heights), max(heights)) == (10, 80)
    assert len(svg) < 1000


def test_the_described_curve_lies_over_it():
    described = DescribedCurve([(0, 1), (50, 0.5), (100, 0)])
    svg = draw_small_chart([ChartCurve(X, [1.0] * 101)], described=described)
    assert path_of(svg, "described")[0] == (0, path_of(svg, "median")[0][1])


def test_gaps_break_the_line_and_nothing_to_draw_is_nothing():
    median = [1.0, 1.0, None, None, math.inf, 1.0]
    svg = draw_small_chart([ChartCurve(range(6), median)], y_range=(0, 2))
    assert svg.count("M") >= 2
    assert draw_small_chart([ChartCurve(X, [None] * 101)]) == ""
    assert draw_small_chart([ChartCurve([0], [1.0])]) == ""
    assert draw_small_chart([]) == ""


def test_a_logarithmic_axis_spaces_decades_evenly():
    svg = draw_small_chart(
        [ChartCurve([1, 10, 100], [1e-2, 1e-1, 1.0])],
        x_scale="log", y_scale="log", y_range=(1e-2, 1.0),
    )  # fmt: skip
    assert path_of(svg, "median") == [(0, 100), (50, 0)]
