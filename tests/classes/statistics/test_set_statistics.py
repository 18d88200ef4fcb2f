"""Statistics of a set of questions equal their definitions."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from statistics import median

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from quizserver.classes.statistics.set_statistics import set_statistics
from tests.classes.statistics.attempt_tables import SMALL_MINIMUM, attempt_table

TABLES = st.integers(2, 5).flatmap(
    lambda width: st.lists(
        st.lists(st.sampled_from([0, 1]), min_size=width, max_size=width), min_size=4, max_size=15
    )
)


def statistics_of(table):
    return set_statistics(attempt_table(table), SMALL_MINIMUM)


def test_the_example_worked_by_hand():
    statistics = statistics_of([[1, 1, 1], [1, 1, 0], [1, 0, 0], [0, 0, 0]])
    # totals 3, 2, 1, 0 of 3
    assert (statistics.questions, statistics.n, statistics.started) == (3, 4, 4)
    assert statistics.mean.value == pytest.approx(50)
    assert statistics.median.value == pytest.approx(50)
    # var T = 5/3, of 3 marks: √(5/3)/3
    assert statistics.totals_deviation.value == pytest.approx(43.0331, abs=1e-4)
    # variances 1/4 + 1/3 + 1/4 = 5/6: 3/2 · (1 − (5/6)/(5/3)) = 3/4
    assert statistics.consistency.value == pytest.approx(75)
    # √(1 − 0.75), and half of 43.0331
    assert statistics.error_ratio.value == pytest.approx(50)
    assert statistics.standard_error.value == pytest.approx(21.5166, abs=1e-4)
    # symmetric; k4 = 16 · (5 · 2.5625 − 9 · 1.5625)/6 = −10/3, k2² = 25/9
    assert statistics.skewness.value == pytest.approx(0)
    assert statistics.kurtosis.value == pytest.approx(-1.2)


def k_statistics(values: list[int]) -> tuple[Fraction, Fraction, Fraction]:
    """Fisher's k2, k3, k4 from sums of powers, as in M. G. Kendall's tables."""
    n = len(values)
    s1, s2, s3, s4 = (Fraction(sum(v**power for v in values)) for power in (1, 2, 3, 4))
    k2 = (n * s2 - s1**2) / (n * (n - 1))
    k3 = (2 * s1**3 - 3 * n * s1 * s2 + n**2 * s3) / (n * (n - 1) * (n - 2))
    k4 = (
        -6 * s1**4 + 12 * n * s1**2 * s2 - 3 * n * (n - 1) * s2**2
        - 4 * n * (n + 1) * s1 * s3 + n**2 * (n + 1) * s4
    ) / (n * (n - 1) * (n - 2) * (n - 3))  # fmt: skip
    return k2, k3, k4


@settings(deadline=None)
@given(TABLES)
def test_every_figure_is_that_of_its_definition(table):
    statistics, totals, p = statistics_of(table), [sum(row) for row in table], len(table[0])
    k2, k3, k4 = k_statistics(totals)
    assert statistics.mean.value == pytest.approx(100 * sum(totals) / len(totals) / p)
    assert statistics.median.value == pytest.approx(100 * median(totals) / p)
    assert statistics.totals_deviation.value == pytest.approx(100 * math.sqrt(k2) / p, abs=1e-6)
    if not k2:
        reason = "Everybody has the same total."
        assert {
            statistics.consistency.reason,
            statistics.skewness.reason,
            statistics.kurtosis.reason,
        } == {reason}
        return
    variances = sum(k_statistics(list(column))[0] for column in zip(*table, strict=True))
    alpha = Fraction(p, p - 1) * (1 - variances / k2)
    ratio = math.sqrt(1 - alpha)
    assert statistics.consistency.value == pytest.approx(100 * float(alpha), abs=1e-6)
    assert statistics.error_ratio.value == pytest.approx(100 * ratio, abs=1e-4)
    assert statistics.standard_error.value == pytest.approx(
        100 * ratio * math.sqrt(k2) / p, abs=1e-4
    )
    assert statistics.skewness.value == pytest.approx(float(k3) / float(k2) ** 1.5, abs=1e-6)
    assert statistics.kurtosis.value == pytest.approx(float(k4 / k2**2), abs=1e-6)


@settings(deadline=None)
@given(p=st.integers(2, 5), counts=st.lists(st.integers(0, 3), min_size=6, max_size=6))
def test_parallel_questions_follow_spearman_and_brown(p, counts):
    """Marks that treat all p questions alike: every pair correlates by the same r, and p such
    questions together are as reliable as p·r/(1 + (p − 1)·r) says."""
    table = [
        list(row) for row in itertools.product((0, 1), repeat=p) for _ in range(counts[sum(row)])
    ]
    assume(len(table) >= 4)
    a, b = [row[0] for row in table], [row[1] for row in table]
    mean_a, mean_b = Fraction(sum(a), len(a)), Fraction(sum(b), len(b))
    variance = sum((x - mean_a) ** 2 for x in a)
    assume(variance > 0)
    r = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True)) / variance
    assume(1 + (p - 1) * r > 0)
    expected = 100 * p * r / (1 + (p - 1) * r)
    assert statistics_of(table).consistency.value == pytest.approx(float(expected), abs=1e-6)


@settings(deadline=None)
@given(TABLES)
def test_a_question_that_everybody_gets_right_adds_only_its_place(table):
    """It has no variance: α changes by p/(p − 1) for p + 1 questions, the form not at all."""
    before, after, p = (
        statistics_of(table),
        statistics_of([[*row, 1] for row in table]),
        len(table[0]),
    )
    assume(before.consistency.known)
    factor = Fraction(p + 1, p) / Fraction(p, p - 1)
    expected = before.consistency.value * float(factor)
    assert after.consistency.value == pytest.approx(expected, abs=1e-6)
    assert after.skewness.value == pytest.approx(before.skewness.value, abs=1e-6)
    assert after.kurtosis.value == pytest.approx(before.kurtosis.value, abs=1e-6)


def test_who_has_not_answered_everything_is_counted_and_has_no_total():
    complete = [[1, 1], [1, 0], [0, 1], [0, 0]]
    statistics = statistics_of([*complete, [1, None], [None, None], [0, None]])
    assert (statistics.n, statistics.started) == (4, 6)
    assert statistics.mean.value == statistics_of(complete).mean.value
    assert statistics.consistency.value == statistics_of(complete).consistency.value


@pytest.mark.parametrize(
    ("table", "mean", "consistency"),
    [
        ([], "Not enough learners", "can't be consistent"),
        ([[1, 0]], "Not enough learners", "Not enough learners"),
        ([[1], [0], [1], [0]], "", "can't be consistent"),
        ([[1, 0], [0, 1], [1, 0], [0, 1]], "", "the same total"),
    ],
)
def test_there_is_a_reason_where_there_can_be_no_number(table, mean, consistency):
    statistics = statistics_of(table)
    assert statistics.mean.known == (not mean)
    assert mean in statistics.mean.reason
    assert consistency in statistics.consistency.reason
    assert not statistics.error_ratio.known
    assert not statistics.standard_error.known


def test_thirty_finished_learners_are_enough_and_fewer_are_not():
    rows = [[1, 1, 1], [0, 0, 1], [0, 1, 0]]
    assert set_statistics(attempt_table(rows * 10)).consistency.known
    assert not set_statistics(attempt_table((rows * 10)[:29])).consistency.known
    assert set_statistics(attempt_table((rows * 10)[:10])).mean.known
    assert not set_statistics(attempt_table((rows * 10)[:9])).mean.known
