"""A visitor's own runs: found wherever they were begun, named where in the way, and stopped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from quizserver.lab.model import Knob, SimulationError
from quizserver.runs.own_runs import describe_own_run
from quizserver.runs.store import RunStore
from tests.runs.conftest import Submit
from tests.runs.examples import (
    DESCRIPTION,
    curve_request,
    map_request,
    plan_request,
    verification_request,
)
from tests.runs.runs_app import BODY, RunsApp, start_run

MAP = {"x": "rate", "y": "fault", "shape": "flat"}


def own_runs(client: FlaskClient) -> list[dict[str, Any]]:
    response = client.get("/runs/own")
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    return list(response.get_json()["runs"])


def start_map(client: FlaskClient) -> dict[str, Any]:
    body = {name: value for name, value in BODY.items() if name != "replicas"}
    response = client.post("/runs", json=body | {"map": MAP})
    assert response.status_code == 202, response.get_json()
    return dict(response.get_json())


def test_a_page_that_has_lost_its_run_finds_it_in_any_browser(
    runs_app: RunsApp, client: FlaskClient
) -> None:
    links = start_run(client, knobs={"rate": 0.5})
    (found,) = own_runs(client)
    for name in ("url", "events", "csv", "state", "points_total"):
        assert found[name] == links[name], name
    assert (found["kind"], found["topic"], found["simulation"], found["points_done"]) == (
        "curves", "numbers", "simulation", 0,
    )  # fmt: skip
    assert found["title"] == "Numbers: Learning rate 0.5, 5 seeds"
    assert found["is_open"] is True
    assert own_runs(runs_app.flask.test_client()) == [found]
    runs_app.visitor = "bob"
    assert own_runs(client) == [], "whose it is not, learns nothing of it"


def test_maps_are_found_too_and_what_has_ended_or_was_left_is_not(
    runs_app: RunsApp, client: FlaskClient
) -> None:
    links, of_map = start_run(client), start_map(client)
    assert [run["title"] for run in own_runs(client)] == [
        "Numbers: a map of learning rate × what goes wrong", "Numbers: Healthy, 5 seeds",
    ]  # fmt: skip
    client.post(f"{of_map['url']}/stop")
    assert [run["kind"] for run in own_runs(client)] == ["curves"]
    runs_app.train_curves(links["id"])
    assert own_runs(client) == []


def test_a_refusal_names_the_runs_that_are_in_the_way_and_they_can_be_stopped(
    client: FlaskClient,
) -> None:
    start_run(client)
    start_map(client)
    refusal = client.post("/runs", json=BODY | {"first_seed": 9})
    assert refusal.status_code == 429
    in_the_way = refusal.get_json()["own_runs"]
    assert in_the_way == own_runs(client)
    for run in in_the_way:
        assert client.post(f"{run['url']}/stop").get_json() == {"state": "stopped"}
    assert client.post("/runs", json=BODY | {"first_seed": 9}).status_code == 202


def test_other_refusals_name_no_runs(client: FlaskClient) -> None:
    start_run(client)
    assert "own_runs" not in client.post("/runs", json=BODY | {"arm": "gone"}).get_json()


def test_what_is_no_longer_open_is_named_by_its_topic_alone_and_can_be_stopped(
    runs_app: RunsApp, client: FlaskClient
) -> None:
    links = start_run(client)
    runs_app.is_open = False
    (found,) = own_runs(client)
    assert (found["title"], found["is_open"]) == ("Numbers", False)
    assert client.get(links["url"]).status_code == 403
    runs_app.visitor = "bob"
    assert client.post(f"{links['url']}/stop").status_code == 403
    runs_app.visitor = "ann"
    assert client.post(f"{links['url']}/stop").get_json() == {"state": "stopped"}
    assert own_runs(client) == []
    assert client.post(f"{links['url']}/stop").status_code == 403, "it is theirs no longer"


def test_a_run_whose_simulation_fails_by_now_is_named_all_the_same(
    runs_app: RunsApp, client: FlaskClient
) -> None:
    start_run(client)
    runs_app.error = SimulationError("broken")
    (found,) = own_runs(client)
    assert (found["title"], found["is_open"]) == ("Numbers", True)


def test_a_verification_that_is_in_the_way_can_be_stopped_and_plans_are_not_named(
    runs_app: RunsApp, client: FlaskClient
) -> None:
    service = runs_app.runs
    run = service.submit_request(verification_request(), "ann").run
    service.submit_request(plan_request(), "ann")
    (found,) = own_runs(client)
    assert (found["kind"], found["is_open"]) == ("verification", False)
    assert client.get(found["url"]).status_code == 404
    assert client.post(f"{found['url']}/stop").get_json() == {"state": "stopped"}
    after = service.store.get_run(run.id)
    assert after is not None
    assert after.state == "stopped"


@pytest.mark.parametrize("request_", [curve_request(), map_request(), verification_request()])
def test_the_newest_own_run_comes_first_and_only_while_it_is_active(
    store: RunStore, submit: Submit, request_: Any
) -> None:
    first = submit(request_, "ann", 1000.0).run
    second = submit(curve_request(seed=70), "ann", 1001.0).run
    submit(curve_request(seed=80), "bob", 1002.0)
    assert [run.id for run in store.list_own_runs("ann")] == [second.id, first.id]
    assert store.is_own_run(first.id, "ann")
    assert not store.is_own_run(first.id, "bob")
    store.leave_run(first.id, "ann", 1003.0)
    assert [run.id for run in store.list_own_runs("ann")] == [second.id]


def test_a_knob_that_chooses_is_named_by_its_choice(store: RunStore, submit: Submit) -> None:
    knob = Knob("fault", "Activation", 0, 1, default=0, integer=True, choices=("tanh", "ReLU"))
    description = replace(DESCRIPTION, knobs=(knob,))
    run = submit(replace(curve_request(), knobs={"fault": 1}, arm=None)).run
    described = describe_own_run(run, "Numbers", description, is_open=True)
    assert described["title"].startswith("Numbers: Activation ReLU, ")
    assert describe_own_run(run, "Numbers", None, is_open=True)["title"] == "Numbers"
