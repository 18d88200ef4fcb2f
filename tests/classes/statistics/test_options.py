"""Options are counted for all, and for the thirds that do best and worst on the rest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quizserver.classes.statistics.answers import AttemptTable, ItemKey
from quizserver.classes.statistics.figures import MinimumCounts
from quizserver.classes.statistics.option_counts import choice_counts, option_counts
from quizserver.classes.statistics.rest_scores import rest_scores, third_weights
from tests.classes.statistics.answers_of import FEW, class_of

ITEM = ItemKey("q", ("a", "b", "c"), frozenset("a"))
SETS = (("a",), ("b",), ("c",), ("a", "b"), ("old",))
RESTS = st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=30)


def counted(chosen: list[int], rest: list[float], enough: MinimumCounts = FEW):
    found = option_counts(ITEM, np.array(chosen, np.int32), np.array(rest), SETS, enough)
    return {one.option: one for one in found}


def test_the_example_worked_by_hand():
    """Six learners in order of the rest; thirds are the first two and the last two."""
    found = counted([1, 1, 2, 0, 1, 0], [-3.0, -2.0, -1.0, 1.0, 2.0, 3.0])
    assert [one.count for one in found.values()] == [2, 3, 1]
    b = found["b"]
    assert (b.share.value, b.weakest.value, b.strongest.value) == (50, 100, 50)
    assert (found["c"].weakest.value, found["c"].strongest.value) == (0, 0)
    assert (found["a"].right, b.right, b.gone) == (True, False, False)


def test_learners_tied_at_a_border_count_in_part():
    """Three of four tie for the two places of the weakest third of six: two thirds of each."""
    found = counted([1, 0, 0, 1, 1, 1], [-1.0, -1.0, -1.0, 0.0, 1.0, 1.0])
    assert found["b"].weakest.value == pytest.approx(100 / 3)
    assert found["b"].strongest.value == pytest.approx(100)


@settings(deadline=None)
@given(RESTS)
def test_each_third_weighs_a_third_and_the_weak_come_first(values):
    rest = np.array(values)
    weakest, strongest = third_weights(rest)
    for weight in (weakest, strongest):
        assert weight.sum() == pytest.approx(len(values) / 3)
        assert ((weight >= 0) & (weight <= 1)).all()
    assert weakest @ rest <= strongest @ rest + 1e-9
    assert third_weights(-rest)[0] == pytest.approx(strongest)


@settings(deadline=None)
@given(rest=RESTS, data=st.data())
def test_no_row_is_preferred(rest, data):
    order = data.draw(st.permutations(range(len(rest))))
    turned = third_weights(np.array([rest[place] for place in order]))
    for before, after in zip(third_weights(np.array(rest)), turned, strict=True):
        assert before[list(order)] == pytest.approx(after)


def test_equal_learners_stay_equal_although_sums_are_rounded():
    """Learners with as many right of ten questions differ in the last digit of the sums."""
    generator = np.random.default_rng(2)
    marks = np.array([generator.permutation([1.0] * 4 + [0.0] * 6) for _ in range(60)])
    marks[:, 0] = 1
    complete = rest_scores(marks)[:, 0]
    assert len(np.unique(complete)) == len({row[1:].sum() for row in marks})


def test_a_learner_may_choose_several_options():
    found = counted([3, 3, 0, 1], [-1.0, 0.0, 1.0, 2.0])
    assert (found["a"].count, found["b"].count, found["a"].n) == (3, 3, 4)
    assert found["a"].share.value + found["b"].share.value == 150


def test_an_option_that_the_question_no_longer_has_is_told_last():
    found = counted([4, 4, 0], [0.0, 1.0, 2.0])
    assert list(found) == ["a", "b", "c", "old"]
    assert (found["old"].gone, found["old"].right, found["old"].count) == (True, False, 2)


def test_who_has_no_rest_counts_in_all_but_not_in_the_thirds():
    found = counted([1, 1, 2, 0, 1, 0, 1], [-3.0, -2.0, -1.0, 1.0, 2.0, 3.0, np.nan])
    assert (found["b"].count, found["b"].n) == (4, 7)
    assert (found["b"].weakest.value, found["b"].strongest.value) == (100, 50)


def test_counts_are_always_told_and_shares_only_when_there_are_enough():
    few = counted([1] * 9, [float(n) for n in range(9)], MinimumCounts())
    assert few["b"].count == 9
    assert few["b"].share.reason == "Not enough answers: 9 of the 10 that it takes."
    ten = counted([1] * 10, [float(n) for n in range(10)], MinimumCounts())
    assert ten["b"].share.value == 100
    assert ten["b"].share.low == pytest.approx(72.2, abs=0.1)
    assert "Not enough learners" in ten["b"].strongest.reason


def test_thirds_of_learners_who_are_all_alike_are_no_thirds():
    assert "equally well" in counted([0, 1, 1, 0], [1.0] * 4)["b"].weakest.reason


def test_no_answers_count_nothing():
    empty = counted([-1, -1], [np.nan, np.nan])
    assert [(one.count, one.n) for one in empty.values()] == [(0, 0)] * 3
    assert choice_counts(np.array([3, -1, 0], np.int32), SETS) == {"a": 2, "b": 1}


def test_some_questions_of_a_class_are_those_columns_in_that_order():
    marks = class_of(
        [[None, 0, 1], [1, None, 0]], [[0, 1, 0], [0, 0, 1]], seconds=[[0, 4.5, 1], [2, 0, 3]]
    )
    only = marks.select_questions(["q3", "q1"])
    assert (only.questions, only.learners.tolist()) == (("q3", "q1"), [1, 2])
    assert only.answered.tolist() == [[True, False], [True, True]]
    assert only.chosen.tolist() == [[0, -1], [1, 0]]
    assert only.seconds[1].tolist() == [3, 2]
    with pytest.raises(KeyError):
        marks.select_questions(["q9"])


def test_arrays_that_do_not_fit_together_are_refused():
    good = class_of([[1, 0], [0, 1]])
    with pytest.raises(ValueError, match="seconds is"):
        AttemptTable(
            good.questions, good.learners, good.marks, good.chosen, good.sets,
            good.seconds[:1], good.tried_again, good.ran,
        )  # fmt: skip
    with pytest.raises(ValueError, match="one of the sets"):
        class_of([[1, 0]], [[0, 5]])
