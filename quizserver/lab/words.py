"""What an ensemble's curves do, as a sentence: for people who cannot, or would rather not, look."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from quizserver.lab.course import SWING, Bools, Course, Floats, swings

LOW = 0.5
NEAR = 0.15


def describe(x: ArrayLike, replicas: ArrayLike, *, label: str = "epoch") -> str:
    """Says what the median of ``replicas`` (R, P) over ``x`` (P,) does, and how they differ.

    ``label`` names x. Only numbers that are in the curves are told: how long it stays near its
    start, when it has halved, where it ends, how often it swings, how many replicas overflow.
    """
    course = Course(x, replicas)
    runs, points = course.y.shape
    if runs == 0 or points < 2:
        return "There are no points to describe."
    if not course.started.any():
        return f"No run starts at a finite number above zero: {_of(runs, runs)}."
    broken: Bools = np.asarray(~np.isfinite(course.y).all(axis=1))
    if 2 * broken.sum() > runs:
        return _overflow(course, broken, label)
    middle = _middle(course.y)
    sentences = [_median(course.x, middle, label, several=runs > 1)]
    sentences += _swinging(course)
    if broken.any():
        sentences.append(f"{_of(int(broken.sum()), runs)} overflow.")
    if runs > 1:
        low, high = _quantiles(course.y[:, -1])
        sentences.append(f"At the end 8 of 10 runs lie between {_number(low)} and {_number(high)}.")
    return " ".join(sentences)


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
    if left > 1 and x[left - 1] - x[0] >= 0.1 * (x[-1] - x[0]):
        near = _percent(relative[:left])
        parts = [
            f"{what} stays within {near} of its start ({_number(start)}) "
            f"until {label} {_number(x[left - 1])}"
        ]
    elif relative[left] < 1:
        parts.append("falls at once")
    if relative[left] > 1:
        top = int(np.argmax(middle))
        parts.append(f"rises to {_number(middle[top])} at {label} {_number(x[top])}")
    parts.extend(_fall(x, relative, start, label))
    parts.append(f"ends at {_number(end)} at {label} {_number(x[-1])}")
    return _listed(parts) + "."


def _fall(x: Floats, relative: Floats, start: float, label: str) -> list[str]:
    """When the curve is below half its start for the first time, and whether it comes back."""
    low = np.flatnonzero(relative < LOW)
    if len(low) == 0:
        return []
    half = int(low[0])
    parts = [f"is below half of it from {label} {_number(x[half])}"]
    bottom = int(np.argmin(relative))
    if relative[-1] - relative[bottom] > 0.05:
        parts[0] = f"is below half of it at {label} {_number(x[half])}"
        parts.append(
            f"is lowest, {_number(relative[bottom] * start)}, at {label} {_number(x[bottom])}"
        )
    elif (relative[half:] >= LOW).any():
        parts[0] = f"is below half of it at {label} {_number(x[half])}"
    return parts


def _swinging(course: Course) -> list[str]:
    times = swings(course)
    swinging = int((times > 0).sum())
    if swinging == 0:
        return []
    typical = int(np.median(times[times > 0]))
    often = "once" if typical == 1 else f"about {typical} times"
    return [
        f"{_of(swinging, len(times))} swing{'s' if swinging == 1 else ''} up by at least "
        f"{SWING:.0%} of the start, {often} each."
        if len(times) > 1
        else f"It swings up by at least {SWING:.0%} of the start {often}."
    ]


def _overflow(course: Course, broken: Bools, label: str) -> str:
    first = np.argmax(~np.isfinite(course.y[broken]), axis=1)
    when = float(np.median(course.x[first]))
    return (
        f"{_of(int(broken.sum()), len(broken))} overflow (the loss is no finite number any more), "
        f"typically by {label} {_number(when)}."
    )


def _middle(y: Floats) -> Floats:
    # an overflowed run counts as higher than every finite one
    return np.asarray(np.median(np.where(np.isfinite(y), y, np.inf), axis=0))


def _quantiles(values: Floats) -> tuple[float, float]:
    ordered = np.where(np.isfinite(values), values, np.inf)
    low, high = np.quantile(ordered, [0.1, 0.9], method="inverted_cdf")
    return float(low), float(high)


def _listed(parts: list[str]) -> str:
    return ", ".join(parts[:-1]) + (", and " if len(parts) > 2 else " and ") + parts[-1]


def _of(count: int, total: int) -> str:
    if total == 1:
        return "The run"
    return f"All {total} runs" if count == total else f"{count} of {total} runs"


def _percent(relative: Floats) -> str:
    return f"{max(1, int(np.ceil(100 * np.max(np.abs(relative - 1)) - 1e-9)))} %"


def _number(value: float) -> str:
    if not np.isfinite(value):
        return "no finite number"
    if value != 0 and (abs(value) < 0.001 or abs(value) >= 1e6):
        return f"{value:.1e}".replace("e-0", "e-").replace("e+0", "e")
    return f"{value:.2g}" if abs(value) < 1 else f"{value:.4g}"
