"""Item statistics as Moodle's quiz statistics define them, on one attempt of each learner.

Sources: "Quiz statistics calculations" and "Quiz statistics report" of the Moodle documentation,
from the Open University. ``definitions`` has every formula in words and signs.

Two things differ, because a class is not an exam that everybody has handed in:

- A question's statistics are over the learners who answered it, and their rest is how they did on
  what else they answered; see ``rest``. With every answer in, the figures are Moodle's.
- With too few answers there is a reason instead of a number; see ``figures``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quizserver.classes.statistics.answers import Floats, Ints, Item, Marks
from quizserver.classes.statistics.figures import ENOUGH, Enough, Figure, missing, too_few
from quizserver.classes.statistics.moments import SMALLEST, Moments, correlation_interval, moments
from quizserver.classes.statistics.options import OptionCount, option_counts
from quizserver.classes.statistics.rest import rest_scores
from quizserver.lab.claims import wilson

NO_OTHER = "There is no other question to compare with."
ALL_ALIKE = "Everybody has the same mark on this question."
REST_ALIKE = "Everybody did equally well on the other questions."
NEGATIVE = "Who did well here did worse in all: such a question has no weight."
GONE = "The question is no longer in the content."


@dataclass(frozen=True, slots=True)
class Time:
    """Quartiles of the seconds an answer took, over the ``n`` learners for whom it is known."""

    n: int
    lower: Figure
    median: Figure
    upper: Figure


@dataclass(frozen=True, slots=True)
class ItemStatistics:
    """One question. Percentages, but for counts and seconds.

    ``n`` learners answered it; ``compared`` of them answered another question too, and
    discrimination, efficiency, weight and the thirds rest on those. ``other_key`` of them were
    graded by another key than the present one. Of the ``again`` learners who answered a second
    time, ``ran`` ran the experiment before they did.
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
    time: Time
    again: int
    ran: int


