"""Named properties of a curve beside a number, such as "this one ends at or above 1".

Values are compared as they are, in the series' own unit, not relative to the curve's start. A run
that holds NaN or infinity has diverged: its end is above every number, and so is each of its points
that is no number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from quizserver.deferred_numpy import np
from quizserver.lab.curves import Bools, RelativeCurves

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True, slots=True)
class ThresholdShape:
    """A named property of a curve beside a number.

    ``definition`` continues "the curve". In ``title`` and ``verb``, which continues "34 runs", the
    number replaces ``{}``.
    """

    name: str
    title: str
    verb: str
    definition: str
    rule: Callable[[RelativeCurves, float], Bools]

    def shown_by(self, x: ArrayLike, y: ArrayLike, value: float) -> Bools:
        """Which of the curves ``y`` (R, P) over ``x`` (P,) have it beside ``value``: (R,).

        ``value`` is in the unit of ``y``. Raises ``ValueError`` when it is no finite number.
        """
        if not np.isfinite(value):
            raise ValueError(f"a curve cannot be compared with {value}: it must be finite")
        curves = RelativeCurves(x, y)
        if not curves.long_enough:
            return np.zeros(len(curves.y), dtype=np.bool_)
        return self.rule(curves, value)


def _ends_below(curves: RelativeCurves, value: float) -> Bools:
    return np.asarray(curves.absolute_end < value)


def _ends_above(curves: RelativeCurves, value: float) -> Bools:
    return ~_ends_below(curves, value)


def _reaches(curves: RelativeCurves, value: float) -> Bools:
    return np.asarray((np.isfinite(curves.y) & (curves.y <= value)).any(axis=1))


THRESHOLD_SHAPES: Mapping[str, ThresholdShape] = MappingProxyType(
    {
        shape.name: shape
        for shape in (
            ThresholdShape(
                "ends-below",
                "Ends below {}",
                "end below {}",
                "ends (the median of its last twentieth) below the number; a run that diverged "
                "ends above every number",
                _ends_below,
            ),
            ThresholdShape(
                "ends-above",
                "Ends at or above {}",
                "end at or above {}",
                "ends (the median of its last twentieth) at or above the number; a run that "
                "diverged counts as well, since it ends above every number",
                _ends_above,
            ),
            ThresholdShape(
                "reaches",
                "Comes down to {}",
                "come down to {} or below",
                "is at the number or below it at one point of the run at least, whatever follows",
                _reaches,
            ),
        )
    }
)
