"""The HTTP interface of runs, as a page or a program uses it."""

from __future__ import annotations

import csv
import io
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import DictLoader

from quizserver.lab.model import SimulationError
from quizserver.runs.model import Run
from quizserver.runs.pages import create_runs_blueprint
from quizserver.runs.service import RunService
from quizserver.settings import Settings

from .conftest import batch
from .fakes import DESCRIPTION, POINTS

BODY = {"topic": "numbers", "simulation": "simulation", "arm": "healthy", "replicas": 5}


class World:
    """The application around the pages, with what a test may change about it."""

    def __init__(self, folder: Path) -> None:
        content, data = folder / "content", folder / "data"
        (content / "numbers").mkdir(parents=True)
        data.mkdir()
        self.file = content / "numbers" / "simulation.py"
        self.file.write_text('"""<b>A simulation</b>."""\nx = 1\n')
        self.settings = Settings(
            data=data, content=content, runs_per_visitor=2, runs_waiting_max=3, streams_max=2
        )
        self.open = True
        self.visitor = "ann"
        self.ran: list[tuple[str, str]] = []
        self.broken: SimulationError | None = None
        self.runs = RunService(self.settings)
        topic = SimpleNamespace(
            id="numbers", simulations={"simulation": self.file}, folder=self.file.parent
        )
        snapshot = SimpleNamespace(topics={"numbers": topic})
        self.app = Flask("tests")
        self.app.jinja_loader = DictLoader(
            {"runs/source.html": "{{ title }} {{ filename }} {{ topic.id }} {{ source_html }}"}
        )
        self.app.register_blueprint(
            create_runs_blueprint(
                library=SimpleNamespace(snapshot=lambda: snapshot),  # type: ignore[arg-type]
                catalog=SimpleNamespace(describe_if_ready=self._describe),  # type: ignore[arg-type]
                runs=self.runs,
                may_use=lambda topic, simulation: self.open,
                visitor=lambda: self.visitor,
                on_run=lambda topic, simulation: self.ran.append((topic, simulation)),
                settings=self.settings,
            )
        )

    def _describe(self, path: Path) -> object:
        assert path == self.file
        if self.broken is not None:
            raise self.broken
        return DESCRIPTION

    def train(self, run_id: str, points: int = POINTS, how: str = "done") -> Run:
        """Does a worker's part: takes the run, adds its points in threes, and ends it."""
        store = self.runs.store
        run = store.claim_run(run_id, time.time())
        assert run is not None
        for seq, start in enumerate(range(0, points, 3), start=1):
            part = batch(run.request, seq, start, min(points, start + 3))
            assert store.add_batch(run_id, 1, part, time.time())
        if how == "done":
            store.finish_run(run_id, 1, "done", time.time(), sentence="It falls.")
        return run


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.runs.close()


@pytest.fixture
def client(world: World) -> FlaskClient:
    return world.app.test_client()


def start(client: FlaskClient, **changes: object) -> dict[str, Any]:
    answer = client.post("/runs", json=BODY | changes)
    assert answer.status_code in (200, 202), answer.get_json()
    return dict(answer.get_json())


def frames(body: bytes) -> list[dict[str, str]]:
    blocks = [block for block in body.decode().split("\n\n") if block]
    return [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]


def test_a_run_is_asked_for_watched_and_found_again(world: World, client: FlaskClient) -> None:
    asked = client.post("/runs", json=BODY)
    told = asked.get_json()
    assert asked.status_code == 202
    assert asked.headers["Cache-Control"] == "no-store"
    assert (told["state"], told["points_total"]) == ("queued", POINTS)
    assert told["events"] == told["url"] + "/events"
    assert told["csv"] == told["url"] + ".csv"

    world.train(told["id"])
    stream = client.get(told["events"])
    assert stream.mimetype == "text/event-stream"
    assert stream.headers["X-Accel-Buffering"] == "no"
    assert stream.headers["Cache-Control"] == "no-store"
    events = frames(stream.data)
    assert [e.get("event") for e in events] == [None, "state", "points", "end"]
    assert json.loads(events[2]["data"])["x"] == list(range(POINTS))
    assert json.loads(events[3]["data"])["sentence"] == "It falls."

    again = client.post("/runs", json=BODY)
    assert (again.status_code, again.get_json()["id"]) == (200, told["id"])
    shown = client.get(told["url"]).get_json()
    assert (shown["state"], shown["sentence"], shown["seeds"]) == ("done", "It falls.", [0, 5])
    assert shown["knobs"] == {"rate": 0.1, "pause": 0.0, "fault": 0.0}
    assert "replicas" not in shown


