"""Named properties of one training curve.

Every threshold is a fraction of the curve's value at its first point ("the start") or of the run's
length in x, fixed here for all simulations and never fitted to one. A curve's "end" is the median
of its last twentieth. NaN and infinity are data: a curve that holds one has no shape but
``diverges``, and ``oscillates`` when it swung before. A curve that is too short to have a shape
(``curves.SHORTEST``), or does not start at a finite number above zero, has none of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from quizserver.deferred_numpy import np
from quizserver.lab.curves import (
    EDGE,
    END_FROM,
    SHORTEST,
    SWING,
    SWING_EDGE,
    Bools,
    RelativeCurves,
    count_swings,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

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

THRESHOLDS: Mapping[str, float] = MappingProxyType(
    {
        "shortest": SHORTEST,
        "edge": EDGE,
        "end_from": END_FROM,
        "plateau_band": PLATEAU_BAND,
        "plateau_length": PLATEAU_LENGTH,
        "low": LOW,
        "sudden_length": SUDDEN_LENGTH,
        "sudden_share": SUDDEN_SHARE,
        "early": EARLY,
        "rise": RISE,
        "flat_band": FLAT_BAND,
        "swing": SWING,
        "swing_edge": SWING_EDGE,
        "swings": SWINGS,
        "diverged": DIVERGED,
        "stall_length": STALL_LENGTH,
        "stall_band": STALL_BAND,
    }
)
"""All numbers of the rules, for ``static/js/live-shapes.js``, which has the same rules."""


@dataclass(frozen=True, slots=True)
class SingleShape:
    """A named property. ``title`` and ``definition`` are for people; it continues "the curve".

    ``verbs`` continue "1 of 64" and "64 of 64". A curve that has the shape has that of the name
    ``within``, too.
    """

    name: str
    title: str
    verbs: tuple[str, str]
    definition: str
    rule: Callable[[RelativeCurves], Bools]
    within: str | None = None

    def shown_by(self, x: ArrayLike, y: ArrayLike) -> Bools:
        """Which of the curves ``y`` (R, P), or (P,) for one, over ``x`` (P,) have it: (R,)."""
        curves = RelativeCurves(x, y)
        if not curves.long_enough:
            return np.zeros(len(curves.y), dtype=np.bool_)
        with np.errstate(all="ignore"):  # a NaN compares false: the shape does not hold
            return self.rule(curves)


def _falls_early(curves: RelativeCurves) -> Bools:
    return np.asarray((curves.relative_until(EARLY) < 1 - PLATEAU_BAND).any(axis=1))


def _plateau_then_drop(curves: RelativeCurves) -> Bools:
    stays = (np.abs(curves.relative_until(PLATEAU_LENGTH) - 1) <= PLATEAU_BAND).all(axis=1)
    last = np.searchsorted(curves.fraction, curves.fraction + SUDDEN_LENGTH + EDGE) - 1
    fastest = (curves.relative - curves.relative[:, last]).max(axis=1)
    sudden = fastest >= SUDDEN_SHARE * (1 - curves.relative_end)
    return np.asarray(curves.all_finite & stays & (curves.relative_end < LOW) & sudden)


def _steady_decrease(curves: RelativeCurves) -> Bools:
    lowest = np.minimum.accumulate(curves.relative, axis=1)
    steady = ((curves.relative - lowest) <= RISE).all(axis=1)
    return np.asarray(
        curves.all_finite & _falls_early(curves) & (curves.relative_end < LOW) & steady
    )


def _early_drop(curves: RelativeCurves) -> Bools:
    return np.asarray(curves.all_finite & _falls_early(curves) & (curves.relative_end < LOW))


def _is_flat(curves: RelativeCurves) -> Bools:
    return np.asarray((np.abs(curves.relative - 1) <= FLAT_BAND).all(axis=1))


def _oscillates(curves: RelativeCurves) -> Bools:
    return np.asarray(count_swings(curves) >= SWINGS)


def _diverges(curves: RelativeCurves) -> Bools:
    return np.asarray(~np.isfinite(curves.y).all(axis=1) | (curves.relative_end > DIVERGED))


def _stalls_above(curves: RelativeCurves) -> Bools:
    last = curves.relative_since(1 - STALL_LENGTH)
    still = last.max(axis=1) - last.min(axis=1) <= STALL_BAND
    return np.asarray(
        curves.all_finite & (curves.relative_end >= LOW) & (curves.relative_end <= DIVERGED) & still
    )


SHAPES: Mapping[str, SingleShape] = MappingProxyType(
    {
        shape.name: shape
        for shape in (
            SingleShape(
                "plateau-then-drop",
                "Plateau, then drop",
                ("stays high, then drops", "stay high, then drop"),
                "stays within 15 % of its start for the first 40 % of the run, ends below half of "
                "it, and makes half of that fall within a quarter of the run",
                _plateau_then_drop,
            ),
            SingleShape(
                "steady-decrease",
                "Steady decrease",
                ("falls steadily", "fall steadily"),
                "is below 85 % of its start within the first fifth of the run, ends below half of "
                "it, and never rises by more than 5 % of the start above its lowest value so far",
                _steady_decrease,
                within="early-drop",
            ),
            SingleShape(
                "early-drop",
                "Early drop",
                ("drops early", "drop early"),
                "is below 85 % of its start within the first fifth of the run and ends below half "
                "of it",
                _early_drop,
            ),
            SingleShape(
                "flat",
                "Flat",
                ("stays flat", "stay flat"),
                "stays within 5 % of its start for the whole run",
                _is_flat,
                within="stalls-above",
            ),
            SingleShape(
                "oscillates",
                "Large swings",
                ("swings widely", "swing widely"),
                "rises by at least a fifth of its start from a low three times or more, falling by "
                "as much in between",
                _oscillates,
            ),
            SingleShape(
                "diverges",
                "Diverges",
                ("diverges", "diverge"),
                "stops being a finite number, or ends above twice its start",
                _diverges,
            ),
            SingleShape(
                "stalls-above",
                "Stalls high",
                ("stalls high", "stall high"),
                "ends at or above half of its start (and below twice), and moves by no more than "
                "5 % of the start over the last quarter of the run",
                _stalls_above,
            ),
        )
    }
)
