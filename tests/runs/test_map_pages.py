"""The HTTP interface of phase maps, and of the recorded curves beside a bench."""

from __future__ import annotations

import csv
import io
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from quizserver.runs.model import Batch, Run
from quizserver.settings import Settings

from .test_pages import BODY, World, frames

MAP = {"x": "rate", "y": "fault", "shape": "flat"}
CELLS = 24 * 13


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.runs.close()


@pytest.fixture
def client(world: World) -> FlaskClient:
    return world.app.test_client()


def ask(client: FlaskClient, **changes: object) -> Any:
    body = {name: value for name, value in BODY.items() if name != "replicas"}
    return client.post("/runs", json=body | {"map": MAP} | changes)


def train(world: World, run_id: str, cells: int = CELLS, how: str = "done") -> Run:
    """Does a worker's part: its cells in hundreds, and the end."""
    store = world.runs.store
    run = store.claim_run(run_id, time.time())
    assert run is not None
    for seq, start in enumerate(range(0, cells, 100), start=1):
        part = list(range(start, min(cells, start + 100)))
        told = {"cells": part, "counts": [cell % 9 for cell in part]}
        assert store.add_batch(run_id, 1, Batch(seq, len(part), json.dumps(told)), time.time())
    if how == "done":
        store.finish_run(run_id, 1, "done", time.time(), sentence="In 3 cells.")
    return run


def test_a_map_is_asked_for_watched_and_found_again(world: World, client: FlaskClient) -> None:
    asked = ask(client)
    told = asked.get_json()
    assert (asked.status_code, told["points_total"]) == (202, CELLS)
    train(world, told["id"])
    events = frames(client.get(told["events"]).data)
    assert [e.get("event") for e in events] == [None, "state", "cells", "end"]
    cells = json.loads(events[2]["data"])
    assert cells["cells"] == list(range(CELLS))
    assert cells["counts"] == [cell % 9 for cell in range(CELLS)]
    assert (cells["done"], cells["total"]) == (CELLS, CELLS)
    again = ask(client)
    assert (again.status_code, again.get_json()["id"]) == (200, told["id"])
    shown = client.get(told["url"]).get_json()
    assert (shown["state"], shown["sentence"]) == ("done", "In 3 cells.")
    assert shown["map"]["counts"] == [
        [(24 * row + at) % 9 for at in range(24)] for row in range(13)
    ]
    assert (shown["map"]["x"], shown["map"]["y"], shown["map"]["n"]) == ("rate", "fault", 8)


def test_a_dropped_stream_of_cells_resumes_behind_the_last_batch(
    world: World, client: FlaskClient
) -> None:
    told = ask(client).get_json()
    train(world, told["id"])
    events = frames(client.get(told["events"], headers={"Last-Event-ID": "2"}).data)
    [cells] = [e for e in events if e.get("event") == "cells"]
    assert (cells["id"], json.loads(cells["data"])["cells"][0]) == ("4", 200)


def test_the_csv_of_a_map_names_its_knobs(world: World, client: FlaskClient) -> None:
    told = ask(client).get_json()
    train(world, told["id"])
    rows = list(csv.DictReader(io.StringIO(client.get(told["csv"]).text)))
    assert list(rows[0]) == ["rate", "fault", "k", "n"]
    assert [int(row["k"]) for row in rows] == [cell % 9 for cell in range(CELLS)]


def test_the_replicas_of_a_map_are_not_there_to_be_told(world: World, client: FlaskClient) -> None:
    told = ask(client).get_json()
    train(world, told["id"])
    assert "replicas" not in client.get(told["url"] + "?replicas=1").get_json()


def test_a_wrong_map_is_refused_with_the_field(client: FlaskClient) -> None:
    answer = ask(client, map=MAP | {"shape": "round"})
    assert (answer.status_code, answer.get_json()["field"]) == (422, "map.shape")


def test_maps_count_among_the_runs_of_a_visitor(client: FlaskClient) -> None:
    assert ask(client).status_code == 202
    assert ask(client, first_seed=8).status_code == 202
    assert ask(client, first_seed=16).status_code == 429
    assert client.post("/runs", json=BODY).status_code == 429


def test_a_stopped_map_keeps_the_cells_it_has(world: World, client: FlaskClient) -> None:
    told = ask(client).get_json()
    train(world, told["id"], cells=50, how="goes on")
    assert client.post(told["url"] + "/stop").get_json() == {"state": "stopped"}
    counts = client.get(told["url"]).get_json()["map"]["counts"]
    assert [count for row in counts for count in row][49:51] == [49 % 9, None]


def test_nothing_of_a_map_is_told_before_an_answer_is_in(world: World, client: FlaskClient) -> None:
    told = ask(client).get_json()
    train(world, told["id"])
    world.open = False
    addresses = [
        told["url"],
        told["csv"],
        told["events"],
        "/simulations/numbers/simulation/recorded",
    ]
    assert [client.get(address).status_code for address in addresses] == [403] * 4
    assert ask(client).status_code == 403
    assert client.post(told["url"] + "/stop").status_code == 403


def test_the_recorded_arms_are_what_the_evidence_has(world: World, client: FlaskClient) -> None:
    address = "/simulations/numbers/simulation/recorded"
    assert client.get(address).get_json() == {"x": [], "arms": {}}, "there is no evidence yet"
    source = Settings().content / "strange-loss" / "evidence.json"
    shutil.copy(source, world.file.parent)
    told = client.get(address).get_json()
    experiment = json.loads(source.read_text())["experiments"]["simulation"]
    assert told["x"] == experiment["x"]
    for name, arm in told["arms"].items():
        loss = experiment["ensembles"][name]["series"]["loss"]
        assert arm["median"] == loss["median"]
        assert (arm["n"], arm["low"]) == (experiment["ensembles"][name]["n"], loss["low"])
    assert {"healthy", "low-rate"} <= told["arms"].keys()
    (world.file.parent / "evidence.json").write_text("{")
    assert client.get(address).get_json() == {"x": [], "arms": {}}, "broken evidence is none"
