"""Who is given a simulation's plan: whoever its question's bench is open to, and nobody else."""

from __future__ import annotations

import gzip
import hashlib
import time
from pathlib import Path

import pytest
from flask import Flask

from quizserver.db.computed import open_computed
from quizserver.db.session import Database
from quizserver.kernel.recipe import source_version
from quizserver.lab.catalog import SimulationCatalog
from quizserver.runs.model import Batch
from quizserver.runs.plans import PlanScope, PlanSummary
from quizserver.runs.plans_store import PlanStore
from quizserver.runs.store import RunStore
from quizserver.settings import Settings
from tests.flows.admins import give_role
from tests.flows.browser_client import Visitor
from tests.runs.examples import DESCRIPTION, plan_request

pytestmark = pytest.mark.one_database

IMAGE = gzip.compress(b"a plan", mtime=0)
SUMMARY = PlanSummary(PlanScope(()), hashlib.sha256(IMAGE).hexdigest(), source_version())
PLAN, BENCH = "/plans/numbers/simulation?replicas=5", "/simulations/numbers/simulation/recorded"


@pytest.fixture
def content(content: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The question ``even`` rests on a simulation."""
    (content / "numbers" / "simulation.py").write_text('"""A simulation."""\n')
    path = content / "numbers" / "even.md"
    path.write_text(f"---\nsimulation: simulation\n---\n{path.read_text()}")
    monkeypatch.setattr(SimulationCatalog, "describe_if_ready", lambda self, path: DESCRIPTION)
    return content


@pytest.fixture
def stored_plan(settings: Settings, app: Flask) -> None:
    """A plan of the simulation that a worker has made."""
    database = open_computed(settings.store_url)
    store, plans, request = RunStore(database), PlanStore(database), plan_request()
    run = store.submit_request(request, "w", time.time(), waiting_max=9, per_visitor=9).run
    store.claim_next(time.time(), offered=run.id)
    store.add_batch(run.id, 1, Batch(1, 1, SUMMARY.to_json(), IMAGE), time.time())
    store.finish_run(run.id, 1, "done", time.time(), sentence="A plan.")
    plans.file_plan(request, run.id)
    database.dispose()


def post_use(visitor: Visitor) -> int:
    page = visitor.open("/progress")
    token = page.split('name="csrf-token" content="', 1)[1].split('"', 1)[0]
    address = "/plans/numbers/simulation/used"
    return visitor.client.post(address, json={}, headers={"X-CSRFToken": token}).status_code


def stored_experiments(visitor: Visitor) -> int:
    return len(visitor.client.get("/account/data.json").json.get("experiments", []))


@pytest.mark.parametrize("role", ["nobody", "guest", "learner", "author", "instructor", "admin"])
def test_a_plan_is_open_to_whom_the_bench_is_open(
    role: str, visitor: Visitor, database: Database, stored_plan: None
) -> None:
    """Roles open nothing: an author reads sources, and answers before the curves like others."""
    if role == "guest":
        visitor.answer("sides", "two")
    elif role != "nobody":
        visitor.sign_up("eve@example.org")
        give_role(database, "eve@example.org", role)
    refused, bench = visitor.client.get(PLAN), visitor.client.get(BENCH)
    assert (refused.status_code, refused.json) == (bench.status_code, bench.json)
    assert refused.status_code == 403
    assert post_use(visitor) == 403
    visitor.answer("even", "two", "four")
    assert visitor.client.get(BENCH).status_code == 200
    assert post_use(visitor) == 409, "no plan was given yet"
    assert stored_experiments(visitor) == 0
    given = visitor.client.get(PLAN, headers={"Accept-Encoding": "gzip"})
    assert (given.status_code, given.data) == (200, IMAGE)
    assert stored_experiments(visitor) == 0, "reading changes nothing"
    assert [post_use(visitor), post_use(visitor)] == [200, 200]
    assert stored_experiments(visitor) == 1


def test_what_one_was_given_is_no_use_of_another(
    visitor: Visitor, stored_plan: None, app: Flask
) -> None:
    visitor.answer("even", "two", "four")
    assert visitor.client.get(PLAN).status_code == 200
    other = Visitor(app.test_client())
    other.answer("even", "two", "four")
    assert post_use(other) == 409
    assert stored_experiments(other) == 0


def test_a_use_needs_the_token_of_the_page(visitor: Visitor, stored_plan: None) -> None:
    visitor.answer("even", "two", "four")
    visitor.client.get(PLAN)
    response = visitor.client.post("/plans/numbers/simulation/used", json={})
    assert response.status_code == 400
    assert stored_experiments(visitor) == 0


def test_plans_have_a_limit_of_their_own(
    visitor: Visitor, stored_plan: None, settings: Settings
) -> None:
    visitor.answer("even", "two", "four")
    most = int(settings.limit_plans.split("/")[0])
    statuses = [visitor.client.get(PLAN).status_code for _ in range(most + 1)]
    assert statuses == [200] * most + [429]