def item_statistics(
    marks: Marks, items: Sequence[Item], enough: Enough = ENOUGH
) -> tuple[ItemStatistics, ...]:
    """One entry for each question of ``marks``, in its order; ``items`` are the same questions.

    Raises ValueError when they are not.
    """
    if tuple(item.question for item in items) != marks.questions:
        raise ValueError("items and marks are not of the same questions")
    answers = _columns(marks)
    pairs = [column.moments() for column in answers]
    weights = _weights(pairs, enough)
    sets = [frozenset(each) for each in marks.sets]
    again, ran = marks.tried_again.sum(axis=0), (marks.tried_again & marks.ran).sum(axis=0)
    return tuple(
        ItemStatistics(
            item.question,
            len(answers[i].x),
            pairs[i].n,
            _other_key(answers[i], item, sets),
            _facility(answers[i].x, enough),
            _standard_deviation(answers[i].x, enough),
            guess_score(item),
            _discrimination(pairs[i], len(items), enough),
            _efficiency(pairs[i], len(items), enough),
            weights[i],
            option_counts(item, answers[i].chosen, answers[i].rest, marks.sets, enough),
            _time(answers[i].seconds, enough),
            int(again[i]),
            int(ran[i]),
        )
        for i, item in enumerate(items)
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    """What the n learners who answered one question did: arrays (n,)."""

    x: Floats
    rest: Floats
    chosen: Ints
    seconds: Floats

    def moments(self) -> Moments:
        compared = ~np.isnan(self.rest)
        return moments(self.x[compared], self.rest[compared])


def _columns(marks: Marks) -> list[_Column]:
    rest = rest_scores(marks.marks)
    tables = (marks.marks, rest, marks.chosen, marks.seconds)
    # Read column by column: each lies in one piece after this.
    x, y, chosen, seconds = (np.asfortranarray(table) for table in tables)
    columns = []
    for i in range(len(marks.questions)):
        who = ~np.isnan(x[:, i])
        columns.append(_Column(x[who, i], y[who, i], chosen[who, i], seconds[who, i]))
    return columns


def _other_key(column: _Column, item: Item, sets: Sequence[frozenset[str]]) -> int:
    """How many answers have another mark than the present key would give them.

    An answer keeps the mark that its learner was told. After a key was put right the figures mix
    marks of both keys, and it is for the page to say so.
    """
    right = np.array([each == item.right for each in sets], np.bool_)
    return int((right[column.chosen] != (column.x == 1)).sum()) if item.right and sets else 0


def guess_score(item: Item) -> Figure:
    """What somebody who chooses blindly gets on average, in percent.

    One right option of k: the mean of the options' fractions, 1/k. Several right: every non-empty
    set of options is as likely and one of them is right, 1/(2^k − 1).
    """
    k = len(item.options)
    if not item.right or not k:
        return missing(GONE)
    return Figure(100 / k if len(item.right) == 1 else 100 / (2**k - 1))


def _facility(x: Floats, enough: Enough) -> Figure:
    if len(x) < enough.answers:
        return too_few(len(x), enough.answers)
    # Marks are all or nothing: their sum is a count, and Wilson's interval is theirs.
    low, high = wilson(round(float(x.sum())), len(x))
    return Figure(100 * float(x.mean()), low=100 * low, high=100 * high)


def _standard_deviation(x: Floats, enough: Enough) -> Figure:
    if len(x) < enough.answers:
        return too_few(len(x), enough.answers)
    return Figure(100 * float(x.std(ddof=1)))


def _cannot_compare(pair: Moments, questions: int, enough: Enough) -> Figure | None:
    """Why an item can't be compared with the rest of ``questions``; None when it can."""
    if questions < 2:
        return missing(NO_OTHER)
    if pair.n < enough.learners:
        return too_few(pair.n, enough.learners, "learners who answered other questions too")
    return None


def _alike(pair: Moments) -> Figure:
    return missing(ALL_ALIKE if pair.variance < SMALLEST else REST_ALIKE)


def _discrimination(pair: Moments, questions: int, enough: Enough) -> Figure:
    if (why := _cannot_compare(pair, questions, enough)) is not None:
        return why
    if (r := pair.correlation) is None:
        return _alike(pair)
    low, high = correlation_interval(r, pair.n)
    return Figure(100 * r, low=100 * low, high=100 * high)


def _efficiency(pair: Moments, questions: int, enough: Enough) -> Figure:
    if (why := _cannot_compare(pair, questions, enough)) is not None:
        return why
    found = pair.efficiency
    return _alike(pair) if found is None else Figure(100 * found)


def _weights(pairs: Sequence[Moments], enough: Enough) -> list[Figure]:
    """The effective weights: they add up to 100 over the questions that have one."""
    p = len(pairs)
    reasons = [_cannot_compare(pair, p, enough) for pair in pairs]
    # T is the mark and p − 1 times the mean of the rest: how the learner would do on the whole set.
    shared = [pair.variance + (p - 1) * pair.covariance for pair in pairs]
    shared = [0.0 if abs(covariance) < SMALLEST else covariance for covariance in shared]
    roots = [
        math.sqrt(covariance) if reason is None and covariance >= 0 else 0.0
        for covariance, reason in zip(shared, reasons, strict=True)
    ]
    total = sum(roots)
    return [
        reason or _weight(covariance, root, total)
        for covariance, root, reason in zip(shared, roots, reasons, strict=True)
    ]


def _weight(covariance: float, root: float, total: float) -> Figure:
    if covariance < 0:
        return missing(NEGATIVE)
    return Figure(100 * root / total) if total else missing("No question sets learners apart.")


def _time(seconds: Floats, enough: Enough) -> Time:
    known = seconds[~np.isnan(seconds)]
    if len(known) < enough.answers:
        why = too_few(len(known), enough.answers, "answers whose time is known")
        return Time(len(known), why, why, why)
    lower, median, upper = (Figure(float(q)) for q in np.quantile(known, (0.25, 0.5, 0.75)))
    return Time(len(known), lower, median, upper)
