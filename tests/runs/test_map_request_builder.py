"""The request of a phase map: what is refused, and which plane the rest becomes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from quizserver.lab.model import Description, Map
from quizserver.lab.phase_maps import CELL_REPLICAS, SIDE, Plane
from quizserver.runs.model import RunRefusedError
from quizserver.runs.request_builder import SEED_MAX, build_request, requested_plane
from quizserver.runs.request_parser import parse_request_body
from quizserver.runs.requests import CurveRequest, MapRequest, request_key
from tests.runs.examples import DESCRIPTION, FAULTS, map_request

MAP = {"x": "rate", "y": "pause", "shape": "plateau-then-drop"}
GOOD: Mapping[str, object] = {
    "topic": "numbers", "simulation": "simulation", "arm": "low-rate", "knobs": {"fault": 2},
}  # fmt: skip
RECORDED = replace(
    DESCRIPTION, maps=(Map("pause", "rate", "flat", x_range=(0, 2), y_range=(0.01, 1)),)
)


def build(
    map_body: object = MAP, description: Description = DESCRIPTION, **changes: object
) -> CurveRequest | MapRequest:
    body = json.dumps({**GOOD, "map": map_body, **changes}).encode()
    return build_request(
        parse_request_body(body), description, "numbers/simulation.py", replicas_max=64
    )


def build_map(
    map_body: object = MAP, description: Description = DESCRIPTION, **changes: object
) -> MapRequest:
    request = build(map_body, description, **changes)
    assert isinstance(request, MapRequest)
    return request


def build_plane(
    map_body: object = MAP, description: Description = DESCRIPTION, **changes: object
) -> Plane:
    return build_map(map_body, description, **changes).plane


def refusal(map_body: object, **changes: object) -> RunRefusedError:
    with pytest.raises(RunRefusedError) as caught:
        build(map_body, **changes)
    return caught.value


def test_a_map_spans_the_ranges_of_its_knobs_and_fixes_the_others() -> None:
    request = build_map(first_seed=40)
    plane = request.plane
    assert (plane.x_values[0], plane.x_values[-1], len(plane.x_values)) == (0.001, 10, SIDE)
    assert (plane.y_values[0], plane.y_values[-1], len(plane.y_values)) == (0, 10, SIDE)
    assert plane.setting == {"rate": 0.01, "pause": 0.0, "fault": 2.0}
    assert (request.points, plane.cell_count) == (SIDE * SIDE, SIDE * SIDE)
    assert (list(request.seeds), list(plane.seeds)) == ([*range(40, 48)], [*range(40, 48)])


@pytest.mark.parametrize(("x", "y"), [("pause", "rate"), ("rate", "pause")])
def test_the_ranges_are_those_of_a_recorded_map_of_the_same_knobs(x: str, y: str) -> None:
    plane = build_plane({**MAP, "x": x, "y": y}, RECORDED)
    ends = {plane.x: plane.x_values, plane.y: plane.y_values}
    assert [ends["pause"][0], ends["pause"][-1]] == [0, 2]
    assert [ends["rate"][0], ends["rate"][-1]] == [0.01, 1]


def test_a_recorded_map_of_other_knobs_narrows_nothing() -> None:
    plane = build_plane({**MAP, "y": "fault"}, RECORDED)
    assert (plane.x_values[0], plane.x_values[-1]) == (0.001, 10)
    assert plane.y_values == tuple(map(float, range(len(FAULTS) + 1)))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"x": "speed"}, "map.x"),
        ({"y": "speed"}, "map.y"),
        ({"y": "rate"}, "map.y"),
        ({"shape": "round"}, "map.shape"),
        ({"series": "gain"}, "map.series"),
        ({"x": 3}, "map.x"),
        ({"x": ""}, "map.x"),
        ({"y": ["rate"]}, "map.y"),
        ({"x": "r" * 5000}, "map.x"),
    ],
)
def test_what_a_map_can_not_show_is_refused_with_the_field(
    change: dict[str, object], field: str
) -> None:
    error = refusal({**MAP, **change})
    assert (error.status, error.field) == (422, field)
    assert len(error.message) < 400


def test_a_mistyped_name_gets_a_proposal() -> None:
    assert "rate" in refusal({**MAP, "x": "rat"}).message
    assert "plateau-then-drop" in refusal({**MAP, "shape": "plateau-then-drops"}).message


@pytest.mark.parametrize("map_body", [7, "rate", [], {"x": "rate"}, {**MAP, "side": 500}])
def test_a_map_of_another_form_is_refused(map_body: object) -> None:
    assert refusal(map_body).status in (400, 422)


def test_the_fixed_knobs_are_checked_as_those_of_curves() -> None:
    error = refusal(MAP, knobs={"fault": 999})
    assert (error.status, error.field) == (422, "fault")


@pytest.mark.parametrize("seed", [-1, SEED_MAX])
def test_the_seeds_are_checked_as_those_of_curves(seed: int) -> None:
    assert refusal(MAP, first_seed=seed).field == "first_seed"


def test_the_replicas_of_a_cell_can_not_be_chosen() -> None:
    assert refusal(MAP, replicas=64).field == "replicas"
    assert build_plane(replicas=CELL_REPLICAS).replicas == CELL_REPLICAS


def test_the_same_map_is_found_again_however_it_was_requested() -> None:
    first = request_key(build())
    assert request_key(build({**MAP, "series": "loss"})) == first, "the first series, named or not"
    assert request_key(build(knobs={"fault": 2, "rate": 3, "pause": 1})) == first, (
        "spread over the plane"
    )
    assert request_key(build(arm=None)) == first


@pytest.mark.parametrize(
    ("map_body", "changes"),
    [
        ({**MAP, "shape": "flat"}, {}),
        ({**MAP, "series": "accuracy"}, {}),
        ({**MAP, "x": "pause", "y": "rate"}, {}),
        (MAP, {"knobs": {"fault": 3}}),
        (MAP, {"first_seed": 8}),
        (None, {"replicas": CELL_REPLICAS}),
    ],
)
def test_another_map_has_another_key(map_body: object, changes: dict[str, object]) -> None:
    assert request_key(build(map_body, **changes)) != request_key(build())


def test_another_range_of_values_has_another_key() -> None:
    assert request_key(build(MAP, RECORDED)) != request_key(build())


def test_a_span_that_the_knob_no_longer_reaches_is_cut() -> None:
    """A recorded range is only a proposal: the knob's own limits stand above it."""
    far = Map("rate", "pause", "flat", x_range=(0.5, 1000), y_range=(20, 30))
    plane = requested_plane(
        replace(DESCRIPTION, maps=(far,)), far, map_request().knobs, {"flat"}, first_seed=0
    )
    assert (plane.x_values[0], plane.x_values[-1]) == (0.5, 10)
    assert (plane.y_values[0], plane.y_values[-1]) == (0, 10)
