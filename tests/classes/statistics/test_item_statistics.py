"""Item statistics equal their definitions, and are unknown where they have no meaning."""

from __future__ import annotations

import math
from fractions import Fraction
from statistics import quantiles

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quizserver.classes.statistics.answers import AttemptTable, ItemKey
from quizserver.classes.statistics.item_statistics import (
    MARKS_ALIKE,
    NEGATIVE_COVARIANCE,
    NO_OTHER_QUESTION,
    REST_ALIKE,
    guess_score,
    item_statistics,
)
from tests.classes.statistics.attempt_tables import SMALL_MINIMUM, Table, attempt_table, item_keys

# Four learners, three questions, worked by hand:
#   x1  x2  x3 |  T | y1 = T − x1
#    1   1   1 |  3 |  2
#    1   1   0 |  2 |  1
#    1   0   0 |  1 |  0
#    0   0   0 |  0 |  0
BY_HAND = [[1, 1, 1], [1, 1, 0], [1, 0, 0], [0, 0, 0]]

MARKS = st.sampled_from([0, 0, 1, 1, 0.5])


def table_strategy(cell: st.SearchStrategy[float | None]) -> st.SearchStrategy[Table]:
    return st.integers(2, 5).flatmap(
        lambda width: st.lists(
            st.lists(cell, min_size=width, max_size=width), min_size=4, max_size=12
        )
    )


COMPLETE_TABLES = table_strategy(MARKS)
TABLES_WITH_HOLES = table_strategy(st.one_of(st.none(), MARKS))


def statistics_of(table: Table):
    return item_statistics(attempt_table(table), item_keys(len(table[0])), SMALL_MINIMUM)


def figure_values(table: Table) -> list[list[float | None]]:
    return [
        [item.facility.value, item.standard_deviation.value, item.discrimination.value,
         item.efficiency.value, item.weight.value]
        for item in statistics_of(table)
    ]  # fmt: skip


def are_close(a: list[list[float | None]], b: list[list[float | None]]) -> bool:
    return all(
        (x is None and y is None)
        or (x is not None and y is not None and math.isclose(x, y, abs_tol=1e-5))
        for row, other_row in zip(a, b, strict=True)
        for x, y in zip(row, other_row, strict=True)
    )


def covariance(a: list[Fraction], b: list[Fraction]) -> Fraction:
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    return sum(((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True)), Fraction(0)) / (
        len(a) - 1
    )


def values_by_definition(table: Table) -> list[list[float | None]]:
    """The definitions as they are written, for learners who answered everything, y = T − x."""
    rows = [[Fraction(mark) for mark in row] for row in table]
    totals = [sum(row) for row in rows]
    roots: list[float | None] = []
    lines: list[list[float | None]] = []
    for column in zip(*rows, strict=True):
        x = list(column)
        y = [total - mark for total, mark in zip(totals, x, strict=True)]
        spread, largest = covariance(x, x) * covariance(y, y), covariance(sorted(x), sorted(y))
        total_covariance = covariance(x, totals)
        roots.append(math.sqrt(total_covariance) if total_covariance >= 0 else None)
        lines.append(
            [
                100 * float(sum(x) / len(x)),
                100 * math.sqrt(covariance(x, x)),
                100 * float(covariance(x, y)) / math.sqrt(spread) if spread else None,
                100 * float(covariance(x, y) / largest) if largest else None,
            ]
        )
    total = sum(root for root in roots if root is not None)
    for line, root in zip(lines, roots, strict=True):
        line.append(100 * root / total if root is not None and total else None)
    return lines


def test_the_example_worked_by_hand():
    first, second, third = statistics_of(BY_HAND)
    # mean of 1, 1, 1, 0
    assert first.facility.value == 75
    # √(3 · 0.0625 + 0.5625)/3 = √0.25
    assert first.standard_deviation.value == pytest.approx(50)
    # cov(x, y) = 0.75/3; var x = 0.25; var y = 2.75/3: 0.25/√(0.25 · 0.91667) = 0.522233
    assert first.discrimination.value == pytest.approx(52.2233, abs=1e-4)
    # x and y are already in the same order: no covariance could be larger
    assert first.efficiency.value == pytest.approx(100)
    # 1, 1, 0, 0 with y 2, 1, 1, 0: (1/3)/√(1/3 · 2/3) = 1/√2
    assert second.discrimination.value == pytest.approx(100 / math.sqrt(2))
    # cov(x, T) is 1/2, 2/3, 1/2: roots 0.70711, 0.81650, 0.70711 of 2.23071
    weights = [item.weight.value for item in (first, second, third)]
    assert weights == pytest.approx([31.6987, 36.6025, 31.6987], abs=1e-4)
    assert [item.n for item in (first, second, third)] == [4, 4, 4]


