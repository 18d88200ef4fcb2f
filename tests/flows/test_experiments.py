"""Running a simulation is recorded as an experiment of the person, over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from quizserver.db.session import Database
from quizserver.db.tables import person
from quizserver.lab.catalog import SimulationCatalog
from quizserver.settings import Settings
from tests.flows.browser_client import Visitor
from tests.runs.examples import DESCRIPTION

pytestmark = pytest.mark.one_database

ANA = "ana@example.org"


@pytest.fixture
def content(content: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The topic of numbers has a simulation that no question uses."""
    (content / "numbers" / "simulation.py").write_text('"""A simulation."""\n')
    monkeypatch.setattr(SimulationCatalog, "describe_if_ready", lambda self, path: DESCRIPTION)
    return content


def start_run(visitor: Visitor, rate: float = 0.1) -> int:
    page = visitor.open("/progress")
    token = page.split('name="csrf-token" content="', 1)[1].split('"', 1)[0]
    body: dict[str, Any] = {"topic": "numbers", "simulation": "simulation"}
    body |= {"knobs": {"rate": rate}, "replicas": 1}
    return visitor.client.post("/runs", json=body, headers={"X-CSRFToken": token}).status_code


def stored_experiments(visitor: Visitor) -> list[tuple[str, str]]:
    experiments = visitor.client.get("/account/data.json").json.get("experiments", [])
    return [(e["topic"], e["simulation"]) for e in experiments]


def test_a_learners_runs_within_a_minute_are_one_experiment(visitor: Visitor):
    visitor.answer("even", "two")
    assert [start_run(visitor, rate) for rate in (0.1, 0.2, 0.1)] == [202, 202, 202]
    assert stored_experiments(visitor) == [("numbers", "simulation")]


def test_a_run_between_two_quick_answers_is_recorded(visitor: Visitor):
    visitor.answer("even", "two")
    start_run(visitor)
    visitor.answer("sides", "two")
    start_run(visitor)
    start_run(visitor)
    assert len(stored_experiments(visitor)) == 2


def test_a_guests_experiments_move_to_the_account(visitor: Visitor):
    visitor.sign_up(ANA)
    visitor.sign_out()
    visitor.answer("even", "two")
    start_run(visitor)
    visitor.sign_in(ANA)
    assert stored_experiments(visitor) == [("numbers", "simulation")]


def test_a_visitor_who_only_reads_and_runs_inserts_no_person(visitor: Visitor, settings: Settings):
    assert start_run(visitor) == 202
    assert stored_experiments(visitor) == []
    database = Database(settings.data_url)
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(person)) == 0
    database.dispose()


def test_a_run_is_accepted_although_it_can_not_be_recorded(
    visitor: Visitor, settings: Settings, app: Flask
):
    visitor.answer("even", "two")
    database = Database(settings.data_url)
    with database.write() as session:
        session.execute(sa.text("DROP TABLE experiment"))
    database.dispose()
    assert start_run(visitor) == 202
