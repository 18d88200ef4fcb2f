"""Every address in every state of a question: what ``attempts/visibility.py`` says, and no more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from quizserver.attempts.visibility import ASKED, part_state
from quizserver.db.computed import open_computed
from quizserver.runs.access import Part
from quizserver.runs.store import RunStore
from quizserver.settings import Settings
from tests.flows.browser_client import Visitor
from tests.flows.test_every_address import VALUES
from tests.flows.tried_content import QUESTION, SETTINGS, write_tried_content
from tests.runs.examples import curve_request, map_request

pytestmark = pytest.mark.one_database

STATES = {"open": (), "tried": ("three",), "shared": ("two",), "revealed": ("two", "four")}
"""What was answered: after "two" no arm is offered, as "four" shares its setting."""
LATER = (
    "FEEDBACK", "EXPLANATION", "REFERENCES", "HINT-TWO", "ARM-SHARED", "SENTENCE-SHARED",
    "SENTENCE-HEALTHY", '"shared"',
)  # fmt: skip


@pytest.fixture
def content(content: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_tried_content(content, monkeypatch)
    (content / "numbers" / "late.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    path = content / "numbers" / "even.md"
    path.write_text(QUESTION.replace("EXPLANATION", "EXPLANATION ![Why](late.png)"))
    return content


@pytest.fixture
def run_ids(settings: Settings) -> dict[Part, str]:
    """A run of a setting and a map that somebody else has asked for."""
    database = open_computed(settings.store_url)
    store = RunStore(database)
    limits = {"waiting_max": 9, "per_visitor": 9}
    ids: dict[Part, str] = {
        "run": store.submit_request(curve_request(), "other", 1.0, **limits).run.id,
        "map": store.submit_request(map_request(), "other", 1.0, **limits).run.id,
    }
    database.dispose()
    return ids


@pytest.fixture
def in_state(new_visitor: Callable[[], Visitor]) -> Callable[[str], Visitor]:
    def visit(state: str) -> Visitor:
        visitor = new_visitor()
        if STATES[state]:
            visitor.answer("even", *STATES[state])
        return visitor

    return visit


def test_the_table_has_every_address_and_no_other(app: Flask):
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == ASKED.keys()


def read_addresses(app: Flask, *, staff: bool) -> Iterator[str]:
    values = VALUES | {"name": "simulation"}
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and (ASKED[rule.endpoint] == "staff") == staff:
            yield re.sub(r"<(?:[^:<>]+(?:\([^)]*\))?:)?(\w+)>", lambda m: values[m[1]], rule.rule)


@pytest.mark.parametrize("state", ["open", "tried"])
def test_no_address_tells_a_learner_more_than_the_state_of_the_question_allows(
    app: Flask, in_state: Callable[[str], Visitor], state: str
):
    visitor = in_state(state)
    later = [word for word in LATER if word != "SENTENCE-HEALTHY" or state == "open"]
    if state == "open":
        later += ["SENTENCE-OWN", "ARM-", "HINT-ONE"]
    addresses = list(read_addresses(app, staff=False))
    addresses += [f"/questions/even/evidence/{number}" for number in range(6)]
    addresses += [f"/simulations/numbers/simulation/arms/{arm}" for arm in SETTINGS]
    addresses += [f"/simulations/numbers/simulation/recorded?replicas={arm}" for arm in SETTINGS]
    assert len(addresses) > 20
    for address in addresses:
        response = visitor.client.get(address)
        for word in later:
            assert word.encode() not in response.data, (address, word)


@pytest.mark.parametrize("state", STATES)
def test_what_asks_for_the_right_of_staff_is_closed_to_learners_in_every_state(
    app: Flask, in_state: Callable[[str], Visitor], state: str
):
    visitor = in_state(state)
    for address in read_addresses(app, staff=True):
        assert visitor.client.get(address).status_code in {302, 303, 401, 403, 404}, address


def requests_of(part: Part, visitor: Visitor, run_ids: dict[Part, str]) -> Iterator[int]:
    """The statuses of all addresses of a part; those that a worker must answer first count as open.

    503 and 409 say that it is there, but not made yet."""
    page = visitor.open("/progress")
    token = page.split('name="csrf-token" content="', 1)[1].split('"', 1)[0]
    client, headers = visitor.client, {"X-CSRFToken": token}
    simulation, plan = "/simulations/numbers/simulation", "/plans/numbers/simulation"
    body: dict[str, object] = {"topic": "numbers", "simulation": "simulation", "arm": "own"}
    plane = {"map": {"x": "rate", "y": "pause", "shape": "flat"}}
    if part in ("run", "map"):
        asked = body | (plane if part == "map" else {})
        run = f"/runs/{run_ids[part]}"
        yield client.post("/runs", json=asked, headers=headers).status_code
        yield client.get(run).status_code
        yield client.get(f"{run}.csv").status_code
        with client.get(f"{run}/events", buffered=False) as response:
            yield response.status_code
        yield client.post(f"{run}/stop", headers=headers).status_code
    if part == "map":
        yield client.post("/runs/plane", json=body | plane, headers=headers).status_code
    if part == "plan":
        yield client.post(f"{plan}/used", headers=headers).status_code
        yield client.get(f"{plan}?replicas=0").status_code
    if part == "recorded":
        yield client.get(f"{simulation}/recorded").status_code
    if part == "source":
        yield client.get(simulation).status_code


@pytest.mark.parametrize("part", ["run", "map", "plan", "recorded", "source"])
@pytest.mark.parametrize("state", STATES)
def test_a_part_of_a_simulation_opens_with_the_state_that_the_table_names(
    in_state: Callable[[str], Visitor], run_ids: dict[Part, str], part: Part, state: str
):
    is_open = state == "revealed" or (state == "tried" and part_state(part) == "tried")
    statuses = list(requests_of(part, in_state(state), run_ids))
    assert statuses
    if is_open:
        assert 403 not in statuses, statuses
    else:
        assert set(statuses) == {403}, statuses


def test_every_part_of_a_simulation_is_in_the_table():
    parts = {part for asked in ASKED.values() if isinstance(asked, tuple) for part in asked}
    assert parts == {"run", "map", "plan", "recorded", "source"}


def test_a_run_that_starts_from_an_arm_that_is_not_offered_is_refused(
    in_state: Callable[[str], Visitor],
):
    visitor = in_state("tried")
    page = visitor.open("/progress")
    token = page.split('name="csrf-token" content="', 1)[1].split('"', 1)[0]
    statuses = {}
    for arm in ("own", "healthy", "shared", None):
        body = {"topic": "numbers", "simulation": "simulation", "arm": arm, "replicas": 1}
        response = visitor.client.post("/runs", json=body, headers={"X-CSRFToken": token})
        statuses[arm] = response.status_code
    assert statuses == {"own": 202, "healthy": 202, "shared": 403, None: 202}


def test_a_setting_that_a_learner_finds_by_turning_knobs_is_theirs(
    in_state: Callable[[str], Visitor],
):
    """Also one that an arm has which is not offered."""
    visitor = in_state("tried")
    page = visitor.open("/progress")
    token = page.split('name="csrf-token" content="', 1)[1].split('"', 1)[0]
    body = {"topic": "numbers", "simulation": "simulation", "knobs": {"rate": 0.01}}
    response = visitor.client.post("/runs", json=body, headers={"X-CSRFToken": token})
    assert response.status_code == 202


def test_a_run_that_another_started_from_a_hidden_arm_does_not_name_it(
    in_state: Callable[[str], Visitor], settings: Settings
):
    database = open_computed(settings.store_url)
    request = replace(curve_request(), arm="shared")
    run = RunStore(database).submit_request(request, "other", 1.0, waiting_max=9, per_visitor=9).run
    database.dispose()
    assert in_state("tried").client.get(f"/runs/{run.id}").json["arm"] is None
    assert in_state("revealed").client.get(f"/runs/{run.id}").json["arm"] == "shared"


def test_an_image_of_the_explanation_comes_with_the_answer(in_state: Callable[[str], Visitor]):
    address = "/topics/numbers/files/late.png"
    statuses = {}
    for state in STATES:
        with in_state(state).client.get(address) as response:
            statuses[state] = response.status_code
    assert statuses == {"open": 404, "tried": 404, "shared": 404, "revealed": 200}
