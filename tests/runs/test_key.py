"""The key under which a run is found again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quizserver.runs.model import RunRequest
from quizserver.runs.request_rows import request_key

from .fakes import map_order, order

numbers = st.floats(allow_nan=False, allow_infinity=False)
knob_settings = st.dictionaries(st.sampled_from(["rate", "decay", "scale"]), numbers, min_size=1)

VERIFICATION = RunRequest(
    topic="numbers",
    simulation="",
    path="numbers",
    fingerprint="0" * 64,
    arm=None,
    knobs={},
    first_seed=0,
    replicas=64,
    x_label="",
    series=(),
    points=1000,
    overlay={"numbers/even.md": "# Even"},
)


@pytest.mark.parametrize(
    ("request_", "key"),
    [
        (
            order(rate=0.3, seed=2),
            "007fa75cd0dfb0e2fe297e1e5bb11da6f8b63adc680bd9c5c0edad10a5cd2f82",
        ),
        (
            map_order(seed=7),
            "4d503a614957525800a607ff365c3625448e7d074f712a36081d2f97d5e57e62",
        ),
        (
            VERIFICATION,
            "eb0948af374171b7d35530d2bee58b4ec6ffd0cc269e2049da3eea500f4dbb84",
        ),
    ],
    ids=["curves", "map", "verification"],
)
def test_stored_results_are_found_by_later_versions(request_: RunRequest, key: str) -> None:
    """Another key for the same request would train again what is stored already."""
    assert request_key(request_) == key


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
