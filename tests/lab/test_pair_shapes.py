"""Pair shapes are decided by stated thresholds: pairs made by hand on both sides of each."""

from __future__ import annotations

import math

import numpy as np
import pytest

from quizserver.lab.shapes.pair import PAIR_SHAPES

X = np.arange(101.0)


def line(*corners: tuple[float, float]) -> np.ndarray:
    """A curve of 101 points through (fraction of the run, value)."""
    fractions, values = zip(*corners, strict=True)
    return np.interp(X / 100, fractions, values)


def holds(shape: str, one: np.ndarray, other: np.ndarray) -> bool:
    return bool(PAIR_SHAPES[shape].shown_by(X, one, other)[0])


FLAT = line((0, 1), (1, 1))


@pytest.mark.parametrize(
    ("end", "expected"), [(0.9999, True), (1.0, False), (1.0001, False), (-3.0, True)]
)
def test_ends_below_compares_the_ends_as_they_are(end: float, expected: bool) -> None:
    assert holds("ends-below", line((0, 5), (0.9, end), (1, end)), FLAT) is expected


def test_the_end_is_the_median_of_the_last_twentieth() -> None:
    spike = FLAT.copy()
    spike[-2:] = 0.0  # two of six points
    assert not holds("ends-below", spike, FLAT)
    spike[-4:] = 0.0
    assert holds("ends-below", spike, FLAT)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_a_diverged_run_is_above_every_finite_one(broken: float) -> None:
    lost = FLAT.copy()
    lost[50] = broken  # it may look finite again later
    assert holds("ends-below", line((0, 1), (1, 1e30)), lost)
    assert not holds("ends-below", lost, line((0, 1), (1, 1e30)))
    assert not holds("ends-below", lost, lost)
    assert not holds("crosses", lost, lost)


def test_crosses_needs_a_stretch_below_and_an_end_above() -> None:
    def below(first: float, length: float) -> np.ndarray:
        curve = line((0, 2), (1, 2))
        curve[np.abs(X / 100 - first - length / 2) <= length / 2 + 1e-9] = 0.5
        return curve

    assert holds("crosses", below(0.2, 0.05), FLAT)
    assert not holds("crosses", below(0.2, 0.04), FLAT)
    assert holds("crosses", below(0.45, 0.05), FLAT)
    assert not holds("crosses", below(0.46, 0.05), FLAT)  # part of it is in the second half
    two = np.minimum(below(0.1, 0.04), below(0.2, 0.04))
    assert not holds("crosses", two, FLAT)  # not in one piece
    assert not holds("crosses", line((0, 0.5), (1, 0.5)), FLAT)  # it stays below
    assert not holds("crosses", line((0, 0.5), (0.9, 1), (1, 1)), FLAT)  # it only meets it
    assert not holds("crosses", FLAT, below(0.2, 0.05))


def test_a_run_that_was_below_and_diverged_crosses() -> None:
    lost = line((0, 0.5), (1, 0.5))
    lost[80:] = math.nan
    assert holds("crosses", lost, FLAT)


def test_pairs_are_matched_row_by_row() -> None:
    ones = np.stack([FLAT, 0.5 * FLAT, FLAT])
    others = np.stack([0.5 * FLAT, FLAT, FLAT])
    assert PAIR_SHAPES["ends-below"].shown_by(X, ones, others).tolist() == [False, True, False]
    with pytest.raises(ValueError, match="are not pairs"):
        PAIR_SHAPES["ends-below"].shown_by(X, ones, others[:2])


def test_a_curve_too_short_has_no_pair_shape() -> None:
    assert not PAIR_SHAPES["ends-below"].shown_by([0, 1, 2, 3], [0] * 4, [1] * 4).any()
    assert PAIR_SHAPES["ends-below"].shown_by([0, 1, 2, 3, 4], [0] * 5, [1] * 5).all()
