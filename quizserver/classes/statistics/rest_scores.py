"""Rest scores: how well learners did on the questions other than the item. Pure numpy.

Item analysis compares an item with the rest of the total, y = T − x. This is made for an exam that
every learner finished. In a class some learners are at question 3 and some at question 30; counting
unanswered questions as wrong (as Moodle does in a finished attempt) would make y measure how far
they have come. So here:

    y = mean, over the other questions that the learner answered, of
        (the learner's mark − the mean mark of all who answered that question)

It is how much better than the others the learner did on the questions that they answered. A learner
who answered no other question has no rest score, and is left out of comparisons. When everybody
answered everything, y is (T − x)/(Q − 1) less a constant; as neither a factor nor a constant
changes a correlation, every statistic then equals that of the definition with y = T − x.
"""

from __future__ import annotations

from quizserver.classes.statistics.answers import Floats
from quizserver.deferred_numpy import np

# Sums in another order differ in the last digits; rounding keeps equal scores equal.
_DECIMALS = 12


def rest_scores(marks: Floats) -> Floats:
    """The rest scores (R, Q) of marks (R, Q); NaN where a mark is NaN or there is no rest score."""
    answered = ~np.isnan(marks)
    means = np.where(answered, marks, 0.0).sum(axis=0) / np.maximum(answered.sum(axis=0), 1)
    excess = np.where(answered, marks - means, 0.0)
    others = answered.sum(axis=1, keepdims=True) - 1
    rest = (excess.sum(axis=1, keepdims=True) - excess) / np.maximum(others, 1)
    rest_known: Floats = np.where(answered & (others > 0), rest, np.nan)
    return rest_known.round(_DECIMALS)


def third_weights(rest: Floats) -> tuple[Floats, Floats]:
    """The weights of n learners in the weakest and the strongest third, by rest score: (n,), (n,).

    The weights of each third add up to n/3. Learners tied at its border get equal fractions, as on
    average if lots were drawn; so the order of the rows makes no difference.
    """
    _, positions, count = np.unique(rest, return_inverse=True, return_counts=True)
    size, cumulative = len(rest) / 3, np.cumsum(count)
    weakest = np.clip((size - (cumulative - count)) / count, 0.0, 1.0)
    strongest = np.clip((size - (len(rest) - cumulative)) / count, 0.0, 1.0)
    return weakest[positions], strongest[positions]
