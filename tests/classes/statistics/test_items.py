"""Item statistics are what their definitions say, and nothing where they would mean nothing."""

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
from tests.classes.statistics.answers_of import FEW, Table, class_of, items

# Four learners, three questions, worked by hand:
#   x1  x2  x3 |  T | y1 = T − x1
#    1   1   1 |  3 |  2
#    1   1   0 |  2 |  1
#    1   0   0 |  1 |  0
#    0   0   0 |  0 |  0
BY_HAND = [[1, 1, 1], [1, 1, 0], [1, 0, 0], [0, 0, 0]]

MARKS = st.sampled_from([0, 0, 1, 1, 0.5])


def tables(cell: st.SearchStrategy[float | None]) -> st.SearchStrategy[Table]:
    return st.integers(2, 5).flatmap(
        lambda width: st.lists(
            st.lists(cell, min_size=width, max_size=width), min_size=4, max_size=12
        )
    )


COMPLETE = tables(MARKS)
HOLES = tables(st.one_of(st.none(), MARKS))


def found(table: Table):
    return item_statistics(class_of(table), items(len(table[0])), FEW)


def values(table: Table) -> list[list[float | None]]:
    return [
        [one.facility.value, one.standard_deviation.value, one.discrimination.value,
         one.efficiency.value, one.weight.value]
        for one in found(table)
    ]  # fmt: skip


def close(a: list[list[float | None]], b: list[list[float | None]]) -> bool:
    return all(
        (x is None and y is None)
        or (x is not None and y is not None and math.isclose(x, y, abs_tol=1e-5))
        for left, right in zip(a, b, strict=True)
        for x, y in zip(left, right, strict=True)
    )


def cov(a: list[Fraction], b: list[Fraction]) -> Fraction:
    ma, mb = sum(a) / len(a), sum(b) / len(b)
    return sum(((x - ma) * (y - mb) for x, y in zip(a, b, strict=True)), Fraction(0)) / (len(a) - 1)


def by_definition(table: Table) -> list[list[float | None]]:
    """The definitions as they are written, for learners who answered everything, y = T − x."""
    rows = [[Fraction(mark) for mark in row] for row in table]
    totals = [sum(row) for row in rows]
    roots: list[float | None] = []
    lines: list[list[float | None]] = []
    for column in zip(*rows, strict=True):
        x = list(column)
        y = [total - mark for total, mark in zip(totals, x, strict=True)]
        spread, most = cov(x, x) * cov(y, y), cov(sorted(x), sorted(y))
        share = cov(x, totals)
        roots.append(math.sqrt(share) if share >= 0 else None)
        lines.append(
            [
                100 * float(sum(x) / len(x)),
                100 * math.sqrt(cov(x, x)),
                100 * float(cov(x, y)) / math.sqrt(spread) if spread else None,
                100 * float(cov(x, y) / most) if most else None,
            ]
        )
    whole = sum(root for root in roots if root is not None)
    for line, root in zip(lines, roots, strict=True):
        line.append(100 * root / whole if root is not None and whole else None)
    return lines


def test_the_example_worked_by_hand():
    first, second, third = found(BY_HAND)
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
    weights = [one.weight.value for one in (first, second, third)]
    assert weights == pytest.approx([31.6987, 36.6025, 31.6987], abs=1e-4)
    assert [one.n for one in (first, second, third)] == [4, 4, 4]


@settings(deadline=None)
@given(COMPLETE)
def test_with_every_answer_in_the_figures_are_those_of_the_definitions(table):
    assert close(values(table), by_definition(table))


@settings(deadline=None)
@given(HOLES)
def test_a_question_counts_who_answered_it_and_compares_with_what_else_they_answered(table):
    means = []
    for column in zip(*table, strict=True):
        here = [Fraction(mark) for mark in column if mark is not None]
        means.append(sum(here) / len(here) if here else None)
    for place, one in enumerate(found(table)):
        pairs = []
        for row in table:
            others = [
                Fraction(mark) - means[other]
                for other, mark in enumerate(row)
                if mark is not None and other != place
            ]
            if row[place] is not None and others:
                pairs.append((Fraction(row[place]), sum(others) / len(others)))
        assert (one.n, one.compared) == (sum(row[place] is not None for row in table), len(pairs))
        if len(pairs) < FEW.learners:
            assert "Not enough" in one.discrimination.reason
            continue
        x, y = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        spread = cov(x, x) * cov(y, y)
        assert one.discrimination.known == (spread > 0)
        if spread:
            expected = 100 * float(cov(x, y)) / math.sqrt(spread)
            assert one.discrimination.value == pytest.approx(expected, abs=1e-5)


