"""The HTTP interface of phase maps."""

from __future__ import annotations

import csv
import io
import json
import time
from typing import Any

from flask.testing import FlaskClient

from quizserver.runs.model import Batch
from tests.runs.runs_app import BODY, RunsApp, parse_events

MAP = {"x": "rate", "y": "fault", "shape": "flat"}
CELLS = 24 * 13


def start_map(client: FlaskClient, **changes: object) -> Any:
    body = {name: value for name, value in BODY.items() if name != "replicas"}
    return client.post("/runs", json=body | {"map": MAP} | changes)


def train_map(runs_app: RunsApp, run_id: str, cells: int = CELLS, ends: bool = True) -> None:
    """Does a worker's part: its cells in hundreds, and the end."""
    store = runs_app.runs.store
    runs_app.claim_run(run_id)
    for seq, start in enumerate(range(0, cells, 100), start=1):
        chunk = list(range(start, min(cells, start + 100)))
        summary = json.dumps({"cells": chunk, "counts": [cell % 9 for cell in chunk]})
        assert store.add_batch(run_id, 1, Batch(seq, len(chunk), summary), time.time())
    if ends:
        store.finish_run(run_id, 1, "done", time.time(), sentence="In 3 cells.")


def test_a_map_is_started_watched_and_found_again(runs_app: RunsApp, client: FlaskClient) -> None:
    response = start_map(client)
    links = response.get_json()
    assert (response.status_code, links["points_total"]) == (202, CELLS)
    train_map(runs_app, links["id"])
    events = parse_events(client.get(links["events"]).data)
    assert [e.get("event") for e in events] == [None, "state", "cells", "end"]
    cells = json.loads(events[2]["data"])
    assert cells["cells"] == list(range(CELLS))
    assert cells["counts"] == [cell % 9 for cell in range(CELLS)]
    assert (cells["done"], cells["total"]) == (CELLS, CELLS)
    again = start_map(client)
    assert (again.status_code, again.get_json()["id"]) == (200, links["id"])
    data = client.get(links["url"]).get_json()
    assert (data["state"], data["sentence"]) == ("done", "In 3 cells.")
    assert data["map"]["counts"] == [[(24 * row + at) % 9 for at in range(24)] for row in range(13)]
    assert (data["map"]["x"], data["map"]["y"], data["map"]["n"]) == ("rate", "fault", 8)


def test_a_dropped_stream_of_cells_resumes_behind_the_last_batch(
    runs_app: RunsApp, client: FlaskClient
) -> None:
    links = start_map(client).get_json()
    train_map(runs_app, links["id"])
    events = parse_events(client.get(links["events"], headers={"Last-Event-ID": "2"}).data)
    [cells] = [e for e in events if e.get("event") == "cells"]
    assert (cells["id"], json.loads(cells["data"])["cells"][0]) == ("4", 200)


def test_the_csv_of_a_map_names_its_knobs(runs_app: RunsApp, client: FlaskClient) -> None:
    links = start_map(client).get_json()
    train_map(runs_app, links["id"])
    rows = list(csv.DictReader(io.StringIO(client.get(links["csv"]).text)))
    assert list(rows[0]) == ["rate", "fault", "k", "n"]
    assert [int(row["k"]) for row in rows] == [cell % 9 for cell in range(CELLS)]


def test_a_map_has_no_replicas_to_show(runs_app: RunsApp, client: FlaskClient) -> None:
    links = start_map(client).get_json()
    train_map(runs_app, links["id"])
    assert "replicas" not in client.get(links["url"] + "?replicas=1").get_json()


def test_a_wrong_map_is_refused_with_the_field(client: FlaskClient) -> None:
    response = start_map(client, map=MAP | {"shape": "round"})
    assert (response.status_code, response.get_json()["field"]) == (422, "map.shape")


def test_maps_count_among_the_runs_of_a_visitor(client: FlaskClient) -> None:
    assert start_map(client).status_code == 202
    assert start_map(client, first_seed=8).status_code == 202
    assert start_map(client, first_seed=16).status_code == 429
    assert client.post("/runs", json=BODY).status_code == 429


def test_a_stopped_map_keeps_the_cells_it_has(runs_app: RunsApp, client: FlaskClient) -> None:
    links = start_map(client).get_json()
    train_map(runs_app, links["id"], cells=50, ends=False)
    assert client.post(links["url"] + "/stop").get_json() == {"state": "stopped"}
    counts = client.get(links["url"]).get_json()["map"]["counts"]
    assert [count for row in counts for count in row][49:51] == [49 % 9, None]


def test_nothing_of_a_map_is_shown_before_the_question_is_answered(
    runs_app: RunsApp, client: FlaskClient
) -> None:
    links = start_map(client).get_json()
    train_map(runs_app, links["id"])
    runs_app.is_open = False
    addresses = [
        links["url"],
        links["csv"],
        links["events"],
        "/simulations/numbers/simulation/recorded",
    ]
    assert [client.get(address).status_code for address in addresses] == [403] * 4
    assert start_map(client).status_code == 403
    assert client.post(links["url"] + "/stop").status_code == 403
