"""The small pictures beside verdicts."""

from __future__ import annotations

import math
import re

import pytest

from quizserver.web.charts import ChartCurve, DescribedCurve, ReferenceLevel
from quizserver.web.small_charts import draw_small_chart

X = list(range(101))
TO_ONE = [ReferenceLevel(1 / 1.08, "makes the axis reach to 1")]


def path_of(svg: str, name: str) -> list[tuple[int, int]]:
    match = re.search(rf'class="{name}[^"]*" d="M([^"]*?)Z?"', svg)
    assert match is not None
    numbers = [int(n) for n in match[1].split()]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def test_a_line_runs_from_edge_to_edge_with_few_points():
    svg = draw_small_chart([ChartCurve(X, [1 - x / 100 for x in X], arm=3)])
    points = path_of(svg, "median")
    # 8 % of headroom; a column has the last of its values.
    assert (points[0], points[-1]) == ((0, 8), (50, 100))
    assert len(points) <= 12
    assert 'class="median arm-3"' in svg
    assert 'aria-hidden="true"' in svg


def test_a_band_holds_every_value_between_its_edges():
    low = [0.2 if x % 2 else 0.4 for x in X]
    high = [0.9 if x % 2 else 0.6 for x in X]
    svg = draw_small_chart([ChartCurve(X, [0.5] * 101, low, high)], levels=TO_ONE)
    heights = [y for _, y in path_of(svg, "band")]
    assert (min(heights), max(heights)) == (10, 80)
    assert len(svg) < 1000


def test_the_described_curve_lies_over_it():
    described = DescribedCurve([(0, 1), (50, 0.5), (100, 0)])
    svg = draw_small_chart([ChartCurve(X, [1.0] * 101)], described=described)
    assert path_of(svg, "described")[0] == (0, path_of(svg, "median")[0][1])


def test_gaps_break_the_line_and_nothing_to_draw_is_nothing():
    svg = draw_small_chart([ChartCurve(range(6), [1.0, 1.0, None, None, 0.5, 1.0])])
    assert svg.count("M") == 2
    assert draw_small_chart([ChartCurve([0], [1.0])]) == ""
    assert draw_small_chart([]) == ""


@pytest.mark.parametrize(
    ("values", "sign"),
    [
        ([1.0, 1.0, 1e17], "M"),
        ([1.0, 0.5, math.inf], "M"),
        ([1e38] * 3, "M3 0m0 0l3 14h-6z"),
        ([None] * 3, "M3 93m-2-7h4v14h-4z"),
        ([1.0, 0.5, None], "M25 54m-2-7h4v14h-4z"),
    ],
)
def test_what_leaves_the_picture_or_ends_has_a_sign(values: list[float | None], sign: str):
    """A triangle or a square, as in the large chart; it is never an empty picture."""
    svg = draw_small_chart([ChartCurve([0, 1, 2], values, arm=2)])
    (found,) = re.findall(r'class="exit arm-2" d="([^"]*)"', svg)
    assert found.startswith(sign)
    assert found.endswith("h-4z" if values[-1] is None else "l3 14h-6z")


def test_a_curve_that_diverges_does_not_flatten_the_others():
    wild, calm = ChartCurve([0, 1], [1.0, 1e17]), ChartCurve([0, 1], [1.0, 0.5], arm=1)
    svg = draw_small_chart([calm, wild])
    (_, first), (_, last) = path_of(svg, "median")
    assert last - first > 20


def test_a_logarithmic_axis_spaces_decades_evenly():
    svg = draw_small_chart(
        [ChartCurve([1, 10, 100], [1e-2, 1e-1, 1.0])], x_scale="log", y_scale="log"
    )
    (left, low), (right, high) = path_of(svg, "median")
    assert (left, right) == (0, 50)
    assert (low, high) == (93, 7), "8 % of two decades on both sides"
