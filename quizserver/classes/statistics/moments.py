"""Moments of an item's marks and the rest scores, and the interval of a correlation."""

from __future__ import annotations

import math
from dataclasses import dataclass

from quizserver.classes.statistics.answers import Floats
from quizserver.deferred_numpy import np
from quizserver.evidence.intervals import Z95

SMALLEST = 1e-12
"""A variance or covariance below this is a rounding error: marks are fractions of 1."""


@dataclass(frozen=True, slots=True)
class RestMoments:
    """Variances and covariance, with divisor n − 1, of marks x and rest scores y of n learners.

    ``covariance_max`` is the covariance of x and y each sorted: the largest that is possible.
    """

    n: int
    variance: float
    rest_variance: float
    covariance: float
    covariance_max: float

    @property
    def correlation(self) -> float | None:
        """Pearson's correlation; None when either does not vary."""
        if min(self.variance, self.rest_variance) < SMALLEST:
            return None
        correlation = self.covariance / math.sqrt(self.variance * self.rest_variance)
        return min(1.0, max(-1.0, correlation))

    @property
    def efficiency(self) -> float | None:
        """The covariance as a share of the largest; None when that is 0."""
        return (
            None
            if self.covariance_max < SMALLEST
            else min(1.0, self.covariance / self.covariance_max)
        )


def compute_moments(x: Floats, y: Floats) -> RestMoments:
    """The moments of two arrays (n,); all zero for fewer than two learners."""
    n = len(x)
    if n < 2:
        return RestMoments(n, 0.0, 0.0, 0.0, 0.0)
    dx, dy = x - x.mean(), y - y.mean()
    covariance_max = float(np.sort(dx) @ np.sort(dy))
    products = (float(dx @ dx), float(dy @ dy), float(dx @ dy), covariance_max)
    return RestMoments(n, *(product / (n - 1) for product in products))


def correlation_interval(r: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a correlation of n > 3 pairs, by Fisher's z-transformation.

    Source: R. A. Fisher, Metron 1, 1921. It assumes normal variables, which marks of 0 or 1 are
    not: the interval is approximate.
    """
    if abs(r) == 1:
        return r, r
    z, half = math.atanh(r), Z95 / math.sqrt(n - 3)
    return math.tanh(z - half), math.tanh(z + half)
