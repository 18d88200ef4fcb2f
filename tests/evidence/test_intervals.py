"""Intervals of proportions and medians: as tabulated, by their equation, and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizserver.evidence.intervals import median_interval, wilson_interval


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (10, 10, 0.7225, 1.0),
        (32, 64, 0.3810, 0.6190),
        (64, 64, 0.9434, 1.0),
    ],
)
def test_wilson_intervals_as_tabulated(k: int, n: int, low: float, high: float) -> None:
    assert wilson_interval(k, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_bounds_solve_the_score_equation(count: tuple[int, int]) -> None:
    k, n = count
    for bound in wilson_interval(k, n):
        # the bounds are the shares p at which k lies exactly z standard errors from n p
        spread = 1.959963984540054 * math.sqrt(n * bound * (1 - bound))
        assert abs(k - n * bound) == pytest.approx(spread, abs=1e-6 * n)


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_holds_its_share_and_mirrors(count: tuple[int, int]) -> None:
    k, n = count
    low, high = wilson_interval(k, n)
    assert 0 <= low <= k / n <= high <= 1
    assert wilson_interval(n - k, n) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(("k", "n"), [(-1, 3), (4, 3), (0, 0)])
def test_impossible_counts_are_refused(k: int, n: int) -> None:
    with pytest.raises(ValueError, match="is no count"):
        wilson_interval(k, n)


def test_the_interval_of_a_median_holds_it_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(200):
        _, low, high = median_interval(rng.exponential(size=64))
        hits += low <= math.log(2) <= high
    assert 0.89 <= hits / 200 <= 0.99


def test_the_interval_is_the_same_every_time_and_within_the_values() -> None:
    values = np.random.default_rng(2).normal(size=63)
    median, low, high = median_interval(values)
    assert (median, low, high) == median_interval(values.tolist())
    assert median == np.median(values)
    assert values.min() < low < median < high < values.max()
    assert median_interval([3.0]) == (3.0, 3.0, 3.0)
    with pytest.raises(ValueError, match="no values"):
        median_interval([])


def test_diverged_runs_are_the_largest_values_of_an_interval() -> None:
    median, low, high = median_interval([1.0] * 36 + [math.nan] * 28)
    assert (median, low) == (1.0, 1.0)
    assert high == math.inf
    assert median_interval([math.nan, -math.inf, 1.0])[0] == math.inf
