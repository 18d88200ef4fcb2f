"""Moments divide by n − 1, and a correlation has its interval."""

from __future__ import annotations

import math

import numpy as np
import pytest

from quizserver.classes.statistics.moments import compute_moments, correlation_interval


def test_moments_of_three_pairs_worked_by_hand():
    """x = 0, 1, 1 and y = 0, 3, 0: dx = −2/3, 1/3, 1/3; dy = −1, 2, −1."""
    moments = compute_moments(np.array([0.0, 1.0, 1.0]), np.array([0.0, 3.0, 0.0]))
    # 6/9/2, 6/2, (2/3 + 2/3 − 1/3)/2; sorted, y is 0, 0, 3: (2/3 − 1/3 + 2/3)/2, the same
    assert moments.variance == pytest.approx(1 / 3)
    assert moments.rest_variance == pytest.approx(3)
    assert moments.covariance == pytest.approx(1 / 2)
    assert moments.covariance_max == pytest.approx(1 / 2)
    assert moments.correlation == pytest.approx(0.5)
    assert moments.efficiency == pytest.approx(1)


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_do_not_vary(n):
    moments = compute_moments(np.ones(n), np.ones(n))
    assert (moments.n, moments.correlation, moments.efficiency) == (n, None, None)


def test_the_interval_of_a_correlation_of_a_half_of_28_pairs():
    """z = atanh 0.5 = 0.54931, and 1.95996/√25 = 0.39199 to either side of it:
    (e^(2·0.15732) − 1)/(e^(2·0.15732) + 1) = 0.15603, and 0.73582 for 0.94130."""
    low, high = correlation_interval(0.5, 28)
    assert (low, high) == pytest.approx((0.15603, 0.73582), abs=1e-5)


def test_at_thirty_pairs_a_correlation_differs_from_none_beyond_36():
    assert correlation_interval(0.35, 30)[0] < 0 < correlation_interval(0.37, 30)[0]


def test_the_interval_holds_the_true_correlation_as_often_as_it_says():
    """1,000 samples of 40 pairs that correlate by 0.4: 95 % hold it, give or take 3 deviations."""
    generator = np.random.default_rng(8)
    x = generator.normal(size=(1000, 40))
    y = 0.4 * x + math.sqrt(1 - 0.4**2) * generator.normal(size=(1000, 40))
    held_count = 0
    for x_sample, y_sample in zip(x, y, strict=True):
        low, high = correlation_interval(compute_moments(x_sample, y_sample).correlation, 40)
        held_count += low <= 0.4 <= high
    assert abs(held_count - 950) <= 3 * math.sqrt(1000 * 0.95 * 0.05)


def test_the_interval_of_a_perfect_correlation_has_no_width():
    assert correlation_interval(-1.0, 30) == (-1.0, -1.0)
