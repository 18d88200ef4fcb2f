"""Shapes and their sentences are those of ``curve_shapes.json``.

``tests/browser/test_live_shapes.py`` holds the scripts of the bench to the same file.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quizserver.lab.phase_maps import PhaseMap, Plane, phase_map_sentence
from quizserver.lab.shape_text import describe_shapes
from quizserver.lab.shapes.single import SHAPES
from tests.lab.shape_cases import CASES, shown_indices


def curves_of(case: dict[str, Any]) -> np.ndarray:
    return np.array([[float(value) for value in curve] for curve in case["curves"]])


@pytest.mark.parametrize("case", CASES["curves"], ids=lambda case: case["note"])
def test_shapes_and_sentences_are_the_stated_ones(case: dict[str, Any]) -> None:
    curves = curves_of(case)
    shown = {name: shape.shown_by(case["x"], curves) for name, shape in SHAPES.items()}
    found = {name: np.flatnonzero(which).tolist() for name, which in shown.items()}
    assert found == shown_indices(case)
    assert describe_shapes(case["x"], curves, label=case["label"]) == case["sentence"]


def test_every_shape_is_among_the_cases_shown_and_not() -> None:
    for name in SHAPES:
        counts = [len(case["shown"].get(name, [])) for case in CASES["curves"]]
        assert any(counts), name
        assert not all(counts), name


@pytest.mark.parametrize("case", CASES["maps"])
def test_sentences_of_maps_are_the_stated_ones(case: dict[str, Any]) -> None:
    counts = tuple(map(tuple, case["counts"]))
    x, y = (tuple(map(float, range(length))) for length in (len(counts[0]), len(counts)))
    plane = Plane("a", x, "b", y, {}, "flat", replicas=case["n"])
    assert phase_map_sentence(PhaseMap(plane, counts)) == case["sentence"]


def test_where_there_is_nothing_it_says_so() -> None:
    assert describe_shapes([], np.zeros((0, 0))) == "There are no points to describe."
    assert describe_shapes([0.0, 1.0], np.zeros((0, 2))) == "There are no points to describe."


def test_a_curve_of_a_narrower_shape_has_the_wider_one_too() -> None:
    narrow = {name: shape.within for name, shape in SHAPES.items() if shape.within}
    assert narrow == {"steady-decrease": "early-drop", "flat": "stalls-above"}
    for case in CASES["curves"]:
        for name, wider in narrow.items():
            assert set(shown_indices(case)[name]) <= set(shown_indices(case)[wider])
