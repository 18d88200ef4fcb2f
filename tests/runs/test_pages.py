"""The HTTP interface of runs, as a page or a program uses it."""

from __future__ import annotations

import csv
import io
import json
import threading

import pytest
from flask.testing import FlaskClient

from quizserver.lab.model import SimulationError
from quizserver.runs.queue import RunQueue
from quizserver.runs.service import RunService
from tests.runs.examples import POINTS
from tests.runs.runs_app import BODY, RunsApp, parse_events, start_run


def test_a_run_is_started_watched_and_found_again(runs_app: RunsApp, client: FlaskClient) -> None:
    response = client.post("/runs", json=BODY)
    links = response.get_json()
    assert response.status_code == 202
    assert response.headers["Cache-Control"] == "no-store"
    assert (links["state"], links["points_total"]) == ("queued", POINTS)
    assert links["events"] == links["url"] + "/events"
    assert links["csv"] == links["url"] + ".csv"

    runs_app.train_curves(links["id"])
    stream = client.get(links["events"])
    assert stream.mimetype == "text/event-stream"
    assert stream.headers["X-Accel-Buffering"] == "no"
    assert stream.headers["Cache-Control"] == "no-store"
    events = parse_events(stream.data)
    assert [e.get("event") for e in events] == [None, "state", "points", "end"]
    assert json.loads(events[2]["data"])["x"] == list(range(POINTS))
    assert json.loads(events[3]["data"])["sentence"] == "It falls."

    again = client.post("/runs", json=BODY)
    assert (again.status_code, again.get_json()["id"]) == (200, links["id"])
    data = client.get(links["url"]).get_json()
    assert (data["state"], data["sentence"], data["seeds"]) == ("done", "It falls.", [0, 5])
    assert data["knobs"] == {"rate": 0.1, "pause": 0.0, "fault": 0.0}
    assert "replicas" not in data


def test_results_are_there_after_a_restart(runs_app: RunsApp, client: FlaskClient) -> None:
    links = start_run(client)
    runs_app.train_curves(links["id"])
    after = RunService(runs_app.settings)
    run = after.store.get_run(links["id"])
    assert run is not None
    assert (run.state, run.points_done) == ("done", POINTS)
    after.close()


def test_the_new_run_is_on_the_queue_once(runs_app: RunsApp, client: FlaskClient) -> None:
    start_run(client)
    start_run(client)
    assert len(runs_app.runs._queue) == 1


def test_many_requests_at_once_for_the_same_setting_are_one_run(runs_app: RunsApp) -> None:
    run_ids: list[str] = []
    barrier = threading.Barrier(12)

    def start_one() -> None:
        with runs_app.flask.test_client() as client:
            barrier.wait()
            run_ids.append(start_run(client)["id"])

    threads = [threading.Thread(target=start_one) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(run_ids) == 12
    assert len(set(run_ids)) == 1
    assert len(runs_app.runs._queue) == 1


@pytest.mark.parametrize("how", ["header", "query"])
def test_a_dropped_stream_resumes_where_it_stopped(
    runs_app: RunsApp, client: FlaskClient, how: str
) -> None:
    links = start_run(client)
    runs_app.train_curves(links["id"])
    headers = {"Last-Event-ID": "2"} if how == "header" else {}
    query = {"after": "2"} if how == "query" else {}
    events = parse_events(client.get(links["events"], headers=headers, query_string=query).data)
    [points] = [e for e in events if e.get("event") == "points"]
    assert (points["id"], json.loads(points["data"])["x"]) == ("4", [6, 7, 8, 9, 10, 11])


@pytest.mark.parametrize("cursor", ["", "-3", "x", "9" * 400, "١"])
def test_a_cursor_that_makes_no_sense_does_no_harm(
    runs_app: RunsApp, client: FlaskClient, cursor: str
) -> None:
    links = start_run(client)
    runs_app.train_curves(links["id"])
    response = client.get(links["events"], query_string={"after": cursor})
    assert parse_events(response.data)[-1]["event"] == "end"


def test_the_csv_equals_the_replicas_in_the_json(runs_app: RunsApp, client: FlaskClient) -> None:
    links = start_run(client)
    runs_app.train_curves(links["id"])
    replicas = client.get(links["url"] + "?replicas=1").get_json()["replicas"]
    response = client.get(links["csv"])
    assert response.mimetype == "text/csv"
    assert "attachment" in response.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(response.text)))
    for name in ("loss", "accuracy"):
        curves = [[float(r[name]) for r in rows if r["seed"] == str(s)] for s in range(5)]
        assert curves == replicas[name]


