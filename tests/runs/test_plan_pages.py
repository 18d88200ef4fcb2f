"""The addresses of plans, as the bench of a page uses them."""

from __future__ import annotations

import gzip
import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from quizserver.db.computed import open_computed, point
from quizserver.kernel.recipe import WASM_FILE, WASM_FLOAT32_FILE, source_version
from quizserver.runs import service
from quizserver.runs.model import Batch
from quizserver.runs.plans import PlanScope, PlanSummary
from tests.runs.runs_app import RunsApp

ADDRESS = "/plans/numbers/simulation"
PLAN = b"what browsers are given " * 50
IMAGE = gzip.compress(PLAN, mtime=0)
OF_FAULT = PlanSummary(PlanScope(("fault",)), hashlib.sha256(IMAGE).hexdigest(), source_version())
GZIP = {"Accept-Encoding": "gzip, br"}


@contextmanager
def planning_worker(
    runs_app: RunsApp, summary: PlanSummary = OF_FAULT, image: bytes = IMAGE
) -> Iterator[list[str]]:
    """Does a worker's part meanwhile; yields the ids of the runs that it made a plan in."""
    made: list[str] = []
    over = threading.Event()

    def work() -> None:
        store = runs_app.runs.store
        while not over.wait(0.01):
            run = store.claim_next(time.time(), kinds={"plan"})
            if run is not None:
                store.add_batch(run.id, 1, Batch(1, 1, summary.to_json(), image), time.time())
                store.finish_run(run.id, 1, "done", time.time(), sentence="A plan.")
                made.append(run.id)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield made
    finally:
        over.set()
        thread.join()


def get_plan(client: FlaskClient, query: str = "", **headers: str) -> TestResponse:
    return client.get(f"{ADDRESS}?{query}", headers={**GZIP, **headers})


def post_use(client: FlaskClient) -> TestResponse:
    return client.post(f"{ADDRESS}/used", json={})


def test_a_plan_is_made_once_and_given_compressed(runs_app: RunsApp, client: FlaskClient) -> None:
    with planning_worker(runs_app) as made:
        first = get_plan(client, "rate=0.1&first_seed=3&replicas=7")
        second = get_plan(client, "rate=0.5&first_seed=3&replicas=7")
    assert (first.status_code, first.data, first.mimetype) == (
        200, IMAGE, "application/octet-stream",
    )  # fmt: skip
    assert first.headers["Content-Encoding"] == "gzip"
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert {"Cookie", "Accept-Encoding"} <= set(first.vary)
    assert second.headers["ETag"] == first.headers["ETag"], "a mere number of the plan"
    assert len(made) == 1
    unchanged = get_plan(
        client, "first_seed=3&replicas=7", **{"If-None-Match": first.headers["ETag"]}
    )
    assert (unchanged.status_code, unchanged.data) == (304, b"")
    plain = client.get(f"{ADDRESS}?first_seed=3&replicas=7")
    assert (plain.data, plain.headers.get("Content-Encoding")) == (PLAN, None)
    assert plain.headers["ETag"] != first.headers["ETag"]


def test_before_the_answer_neither_plan_nor_use_nor_tag_is_to_be_had(
    runs_app: RunsApp, client: FlaskClient
) -> None:
    with planning_worker(runs_app):
        tag = get_plan(client).headers["ETag"]
    runs_app.is_open = False
    bench = client.get("/simulations/numbers/simulation/recorded")
    for refused in (get_plan(client), get_plan(client, **{"If-None-Match": tag}), post_use(client)):
        assert (refused.status_code, refused.get_json()) == (bench.status_code, bench.get_json())
        assert refused.status_code == 403
        assert "ETag" not in refused.headers
    assert client.get("/plans/numbers/other").status_code == 404
    assert runs_app.reported_runs == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("rate=fast", "rate"),
        ("rate=nan", "rate"),
        ("rate=-1", "rate"),
        ("speed=1", "speed"),
        ("replicas=0", "replicas"),
        ("replicas=100000", "replicas"),
        ("replicas=1.5", "replicas"),
        ("first_seed=-1", "first_seed"),
        ("first_seed=99999999999999999999999", "first_seed"),
    ],
)
def test_a_query_that_no_page_sends_is_refused_with_its_field(
    client: FlaskClient, query: str, field: str
) -> None:
    response = get_plan(client, query)
    assert response.status_code == 422
    assert response.get_json()["field"] == field


def test_what_is_too_long_or_comes_from_elsewhere_has_nothing_planned(
    runs_app: RunsApp, client: FlaskClient
) -> None:
    assert get_plan(client, "rate=" + "1" * 9000).status_code == 413
    for site in ("cross-site", "same-site"):
        assert get_plan(client, **{"Sec-Fetch-Site": site}).status_code == 403
    assert runs_app.runs.store.queued_ids() == []


