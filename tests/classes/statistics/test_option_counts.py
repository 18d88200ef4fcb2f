"""Options are counted for all learners, and for the strongest and weakest third."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quizserver.classes.statistics.answers import AttemptTable, ItemKey
from quizserver.classes.statistics.figures import MinimumCounts
from quizserver.classes.statistics.option_counts import choice_counts, option_counts
from quizserver.classes.statistics.rest_scores import rest_scores, third_weights
from tests.classes.statistics.attempt_tables import SMALL_MINIMUM, attempt_table

ITEM = ItemKey("q", ("a", "b", "c"), frozenset("a"))
SETS = (("a",), ("b",), ("c",), ("a", "b"), ("old",))
REST_SCORES = st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=30)


def count_options(chosen: list[int], rest: list[float], minimum: MinimumCounts = SMALL_MINIMUM):
    counts = option_counts(ITEM, np.array(chosen, np.int32), np.array(rest), SETS, minimum)
    return {count.option: count for count in counts}


def test_the_example_worked_by_hand():
    """Six learners in order of the rest; thirds are the first two and the last two."""
    counts = count_options([1, 1, 2, 0, 1, 0], [-3.0, -2.0, -1.0, 1.0, 2.0, 3.0])
    assert [count.count for count in counts.values()] == [2, 3, 1]
    b = counts["b"]
    assert (b.share.value, b.weakest.value, b.strongest.value) == (50, 100, 50)
    assert (counts["c"].weakest.value, counts["c"].strongest.value) == (0, 0)
    assert (counts["a"].right, b.right, b.gone) == (True, False, False)


def test_learners_tied_at_a_border_count_in_part():
    """Three of four tie for the two places of the weakest third of six: two thirds of each."""
    counts = count_options([1, 0, 0, 1, 1, 1], [-1.0, -1.0, -1.0, 0.0, 1.0, 1.0])
    assert counts["b"].weakest.value == pytest.approx(100 / 3)
    assert counts["b"].strongest.value == pytest.approx(100)


@settings(deadline=None)
@given(REST_SCORES)
def test_each_third_weighs_a_third_and_the_weak_come_first(values):
    rest = np.array(values)
    weakest, strongest = third_weights(rest)
    for weight in (weakest, strongest):
        assert weight.sum() == pytest.approx(len(values) / 3)
        assert ((weight >= 0) & (weight <= 1)).all()
    assert weakest @ rest <= strongest @ rest + 1e-9
    assert third_weights(-rest)[0] == pytest.approx(strongest)


@settings(deadline=None)
@given(rest=REST_SCORES, data=st.data())
def test_no_row_is_preferred(rest, data):
    order = data.draw(st.permutations(range(len(rest))))
    reordered = third_weights(np.array([rest[index] for index in order]))
    for before, after in zip(third_weights(np.array(rest)), reordered, strict=True):
        assert before[list(order)] == pytest.approx(after)


def test_equal_learners_stay_equal_although_sums_are_rounded():
    """Learners with as many right of ten questions differ in the last digit of the sums."""
    generator = np.random.default_rng(2)
    marks = np.array([generator.permutation([1.0] * 4 + [0.0] * 6) for _ in range(60)])
    marks[:, 0] = 1
    rest = rest_scores(marks)[:, 0]
    assert len(np.unique(rest)) == len({row[1:].sum() for row in marks})


def test_a_learner_may_choose_several_options():
    counts = count_options([3, 3, 0, 1], [-1.0, 0.0, 1.0, 2.0])
    assert (counts["a"].count, counts["b"].count, counts["a"].n) == (3, 3, 4)
    assert counts["a"].share.value + counts["b"].share.value == 150


def test_an_option_that_the_question_no_longer_has_comes_last():
    counts = count_options([4, 4, 0], [0.0, 1.0, 2.0])
    assert list(counts) == ["a", "b", "c", "old"]
    assert (counts["old"].gone, counts["old"].right, counts["old"].count) == (True, False, 2)


def test_who_has_no_rest_counts_in_all_but_not_in_the_thirds():
    counts = count_options([1, 1, 2, 0, 1, 0, 1], [-3.0, -2.0, -1.0, 1.0, 2.0, 3.0, np.nan])
    assert (counts["b"].count, counts["b"].n) == (4, 7)
    assert (counts["b"].weakest.value, counts["b"].strongest.value) == (100, 50)


def test_counts_are_always_shown_and_shares_only_when_there_are_enough():
    few = count_options([1] * 9, [float(n) for n in range(9)], MinimumCounts())
    assert few["b"].count == 9
    assert few["b"].share.reason == "Not enough answers: 9 of the 10 that it takes."
    ten = count_options([1] * 10, [float(n) for n in range(10)], MinimumCounts())
    assert ten["b"].share.value == 100
    assert ten["b"].share.low == pytest.approx(72.2, abs=0.1)
    assert "Not enough learners" in ten["b"].strongest.reason


def test_thirds_of_learners_who_are_all_alike_are_no_thirds():
    assert "equally well" in count_options([0, 1, 1, 0], [1.0] * 4)["b"].weakest.reason


def test_no_answers_count_nothing():
    empty = count_options([-1, -1], [np.nan, np.nan])
    assert [(count.count, count.n) for count in empty.values()] == [(0, 0)] * 3
    assert choice_counts(np.array([3, -1, 0], np.int32), SETS) == {"a": 2, "b": 1}


def test_some_questions_of_a_class_are_those_columns_in_that_order():
    marks = attempt_table(
        [[None, 0, 1], [1, None, 0]], [[0, 1, 0], [0, 0, 1]], seconds=[[0, 4.5, 1], [2, 0, 3]]
    )
    selected = marks.select_questions(["q3", "q1"])
    assert (selected.questions, selected.learners.tolist()) == (("q3", "q1"), [1, 2])
    assert selected.answered.tolist() == [[True, False], [True, True]]
    assert selected.chosen.tolist() == [[0, -1], [1, 0]]
    assert selected.seconds[1].tolist() == [3, 2]
    with pytest.raises(KeyError):
        marks.select_questions(["q9"])


def test_arrays_that_do_not_fit_together_are_refused():
    good = attempt_table([[1, 0], [0, 1]])
    with pytest.raises(ValueError, match="seconds is"):
        AttemptTable(
            good.questions, good.learners, good.marks, good.chosen, good.sets,
            good.seconds[:1], good.tried_again, good.ran,
        )  # fmt: skip
    with pytest.raises(ValueError, match="one of the sets"):
        attempt_table([[1, 0]], [[0, 5]])
