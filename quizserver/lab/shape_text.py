"""Describes a run by the shapes of its curves: in how many seeds they stay high, then drop.

A browser that trains the same says the same: ``static/js/live-sentences.js`` has these rules, too,
and ``tests/lab/curve_shapes.json`` holds both to the same sentences.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from quizserver.deferred_numpy import np
from quizserver.lab.curve_text import format_rounded
from quizserver.lab.curves import Bools, Floats, RelativeCurves, replica_quantile
from quizserver.lab.shapes.single import SHAPES

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def describe_shapes(x: ArrayLike, replicas: ArrayLike, *, label: str = "epoch") -> str:
    """Which shapes ``replicas`` (R, P) over ``x`` (P,) have, and where their median begins and
    ends. ``label`` names x.

    Raises ``ValueError`` when the shapes do not fit or x does not increase.
    """
    curves = RelativeCurves(x, replicas)
    runs, points = curves.y.shape
    if runs == 0 or points == 0:
        return "There are no points to describe."
    shown = {name: shape.shown_by(curves.x, curves.y) for name, shape in SHAPES.items()}
    return f"{_shapes_sentence(shown, runs)} {_median_sentence(curves, label)}"


def _shapes_sentence(shown: Mapping[str, Bools], runs: int) -> str:
    """The shapes that more than half of the curves have; where there is none, all that any has."""
    told = _told_counts(shown, runs)
    common = {name: count for name, count in told.items() if 2 * count > runs}
    if common:
        parts = [f"{count} of {runs} {_verb(name, count)}" for name, count in common.items()]
        return "; ".join(parts) + "."
    if not told:
        return f"None of {runs} shows a named shape."
    parts = [f"{count} {_verb(name, count)}" for name, count in told.items()]
    others = runs - int(np.logical_or.reduce(list(shown.values())).sum())
    if others:
        parts.append(f"{others} {'shows' if others == 1 else 'show'} none")
    return f"No shape is shown by more than half of {runs}: {'; '.join(parts)}."


def _told_counts(shown: Mapping[str, Bools], runs: int) -> dict[str, int]:
    """How many curves have each shape that any has, the most frequent first.

    A shape is left out where a narrower one says as much: of as many curves, or of most.
    """
    counts = {name: int(curves.sum()) for name, curves in shown.items()}
    wider = {
        shape.within
        for name, shape in SHAPES.items()
        if 2 * counts[name] > runs or counts[name] == counts.get(shape.within or "")
    }
    told = {name: count for name, count in counts.items() if count and name not in wider}
    return dict(sorted(told.items(), key=lambda item: -item[1]))


def _verb(name: str, count: int) -> str:
    return SHAPES[name].verbs[count != 1]


def _median_sentence(curves: RelativeCurves, label: str) -> str:
    """Where the median begins and ends, or from where on it is no number.

    Where it has one to the end, also how many runs have none.
    """
    subject = "The median" if len(curves.y) > 1 else "The run"
    median = replica_quantile(curves.y, 0.5)
    places = [f"{label} {format_rounded(position)}" for position in curves.x]
    finite = np.flatnonzero(np.isfinite(median))
    if not len(finite):
        return f"{subject} is {_lack_text(curves.y)} from {places[0]} on."
    last = int(finite[-1])
    start = format_rounded(median[0]) if finite[0] == 0 else "no finite number"
    end = f"{format_rounded(median[last])} at {places[last]}"
    way = f"{subject} goes from {start} at {places[0]} to {end}"
    if last < len(median) - 1:
        return f"{way} and is {_lack_text(curves.y[:, last + 1 :])} from {places[last + 1]} on."
    lost = int((~np.isfinite(curves.y[:, -1])).sum())
    if not lost:
        return f"{way}."
    verb = "is" if lost == 1 else "are"
    return f"{way}. {lost} of {len(curves.y)} {verb} {_lack_text(curves.y[:, -1:])} at the end."


def _lack_text(values: Floats) -> str:
    """What those of the values are that are no finite numbers."""
    lacking = np.isnan(values[~np.isfinite(values)])
    if lacking.all():
        return "not a number"
    return "no finite number" if lacking.any() else "infinite"
