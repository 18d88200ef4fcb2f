"""Named properties of two curves of one seed, such as "this one ends below that one".

Replica i of the one arm and replica i of the other have the same seed: the same data, the same
order of the batches, the same random numbers for the first weights. Values are compared as they
are, not relative to their start. A run that holds NaN or infinity has diverged: its end is above
every finite one, and so is each of its points that is no number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from quizserver.deferred_numpy import np
from quizserver.lab.curves import EDGE, Bools, Floats, RelativeCurves

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

BELOW_FOR = 0.05  # a curve is below the other for a while: for this much of the run in one piece …
BELOW_WITHIN = 0.5  # … within this first part of it


@dataclass(frozen=True, slots=True)
class PairShape:
    """A named property of a curve beside another.

    ``definition`` continues "the curve", ``verb`` comes between the arms' names.
    """

    name: str
    title: str
    verb: str
    definition: str
    rule: Callable[[RelativeCurves, RelativeCurves], Bools]

    def shown_by(self, x: ArrayLike, y: ArrayLike, other: ArrayLike) -> Bools:
        """In which pairs of ``y`` (R, P) and ``other`` (R, P) over ``x`` (P,) it holds: (R,).

        Raises ``ValueError`` when there is not one curve of ``other`` for each of ``y``.
        """
        one, two = RelativeCurves(x, y), RelativeCurves(x, other)
        if one.y.shape != two.y.shape:
            raise ValueError(f"{one.y.shape} and {two.y.shape} are not pairs of curves")
        if not one.long_enough:
            return np.zeros(len(one.y), dtype=np.bool_)
        return self.rule(one, two)


def _ends_below(one: RelativeCurves, other: RelativeCurves) -> Bools:
    return np.asarray(one.absolute_end < other.absolute_end)


def _crosses(one: RelativeCurves, other: RelativeCurves) -> Bools:
    early = one.fraction <= BELOW_WITHIN + EDGE
    below = _nan_as_infinite(one.y[:, early]) < _nan_as_infinite(other.y[:, early])
    return _stays_below(one.fraction[early], below) & np.asarray(
        one.absolute_end > other.absolute_end
    )


def _nan_as_infinite(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, np.inf)


def _stays_below(fraction: Floats, below: Bools) -> Bools:
    """Which rows of ``below`` (R, P) are true over ``BELOW_FOR`` of the run without a break."""
    stayed = np.zeros(len(below), dtype=np.bool_)
    since = np.full(len(below), np.inf)
    for position, below_now in zip(fraction, below.T, strict=True):
        since = np.where(below_now, np.minimum(since, position), np.inf)
        stayed |= position - since >= BELOW_FOR - EDGE
    return stayed


PAIR_SHAPES: Mapping[str, PairShape] = MappingProxyType(
    {
        shape.name: shape
        for shape in (
            PairShape(
                "ends-below",
                "Ends below",
                "ends below",
                "ends (the median of its last twentieth) below the end of the other with the same "
                "seed; a run that diverged counts as above every other",
                _ends_below,
            ),
            PairShape(
                "crosses",
                "Crosses",
                "starts below and ends above",
                "is below the other with the same seed for at least a twentieth of the run without "
                "a break, within the first half, and ends above it",
                _crosses,
            ),
        )
    }
)