def test_where_there_is_no_plan_its_page_is_told_and_nothing_is_planned_again(
    runs_app: RunsApp, client: FlaskClient
) -> None:
    never = PlanSummary(PlanScope((), seeds=False), refusal="Not here.", detail="no step")
    with planning_worker(runs_app, never, b"") as made:
        for query in ("rate=0.1", "fault=2&replicas=4", "first_seed=8"):
            response = get_plan(client, query)
            assert response.status_code == 404
            assert response.get_json()["reason"] == "Not here."
            assert "error_detail" not in response.get_json()
    assert len(made) == 1
    assert post_use(client).status_code == 409
    runs_app.is_author = True
    assert get_plan(client).get_json()["error_detail"] == "no step"


def test_a_damaged_plan_is_never_given_but_made_again(
    runs_app: RunsApp, client: FlaskClient
) -> None:
    with planning_worker(runs_app) as made:
        get_plan(client)
        database = open_computed(runs_app.settings.store_url)
        with database.write() as session:
            session.execute(sa.update(point).values(data=IMAGE[:-9] + b"!" * 9))
        database.dispose()
        assert get_plan(client, "rate=0.2").data == IMAGE
    assert len(made) == 2


def test_a_worker_that_always_damages_them_is_not_asked_for_ever(
    runs_app: RunsApp, client: FlaskClient
) -> None:
    with planning_worker(runs_app, image=IMAGE[:-1]) as made:
        response = get_plan(client)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "3")
    assert len(made) == 2


def test_a_plan_of_a_machine_with_another_kernel_is_not_given(
    runs_app: RunsApp, client: FlaskClient
) -> None:
    other = PlanSummary(OF_FAULT.scope, OF_FAULT.sha256, "another")
    with planning_worker(runs_app, other):
        assert get_plan(client).status_code == 503


def test_without_a_worker_the_page_is_told_to_ask_again(
    runs_app: RunsApp, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PLAN_PATIENCE", 0.1)
    response = get_plan(client)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "3")
    assert runs_app.runs.hub.open_count == 0
    with planning_worker(runs_app):
        assert get_plan(client).status_code == 200, "what was asked for then"


def test_a_simulation_that_fails_has_no_plan(runs_app: RunsApp, client: FlaskClient) -> None:
    runs_app.is_author = True
    answers: list[TestResponse] = []
    thread = threading.Thread(target=lambda: answers.append(get_plan(client)))
    thread.start()
    store = runs_app.runs.store
    while not (queued := store.queued_ids()):
        time.sleep(0.01)
    run = runs_app.claim_run(queued[0])
    store.finish_run(run.id, 1, "failed", time.time(), error="Faulty.", error_detail="line 3")
    thread.join()
    assert answers[0].status_code == 404
    assert answers[0].get_json()["error_detail"] == "line 3"


def test_plans_count_with_the_visitors_runs_and_live_curves(
    runs_app: RunsApp, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PLAN_PATIENCE", 0.05)
    assert [get_plan(client, f"first_seed={n}").status_code for n in range(3)] == [503, 503, 429]
    runs_app.visitor = "bob"
    assert [get_plan(client, f"first_seed={n}").status_code for n in range(2, 5)] == [503, 503, 503]
    assert len(runs_app.runs.store.queued_ids()) == 3, "as many as may wait"
    runs_app.runs.hub.add_stream("0" * 24)
    runs_app.runs.hub.add_stream("0" * 24)
    runs_app.visitor = "ann"
    refused = get_plan(client, "first_seed=0")
    assert "live curves" in refused.get_json()["error"]


def test_use_is_taken_from_those_alone_whom_the_plan_was_given(
    runs_app: RunsApp, client: FlaskClient
) -> None:
    assert post_use(client).status_code == 409
    with planning_worker(runs_app):
        get_plan(client)
    runs_app.visitor = "bob"
    assert post_use(client).status_code == 409
    assert runs_app.reported_runs == []
    runs_app.visitor = "ann"
    assert post_use(client).status_code == 200
    assert runs_app.reported_runs == [("numbers", "simulation")]


def test_a_plan_is_no_run_to_those_who_know_its_id(runs_app: RunsApp, client: FlaskClient) -> None:
    with planning_worker(runs_app) as made:
        get_plan(client)
    for path in ("", "/events", ".csv"):
        assert client.get(f"/runs/{made[0]}{path}").status_code == 404
    assert client.post(f"/runs/{made[0]}/stop").status_code == 404


def test_the_kernel_is_given_to_everybody_for_good(runs_app: RunsApp, client: FlaskClient) -> None:
    runs_app.is_open = False
    for dtype, path in (("float32", WASM_FLOAT32_FILE), ("float64", WASM_FILE)):
        address = f"/kernel/{source_version()}/{dtype}.wasm"
        answer = client.get(address, headers=GZIP)
        assert answer.mimetype == "application/wasm"
        assert answer.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(answer.data) == path.read_bytes() == client.get(address).data
        assert "immutable" in answer.headers["Cache-Control"]
    assert client.get("/kernel/0123456789abcdef/float32.wasm").status_code == 404
    assert client.get(f"/kernel/{source_version()}/float16.wasm").status_code == 404
