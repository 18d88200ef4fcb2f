"""Item statistics as defined by Moodle's quiz statistics, from one attempt of each learner.

Sources: "Quiz statistics calculations" and "Quiz statistics report" of the Moodle documentation,
from the Open University. ``definitions`` has every formula.

Two things differ, because a class is not an exam in which every learner answers every question:

- The statistics of a question are over the learners who answered it, and a learner's rest score is
  over the other questions that they answered; see ``rest_scores``. When everything is answered, the
  figures equal Moodle's.
- With too few answers a figure has a reason instead of a value; see ``figures``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from quizserver.classes.statistics.answers import AttemptTable, Floats, Ints, ItemKey
from quizserver.classes.statistics.figures import (
    MINIMUM_COUNTS,
    Figure,
    MinimumCounts,
    missing_figure,
    too_few_figure,
)
from quizserver.classes.statistics.moments import (
    SMALLEST,
    RestMoments,
    compute_moments,
    correlation_interval,
)
from quizserver.classes.statistics.option_counts import OptionCount, option_counts
from quizserver.classes.statistics.rest_scores import rest_scores
from quizserver.deferred_numpy import np
from quizserver.evidence.intervals import wilson_interval
from quizserver.translation import N_

NO_OTHER_QUESTION = N_("There is no other question to compare with.")
MARKS_ALIKE = N_("Everybody has the same mark on this question.")
REST_ALIKE = N_("Everybody did equally well on the other questions.")
NEGATIVE_COVARIANCE = N_("Who did well here did worse in all: such a question has no weight.")
QUESTION_GONE = N_("The question is no longer in the content.")
TOO_FEW_COMPARED = N_(
    "Not enough learners who answered other questions too: %(n)s of the %(needed)s that it takes."
)
TOO_FEW_TIMES = N_("Not enough answers whose time is known: %(n)s of the %(needed)s that it takes.")


@dataclass(frozen=True, slots=True)
class TimeQuartiles:
    """Quartiles of the time to answer in seconds, over the ``n`` answers whose time is known."""

    n: int
    lower: Figure
    median: Figure
    upper: Figure


@dataclass(frozen=True, slots=True)
class ItemStatistics:
    """The statistics of one question: percentages, except for counts and seconds.

    ``n`` learners answered it; ``compared`` of them answered another question too, which
    discrimination, efficiency, weight and the thirds are computed from. ``other_key`` answers were
    graded by another key than the present one. Of the ``tried_again`` learners who answered a
    second time, ``ran`` ran the experiment in between.
    """

    question: str
    n: int
    compared: int
    other_key: int
    facility: Figure
    standard_deviation: Figure
    guess: Figure
    discrimination: Figure
    efficiency: Figure
    weight: Figure
    options: tuple[OptionCount, ...]
    time: TimeQuartiles
    tried_again: int
    ran: int


def item_statistics(
    attempts: AttemptTable, items: Sequence[ItemKey], minimum: MinimumCounts = MINIMUM_COUNTS
) -> tuple[ItemStatistics, ...]:
    """The statistics of each question of ``attempts``, in its order.

    Raises ValueError when ``items`` are not the same questions.
    """
    if tuple(item.question for item in items) != attempts.questions:
        raise ValueError("items and marks are not of the same questions")
    columns = _item_columns(attempts)
    pairs = [column.rest_moments() for column in columns]
    weights = _effective_weights(pairs, minimum)
    sets = [frozenset(option_ids) for option_ids in attempts.sets]
    tried_again = attempts.tried_again.sum(axis=0)
    ran = (attempts.tried_again & attempts.ran).sum(axis=0)
    return tuple(
        ItemStatistics(
            item.question,
            len(columns[i].x),
            pairs[i].n,
            _other_key_count(columns[i], item, sets),
            _facility_index(columns[i].x, minimum),
            _standard_deviation(columns[i].x, minimum),
            guess_score(item),
            _discrimination_index(pairs[i], len(items), minimum),
            _discriminative_efficiency(pairs[i], len(items), minimum),
            weights[i],
            option_counts(item, columns[i].chosen, columns[i].rest, attempts.sets, minimum),
            _time_quartiles(columns[i].seconds, minimum),
            int(tried_again[i]),
            int(ran[i]),
        )
        for i, item in enumerate(items)
    )


@dataclass(frozen=True, slots=True, eq=False)
class _ItemColumn:
    """The answers of the n learners who answered one question: arrays (n,)."""

    x: Floats
    rest: Floats
    chosen: Ints
    seconds: Floats

    def rest_moments(self) -> RestMoments:
        compared = ~np.isnan(self.rest)
        return compute_moments(self.x[compared], self.rest[compared])


def _item_columns(attempts: AttemptTable) -> list[_ItemColumn]:
    rest = rest_scores(attempts.marks)
    tables = (attempts.marks, rest, attempts.chosen, attempts.seconds)
    # Columns are read one by one: in this layout each is contiguous in memory.
    x, y, chosen, seconds = (np.asfortranarray(table) for table in tables)
    columns = []
    for i in range(len(attempts.questions)):
        has_answered = ~np.isnan(x[:, i])
        columns.append(
            _ItemColumn(
                x[has_answered, i],
                y[has_answered, i],
                chosen[has_answered, i],
                seconds[has_answered, i],
            )
        )
    return columns


def _other_key_count(column: _ItemColumn, item: ItemKey, sets: Sequence[frozenset[str]]) -> int:
    """The number of answers whose mark differs from what the present key gives.

    An answer keeps the mark that its learner saw. After a key was corrected the figures mix marks
    by both keys, which the page then says.
    """
    right = np.array([option_set == item.right for option_set in sets], np.bool_)
    return int((right[column.chosen] != (column.x == 1)).sum()) if item.right and sets else 0


def guess_score(item: ItemKey) -> Figure:
    """The expected mark of a random choice, in percent.

    One right option of k: 1/k. Several right options: one of the 2^k − 1 non-empty sets, each
    equally likely, is right, so 1/(2^k − 1).
    """
    k = len(item.options)
    if not item.right or not k:
        return missing_figure(QUESTION_GONE)
    return Figure(100 / k if len(item.right) == 1 else 100 / (2**k - 1))


def _facility_index(x: Floats, minimum: MinimumCounts) -> Figure:
    if len(x) < minimum.answers:
        return too_few_figure(len(x), minimum.answers)
    # Marks are 0 or 1: their sum is a count, for which Wilson's interval holds.
    low, high = wilson_interval(round(float(x.sum())), len(x))
    return Figure(100 * float(x.mean()), low=100 * low, high=100 * high)


def _standard_deviation(x: Floats, minimum: MinimumCounts) -> Figure:
    if len(x) < minimum.answers:
        return too_few_figure(len(x), minimum.answers)
    return Figure(100 * float(x.std(ddof=1)))


def _cannot_compare(pair: RestMoments, questions: int, minimum: MinimumCounts) -> Figure | None:
    """A figure with the reason why the item can't be compared with the rest; None when it can."""
    if questions < 2:
        return missing_figure(NO_OTHER_QUESTION)
    if pair.n < minimum.learners:
        return too_few_figure(pair.n, minimum.learners, TOO_FEW_COMPARED)
    return None


