"""Statistics of a set of questions as a whole: totals and internal consistency.

Sources: L. J. Cronbach, "Coefficient alpha and the internal structure of tests", Psychometrika 16,
1951; "Quiz statistics calculations" of the Moodle documentation for the other definitions.

They are computed over the learners who answered every question of the set: counting missing answers
as wrong would measure how far learners have come. Those who finish may differ from those who do
not, so the number who finished and the number who began are always shown. Each topic is a set of
its own, as it is finished sooner than all questions of the class.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from quizserver.classes.statistics.answers import AttemptTable, Floats
from quizserver.classes.statistics.figures import (
    MINIMUM_COUNTS,
    Figure,
    MinimumCounts,
    missing_figure,
    too_few_figure,
)
from quizserver.classes.statistics.moments import SMALLEST
from quizserver.deferred_numpy import np
from quizserver.translation import N_

TOTALS_ALIKE = N_("Everybody has the same total.")
SINGLE_QUESTION = N_("A single question can't be consistent with others.")
TOO_FEW_FINISHED = N_(
    "Not enough learners who answered every question: %(n)s of the %(needed)s that it takes."
)


@dataclass(frozen=True, slots=True)
class SetStatistics:
    """Statistics over the ``n`` learners who finished the set, of ``started`` who began.

    Percentages (of the highest possible total, for totals), except for skewness and kurtosis.
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


def set_statistics(
    attempts: AttemptTable, minimum: MinimumCounts = MINIMUM_COUNTS
) -> SetStatistics:
    """The statistics of all questions of ``attempts`` together."""
    answered, p = attempts.answered, len(attempts.questions)
    finished = attempts.marks[answered.all(axis=1)] if p else attempts.marks[:0]
    totals = finished.sum(axis=1)
    n = len(totals)
    consistency, error_ratio, standard_error = _internal_consistency(finished, totals, minimum)
    return SetStatistics(
        p,
        n,
        int(answered.any(axis=1).sum()),
        *_totals_spread(totals, p, minimum),
        consistency,
        error_ratio,
        standard_error,
        *_totals_shape(totals, minimum),
    )


def _too_few_finished(n: int, needed: int) -> Figure:
    return too_few_figure(n, needed, TOO_FEW_FINISHED)


def _totals_spread(totals: Floats, p: int, minimum: MinimumCounts) -> tuple[Figure, Figure, Figure]:
    if len(totals) < minimum.answers:
        why = _too_few_finished(len(totals), minimum.answers)
        return why, why, why
    values = (totals.mean(), np.median(totals), totals.std(ddof=1))
    mean, median, deviation = (Figure(100 * float(value) / p) for value in values)
    return mean, median, deviation


def _internal_consistency(
    finished: Floats, totals: Floats, minimum: MinimumCounts
) -> tuple[Figure, Figure, Figure]:
    """Cronbach's α in percent, the error ratio and the standard error of measurement."""
    n, p = finished.shape
    if p < 2:
        why = missing_figure(SINGLE_QUESTION)
        return why, why, why
    if n < minimum.learners:
        why = _too_few_finished(n, minimum.learners)
        return why, why, why
    variance = float(totals.var(ddof=1))
    if variance < SMALLEST:
        why = missing_figure(TOTALS_ALIKE)
        return why, why, why
    alpha = p / (p - 1) * (1 - float(finished.var(axis=0, ddof=1).sum()) / variance)
    alpha = min(1.0, alpha)  # α is at most 1, except for rounding
    ratio = math.sqrt(1 - alpha)
    return Figure(100 * alpha), Figure(100 * ratio), Figure(100 * ratio * math.sqrt(variance) / p)


def _totals_shape(totals: Floats, minimum: MinimumCounts) -> tuple[Figure, Figure]:
    """The skewness k3/k2^1.5 and the kurtosis k4/k2² of the totals, from Fisher's k-statistics."""
    n = len(totals)
    if n < minimum.learners:
        return _too_few_finished(n, minimum.learners), _too_few_finished(n, minimum.learners)
    d = totals - totals.mean()
    m2, m3, m4 = (float((d**power).mean()) for power in (2, 3, 4))
    k2 = n * m2 / (n - 1)
    if k2 < SMALLEST:
        return missing_figure(TOTALS_ALIKE), missing_figure(TOTALS_ALIKE)
    k3 = n**2 * m3 / ((n - 1) * (n - 2))
    k4 = n**2 * ((n + 1) * m4 - 3 * (n - 1) * m2**2) / ((n - 1) * (n - 2) * (n - 3))
    return Figure(k3 / k2**1.5), Figure(k4 / k2**2)