def test_results_are_there_after_a_restart(world: World, client: FlaskClient) -> None:
    told = start(client)
    world.train(told["id"])
    after = RunService(world.settings)
    run = after.store.get_run(told["id"])
    assert run is not None
    assert (run.state, run.points_done) == ("done", POINTS)
    after.close()


def test_the_new_run_is_on_the_queue_once(world: World, client: FlaskClient) -> None:
    start(client)
    start(client)
    assert len(world.runs._queue) == 1


def test_many_requests_at_once_for_the_same_setting_are_one_run(world: World) -> None:
    got: list[str] = []
    barrier = threading.Barrier(12)

    def ask() -> None:
        with world.app.test_client() as client:
            barrier.wait()
            got.append(start(client)["id"])

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 12
    assert len(set(got)) == 1
    assert len(world.runs._queue) == 1


@pytest.mark.parametrize("how", ["header", "query"])
def test_a_dropped_stream_resumes_where_it_stopped(
    world: World, client: FlaskClient, how: str
) -> None:
    told = start(client)
    world.train(told["id"])
    headers = {"Last-Event-ID": "2"} if how == "header" else {}
    query = {"after": "2"} if how == "query" else {}
    events = frames(client.get(told["events"], headers=headers, query_string=query).data)
    [points] = [e for e in events if e.get("event") == "points"]
    assert (points["id"], json.loads(points["data"])["x"]) == ("4", [6, 7, 8, 9, 10, 11])


@pytest.mark.parametrize("cursor", ["", "-3", "x", "9" * 400, "١"])
def test_a_cursor_that_makes_no_sense_does_no_harm(
    world: World, client: FlaskClient, cursor: str
) -> None:
    told = start(client)
    world.train(told["id"])
    answer = client.get(told["events"], query_string={"after": cursor})
    assert frames(answer.data)[-1]["event"] == "end"


def test_the_csv_equals_the_replicas_in_the_json(world: World, client: FlaskClient) -> None:
    told = start(client)
    world.train(told["id"])
    replicas = client.get(told["url"] + "?replicas=1").get_json()["replicas"]
    answer = client.get(told["csv"])
    assert answer.mimetype == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    for name in ("loss", "accuracy"):
        curves = [[float(r[name]) for r in rows if r["seed"] == str(s)] for s in range(5)]
        assert curves == replicas[name]


def test_stop_ends_a_run_that_nobody_else_wants(world: World, client: FlaskClient) -> None:
    told = start(client)
    world.visitor = "bob"
    start(client)
    assert client.post(told["url"] + "/stop").get_json() == {"state": "queued"}
    world.visitor = "ann"
    assert client.post(told["url"] + "/stop").get_json() == {"state": "stopped"}
    [*_, end] = frames(client.get(told["events"]).data)
    assert json.loads(end["data"])["state"] == "stopped"
    assert start(client)["id"] != told["id"]


def test_too_many_runs_of_one_visitor_are_a_429_that_says_what_to_do(
    world: World, client: FlaskClient
) -> None:
    for seed in range(2):
        start(client, first_seed=seed)
    answer = client.post("/runs", json=BODY | {"first_seed": 9})
    assert answer.status_code == 429
    assert "Wait for one to end" in answer.get_json()["error"]
    assert int(answer.headers["Retry-After"]) > 0


def test_a_full_queue_is_a_503(world: World, client: FlaskClient) -> None:
    for seed in range(3):
        world.visitor = f"v{seed}"
        start(client, first_seed=seed)
    world.visitor = "late"
    answer = client.post("/runs", json=BODY | {"first_seed": 9})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