def test_stop_ends_a_run_that_nobody_else_wants(runs_app: RunsApp, client: FlaskClient) -> None:
    links = start_run(client)
    runs_app.visitor = "bob"
    start_run(client)
    assert client.post(links["url"] + "/stop").get_json() == {"state": "queued"}
    runs_app.visitor = "ann"
    assert client.post(links["url"] + "/stop").get_json() == {"state": "stopped"}
    [*_, end] = parse_events(client.get(links["events"]).data)
    assert json.loads(end["data"])["state"] == "stopped"
    assert start_run(client)["id"] != links["id"]


def test_too_many_runs_of_one_visitor_are_a_429_that_says_what_to_do(
    runs_app: RunsApp, client: FlaskClient
) -> None:
    for seed in range(2):
        start_run(client, first_seed=seed)
    response = client.post("/runs", json=BODY | {"first_seed": 9})
    assert response.status_code == 429
    assert "Wait for one to end" in response.get_json()["error"]
    assert int(response.headers["Retry-After"]) > 0


def test_a_full_queue_is_a_503(runs_app: RunsApp, client: FlaskClient) -> None:
    for seed in range(3):
        runs_app.visitor = f"v{seed}"
        start_run(client, first_seed=seed)
    runs_app.visitor = "late"
    response = client.post("/runs", json=BODY | {"first_seed": 9})
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0


def test_a_queue_that_is_broken_is_a_503_and_the_run_can_be_requested_again(
    runs_app: RunsApp, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_queue: RunQueue, _run_id: str) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(RunQueue, "send_run", fail)
        response = client.post("/runs", json=BODY)
    assert response.status_code == 503
    assert "disk" not in response.get_json()["error"]
    assert start_run(client)["state"] == "queued"


def test_too_many_streams_are_a_503(runs_app: RunsApp, client: FlaskClient) -> None:
    links = start_run(client)
    streams = [client.get(links["events"]) for _ in range(2)]
    response = client.get(links["events"])
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    streams[0].close()
    runs_app.train_curves(links["id"])
    assert client.get(links["events"]).status_code == 200
    streams[1].close()
    assert runs_app.runs.hub.open_count <= 1


def test_a_head_request_does_not_hold_a_stream(runs_app: RunsApp, client: FlaskClient) -> None:
    links = start_run(client)
    client.head(links["events"]).close()
    assert runs_app.runs.hub.open_count == 0


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (BODY | {"knobs": {"rate": 99}}, 422, "rate"),
        (BODY | {"knobs": {"speed": 1}}, 422, "speed"),
        (BODY | {"replicas": 65}, 422, "replicas"),
        (BODY | {"arm": "unknown"}, 422, "arm"),
        (BODY | {"topic": "unknown"}, 404, "simulation"),
        (BODY | {"simulation": "../secret"}, 404, "simulation"),
        ({"topic": "numbers"}, 400, "simulation"),
    ],
)
def test_what_can_not_be_run_is_refused_with_a_sentence_and_the_field(
    client: FlaskClient, body: dict[str, object], status: int, field: str
) -> None:
    response = client.post("/runs", json=body)
    assert (response.status_code, response.get_json()["field"]) == (status, field)
    assert response.get_json()["error"].endswith((".", "?"))


def test_only_json_of_a_sensible_size_is_read(client: FlaskClient) -> None:
    assert client.post("/runs", data=BODY).status_code == 400
    assert client.post("/runs", data="{}", content_type="text/plain").status_code == 400
    huge = json.dumps(BODY | {"knobs": {"x" * 20_000: 1}})
    assert client.post("/runs", data=huge, content_type="application/json").status_code == 413


def test_a_simulation_that_its_author_broke_says_why_to_authors_alone(
    runs_app: RunsApp, client: FlaskClient
) -> None:
    runs_app.error = SimulationError("name 'torhc' is not defined", 3, "Traceback: torhc")
    response = client.post("/runs", json=BODY)
    assert response.status_code == 422
    assert "until its author fixes it" in response.get_json()["error"]
    assert b"torhc" not in response.data
    runs_app.is_author = True
    detail = client.post("/runs", json=BODY).get_json()["error_detail"]
    assert detail == "numbers/simulation.py:3: name 'torhc' is not defined\nTraceback: torhc"


MAP = {"x": "rate", "y": "pause", "shape": "flat"}


