"""Describes an ensemble's curves in a sentence, for people who do not see the chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from quizserver.deferred_numpy import np
from quizserver.lab.curves import (
    SWING,
    Bools,
    Floats,
    RelativeCurves,
    count_swings,
    replica_quantile,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

NEAR = 0.15  # within this of its start a curve has not left it
HALF = 0.5
BACK = 0.05  # of the start: a curve that ends this far above its lowest point has come back up


def describe_curves(x: ArrayLike, replicas: ArrayLike, *, label: str = "epoch") -> str:
    """Describes the median of ``replicas`` (R, P) over ``x`` (P,), and how they differ.

    ``label`` names x. Gives only numbers that are in the curves: how long the median stays near its
    start, when it has halved, where it ends, how often curves swing, how many replicas overflow.
    """
    with np.errstate(all="ignore"):  # numbers near the end of their range are data, not mistakes
        return _describe_curves(RelativeCurves(x, replicas), label)


def _describe_curves(curves: RelativeCurves, label: str) -> str:
    runs, points = curves.y.shape
    if runs == 0 or points < 2:
        return "There are no points to describe."
    overflowed: Bools = np.asarray(~np.isfinite(curves.y).all(axis=1))
    if 2 * overflowed.sum() >= runs:
        return _overflow_sentence(curves, overflowed, label)
    median = replica_quantile(curves.y, 0.5)
    if median[0] <= 0:
        start_text, end_text = format_rounded(median[0]), format_rounded(median[-1])
        return f"The loss starts at {start_text} and ends at {end_text}."
    sentences = [
        _median_sentence(curves.x, median, label, several=runs > 1),
        *_swing_sentences(curves),
    ]
    if overflowed.any():
        sentences.append(f"{_runs_text(int(overflowed.sum()), runs, 'overflow')}.")
    sentences += _spread_sentences(curves.y[~overflowed, -1], whole=not overflowed.any())
    return " ".join(sentences)


def describe_pairs(
    k: int,
    n: int,
    verb: str,
    labels: Sequence[str],
    ends: Sequence[tuple[float, float, float]],
) -> str:
    """Describes in how many of ``n`` pairs the first of two arms ``verb`` the second.

    ``ends`` are the median and its interval where the one and the other arm end; infinite for runs
    that diverged.
    """
    pairs = "the only pair" if k == n == 1 else f"{'all' if k == n else f'{k} of'} {n} pairs"
    first, second = (_median_and_interval(*end) for end in ends)
    return (
        f"In {pairs} of runs with the same seed, {labels[0]} {verb} {labels[1]}. "
        f"The medians at the end are {first} against {second}."
    )


def describe_threshold(
    k: int, n: int, verb: str, value: float, label: str, end: tuple[float, float, float]
) -> str:
    """Describes how many of ``n`` runs of an arm ``verb``, a plural with ``{}`` for ``value``.

    ``end`` is the median and its interval where they end; infinite for runs that diverged.
    """
    does, _, rest = verb.format(format_exact(value)).partition(" ")
    runs = "run" if n == 1 else "runs"
    count_text = f"all {n}" if k == n > 1 else f"{k}"
    return (
        f"Of {n} {runs} of {label}, {count_text} {does}{'s' if k == 1 else ''} {rest}. "
        f"The median at the end is {_median_and_interval(*end)}."
    )


def format_exact(value: float) -> str:
    """A number that an author wrote, with all of its digits: 0.05, 676, 1e-5."""
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        return f"{value:.15g}"
    mantissa, exponent = f"{value:.14e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def _median_and_interval(median: float, low: float, high: float) -> str:
    texts = [format_rounded(value) if np.isfinite(value) else "overflow" for value in (low, high)]
    median_text = format_rounded(median) if np.isfinite(median) else "overflow"
    return f"{median_text} (95 % interval {texts[0]} to {texts[1]})"


def _median_sentence(x: Floats, median: Floats, label: str, *, several: bool) -> str:
    start, end = median[0], median[-1]
    subject = "The median" if several else "The run"
    start_text = f"of its start ({format_rounded(start)})"
    relative = median / start
    outside = np.flatnonzero(np.abs(relative - 1) > NEAR)
    if len(outside) == 0:
        return f"{subject} stays within {_percent_text(relative)} {start_text} to the end."
    left = int(outside[0])
    parts = [f"{subject} starts at {format_rounded(start)}"]
    if x[left - 1] - x[0] >= 0.1 * (x[-1] - x[0]):
        parts = [
            f"{subject} stays within {_percent_text(relative[:left])} {start_text} "
            f"until {label} {format_rounded(x[left - 1])}"
        ]
    elif relative[left] < 1:
        near_text = f"{100 * (1 - NEAR):.0f} %"
        parts.append(f"is below {near_text} of it by {label} {format_rounded(x[left])}")
    if relative[left] > 1:
        top = int(np.argmax(median))
        parts.append(f"rises to {format_rounded(median[top])} at {label} {format_rounded(x[top])}")
    parts += _fall_parts(x, median, label)
    parts.append(f"ends at {format_rounded(end)} at {label} {format_rounded(x[-1])}")
    return _join_parts(parts) + "."


def _fall_parts(x: Floats, median: Floats, label: str) -> list[str]:
    """When the curve is first below half of its start, and whether it comes back."""
    low = np.flatnonzero(median < HALF * median[0])
    if len(low) == 0:
        return []
    half, bottom = int(low[0]), int(np.argmin(median))
    stays = (median[half:] < HALF * median[0]).all()
    parts = [f"is below half of it {'from' if stays else 'at'} {label} {format_rounded(x[half])}"]
    if median[-1] - median[bottom] > BACK * median[0]:
        parts.append(
            f"is lowest, {format_rounded(median[bottom])}, at {label} {format_rounded(x[bottom])}"
        )
    return parts


def _swing_sentences(curves: RelativeCurves) -> list[str]:
    times = count_swings(curves)
    swinging = int((times > 0).sum())
    if swinging == 0:
        return []
    typical = int(np.median(times[times > 0]))
    often = "once" if typical == 1 else f"about {typical} times"
    size = f"up by at least {100 * SWING:.0f} % of the start"
    if len(times) == 1:
        return [f"It swings {size} {often}."]
    return [f"{_runs_text(swinging, len(times), 'swing')} {size}, {often} each."]


def _spread_sentences(ends: Floats, *, whole: bool) -> list[str]:
    if len(ends) < 2:
        return []
    low, high = (format_rounded(float(replica_quantile(ends, q))) for q in (0.1, 0.9))
    which = "80 % of the runs" if whole else "80 % of the others"
    if low == high:
        return [f"At the end {which} are at {low}."]
    return [f"At the end {which} lie between {low} and {high}."]


def _overflow_sentence(curves: RelativeCurves, overflowed: Bools, label: str) -> str:
    first = np.argmax(~np.isfinite(curves.y[overflowed]), axis=1)
    when = float(np.median(curves.x[first]))
    runs = _runs_text(int(overflowed.sum()), len(overflowed), "overflow")
    return (
        f"{runs} (the loss is no finite number any more), "
        f"typically by {label} {format_rounded(when)}."
    )


def _join_parts(parts: list[str]) -> str:
    return ", ".join(parts[:-1]) + (", and " if len(parts) > 2 else " and ") + parts[-1]


def _runs_text(count: int, total: int, verb: str) -> str:
    if total == 1:
        return f"The run {verb}s"
    who = f"All {total} runs" if count == total else f"{count} of {total} runs"
    return f"{who} {verb}{'s' if count == 1 else ''}"


def _percent_text(relative: Floats) -> str:
    return f"{max(1, int(np.ceil(100 * np.max(np.abs(relative - 1)) - 1e-9)))} %"


def format_rounded(value: float) -> str:
    """A number for people: two digits of a small one, four of others, whole from 1,000 on.

    ``formatRounded`` in ``static/js/number-text.js`` writes the same.
    """
    value = value + 0.0  # of -0.0 nobody has to hear
    if value != 0 and (abs(value) < 0.001 or abs(value) >= 1e6):
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    if abs(value) < 1:
        return f"{value:.2g}"
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