def test_a_queue_that_is_broken_is_a_503_and_the_run_can_be_asked_for_again(
    world: World, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(run_id: str) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(world.runs._queue, "put", broken)
        answer = client.post("/runs", json=BODY)
    assert answer.status_code == 503
    assert "disk" not in answer.get_json()["error"]
    assert start(client)["state"] == "queued"


def test_too_many_streams_are_a_503(world: World, client: FlaskClient) -> None:
    told = start(client)
    held = [client.get(told["events"]) for _ in range(2)]
    answer = client.get(told["events"])
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    held[0].close()
    world.train(told["id"])
    assert client.get(told["events"]).status_code == 200
    held[1].close()
    assert world.runs.hub.open_count <= 1


def test_a_head_request_does_not_hold_a_stream(world: World, client: FlaskClient) -> None:
    told = start(client)
    client.head(told["events"]).close()
    assert world.runs.hub.open_count == 0


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
    answer = client.post("/runs", json=body)
    assert (answer.status_code, answer.get_json()["field"]) == (status, field)
    assert answer.get_json()["error"].endswith((".", "?"))


def test_only_json_of_a_sensible_size_is_read(client: FlaskClient) -> None:
    assert client.post("/runs", data=BODY).status_code == 400
    assert client.post("/runs", data="{}", content_type="text/plain").status_code == 400
    huge = json.dumps(BODY | {"knobs": {"x" * 20_000: 1}})
    assert client.post("/runs", data=huge, content_type="application/json").status_code == 413


def test_a_simulation_that_its_author_broke_says_so(world: World, client: FlaskClient) -> None:
    world.broken = SimulationError("name 'torhc' is not defined", 3)
    answer = client.post("/runs", json=BODY)
    assert answer.status_code == 422
    assert "author" in answer.get_json()["error"]


def test_nothing_of_an_experiment_is_told_before_the_question_is_answered(
    world: World, client: FlaskClient
) -> None:
    told = start(client)
    world.train(told["id"])
    world.open = False
    assert client.post("/runs", json=BODY).status_code == 403
    for address in (told["url"], told["events"], told["csv"]):
        answer = client.get(address)
        assert answer.status_code == 403
        assert set(answer.get_json()) == {"error", "field"}
    assert client.post(told["url"] + "/stop").status_code == 403
    assert client.get("/simulations/numbers/simulation").status_code == 403


def test_who_ran_what_is_told_when_a_run_is_accepted_new_or_found_and_only_then(
    world: World, client: FlaskClient
) -> None:
    told = start(client)
    assert world.ran == [("numbers", "simulation")]
    world.train(told["id"])
    assert start(client)["id"] == told["id"]
    assert len(world.ran) == 2
    assert client.post("/runs", json=BODY | {"arm": "nobody"}).status_code >= 400
    client.get(told["url"])
    world.open = False
    assert client.post("/runs", json=BODY).status_code == 403
    assert len(world.ran) == 2


def test_runs_that_are_not_there_are_a_404(client: FlaskClient) -> None:
    for address in (
        "/runs/" + "0" * 24,
        "/runs/" + "0" * 24 + "/events",
        "/runs/" + "0" * 24 + ".csv",
    ):
        answer = client.get(address)
        assert (answer.status_code, answer.mimetype) == (404, "application/json")
    assert client.post("/runs/" + "0" * 24 + "/stop").status_code == 404
    assert client.get("/runs/short").status_code == 404


def test_the_source_is_shown_highlighted_and_escaped(world: World, client: FlaskClient) -> None:
    page = client.get("/simulations/numbers/simulation").text
    assert "simulation.py" in page
    assert "&lt;b&gt;A simulation&lt;/b&gt;" in page
    assert 'class="highlight"' in page
    assert "style=" not in page
    assert client.get("/simulations/numbers/unknown").status_code == 404
    world.file.unlink()
    assert client.get("/simulations/numbers/simulation").status_code == 404
    assert client.get("/simulations/numbers/..%2F..%2Fsecret").status_code == 404