@settings(deadline=None)
@given(COMPLETE_TABLES)
def test_with_every_answer_in_the_figures_are_those_of_the_definitions(table):
    assert are_close(figure_values(table), values_by_definition(table))


@settings(deadline=None)
@given(TABLES_WITH_HOLES)
def test_a_question_counts_who_answered_it_and_compares_with_what_else_they_answered(table):
    means = []
    for column in zip(*table, strict=True):
        marks = [Fraction(mark) for mark in column if mark is not None]
        means.append(sum(marks) / len(marks) if marks else None)
    for index, item in enumerate(statistics_of(table)):
        pairs = []
        for row in table:
            others = [
                Fraction(mark) - means[other]
                for other, mark in enumerate(row)
                if mark is not None and other != index
            ]
            if row[index] is not None and others:
                pairs.append((Fraction(row[index]), sum(others) / len(others)))
        assert (item.n, item.compared) == (sum(row[index] is not None for row in table), len(pairs))
        if len(pairs) < SMALL_MINIMUM.learners:
            assert "Not enough" in item.discrimination.reason
            continue
        x, y = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        spread = covariance(x, x) * covariance(y, y)
        assert item.discrimination.known == (spread > 0)
        if spread:
            expected = 100 * float(covariance(x, y)) / math.sqrt(spread)
            assert item.discrimination.value == pytest.approx(expected, abs=1e-5)


@settings(deadline=None)
@given(TABLES_WITH_HOLES)
def test_an_index_is_within_100_and_its_interval_and_weights_add_up_to_100(table):
    statistics = statistics_of(table)
    for item in statistics:
        index, efficiency = item.discrimination, item.efficiency
        if index.value is not None:
            assert -100 <= index.low <= index.value + 1e-9
            assert index.value - 1e-9 <= index.high <= 100
            assert efficiency.value <= 100
    weights = [item.weight.value for item in statistics if item.weight.value is not None]
    assert not weights or sum(weights) == pytest.approx(100)
    assert all(weight >= 0 for weight in weights)


@settings(deadline=None)
@given(table=TABLES_WITH_HOLES, data=st.data())
def test_the_order_of_learners_and_of_questions_makes_no_difference(table, data):
    rows = data.draw(st.permutations(table))
    assert are_close(figure_values(rows), figure_values(table))
    order = data.draw(st.permutations(range(len(table[0]))))
    reordered = [[row[column] for column in order] for row in table]
    assert are_close(figure_values(reordered), [figure_values(table)[column] for column in order])


@settings(deadline=None)
@given(COMPLETE_TABLES)
def test_a_question_that_everybody_gets_right_changes_nothing_for_the_others(table):
    longer = [[*row, 1] for row in table]
    assert are_close(figure_values(longer)[:-1], figure_values(table))
    assert statistics_of(longer)[-1].discrimination.reason == MARKS_ALIKE
    assert statistics_of(longer)[-1].weight.value in (0, None)


@settings(deadline=None)
@given(TABLES_WITH_HOLES)
def test_who_has_answered_nothing_changes_nothing(table):
    assert are_close(figure_values([*table, [None] * len(table[0])]), figure_values(table))


def test_having_come_further_is_not_doing_better():
    """The early half of a class did all 20 questions, the rest 3; chance alone decides the marks,
    but for one question, which was easier for those who came early."""
    generator = np.random.default_rng(5)
    marks = (generator.random((2000, 20)) < 0.5).astype(float)
    marks[:, 0] = generator.random(2000) < np.where(np.arange(2000) < 1000, 0.8, 0.3)
    marks[1000:, 3:] = np.nan
    sums = np.nansum(marks[:, 1:], axis=1)
    assert np.corrcoef(marks[:, 0], sums)[0, 1] > 0.3
    table = [[None if math.isnan(mark) else mark for mark in row] for row in marks.tolist()]
    assert abs(statistics_of(table)[0].discrimination.value) < 10


def test_a_question_that_the_weak_get_right_has_a_negative_index_and_no_weight():
    first = statistics_of([[0, 1, 1], [0, 1, 1], [1, 0, 0], [1, 0, 0]])[0]
    assert first.discrimination.value == pytest.approx(-100)
    assert first.weight.reason == NEGATIVE_COVARIANCE


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ([[1], [0], [1], [0]], NO_OTHER_QUESTION),
        ([[1, 0], [1, 1], [1, 0], [1, 1]], MARKS_ALIKE),
        ([[1, 0], [0, 0], [1, 0], [0, 0]], REST_ALIKE),
        ([[1, 0], [0, 1], [1, 1]], "Not enough learners"),
        ([[1, 0], [0, 1], [1, 1], [1, None], [0, None]], "Not enough learners"),
    ],
)
def test_there_is_a_reason_where_there_can_be_no_index(table, reason):
    first = statistics_of(table)[0]
    assert first.discrimination.value is None
    assert first.discrimination.reason.startswith(reason)
    assert first.efficiency.reason == first.discrimination.reason


