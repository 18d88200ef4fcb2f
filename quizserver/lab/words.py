"""What an ensemble's curves do, as a sentence: for people who cannot, or would rather not, look."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from quizserver.lab.course import SWING, Bools, Course, Floats, quantile, swings

NEAR = 0.15  # within this of its start a curve has not left it
HALF = 0.5
BACK = 0.05  # of the start: a curve that ends this far above its lowest point has come back up


@np.errstate(all="ignore")  # numbers near the end of their range are data, not mistakes
def describe(x: ArrayLike, replicas: ArrayLike, *, label: str = "epoch") -> str:
    """Says what the median of ``replicas`` (R, P) over ``x`` (P,) does, and how they differ.

    ``label`` names x. Only numbers that are in the curves are told: how long it stays near its
    start, when it has halved, where it ends, how often it swings, how many replicas overflow.
    """
    course = Course(x, replicas)
    runs, points = course.y.shape
    if runs == 0 or points < 2:
        return "There are no points to describe."
    broken: Bools = np.asarray(~np.isfinite(course.y).all(axis=1))
    if 2 * broken.sum() >= runs:
        return _overflow(course, broken, label)
    middle = quantile(course.y, 0.5)
    if middle[0] <= 0:
        return f"The loss starts at {_number(middle[0])} and ends at {_number(middle[-1])}."
    sentences = [_median(course.x, middle, label, several=runs > 1), *_swinging(course)]
    if broken.any():
        sentences.append(f"{_of(int(broken.sum()), runs, 'overflow')}.")
    sentences += _spread(course.y[~broken, -1], whole=not broken.any())
    return " ".join(sentences)


def describe_pairs(
    k: int,
    n: int,
    verb: str,
    labels: Sequence[str],
    ends: Sequence[tuple[float, float, float]],
) -> str:
    """Says in how many of ``n`` pairs the first of two arms ``verb`` the second.

    ``ends`` are the median and its interval where the one and the other arm end; infinite for runs
    that diverged.
    """
    pairs = "the only pair" if k == n == 1 else f"{'all' if k == n else f'{k} of'} {n} pairs"
    first, second = (_median_and_interval(*end) for end in ends)
    return (
        f"In {pairs} of runs with the same seed, {labels[0]} {verb} {labels[1]}. "
        f"The medians at the end are {first} against {second}."
    )


def describe_level(
    k: int, n: int, verb: str, value: float, label: str, end: tuple[float, float, float]
) -> str:
    """Says how many of ``n`` runs of an arm ``verb``, a plural with ``{}`` for ``value``.

    ``end`` is the median and its interval where they end; infinite for runs that diverged.
    """
    does, _, rest = verb.format(plain(value)).partition(" ")
    runs = "run" if n == 1 else "runs"
    many = f"all {n}" if k == n > 1 else f"{k}"
    return (
        f"Of {n} {runs} of {label}, {many} {does}{'s' if k == 1 else ''} {rest}. "
        f"The median at the end is {_median_and_interval(*end)}."
    )


def plain(value: float) -> str:
    """A number that somebody wrote, with all of its digits: 0.05, 676, 1e-5."""
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        return f"{value:.15g}"
    mantissa, exponent = f"{value:.14e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def _median_and_interval(median: float, low: float, high: float) -> str:
    texts = [_number(value) if np.isfinite(value) else "overflow" for value in (low, high)]
    middle = _number(median) if np.isfinite(median) else "overflow"
    return f"{middle} (95 % interval {texts[0]} to {texts[1]})"


def _median(x: Floats, middle: Floats, label: str, *, several: bool) -> str:
    start, end = middle[0], middle[-1]
    what = "The median" if several else "The run"
    relative = middle / start
    outside = np.flatnonzero(np.abs(relative - 1) > NEAR)
    if len(outside) == 0:
        return (
            f"{what} stays within {_percent(relative)} of its start ({_number(start)}) to the end."
        )
    left = int(outside[0])
    parts = [f"{what} starts at {_number(start)}"]
    if x[left - 1] - x[0] >= 0.1 * (x[-1] - x[0]):
        parts = [
            f"{what} stays within {_percent(relative[:left])} of its start ({_number(start)}) "
            f"until {label} {_number(x[left - 1])}"
        ]
    elif relative[left] < 1:
        parts.append(f"is below {100 * (1 - NEAR):.0f} % of it by {label} {_number(x[left])}")
    if relative[left] > 1:
        top = int(np.argmax(middle))
        parts.append(f"rises to {_number(middle[top])} at {label} {_number(x[top])}")
    parts += _fall(x, middle, label)
    parts.append(f"ends at {_number(end)} at {label} {_number(x[-1])}")
    return _listed(parts) + "."


def _fall(x: Floats, middle: Floats, label: str) -> list[str]:
    """When the curve is below half its start for the first time, and whether it comes back."""
    low = np.flatnonzero(middle < HALF * middle[0])
    if len(low) == 0:
        return []
    half, bottom = int(low[0]), int(np.argmin(middle))
    stays = (middle[half:] < HALF * middle[0]).all()
    parts = [f"is below half of it {'from' if stays else 'at'} {label} {_number(x[half])}"]
    if middle[-1] - middle[bottom] > BACK * middle[0]:
        parts.append(f"is lowest, {_number(middle[bottom])}, at {label} {_number(x[bottom])}")
    return parts


def _swinging(course: Course) -> list[str]:
    times = swings(course)
    swinging = int((times > 0).sum())
    if swinging == 0:
        return []
    typical = int(np.median(times[times > 0]))
    often = "once" if typical == 1 else f"about {typical} times"
    size = f"up by at least {100 * SWING:.0f} % of the start"
    if len(times) == 1:
        return [f"It swings {size} {often}."]
    return [f"{_of(swinging, len(times), 'swing')} {size}, {often} each."]


def _spread(ends: Floats, *, whole: bool) -> list[str]:
    if len(ends) < 2:
        return []
    low, high = (_number(float(quantile(ends, q))) for q in (0.1, 0.9))
    which = "80 % of the runs" if whole else "80 % of the others"
    if low == high:
        return [f"At the end {which} are at {low}."]
    return [f"At the end {which} lie between {low} and {high}."]


def _overflow(course: Course, broken: Bools, label: str) -> str:
    first = np.argmax(~np.isfinite(course.y[broken]), axis=1)
    when = float(np.median(course.x[first]))
    return (
        f"{_of(int(broken.sum()), len(broken), 'overflow')} (the loss is no finite number any "
        f"more), typically by {label} {_number(when)}."
    )


def _listed(parts: list[str]) -> str:
    return ", ".join(parts[:-1]) + (", and " if len(parts) > 2 else " and ") + parts[-1]


def _of(count: int, total: int, verb: str) -> str:
    if total == 1:
        return f"The run {verb}s"
    who = f"All {total} runs" if count == total else f"{count} of {total} runs"
    return f"{who} {verb}{'s' if count == 1 else ''}"


def _percent(relative: Floats) -> str:
    return f"{max(1, int(np.ceil(100 * np.max(np.abs(relative - 1)) - 1e-9)))} %"


def _number(value: float) -> str:
    if value != 0 and (abs(value) < 0.001 or abs(value) >= 1e6):
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    if abs(value) < 1:
        return f"{value:.2g}"
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
