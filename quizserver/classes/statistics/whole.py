"""Statistics of a set of questions as a whole: the totals, and whether they hang together.

Sources: L. J. Cronbach, "Coefficient alpha and the internal structure of tests", Psychometrika 16,
1951; "Quiz statistics calculations" of the Moodle documentation for the other definitions.

Over the learners who answered every question of the set: half the questions make no total, and
taking what is missing for wrong would measure who has come how far. Those who finish may not be
like those who do not, so the figures always say how many finished of how many began. A topic is
finished sooner than a class's whole list, and has a set of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from quizserver.classes.statistics.answers import Floats, Marks
from quizserver.classes.statistics.figures import ENOUGH, Enough, Figure, missing, too_few
from quizserver.classes.statistics.moments import SMALLEST

ALIKE = "Everybody has the same total."


@dataclass(frozen=True, slots=True)
class SetStatistics:
    """A set of ``questions``, over the ``n`` learners who finished it, of ``started`` who began.

    Percentages (of the highest total, where a total is meant), but for skewness and kurtosis.
    """

    questions: int
    n: int
    started: int
    mean: Figure
    median: Figure
    totals_deviation: Figure
    consistency: Figure
    error_ratio: Figure
    standard_error: Figure
    skewness: Figure
    kurtosis: Figure


def set_statistics(marks: Marks, enough: Enough = ENOUGH) -> SetStatistics:
    """The statistics of all questions of ``marks`` together."""
    answered, p = marks.answered, len(marks.questions)
    finished = marks.marks[answered.all(axis=1)] if p else marks.marks[:0]
    totals = finished.sum(axis=1)
    n = len(totals)
    consistency, error_ratio, standard_error = _reliability(finished, totals, enough)
    return SetStatistics(
        p,
        n,
        int(answered.any(axis=1).sum()),
        *_spread(totals, p, enough),
        consistency,
        error_ratio,
        standard_error,
        *_form(totals, enough),
    )


def _few(n: int, needed: int) -> Figure:
    return too_few(n, needed, "learners who answered every question")


def _spread(totals: Floats, p: int, enough: Enough) -> tuple[Figure, Figure, Figure]:
    if len(totals) < enough.answers:
        why = _few(len(totals), enough.answers)
        return why, why, why
    found = (totals.mean(), np.median(totals), totals.std(ddof=1))
    mean, median, deviation = (Figure(100 * float(value) / p) for value in found)
    return mean, median, deviation


def _reliability(finished: Floats, totals: Floats, enough: Enough) -> tuple[Figure, Figure, Figure]:
    """Cronbach's α in percent, the error ratio and the standard error of measurement."""
    n, p = finished.shape
    if p < 2:
        why = missing("A single question can't be consistent with others.")
        return why, why, why
    if n < enough.learners:
        why = _few(n, enough.learners)
        return why, why, why
    variance = float(totals.var(ddof=1))
    if variance < SMALLEST:
        return missing(ALIKE), missing(ALIKE), missing(ALIKE)
    alpha = p / (p - 1) * (1 - float(finished.var(axis=0, ddof=1).sum()) / variance)
    # α is 1 at most, but for rounding.
    alpha = min(1.0, alpha)
    ratio = math.sqrt(1 - alpha)
    return Figure(100 * alpha), Figure(100 * ratio), Figure(100 * ratio * math.sqrt(variance) / p)


def _form(totals: Floats, enough: Enough) -> tuple[Figure, Figure]:
    """Skewness k3/k2^1.5 and kurtosis k4/k2² of the totals, from Fisher's k-statistics."""
    n = len(totals)
    if n < enough.learners:
        return _few(n, enough.learners), _few(n, enough.learners)
    d = totals - totals.mean()
    m2, m3, m4 = (float((d**power).mean()) for power in (2, 3, 4))
    k2 = n * m2 / (n - 1)
    if k2 < SMALLEST:
        return missing(ALIKE), missing(ALIKE)
    k3 = n**2 * m3 / ((n - 1) * (n - 2))
    k4 = n**2 * ((n + 1) * m4 - 3 * (n - 1) * m2**2) / ((n - 1) * (n - 2) * (n - 3))
    return Figure(k3 / k2**1.5), Figure(k4 / k2**2)
