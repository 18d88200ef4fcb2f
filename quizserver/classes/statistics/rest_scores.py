"""How well learners did on the rest: the questions other than the one looked at. Pure numpy.

Item analysis compares an item with the rest of the total, y = T − x. That is made for an exam
which everybody finished. In a class some are at question 3 and some at question 30; counting what
they have not answered as wrong (as Moodle does with a finished attempt) would make the sum y tell
how far they have come, and in which order. So here:

    y = mean, over the other questions that the learner answered, of
        (their mark − the mean mark of everybody who answered that question)

"How much better than the others, on what they answered." Who answered no other question has no
rest, and is left out of what compares. When everybody answered everything, y is (T − x)/(Q − 1)
less a constant, and as neither a factor nor a constant changes a correlation, every statistic is
exactly that of the definition with y = T − x.
"""

from __future__ import annotations

import numpy as np

from quizserver.classes.statistics.answers import Floats

# Sums in another order differ in the last digits; learners who did equally well must stay equal.
_DECIMALS = 12


def rest_scores(marks: Floats) -> Floats:
    """(R, Q) rest scores of (R, Q) marks; NaN where a mark is, or where there is no rest."""
    answered = ~np.isnan(marks)
    means = np.where(answered, marks, 0.0).sum(axis=0) / np.maximum(answered.sum(axis=0), 1)
    excess = np.where(answered, marks - means, 0.0)
    others = answered.sum(axis=1, keepdims=True) - 1
    rest = (excess.sum(axis=1, keepdims=True) - excess) / np.maximum(others, 1)
    rest_known: Floats = np.where(answered & (others > 0), rest, np.nan)
    return rest_known.round(_DECIMALS)


def third_weights(rest: Floats) -> tuple[Floats, Floats]:
    """How much each of n learners counts among the weakest and the strongest third: (n,), (n,).

    Each third weighs n/3. Learners who are tied at its border count in part, all alike, as they
    would on average if lots were drawn; so the order of the rows makes no difference.
    """
    _, positions, count = np.unique(rest, return_inverse=True, return_counts=True)
    size, cumulative = len(rest) / 3, np.cumsum(count)
    weakest = np.clip((size - (cumulative - count)) / count, 0.0, 1.0)
    strongest = np.clip((size - (len(rest) - cumulative)) / count, 0.0, 1.0)
    return weakest[positions], strongest[positions]
