"""Level shapes compare a curve with a number as it is: curves made by hand on both sides of it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from quizserver.lab.shapes.pair import PAIR_SHAPES
from quizserver.lab.shapes.registry import SHAPE_NAMES, find_misfit, shapes_for
from quizserver.lab.shapes.single import SHAPES
from quizserver.lab.shapes.threshold import THRESHOLD_SHAPES

X = np.arange(101.0)


def line(*corners: tuple[float, float]) -> np.ndarray:
    """A curve of 101 points through (fraction of the run, value)."""
    fractions, values = zip(*corners, strict=True)
    return np.interp(X / 100, fractions, values)


def holds(shape: str, curve: np.ndarray, value: float) -> bool:
    return bool(THRESHOLD_SHAPES[shape].shown_by(X, curve, value)[0])


@pytest.mark.parametrize("value", [-2.0, 0.0, 1e-30, 676.0])
def test_an_end_at_the_number_is_above_it_and_not_below(value: float) -> None:
    step = 0.1 * abs(value) or 0.1
    for end, below in ((value - step, True), (value, False), (value + step, False)):
        curve = line((0, 5), (0.9, end), (1, end))
        assert holds("ends-below", curve, value) is below
        assert holds("ends-above", curve, value) is not below


def test_the_end_is_the_median_of_the_last_twentieth() -> None:
    spike = line((0, 1), (1, 1))
    spike[-2:] = 0.0  # two of six points
    assert holds("ends-above", spike, 0.5)
    spike[-4:] = 0.0
    assert holds("ends-below", spike, 0.5)


def test_nothing_is_relative_to_the_start() -> None:
    """A curve that starts below zero, or at zero, has an end like any other."""
    assert holds("ends-below", line((0, -3), (1, -1)), 0)
    assert holds("ends-above", line((0, 0), (1, 2)), 1)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_a_diverged_run_ends_above_every_number(broken: float) -> None:
    lost = line((0, 1), (1, 1))
    lost[50] = broken  # it may look finite again later
    assert holds("ends-above", lost, 1e300)
    assert not holds("ends-below", lost, 1e300)


@pytest.mark.parametrize(
    ("lowest", "expected"), [(0.4999, True), (0.5, True), (0.5001, False), (-math.inf, False)]
)
def test_reaches_asks_for_one_point_at_the_number_or_below(lowest: float, expected: bool) -> None:
    curve = line((0, 2), (1, 2))
    curve[30] = lowest
    assert holds("reaches", curve, 0.5) is expected


def test_a_run_that_came_down_and_then_diverged_did_reach_the_number() -> None:
    lost = line((0, 2), (0.5, 0.1), (1, 0.1))
    lost[60:] = math.nan
    assert holds("reaches", lost, 0.5)
    assert holds("ends-above", lost, 0.5)


def test_curves_are_judged_row_by_row() -> None:
    rows = np.stack([line((0, 1), (1, end)) for end in (0.2, 0.8, 0.4)])
    assert THRESHOLD_SHAPES["ends-below"].shown_by(X, rows, 0.5).tolist() == [True, False, True]
    assert THRESHOLD_SHAPES["ends-above"].shown_by(X, rows, 0.5).tolist() == [False, True, False]


@pytest.mark.parametrize("shape", THRESHOLD_SHAPES)
def test_a_number_must_be_finite_and_a_curve_long_enough(shape: str) -> None:
    for value in (math.nan, math.inf):
        with pytest.raises(ValueError, match="must be finite"):
            THRESHOLD_SHAPES[shape].shown_by(X, line((0, 1), (1, 0)), value)
    assert not THRESHOLD_SHAPES[shape].shown_by([0, 1, 2, 3], [1] * 4, 1).any()


@pytest.mark.parametrize("shape", SHAPE_NAMES)
@pytest.mark.parametrize("versus", [None, "other"])
@pytest.mark.parametrize("value", [None, 0.0])
def test_a_claim_fits_when_its_shape_is_of_the_kind_it_compares_with(
    shape: str, versus: str | None, value: float | None
) -> None:
    kinds = {(False, False): SHAPES, (True, False): PAIR_SHAPES, (False, True): THRESHOLD_SHAPES}
    kind = kinds.get((versus is not None, value is not None), {})
    misfit = find_misfit(shape, "one", versus, value)
    assert (misfit is None) is (shape in kind)
    if misfit is None:
        assert shapes_for(versus, value)[shape] is kind[shape]  # type: ignore[index]
    else:
        assert misfit.hint


def test_titles_and_verbs_have_one_place_for_the_number() -> None:
    for shape in THRESHOLD_SHAPES.values():
        assert shape.title.count("{}") == shape.verb.count("{}") == 1
