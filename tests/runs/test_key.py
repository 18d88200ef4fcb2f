"""The key under which a run is found again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quizserver.runs.request_rows import request_key

from .fakes import order

numbers = st.floats(allow_nan=False, allow_infinity=False)
knob_settings = st.dictionaries(st.sampled_from(["rate", "decay", "scale"]), numbers, min_size=1)


@settings(deadline=None)
@given(knob_settings)
def test_the_order_and_spelling_of_knobs_do_not_matter(knobs: dict[str, float]) -> None:
    turned = dict(reversed([(name, value + 0.0) for name, value in knobs.items()]))
    assert request_key(replace(order(), knobs=knobs)) == request_key(replace(order(), knobs=turned))


def test_minus_zero_and_whole_numbers_are_the_same_setting() -> None:
    assert request_key(replace(order(), knobs={"a": -0.0})) == request_key(
        replace(order(), knobs={"a": 0})
    )


def test_two_arms_with_equal_knobs_are_one_run() -> None:
    assert request_key(replace(order(), arm="healthy")) == request_key(replace(order(), arm=None))


@pytest.mark.parametrize(
    "change",
    [
        {"fingerprint": "changed"},
        {"topic": "letters"},
        {"simulation": "other"},
        {"knobs": {"rate": 0.1, "pause": 0.0, "fault": 1.0}},
        {"first_seed": 1},
        {"replicas": 6},
        {"series": ("loss",)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_changes_the_curves_changes_the_key(change: dict[str, object]) -> None:
    assert request_key(replace(order(), **change)) != request_key(order())  # type: ignore[arg-type]


@settings(deadline=None)
@given(numbers, numbers)
def test_different_values_have_different_keys(one: float, other: float) -> None:
    same = request_key(replace(order(), knobs={"a": one})) == request_key(
        replace(order(), knobs={"a": other})
    )
    assert same == (one == other)