def _no_variance(pair: RestMoments) -> Figure:
    return missing_figure(MARKS_ALIKE if pair.variance < SMALLEST else REST_ALIKE)


def _discrimination_index(pair: RestMoments, questions: int, minimum: MinimumCounts) -> Figure:
    if (why := _cannot_compare(pair, questions, minimum)) is not None:
        return why
    if (r := pair.correlation) is None:
        return _no_variance(pair)
    low, high = correlation_interval(r, pair.n)
    return Figure(100 * r, low=100 * low, high=100 * high)


def _discriminative_efficiency(pair: RestMoments, questions: int, minimum: MinimumCounts) -> Figure:
    if (why := _cannot_compare(pair, questions, minimum)) is not None:
        return why
    efficiency = pair.efficiency
    return _no_variance(pair) if efficiency is None else Figure(100 * efficiency)


def _effective_weights(pairs: Sequence[RestMoments], minimum: MinimumCounts) -> list[Figure]:
    """The effective weights, which add up to 100 over the questions that have one."""
    p = len(pairs)
    reasons = [_cannot_compare(pair, p, minimum) for pair in pairs]
    # T, the total expected on the whole set, is the mark plus p − 1 times the mean rest score.
    shared = [pair.variance + (p - 1) * pair.covariance for pair in pairs]
    shared = [0.0 if abs(covariance) < SMALLEST else covariance for covariance in shared]
    roots = [
        math.sqrt(covariance) if reason is None and covariance >= 0 else 0.0
        for covariance, reason in zip(shared, reasons, strict=True)
    ]
    total = sum(roots)
    return [
        reason or _weight_figure(covariance, root, total)
        for covariance, root, reason in zip(shared, roots, reasons, strict=True)
    ]


def _weight_figure(covariance: float, root: float, total: float) -> Figure:
    if covariance < 0:
        return missing_figure(NEGATIVE_COVARIANCE)
    if not total:
        return missing_figure(N_("No question sets learners apart."))
    return Figure(100 * root / total)


def _time_quartiles(seconds: Floats, minimum: MinimumCounts) -> TimeQuartiles:
    known_seconds = seconds[~np.isnan(seconds)]
    if len(known_seconds) < minimum.answers:
        why = too_few_figure(len(known_seconds), minimum.answers, TOO_FEW_TIMES)
        return TimeQuartiles(len(known_seconds), why, why, why)
    lower, median, upper = (Figure(float(q)) for q in np.quantile(known_seconds, (0.25, 0.5, 0.75)))
    return TimeQuartiles(len(known_seconds), lower, median, upper)
