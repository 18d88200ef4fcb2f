"""Curves relative to their start and their length, for shapes and sentences about curves."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from quizserver.deferred_numpy import np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


Floats: TypeAlias = "NDArray[np.float64]"
Bools: TypeAlias = "NDArray[np.bool_]"

SHORTEST = 5  # points of a curve that can have a shape
SWING = 0.2  # a large swing rises by this from a low, after falling by as much from a high
END_FROM = 0.95  # a curve's end is its last twentieth
# A point exactly on a boundary belongs to it, whatever a division or a difference rounded to.
EDGE = 1e-9  # of the run
SWING_EDGE = 1e-12  # of the start


class RelativeCurves:
    """Curves ``y`` (R, P) over ``x`` (P,), relative to their start and their length.

    Raises ``ValueError`` when the shapes do not fit or x does not increase.
    """

    def __init__(self, x: ArrayLike, y: ArrayLike) -> None:
        self.x: Floats = np.asarray(x, dtype=np.float64)
        self.y: Floats = np.atleast_2d(np.asarray(y, dtype=np.float64))
        if self.x.ndim != 1 or self.y.ndim != 2 or self.y.shape[1] != len(self.x):
            raise ValueError(f"x has shape {self.x.shape}, y {self.y.shape}: give (P,) and (R, P)")
        if not np.all(np.isfinite(self.x)) or np.any(np.diff(self.x) <= 0):
            raise ValueError("x must be finite and increase")

    @property
    def long_enough(self) -> bool:
        return len(self.x) >= SHORTEST

    @cached_property
    def fraction(self) -> Floats:
        """How much of the run has passed at each point: 0 to 1, (P,)."""
        return np.asarray((self.x - self.x[0]) / (self.x[-1] - self.x[0]))

    @cached_property
    def has_start(self) -> Bools:
        start = self.y[:, 0]
        return np.asarray(np.isfinite(start) & (start > 0))

    @cached_property
    def all_finite(self) -> Bools:
        return np.asarray(self.has_start & np.isfinite(self.y).all(axis=1))

    @cached_property
    def relative(self) -> Floats:
        """Curves over their start, (R, P); NaN where they or their start are not finite."""
        with np.errstate(all="ignore"):
            relative = self.y / np.where(self.has_start, self.y[:, 0], np.nan)[:, None]
        return np.where(np.isfinite(relative), relative, np.nan)

    @cached_property
    def relative_end(self) -> Floats:
        """The relative end (R,); NaN when the last twentieth is not all finite."""
        return np.asarray(np.median(self.relative[:, self.fraction >= END_FROM], axis=1))

    @cached_property
    def absolute_end(self) -> Floats:
        """The end as it is, not relative to the start: (R,); infinite for a run that diverged."""
        end = np.full(len(self.y), np.inf)
        finite = np.isfinite(self.y).all(axis=1)
        end[finite] = np.median(self.y[finite][:, self.fraction >= END_FROM], axis=1)
        return end

    def relative_until(self, fraction: float) -> Floats:
        return self.relative[:, self.fraction <= fraction + EDGE]

    def relative_since(self, fraction: float) -> Floats:
        return self.relative[:, self.fraction >= fraction - EDGE]


def count_swings(curves: RelativeCurves) -> NDArray[np.int64]:
    """Counts how often each curve rises by ``SWING`` of its start from a low: (R,).

    Between two such rises it falls by as much; rises in small steps count like one jump.
    """
    count = np.zeros(len(curves.y), dtype=np.int64)
    high = low = curves.relative[:, 0].copy()
    rising = np.zeros(len(curves.y), dtype=np.bool_)
    for value in curves.relative.T[1:]:
        high, low = np.fmax(high, value), np.fmin(low, value)
        up = ~rising & (value - low >= SWING - SWING_EDGE)
        down = rising & (high - value >= SWING - SWING_EDGE)
        count += up
        rising = (rising | up) & ~down
        high, low = np.where(up, value, high), np.where(down, value, low)
    return count


def replica_quantile(values: Floats, q: float) -> Floats:
    """The ``q`` quantile over replicas, linear between neighbours: (R, P) to (P,).

    A value that is no finite number belongs to a run that overflowed, and counts as larger than
    every other; the quantile is infinite where it falls among those.
    """
    ordered = np.sort(np.where(np.isfinite(values), values, np.inf), axis=0)
    position = q * (len(ordered) - 1)
    below = int(position)
    weight = position - below
    if weight == 0:
        return np.asarray(ordered[below])
    return np.asarray((1 - weight) * ordered[below] + weight * ordered[below + 1])
