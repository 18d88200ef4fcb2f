"""Shapes are decided by stated thresholds: curves made by hand on both sides of each of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from quizserver.lab.curves import SHORTEST, RelativeCurves, count_swings, replica_quantile
from quizserver.lab.shapes.single import SHAPES

X = np.arange(101.0)


def line(*corners: tuple[float, float], start: float = 0.7) -> np.ndarray:
    """A curve of 101 points through (fraction of the run, fraction of the start)."""
    fractions, values = zip(*corners, strict=True)
    return start * np.interp(X / 100, fractions, values)


def holds(shape: str, *corners: tuple[float, float]) -> bool:
    return bool(SHAPES[shape].shown_by(X, line(*corners))[0])


def zigzag(swing: float, times: int) -> list[tuple[float, float]]:
    """From 1 down to 0.5, then ``times`` up by ``swing`` and down again."""
    corners = [(0.0, 1.0), (0.1, 0.5)]
    for turn in range(times):
        corners += [(0.2 + 0.1 * turn, 0.5 + swing), (0.25 + 0.1 * turn, 0.5)]
    return [*corners, (1.0, 0.5)]


@pytest.mark.parametrize(
    ("corners", "expected"),
    [
        ([(0, 1), (0.4, 1), (0.6, 0.1), (1, 0.1)], True),
        # the plateau stays within 15 % …
        ([(0, 1), (0.2, 0.8501), (0.4, 1), (0.6, 0.1), (1, 0.1)], True),
        ([(0, 1), (0.2, 0.8499), (0.4, 1), (0.6, 0.1), (1, 0.1)], False),
        ([(0, 1), (0.2, 1.1499), (0.4, 1), (0.6, 0.1), (1, 0.1)], True),
        ([(0, 1), (0.2, 1.1501), (0.4, 1), (0.6, 0.1), (1, 0.1)], False),
        # … for 40 % of the run
        ([(0, 1), (0.4, 0.8501), (0.41, 0.3), (1, 0.3)], True),
        ([(0, 1), (0.38, 1), (0.4, 0.8499), (0.6, 0.3), (1, 0.3)], False),
        # it ends below half
        ([(0, 1), (0.7, 1), (0.8, 0.4999), (1, 0.4999)], True),
        ([(0, 1), (0.7, 1), (0.8, 0.5001), (1, 0.5001)], False),
        # half of the fall happens within a quarter of the run: here the fall is a straight line
        ([(0, 1), (0.49, 1), (0.99, 0), (1, 0)], True),
        ([(0, 1), (0.47, 1), (0.99, 0), (1, 0)], False),
        # one low point at the very end is no drop: the end is the median of a twentieth
        ([(0, 1), (0.99, 1), (1, 0)], False),
    ],
)
def test_plateau_then_drop(corners: list[tuple[float, float]], expected: bool) -> None:
    assert holds("plateau-then-drop", *corners) is expected


@pytest.mark.parametrize(
    ("corners", "steady", "early"),
    [
        ([(0, 1), (0.5, 0.1), (1, 0.05)], True, True),
        # below 85 % within a fifth of the run
        ([(0, 1), (0.19, 1), (0.2, 0.8499), (0.5, 0.1), (1, 0.1)], True, True),
        ([(0, 1), (0.19, 1), (0.2, 0.8501), (0.5, 0.1), (1, 0.1)], False, False),
        # ends below half
        ([(0, 1), (0.3, 0.4999), (1, 0.4999)], True, True),
        ([(0, 1), (0.3, 0.5001), (1, 0.5001)], False, False),
        # rises by 5 % of the start above its lowest value, in one step or in many
        ([(0, 1), (0.5, 0.1), (0.51, 0.1499), (0.6, 0.1), (1, 0.1)], True, True),
        ([(0, 1), (0.5, 0.1), (0.51, 0.1501), (0.6, 0.1), (1, 0.1)], False, True),
        ([(0, 1), (0.5, 0.1), (1, 0.1501)], False, True),
        ([(0, 1), (0.02, 1.0501), (0.5, 0.1), (1, 0.1)], False, True),
    ],
)
def test_steady_decrease_and_early_drop(
    corners: list[tuple[float, float]], steady: bool, early: bool
) -> None:
    assert holds("steady-decrease", *corners) is steady
    assert holds("early-drop", *corners) is early


@pytest.mark.parametrize(("value", "expected"), [(0.9501, True), (0.9499, False)])
def test_flat_below(value: float, expected: bool) -> None:
    assert holds("flat", (0, 1), (0.5, value), (1, 1)) is expected


@pytest.mark.parametrize(("value", "expected"), [(1.0499, True), (1.0501, False)])
def test_flat_above(value: float, expected: bool) -> None:
    assert holds("flat", (0, 1), (0.5, 1), (1, value)) is expected


@pytest.mark.parametrize(
    ("swing", "times", "expected"),
    [(0.2, 3, True), (0.199, 3, False), (0.2, 2, False), (0.2, 6, True), (5.0, 2, False)],
)
def test_oscillates(swing: float, times: int, expected: bool) -> None:
    assert holds("oscillates", *zigzag(swing, times)) is expected


def test_a_rise_in_stairs_is_one_swing() -> None:
    stairs = line((0, 1), (0.1, 0.2), (0.3, 0.5), (0.35, 0.45), (0.5, 0.8), (0.55, 0.75), (1, 1.5))
    assert count_swings(RelativeCurves(X, stairs)).tolist() == [1]


def test_rises_count_again_only_after_a_fall_as_large() -> None:
    for fall, expected in ((0.19, 1), (0.21, 2)):
        top = 0.9
        y = line((0, 1), (0.1, 0.5), (0.2, top), (0.3, top - fall), (0.4, top + 0.3), (1, 1.2))
        assert count_swings(RelativeCurves(X, y)).tolist() == [expected]


@pytest.mark.parametrize(("end", "expected"), [(2.001, True), (1.999, False)])
def test_diverges_above_twice_the_start(end: float, expected: bool) -> None:
    assert holds("diverges", (0, 1), (0.5, 1), (0.9, end), (1, end)) is expected


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_diverges_and_has_no_other_shape(value: float) -> None:
    for where in (1, 50, 100):
        y = line((0, 1), (0.4, 1), (0.6, 0.1), (1, 0.1))
        y[where] = value
        assert [name for name, shape in SHAPES.items() if shape.shown_by(X, y)[0]] == ["diverges"]


def test_swings_before_an_overflow_count() -> None:
    y = line(*zigzag(0.3, 4))
    y[80:] = math.inf
    assert SHAPES["oscillates"].shown_by(X, y)[0]
    assert SHAPES["diverges"].shown_by(X, y)[0]


@pytest.mark.parametrize(
    ("corners", "expected"),
    [
        ([(0, 1), (1, 1)], True),
        ([(0, 1), (0.5, 0.5001), (1, 0.5001)], True),
        ([(0, 1), (0.5, 0.4999), (1, 0.4999)], False),
        ([(0, 1), (0.5, 0.6), (0.75, 0.6), (0.76, 0.6499), (1, 0.6)], True),
        ([(0, 1), (0.5, 0.6), (0.75, 0.6), (0.76, 0.6501), (1, 0.6)], False),
        ([(0, 1), (0.5, 2.001), (1, 2.001)], False),
    ],
)
def test_stalls_above(corners: list[tuple[float, float]], expected: bool) -> None:
    assert holds("stalls-above", *corners) is expected


def test_curves_that_start_at_nothing_have_no_shape_in_relation_to_it() -> None:
    for start in (0.0, -1.0, math.nan, math.inf):
        y = line((0, 1), (0.4, 1), (0.6, 0.1), (1, 0.1))
        y[0] = start
        shown = {name for name, shape in SHAPES.items() if shape.shown_by(X, y)[0]}
        assert shown <= {"diverges"}


@pytest.mark.parametrize("points", range(SHORTEST))
def test_short_and_empty_curves_have_no_shape(points: int) -> None:
    for shape in SHAPES.values():
        y = np.full((3, points), np.nan)
        assert shape.shown_by(np.arange(points), y).tolist() == [False] * 3


def test_no_replicas_is_an_empty_answer() -> None:
    for shape in SHAPES.values():
        assert shape.shown_by(X, np.zeros((0, 101))).shape == (0,)


def test_x_that_does_not_fit_or_increase_is_refused() -> None:
    with pytest.raises(ValueError, match=r"give \(P,\) and \(R, P\)"):
        SHAPES["flat"].shown_by(X, np.ones((2, 100)))
    with pytest.raises(ValueError, match="increase"):
        SHAPES["flat"].shown_by(X[::-1], np.ones(101))


def test_every_shape_is_named_and_defined_in_words() -> None:
    for name, shape in SHAPES.items():
        assert shape.name == name
        assert shape.title
        assert len(shape.definition) > 20


ANY_CURVES = stn.arrays(
    np.float64,
    st.tuples(st.integers(1, 4), st.integers(5, 40)),
    elements=st.one_of(
        st.floats(0.01, 3), st.sampled_from([0.0, 0.5, 0.85, 1.0, math.nan, math.inf])
    ),
)


@given(ANY_CURVES, st.integers(-20, 20))
def test_the_unit_of_the_loss_does_not_matter(y: np.ndarray, power: int) -> None:
    # powers of two scale without rounding
    x = np.arange(y.shape[1])
    for shape in SHAPES.values():
        assert shape.shown_by(x, y).tolist() == shape.shown_by(x, y * 2.0**power).tolist()


@given(ANY_CURVES, st.integers(-8, 8), st.integers(-100, 100))
def test_the_unit_and_the_origin_of_x_do_not_matter(y: np.ndarray, power: int, origin: int) -> None:
    x = np.arange(y.shape[1], dtype=float)
    for shape in SHAPES.values():
        assert shape.shown_by(x, y).tolist() == shape.shown_by(x * 2.0**power + origin, y).tolist()


@given(
    stn.arrays(np.float64, st.tuples(st.integers(1, 3), st.integers(0, 12)), elements=st.floats())
)
def test_any_numbers_at_all_get_an_answer(y: np.ndarray) -> None:
    for shape in SHAPES.values():
        assert shape.shown_by(np.arange(y.shape[1]), y).shape == (len(y),)


@given(stn.arrays(np.float64, st.tuples(st.integers(1, 9), st.just(3)), elements=st.floats(-9, 9)))
def test_quantiles_of_finite_numbers_are_numpys(y: np.ndarray) -> None:
    for q in (0.1, 0.5, 0.9):
        np.testing.assert_allclose(replica_quantile(y, q), np.quantile(y, q, axis=0), atol=1e-12)


def test_runs_that_overflow_are_the_largest_of_all() -> None:
    y = np.array([[1.0], [math.nan], [2.0], [-math.inf], [3.0]])
    assert [float(replica_quantile(y, q)[0]) for q in (0.0, 0.25, 0.5)] == [1, 2, 3]
    assert replica_quantile(y, 0.6)[0] == replica_quantile(y, 0.9)[0] == math.inf


@given(ANY_CURVES)
def test_a_replica_is_judged_alone(y: np.ndarray) -> None:
    x = np.arange(y.shape[1])
    for shape in SHAPES.values():
        alone = [bool(shape.shown_by(x, row)[0]) for row in y]
        assert shape.shown_by(x, y).tolist() == alone


@given(ANY_CURVES)
def test_shapes_that_exclude_each_other_never_hold_together(y: np.ndarray) -> None:
    x = np.arange(y.shape[1])
    shown = {name: shape.shown_by(x, y) for name, shape in SHAPES.items()}
    assert not (shown["plateau-then-drop"] & shown["early-drop"]).any()
    assert not (shown["flat"] & (shown["early-drop"] | shown["oscillates"])).any()
    assert not (shown["diverges"] & shown["stalls-above"]).any()
    assert not (shown["steady-decrease"] & ~shown["early-drop"]).any()
    assert not (shown["steady-decrease"] & shown["oscillates"]).any()
    assert not (shown["flat"] & ~shown["stalls-above"]).any()
