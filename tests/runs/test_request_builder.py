"""What the server refuses, whatever the page allowed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quizserver.runs.model import RunRefusedError
from quizserver.runs.request_builder import SEED_MAX, build_request
from quizserver.runs.request_parser import parse_request_body
from quizserver.runs.requests import CurveRequest
from tests.runs.examples import DESCRIPTION

GOOD = {"topic": "numbers", "simulation": "simulation", "arm": "healthy", "knobs": {"rate": 0.2}}


def build_curves(**changes: object) -> CurveRequest:
    body = parse_request_body(json.dumps(GOOD | changes).encode())
    request = build_request(body, DESCRIPTION, "numbers/simulation.py", replicas_max=64)
    assert isinstance(request, CurveRequest)
    return request


def refusal(body: bytes) -> RunRefusedError:
    with pytest.raises(RunRefusedError) as caught:
        build_request(
            parse_request_body(body), DESCRIPTION, "numbers/simulation.py", replicas_max=64
        )
    return caught.value


def refusal_of(**changes: object) -> RunRefusedError:
    return refusal(json.dumps(GOOD | changes).encode())


def test_a_request_has_every_knob_from_the_arm_if_left_out() -> None:
    request = build_curves(arm="low-rate", knobs={"pause": 1})
    assert request.knobs == {"rate": 0.01, "pause": 1.0, "fault": 0.0}
    assert (request.replicas, request.first_seed, request.points) == (32, 0, DESCRIPTION.points)
    assert (request.series, request.x_label) == (("loss", "accuracy"), "epoch")


def test_without_an_arm_the_defaults_hold() -> None:
    assert build_curves(arm=None, knobs={}).knobs == {"rate": 0.1, "pause": 0.0, "fault": 0.0}


@pytest.mark.parametrize("value", [0.0009, 10.1, -1, 1e308, 10**400, True, "0.1", None, [1], {}])
def test_a_knob_outside_its_range_or_no_number_is_refused_with_its_name(value: object) -> None:
    error = refusal_of(knobs={"rate": value})
    assert (error.status, error.field) == (422, "rate")


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_json_does_not_know_are_refused(word: str) -> None:
    body = json.dumps(GOOD).replace("0.2", word).encode()
    assert refusal(body).status in (400, 422)


def test_a_knob_that_counts_takes_whole_numbers_only() -> None:
    assert refusal_of(knobs={"fault": 1.5}).field == "fault"
    assert build_curves(knobs={"fault": 2.0}).knobs["fault"] == 2.0


def test_an_unknown_knob_or_arm_is_refused_with_its_name() -> None:
    assert (refusal_of(knobs={"rat": 0.1}).status, refusal_of(knobs={"rat": 0.1}).field) == (
        422,
        "rat",
    )
    error = refusal_of(arm="low-rat")
    assert (error.status, error.field) == (422, "arm")
    assert "low-rate" in error.message


def test_a_bound_missed_by_rounding_is_the_bound() -> None:
    assert build_curves(knobs={"rate": 0.1 * 3 * 100 / 3 + 1e-12}).knobs["rate"] == 10.0


@pytest.mark.parametrize("replicas", [0, -1, 65, 2**40, 1.5, True, "8"])
def test_the_number_of_replicas_is_bounded(replicas: object) -> None:
    error = refusal_of(replicas=replicas)
    assert (error.status, error.field) == (422, "replicas")


@pytest.mark.parametrize("seed", [-1, SEED_MAX, 2**80, 0.5, None])
def test_seeds_are_bounded(seed: object) -> None:
    error = refusal_of(first_seed=seed)
    assert (error.status, error.field) == (422, "first_seed")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"null", b'{"topic": "numbers"}']
)
def test_a_body_of_another_form_is_refused(body: bytes) -> None:
    assert refusal(body).status == 400


def test_unknown_fields_and_too_many_knobs_are_refused() -> None:
    assert refusal_of(device="cuda").status == 400
    assert refusal_of(knobs={f"k{i}": 1 for i in range(99)}).status in (400, 422)
    assert refusal_of(topic="x" * 999).status == 400


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_no_body_makes_it_fail_in_another_way(anything: object) -> None:
    for body in (anything, GOOD | {"knobs": anything}, GOOD | {"replicas": anything}):
        try:
            build_request(
                parse_request_body(json.dumps(body).encode()), DESCRIPTION, "p", replicas_max=64
            )
            status = 200
        except RunRefusedError as error:
            status = error.status if error.message else 0
        assert status in (200, 400, 422)


def test_the_knobs_are_checked_against_those_of_the_simulation() -> None:
    body = parse_request_body(json.dumps(GOOD).encode())
    with pytest.raises(RunRefusedError):
        build_request(body, replace(DESCRIPTION, knobs=DESCRIPTION.knobs[1:]), "p", replicas_max=64)