def test_a_browser_gets_the_plane_that_a_run_of_the_map_has(
    runs_app: RunsApp, client: FlaskClient
) -> None:
    asked = {**BODY, "replicas": None, "map": MAP, "first_seed": 7, "knobs": {"fault": 1}}
    laid_out = client.post("/runs/plane", json=asked).get_json()
    assert len(runs_app.runs._queue) == 0, "nothing is trained for it"
    assert runs_app.reported_runs == []
    links = start_run(client, **asked)
    run = client.get(links["url"]).get_json()
    assert laid_out["map"] == run["map"]
    assert (laid_out["knobs"], laid_out["first_seed"]) == (run["knobs"], run["seeds"][0])
    cells = [cell for level in laid_out["levels"] for cell in level]
    assert sorted(cells) == list(range(links["points_total"]))
    assert len(laid_out["levels"][0]) == 36, "every sixteenth"
    assert laid_out["multiplications_max"] > 0


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({}, 400, "map"),
        ({"map": MAP | {"shape": "round"}}, 422, "map.shape"),
        ({"map": MAP | {"y": "rate"}}, 422, "map.y"),
    ],
)
def test_a_plane_that_no_map_has_is_refused_as_its_run_is(
    client: FlaskClient, changes: dict[str, object], status: int, field: str
) -> None:
    response = client.post("/runs/plane", json=BODY | {"replicas": 8} | changes)
    assert (response.status_code, response.get_json()["field"]) == (status, field)


def test_a_plane_is_laid_out_for_those_alone_who_may_run_the_simulation(
    runs_app: RunsApp, client: FlaskClient
) -> None:
    runs_app.is_open = False
    asked = BODY | {"replicas": 8, "map": MAP}
    assert client.post("/runs/plane", json=asked).status_code == 403


@pytest.mark.parametrize("kind", ["curves", "map"])
def test_what_a_failed_runs_code_said_reaches_authors_alone_on_every_channel(
    runs_app: RunsApp, client: FlaskClient, kind: str
) -> None:
    wanted = {"map": {"x": "rate", "y": "pause", "shape": "flat"}, "replicas": None}
    links = start_run(client, **(wanted if kind == "map" else {}))
    runs_app.claim_run(links["id"])
    runs_app.runs.store.finish_run(
        links["id"], 1, "failed", 9.0, error="Its author has to fix it.", error_detail="in line 7"
    )
    channels = [links["url"], links["url"] + "?replicas=1", links["events"], links["csv"]]
    for is_author in (False, True):
        runs_app.is_author = is_author
        answers = [client.get(channel).data for channel in channels]
        said = [b"in line 7" in answer for answer in answers]
        assert said == [is_author, is_author, is_author, False]
        assert all(b"Its author has to fix it." in answer for answer in answers[:3])


def test_nothing_of_an_experiment_is_shown_before_the_question_is_answered(
    runs_app: RunsApp, client: FlaskClient
) -> None:
    links = start_run(client)
    runs_app.train_curves(links["id"])
    runs_app.is_open = False
    assert client.post("/runs", json=BODY).status_code == 403
    for address in (links["url"], links["events"], links["csv"]):
        response = client.get(address)
        assert response.status_code == 403
        assert set(response.get_json()) == {"error", "field"}
    assert client.post(links["url"] + "/stop").status_code == 403
    assert client.get("/simulations/numbers/simulation").status_code == 403


def test_an_accepted_run_is_reported_new_or_found_and_no_other(
    runs_app: RunsApp, client: FlaskClient
) -> None:
    links = start_run(client)
    assert runs_app.reported_runs == [("numbers", "simulation")]
    runs_app.train_curves(links["id"])
    assert start_run(client)["id"] == links["id"]
    assert len(runs_app.reported_runs) == 2
    assert client.post("/runs", json=BODY | {"arm": "nobody"}).status_code >= 400
    client.get(links["url"])
    runs_app.is_open = False
    assert client.post("/runs", json=BODY).status_code == 403
    assert len(runs_app.reported_runs) == 2


def test_runs_that_are_not_there_are_a_404(client: FlaskClient) -> None:
    for address in (
        "/runs/" + "0" * 24,
        "/runs/" + "0" * 24 + "/events",
        "/runs/" + "0" * 24 + ".csv",
    ):
        response = client.get(address)
        assert (response.status_code, response.mimetype) == (404, "application/json")
    assert client.post("/runs/" + "0" * 24 + "/stop").status_code == 404
    assert client.get("/runs/short").status_code == 404
