"""Named properties of training curves that code can decide.

Every threshold is a fraction of the curve's value at its first point ("the start") or of the run's
length in x, fixed here for all simulations and never fitted to one. A curve's "end" is the median
of its last twentieth. NaN and infinity are data: a curve that holds one has no shape but
``diverges``, and ``oscillates`` when it swung before. A curve that is too short to have a shape
(``course.SHORTEST``), or does not start at a finite number above zero, has none of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from quizserver.lab.course import Bools, Course, swings

PLATEAU_BAND = 0.15  # a plateau stays within this of the start …
PLATEAU_LENGTH = 0.4  # … for this much of the run
LOW = 0.5  # a curve that ends below this has come down
SUDDEN_LENGTH = 0.25  # half of a sudden fall happens within this much of the run
SUDDEN_SHARE = 0.5
EARLY = 0.2  # a curve that leaves the band within this much of the run falls early
RISE = 0.05  # a steady curve never rises this far above its lowest value so far
FLAT_BAND = 0.05
SWINGS = 3
DIVERGED = 2.0  # ends above this many times its start
STALL_LENGTH = 0.25  # hardly moves over this much of the run, at its end
STALL_BAND = 0.05


@dataclass(frozen=True, slots=True)
class Shape:
    """A named property: ``title`` and ``words`` (the definition) are for people."""

    name: str
    title: str
    words: str
    rule: Callable[[Course], Bools]

    def holds(self, x: ArrayLike, y: ArrayLike) -> Bools:
        """Which of the curves ``y`` (R, P), or (P,) for one, over ``x`` (P,) have it: (R,)."""
        course = Course(x, y)
        if not course.long_enough:
            return np.zeros(len(course.y), dtype=np.bool_)
        with np.errstate(all="ignore"):  # a NaN compares false: the shape does not hold
            return self.rule(course)


def _early(course: Course) -> Bools:
    return np.asarray((course.until(EARLY) < 1 - PLATEAU_BAND).any(axis=1))


def _plateau_then_drop(course: Course) -> Bools:
    stays = (np.abs(course.until(PLATEAU_LENGTH) - 1) <= PLATEAU_BAND).all(axis=1)
    last = np.searchsorted(course.fraction, course.fraction + SUDDEN_LENGTH + 1e-9) - 1
    fastest = (course.relative - course.relative[:, last]).max(axis=1)
    sudden = fastest >= SUDDEN_SHARE * (1 - course.end)
    return np.asarray(course.finite & stays & (course.end < LOW) & sudden)


def _steady_decrease(course: Course) -> Bools:
    lowest = np.minimum.accumulate(course.relative, axis=1)
    steady = ((course.relative - lowest) <= RISE).all(axis=1)
    return np.asarray(course.finite & _early(course) & (course.end < LOW) & steady)


def _early_drop(course: Course) -> Bools:
    return np.asarray(course.finite & _early(course) & (course.end < LOW))


def _flat(course: Course) -> Bools:
    return np.asarray((np.abs(course.relative - 1) <= FLAT_BAND).all(axis=1))


def _oscillates(course: Course) -> Bools:
    return np.asarray(swings(course) >= SWINGS)


def _diverges(course: Course) -> Bools:
    return np.asarray(~np.isfinite(course.y).all(axis=1) | (course.end > DIVERGED))


def _stalls_above(course: Course) -> Bools:
    last = course.since(1 - STALL_LENGTH)
    still = last.max(axis=1) - last.min(axis=1) <= STALL_BAND
    return np.asarray(course.finite & (course.end >= LOW) & (course.end <= DIVERGED) & still)


SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        shape.name: shape
        for shape in (
            Shape(
                "plateau-then-drop",
                "Plateau, then drop",
                "stays within 15 % of its start for the first 40 % of the run, ends below half of "
                "it, and makes half of that fall within a quarter of the run",
                _plateau_then_drop,
            ),
            Shape(
                "steady-decrease",
                "Steady decrease",
                "is below 85 % of its start within the first fifth of the run, ends below half of "
                "it, and never rises by more than 5 % of the start above its lowest value so far",
                _steady_decrease,
            ),
            Shape(
                "early-drop",
                "Early drop",
                "is below 85 % of its start within the first fifth of the run and ends below half "
                "of it",
                _early_drop,
            ),
            Shape(
                "flat",
                "Flat",
                "stays within 5 % of its start for the whole run",
                _flat,
            ),
            Shape(
                "oscillates",
                "Large swings",
                "rises by at least a fifth of its start from a low three times or more, falling by "
                "as much in between",
                _oscillates,
            ),
            Shape(
                "diverges",
                "Diverges",
                "stops being a finite number, or ends above twice its start",
                _diverges,
            ),
            Shape(
                "stalls-above",
                "Stalls high",
                "ends at or above half of its start (and below twice), and moves by no more than "
                "5 % of the start over the last quarter of the run",
                _stalls_above,
            ),
        )
    }
)