def test_without_learners_or_questions_there_are_reasons_not_numbers():
    blank = np.zeros((0, 2))
    flags, learners = blank.astype(bool), np.zeros(0, np.int64)
    empty_table = AttemptTable(
        ("q1", "q2"), learners, blank, blank.astype(np.int32), (), blank, flags, flags
    )
    for item in item_statistics(empty_table, item_keys(2)):
        assert (item.n, item.compared, item.tried_again) == (0, 0, 0)
        assert item.facility.reason == "Not enough answers: 0 of the 10 that it takes."
        assert [option.count for option in item.options] == [0, 0, 0]
    assert item_statistics(empty_table.select_questions(()), []) == ()


def test_a_small_class_gets_no_number_that_means_nothing():
    """Nine answers give no facility, 29 learners no index; ten and thirty do."""

    def first_item(n: int):
        rows = [[1, 1, 1], [0, 0, 1]]
        return item_statistics(attempt_table((rows * n)[:n]), item_keys(3))[0]

    assert (first_item(9).facility.known, first_item(10).facility.known) == (False, True)
    assert (first_item(9).standard_deviation.known, first_item(10).standard_deviation.known) == (
        False,
        True,
    )
    assert (first_item(29).discrimination.known, first_item(30).discrimination.known) == (
        False,
        True,
    )
    assert (first_item(29).weight.known, first_item(30).weight.known) == (False, True)


@pytest.mark.parametrize(
    ("options", "right", "expected"),
    [("ab", "a", 50), ("abcd", "c", 25), ("abc", "ab", 100 / 7), ("abcd", "ab", 100 / 15)],
)
def test_blind_guessing_scores_what_counting_all_answers_gives(options, right, expected):
    """Every answer that a learner can give is as likely: one option, or any non-empty set."""
    k = len(options)
    if len(right) == 1:
        ways, hits = k, 1
    else:
        sets = [{o for bit, o in enumerate(options) if mask >> bit & 1} for mask in range(1, 2**k)]
        ways, hits = len(sets), sets.count(set(right))
    item = ItemKey("q", tuple(options), frozenset(right))
    assert guess_score(item).value == pytest.approx(100 * hits / ways)
    assert guess_score(item).value == pytest.approx(expected)


def test_a_question_that_is_gone_has_no_guess_score():
    assert "no longer" in guess_score(ItemKey("q", (), frozenset())).reason


def test_the_time_to_answer_is_in_quartiles_over_those_for_whom_it_is_known():
    seconds = [[9.0], [30.0], [None], [12.0], [7200.0], [15.0]]
    marks = attempt_table([[1]] * 6, seconds=seconds)
    time = item_statistics(marks, item_keys(1), SMALL_MINIMUM)[0].time
    known_seconds = [9.0, 30.0, 12.0, 7200.0, 15.0]
    expected = quantiles(known_seconds, n=4, method="inclusive")
    assert time.n == 5
    assert [time.lower.value, time.median.value, time.upper.value] == pytest.approx(expected)
    assert (
        item_statistics(attempt_table([[1]] * 6), item_keys(1), SMALL_MINIMUM)[0].time.median.value
        is None
    )


def test_who_ran_the_experiment_counts_only_if_they_answered_again():
    marks = attempt_table(
        [[0]] * 4, tried_again=[[True], [True], [True], [False]], ran=[[True], [False], [True]] * 2
    )
    item = item_statistics(marks, item_keys(1), SMALL_MINIMUM)[0]
    assert (item.ran, item.tried_again) == (2, 3)


def test_marks_and_items_must_be_of_the_same_questions():
    with pytest.raises(ValueError, match="same questions"):
        item_statistics(attempt_table(BY_HAND), item_keys(2))


def test_answers_that_another_key_graded_are_counted_and_keep_their_marks():
    """Of six, two chose b and were right by the key of that day; a is right now, as two chose."""
    marks = attempt_table([[1], [1], [1], [1], [0], [0]], [[1], [1], [0], [0], [1], [2]])
    (item,) = item_statistics(marks, item_keys(1), SMALL_MINIMUM)
    assert item.other_key == 2
    assert item.facility.value == pytest.approx(100 * 4 / 6)
    missing_item = ItemKey("q1", (), frozenset())
    assert item_statistics(marks, [missing_item], SMALL_MINIMUM)[0].other_key == 0
    assert (
        item_statistics(attempt_table([[1], [0], [None]]), item_keys(1), SMALL_MINIMUM)[0].other_key
        == 0
    )
