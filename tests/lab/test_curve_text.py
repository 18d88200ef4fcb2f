"""The sentence about a curve tells only what is in the curve."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from quizserver.lab.curve_text import describe_curves, describe_threshold, format_exact

from .test_single_shapes import X, line


def test_a_plateau_and_a_drop() -> None:
    y = line((0, 1), (0.3, 0.98), (0.5, 0.97), (0.6, 0.1), (1, 0.05))
    assert describe_curves(X, y) == (
        "The run stays within 12 % of its start (0.7) until epoch 51, "
        "is below half of it from epoch 56, and ends at 0.035 at epoch 100."
    )


def test_a_flat_line() -> None:
    y = line((0, 1), (0.5, 0.981), (1, 1.0))
    assert describe_curves(X, y) == "The run stays within 2 % of its start (0.7) to the end."


def test_many_runs_are_described_by_their_median_and_spread() -> None:
    y = np.stack([line((0, 1), (0.2, 0.1), (1, end)) for end in np.linspace(0.01, 0.1, 10)])
    assert describe_curves(X, y, label="step") == (
        "The median starts at 0.7, is below 85 % of it by step 4, is below half of it from step "
        "12, and ends at "
        "0.039 at step 100. At the end 80 % of the runs lie between 0.013 and 0.064."
    )


def test_swings_and_a_late_rise_are_described() -> None:
    y = line((0, 1), (0.1, 0.3), (0.3, 0.9), (0.5, 0.2), (0.7, 1.2), (1, 0.9))
    said = describe_curves(X, y)
    assert "is lowest, 0.14, at epoch 50" in said
    assert "It swings up by at least 20 % of the start about 2 times." in said


def test_a_rise_is_described() -> None:
    assert "rises to 2.1 at epoch 50" in describe_curves(X, line((0, 1), (0.5, 3), (1, 0.2)))


def test_runs_that_overflow_are_counted() -> None:
    y = np.stack([line((0, 1), (1, 0.1))] * 4)
    y[0, 50:] = math.inf
    assert describe_curves(X, y).endswith(
        "1 of 4 runs overflows. At the end 80 % of the others are at 0.07."
    )
    y[:3, 40:] = math.nan
    assert describe_curves(X, y) == (
        "3 of 4 runs overflow (the loss is no finite number any more), typically by epoch 40."
    )


def test_large_and_small_numbers_are_written_as_people_write_them() -> None:
    y = line((0, 1), (0.5, 0.00001), (1, 0.00001), start=45678.9)
    said = describe_curves(X * 250, y, label="step")
    assert "starts at 45,679" in said
    assert "ends at 0.46 at step 25,000" in said
    assert "ends at 7.0e-6 at" in describe_curves(X, line((0, 1), (0.5, 0.00001), (1, 0.00001)))


def test_nothing_is_said_of_nothing() -> None:
    assert describe_curves([], np.zeros((0, 0))) == "There are no points to describe."
    assert describe_curves([1.0], [[2.0]]) == "There are no points to describe."
    assert describe_curves([0, 1], [[0.0, 1.0]]) == "The loss starts at 0 and ends at 1."


@given(
    stn.arrays(
        np.float64,
        st.tuples(st.integers(1, 4), st.integers(2, 30)),
        elements=st.one_of(st.floats(0, 2), st.floats()),
    )
)
def test_any_curve_gets_a_sentence_whose_numbers_are_finite(y: np.ndarray) -> None:
    said = describe_curves(np.arange(y.shape[1]), y)
    assert said.endswith(".")
    assert not re.search(r"\b(nan|inf)\b", said)


@pytest.mark.parametrize(
    ("k", "n", "words"),
    [
        (34, 64, "Of 64 runs of A, 34 end at or above 1."),
        (64, 64, "Of 64 runs of A, all 64 end at or above 1."),
        (1, 64, "Of 64 runs of A, 1 ends at or above 1."),
        (0, 1, "Of 1 run of A, 0 end at or above 1."),
    ],
)
def test_a_count_beside_a_number_comes_with_where_they_end(k: int, n: int, words: str) -> None:
    sentence = describe_threshold(k, n, "end at or above {}", 1.0, "A", (2.125, 1.4, np.inf))
    assert sentence == f"{words} The median at the end is 2.125 (95 % interval 1.4 to overflow)."


@pytest.mark.parametrize(
    ("value", "text"), [(0.0123456, "0.0123456"), (676, "676"), (1e-5, "1e-5"), (-2e30, "-2e30")]
)
def test_a_number_somebody_wrote_keeps_its_digits(value: float, text: str) -> None:
    assert format_exact(value) == text