@settings(deadline=None)
@given(HOLES)
def test_an_index_is_within_100_and_its_interval_and_weights_add_up_to_100(table):
    statistics = found(table)
    for one in statistics:
        index, efficiency = one.discrimination, one.efficiency
        if index.value is not None:
            assert -100 <= index.low <= index.value + 1e-9
            assert index.value - 1e-9 <= index.high <= 100
            assert efficiency.value <= 100
    weights = [one.weight.value for one in statistics if one.weight.value is not None]
    assert not weights or sum(weights) == pytest.approx(100)
    assert all(weight >= 0 for weight in weights)


@settings(deadline=None)
@given(table=HOLES, data=st.data())
def test_the_order_of_learners_and_of_questions_makes_no_difference(table, data):
    rows = data.draw(st.permutations(table))
    assert close(values(rows), values(table))
    order = data.draw(st.permutations(range(len(table[0]))))
    turned = [[row[column] for column in order] for row in table]
    assert close(values(turned), [values(table)[column] for column in order])


@settings(deadline=None)
@given(COMPLETE)
def test_a_question_that_everybody_gets_right_changes_nothing_for_the_others(table):
    longer = [[*row, 1] for row in table]
    assert close(values(longer)[:-1], values(table))
    assert found(longer)[-1].discrimination.reason == MARKS_ALIKE
    assert found(longer)[-1].weight.value in (0, None)


@settings(deadline=None)
@given(HOLES)
def test_who_has_answered_nothing_changes_nothing(table):
    assert close(values([*table, [None] * len(table[0])]), values(table))


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
    assert abs(found(table)[0].discrimination.value) < 10


def test_a_question_that_the_weak_get_right_has_a_negative_index_and_no_weight():
    first = found([[0, 1, 1], [0, 1, 1], [1, 0, 0], [1, 0, 0]])[0]
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
    first = found(table)[0]
    assert first.discrimination.value is None
    assert first.discrimination.reason.startswith(reason)
    assert first.efficiency.reason == first.discrimination.reason


def test_no_learner_and_no_question_are_told_not_computed():
    blank = np.zeros((0, 2))
    flags, who = blank.astype(bool), np.zeros(0, np.int64)
    nobody = AttemptTable(("q1", "q2"), who, blank, blank.astype(np.int32), (), blank, flags, flags)
    for one in item_statistics(nobody, items(2)):
        assert (one.n, one.compared, one.tried_again) == (0, 0, 0)
        assert one.facility.reason == "Not enough answers: 0 of the 10 that it takes."
        assert [option.count for option in one.options] == [0, 0, 0]
    assert item_statistics(nobody.select_questions(()), []) == ()


def test_a_small_class_gets_no_number_that_means_nothing():
    """Nine answers give no facility, 29 learners no index; ten and thirty do."""

    def of(n: int):
        half = [[1, 1, 1], [0, 0, 1]]
        return item_statistics(class_of((half * n)[:n]), items(3))[0]

    assert (of(9).facility.known, of(10).facility.known) == (False, True)
    assert (of(9).standard_deviation.known, of(10).standard_deviation.known) == (False, True)
    assert (of(29).discrimination.known, of(30).discrimination.known) == (False, True)
    assert (of(29).weight.known, of(30).weight.known) == (False, True)


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
    marks = class_of([[1]] * 6, seconds=seconds)
    time = item_statistics(marks, items(1), FEW)[0].time
    known = [9.0, 30.0, 12.0, 7200.0, 15.0]
    expected = quantiles(known, n=4, method="inclusive")
    assert time.n == 5
    assert [time.lower.value, time.median.value, time.upper.value] == pytest.approx(expected)
    assert item_statistics(class_of([[1]] * 6), items(1), FEW)[0].time.median.value is None


def test_who_ran_the_experiment_counts_only_if_they_answered_again():
    marks = class_of(
        [[0]] * 4, tried_again=[[True], [True], [True], [False]], ran=[[True], [False], [True]] * 2
    )
    one = item_statistics(marks, items(1), FEW)[0]
    assert (one.ran, one.tried_again) == (2, 3)


def test_marks_and_items_must_be_of_the_same_questions():
    with pytest.raises(ValueError, match="same questions"):
        item_statistics(class_of(BY_HAND), items(2))


def test_answers_that_another_key_graded_are_counted_and_keep_their_marks():
    """Of six, two chose b and were right by the key of that day; a is right now, as two chose."""
    marks = class_of([[1], [1], [1], [1], [0], [0]], [[1], [1], [0], [0], [1], [2]])
    (one,) = item_statistics(marks, items(1), FEW)
    assert one.other_key == 2
    assert one.facility.value == pytest.approx(100 * 4 / 6)
    gone = ItemKey("q1", (), frozenset())
    assert item_statistics(marks, [gone], FEW)[0].other_key == 0
    assert item_statistics(class_of([[1], [0], [None]]), items(1), FEW)[0].other_key == 0
