"""A phase map that is asked for: what is refused, and which plane the rest becomes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from quizserver.lab.model import Description, Map
from quizserver.lab.phase_maps import CELL_REPLICAS, SIDE, Plane
from quizserver.lab.shapes.single import SHAPES
from quizserver.runs.model import RunRefusedError, RunRequest
from quizserver.runs.request_parser import SEED_MAX, build_request, parse_request_body
from quizserver.runs.request_rows import request_key

from .fakes import DESCRIPTION, FAULTS

MAP = {"x": "rate", "y": "pause", "shape": "plateau-then-drop"}
GOOD: Mapping[str, object] = {
    "topic": "numbers", "simulation": "simulation", "arm": "low-rate", "knobs": {"fault": 2},
}  # fmt: skip
RECORDED = replace(
    DESCRIPTION, maps=(Map("pause", "rate", "flat", x_range=(0, 2), y_range=(0.01, 1)),)
)


def ask(
    wanted: object = MAP, description: Description = DESCRIPTION, **changes: object
) -> RunRequest:
    body = json.dumps({**GOOD, "map": wanted, **changes}).encode()
    path = "numbers/simulation.py"
    return build_request(
        parse_request_body(body), description, path, replicas_max=64, shapes=SHAPES
    )


def plane(wanted: object = MAP, description: Description = DESCRIPTION, **changes: object) -> Plane:
    found = ask(wanted, description, **changes).plane
    assert found is not None
    return found


def refused(wanted: object, **changes: object) -> RunRefusedError:
    with pytest.raises(RunRefusedError) as caught:
        ask(wanted, **changes)
    return caught.value


def test_a_map_spans_the_ranges_of_its_knobs_and_holds_the_others() -> None:
    found = ask(first_seed=40)
    plane = found.plane
    assert plane is not None
    assert (plane.x_values[0], plane.x_values[-1], len(plane.x_values)) == (0.001, 10, SIDE)
    assert (plane.y_values[0], plane.y_values[-1], len(plane.y_values)) == (0, 10, SIDE)
    assert plane.setting == {"rate": 0.01, "pause": 0.0, "fault": 2.0}
    assert (found.points, plane.cell_count) == (SIDE * SIDE, SIDE * SIDE)
    assert (list(found.seeds), list(plane.seeds)) == ([*range(40, 48)], [*range(40, 48)])


@pytest.mark.parametrize(("x", "y"), [("pause", "rate"), ("rate", "pause")])
def test_the_ranges_are_those_of_a_recorded_map_of_the_same_knobs(x: str, y: str) -> None:
    found = plane({**MAP, "x": x, "y": y}, RECORDED)
    ends = {found.x: found.x_values, found.y: found.y_values}
    assert [ends["pause"][0], ends["pause"][-1]] == [0, 2]
    assert [ends["rate"][0], ends["rate"][-1]] == [0.01, 1]


def test_a_recorded_map_of_other_knobs_narrows_nothing() -> None:
    found = plane({**MAP, "y": "fault"}, RECORDED)
    assert (found.x_values[0], found.x_values[-1]) == (0.001, 10)
    assert found.y_values == tuple(map(float, range(len(FAULTS) + 1)))


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
def test_what_a_map_can_not_be_of_is_refused_with_the_field(
    change: dict[str, object], field: str
) -> None:
    error = refused({**MAP, **change})
    assert (error.status, error.field) == (422, field)
    assert len(error.message) < 400


def test_a_mistyped_name_gets_a_proposal() -> None:
    assert "rate" in refused({**MAP, "x": "rat"}).message
    assert "plateau-then-drop" in refused({**MAP, "shape": "plateau-then-drops"}).message


@pytest.mark.parametrize("wanted", [7, "rate", [], {"x": "rate"}, {**MAP, "side": 500}])
def test_a_map_of_another_form_is_refused(wanted: object) -> None:
    assert refused(wanted).status in (400, 422)


def test_the_knobs_that_are_held_are_checked_as_those_of_a_run() -> None:
    error = refused(MAP, knobs={"fault": 999})
    assert (error.status, error.field) == (422, "fault")


@pytest.mark.parametrize("seed", [-1, SEED_MAX])
def test_the_seeds_are_checked_as_those_of_a_run(seed: int) -> None:
    assert refused(MAP, first_seed=seed).field == "first_seed"


def test_how_many_replicas_a_cell_has_is_not_the_askers_choice() -> None:
    assert refused(MAP, replicas=64).field == "replicas"
    assert ask(replicas=CELL_REPLICAS).replicas == CELL_REPLICAS


def test_the_same_map_is_found_again_however_it_was_asked_for() -> None:
    first = request_key(ask())
    assert request_key(ask({**MAP, "series": "loss"})) == first, "the first series, named or not"
    assert request_key(ask(knobs={"fault": 2, "rate": 3, "pause": 1})) == first, (
        "spread over the plane"
    )
    assert request_key(ask(arm=None)) == first


@pytest.mark.parametrize(
    ("wanted", "changes"),
    [
        ({**MAP, "shape": "flat"}, {}),
        ({**MAP, "series": "accuracy"}, {}),
        ({**MAP, "x": "pause", "y": "rate"}, {}),
        (MAP, {"knobs": {"fault": 3}}),
        (MAP, {"first_seed": 8}),
        (None, {"replicas": CELL_REPLICAS}),
    ],
)
def test_another_map_has_another_key(wanted: object, changes: dict[str, object]) -> None:
    assert request_key(ask(wanted, **changes)) != request_key(ask())


def test_another_range_of_values_has_another_key() -> None:
    assert request_key(ask(MAP, RECORDED)) != request_key(ask())
