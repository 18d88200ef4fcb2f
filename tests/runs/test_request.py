"""What the server refuses, whatever the page allowed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quizserver.runs.model import RunRefusedError
from quizserver.runs.request_parser import SEED_MAX, build_request, parse_request_body

from .fakes import DESCRIPTION

GOOD = {"topic": "numbers", "simulation": "simulation", "arm": "healthy", "knobs": {"rate": 0.2}}


def ask(**changes: object) -> object:
    wanted = parse_request_body(json.dumps(GOOD | changes).encode())
    return build_request(wanted, DESCRIPTION, "numbers/simulation.py", replicas_max=64)


def refusal(body: bytes) -> RunRefusedError:
    with pytest.raises(RunRefusedError) as caught:
        build_request(
            parse_request_body(body), DESCRIPTION, "numbers/simulation.py", replicas_max=64
        )
    return caught.value


def refused(**changes: object) -> RunRefusedError:
    return refusal(json.dumps(GOOD | changes).encode())


def test_an_order_has_every_knob_the_arm_for_those_left_out() -> None:
    got = ask(arm="low-rate", knobs={"pause": 1})
    assert got.knobs == {"rate": 0.01, "pause": 1.0, "fault": 0.0}
    assert (got.replicas, got.first_seed, got.points) == (32, 0, DESCRIPTION.points)
    assert (got.series, got.x_label) == (("loss", "accuracy"), "epoch")


def test_without_an_arm_the_defaults_hold() -> None:
    assert ask(arm=None, knobs={}).knobs == {"rate": 0.1, "pause": 0.0, "fault": 0.0}


@pytest.mark.parametrize("value", [0.0009, 10.1, -1, 1e308, 10**400, True, "0.1", None, [1], {}])
def test_a_knob_outside_its_range_or_no_number_is_refused_with_its_name(value: object) -> None:
    error = refused(knobs={"rate": value})
    assert (error.status, error.field) == (422, "rate")


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_json_does_not_know_are_refused(word: str) -> None:
    body = json.dumps(GOOD).replace("0.2", word).encode()
    assert refusal(body).status in (400, 422)


def test_a_knob_that_counts_takes_whole_numbers_only() -> None:
    assert refused(knobs={"fault": 1.5}).field == "fault"
    assert ask(knobs={"fault": 2.0}).knobs["fault"] == 2.0


def test_an_unknown_knob_or_arm_is_refused_with_its_name() -> None:
    assert (refused(knobs={"rat": 0.1}).status, refused(knobs={"rat": 0.1}).field) == (422, "rat")
    error = refused(arm="low-rat")
    assert (error.status, error.field) == (422, "arm")
    assert "low-rate" in error.message


def test_a_bound_missed_by_rounding_is_the_bound() -> None:
    assert ask(knobs={"rate": 0.1 * 3 * 100 / 3 + 1e-12}).knobs["rate"] == 10.0


@pytest.mark.parametrize("replicas", [0, -1, 65, 2**40, 1.5, True, "8"])
def test_the_number_of_replicas_is_bounded(replicas: object) -> None:
    error = refused(replicas=replicas)
    assert (error.status, error.field) == (422, "replicas")


@pytest.mark.parametrize("seed", [-1, SEED_MAX, 2**80, 0.5, None])
def test_seeds_are_bounded(seed: object) -> None:
    error = refused(first_seed=seed)
    assert (error.status, error.field) == (422, "first_seed")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"null", b'{"topic": "numbers"}']
)
def test_a_body_of_another_form_is_refused(body: bytes) -> None:
    assert refusal(body).status == 400


def test_unknown_fields_and_too_many_knobs_are_refused() -> None:
    assert refused(device="cuda").status == 400
    assert refused(knobs={f"k{i}": 1 for i in range(99)}).status in (400, 422)
    assert refused(topic="x" * 999).status == 400


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


def test_a_simulation_with_other_knobs_is_judged_by_its_own() -> None:
    wanted = parse_request_body(json.dumps(GOOD).encode())
    with pytest.raises(RunRefusedError):
        build_request(
            wanted, replace(DESCRIPTION, knobs=DESCRIPTION.knobs[1:]), "p", replicas_max=64
        )
