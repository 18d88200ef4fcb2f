"""The key under which a run is found again, and the columns of its row."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quizserver.kernel.recipe import source_version
from quizserver.runs.requests import RunRequest, request_from_row, request_key
from tests.runs.conftest import Submit
from tests.runs.examples import curve_request, map_request, plan_request, verification_request

numbers = st.floats(allow_nan=False, allow_infinity=False)
knob_settings = st.dictionaries(st.sampled_from(["rate", "decay", "scale"]), numbers, min_size=1)

KERNEL = "0123456789abcdef"
PINNED_KEYS = [
    (
        replace(curve_request(rate=0.3, seed=2), fingerprint="f" * 64),
        "75c70a3b79237fac9f517b580e39aea823844c23d6ad6f0db5a0cbf7509bd901",
    ),
    (
        replace(map_request(seed=7), fingerprint="f" * 64),
        "9415e702123ad1128974386134bb48cedc2a7664fd9053dd412dbe235b5bbebd",
    ),
    (
        verification_request(),
        "0e2d07cc102af0052b1b6c0f7438faa0f025c24ff7f9401e8ae193e8c12f1f53",
    ),
]
each_kind = pytest.mark.parametrize(
    "run_request",
    [curve_request(seed=3), map_request(seed=3), verification_request(), plan_request(seed=3)],
    ids=["curves", "map", "verification", "plan"],
)


@pytest.mark.parametrize(("run_request", "key"), PINNED_KEYS, ids=["curves", "map", "verification"])
def test_stored_results_are_found_by_later_versions(run_request: RunRequest, key: str) -> None:
    """Another key for the same request would train again what is stored already."""
    assert request_key(run_request, KERNEL) == key


@each_kind
def test_a_request_comes_back_from_its_row_as_it_was(
    submit: Submit, run_request: RunRequest
) -> None:
    assert submit(run_request).run.request == run_request
    assert request_from_row(SimpleNamespace(**run_request.row_values())) == run_request


@each_kind
def test_another_kernel_gives_another_key(run_request: RunRequest) -> None:
    assert request_key(run_request, KERNEL) != request_key(run_request, KERNEL[::-1])
    assert request_key(run_request) == request_key(run_request, source_version())


def test_a_map_and_the_curves_of_its_setting_are_two_runs(submit: Submit) -> None:
    assert submit(map_request()).run.id != submit(curve_request()).run.id
    assert submit(map_request()).how == "joined"


@settings(deadline=None)
@given(knob_settings)
def test_the_order_and_spelling_of_knobs_do_not_matter(knobs: dict[str, float]) -> None:
    reversed_knobs = dict(reversed([(name, value + 0.0) for name, value in knobs.items()]))
    first, second = (replace(curve_request(), knobs=setting) for setting in (knobs, reversed_knobs))
    assert request_key(first) == request_key(second)


def test_minus_zero_and_whole_numbers_are_the_same_setting() -> None:
    assert request_key(replace(curve_request(), knobs={"a": -0.0})) == request_key(
        replace(curve_request(), knobs={"a": 0})
    )


def test_two_arms_with_equal_knobs_are_one_run() -> None:
    without_arm = replace(curve_request(), arm=None)
    assert request_key(without_arm) == request_key(replace(without_arm, arm="healthy"))


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
    assert request_key(replace(curve_request(), **change)) != request_key(curve_request())  # type: ignore[arg-type]


@settings(deadline=None)
@given(numbers, numbers)
def test_different_values_have_different_keys(one: float, other: float) -> None:
    same = request_key(replace(curve_request(), knobs={"a": one})) == request_key(
        replace(curve_request(), knobs={"a": other})
    )
    assert same == (one == other)
