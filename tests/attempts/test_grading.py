"""Grading: a choice is right or wrong as a whole; an ambiguous submission is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizserver.attempts.grading import (
    SubmissionError,
    grade_submission,
    option_status,
    shuffle_options,
)

IDS = st.text("abcdefgh-", min_size=1, max_size=5)
OPTIONS = st.lists(IDS, min_size=2, max_size=8, unique=True)


@pytest.mark.parametrize(
    ("chosen", "right", "missed", "wrong"),
    [
        (["a", "b"], True, set(), set()),
        (["b", "a"], True, set(), set()),
        (["a"], False, {"b"}, set()),
        (["a", "b", "c"], False, set(), {"c"}),
        (["c"], False, {"a", "b"}, {"c"}),
    ],
)
def test_every_right_option_and_no_wrong_one_is_right(chosen, right, missed, wrong):
    grade = grade_submission({"a", "b"}, ["a", "b", "c"], chosen)
    assert (grade.right, grade.mark) == (right, float(right))
    assert (grade.missed, grade.wrong) == (missed, wrong)


@pytest.mark.parametrize(
    ("right", "chosen", "message"),
    [
        ({"a"}, [], "Choose an answer"),
        ({"a"}, ["x"], "has changed"),
        ({"a"}, ["a", "b"], "exactly one"),
    ],
)
def test_a_submission_that_cannot_be_graded_is_refused_with_a_sentence(right, chosen, message):
    with pytest.raises(SubmissionError, match=message):
        grade_submission(right, ["a", "b"], chosen)


@given(options=OPTIONS, data=st.data())
def test_an_answer_is_right_exactly_when_it_is_the_key(options, data):
    right = data.draw(st.sets(st.sampled_from(options), min_size=2))
    chosen = data.draw(st.lists(st.sampled_from(options), min_size=1, unique=True))
    grade = grade_submission(right, options, chosen)
    assert grade.right == (set(chosen) == right)
    assert grade.missed | set(chosen) >= right
    statuses = {option: option_status(option, right, chosen) for option in options}
    good = {"right-chosen", "wrong-avoided"}
    assert grade.right == all(status in good for status in statuses.values())


@given(options=OPTIONS, visitor=st.text(max_size=8))
def test_shuffling_keeps_every_option_and_is_stable_under_edits(options, visitor):
    order = shuffle_options(options, "q", visitor)
    assert sorted(order) == sorted(options)
    assert shuffle_options(list(reversed(options)), "q", visitor) == order
    without = [option for option in order if option != options[0]]
    assert shuffle_options(options[1:], "q", visitor) == without


def test_learners_see_different_orders():
    orders = {tuple(shuffle_options(["a", "b", "c", "d"], "q", str(v))) for v in range(200)}
    assert len(orders) == 24
