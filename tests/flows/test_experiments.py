"""Running an experiment leaves a note with the person, through the whole application."""

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
from tests.runs.fakes import DESCRIPTION

pytestmark = pytest.mark.one_database

ANA = "ana@example.org"


@pytest.fixture
def content(content: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The topic of numbers has a simulation, on which no question rests."""
    (content / "numbers" / "simulation.py").write_text('"""A simulation."""\n')
    monkeypatch.setattr(SimulationCatalog, "describe_if_ready", lambda self, path: DESCRIPTION)
    return content


def run(visitor: Visitor, rate: float = 0.1) -> int:
    page = visitor.open("/progress")
    token = page.split('name="csrf-token" content="', 1)[1].split('"', 1)[0]
    body: dict[str, Any] = {"topic": "numbers", "simulation": "simulation"}
    body |= {"knobs": {"rate": rate}, "replicas": 1}
    return visitor.client.post("/runs", json=body, headers={"X-CSRFToken": token}).status_code


def experiments(visitor: Visitor) -> list[tuple[str, str]]:
    kept = visitor.client.get("/account/data.json").json.get("experiments", [])
    return [(e["topic"], e["simulation"]) for e in kept]


def test_a_learners_runs_within_a_minute_are_one_experiment(visitor: Visitor):
    visitor.answer("even", "two")
    assert [run(visitor, rate) for rate in (0.1, 0.2, 0.1)] == [202, 202, 202]
    assert experiments(visitor) == [("numbers", "simulation")]


def test_what_is_run_between_two_quick_answers_is_noted(visitor: Visitor):
    visitor.answer("even", "two")
    run(visitor)
    visitor.answer("sides", "two")
    run(visitor)
    run(visitor)
    assert len(experiments(visitor)) == 2


def test_a_guests_experiments_come_along_into_the_account(visitor: Visitor):
    visitor.sign_up(ANA)
    visitor.sign_out()
    visitor.answer("even", "two")
    run(visitor)
    visitor.sign_in(ANA)
    assert experiments(visitor) == [("numbers", "simulation")]


def test_somebody_who_only_looks_and_runs_leaves_no_row(visitor: Visitor, settings: Settings):
    assert run(visitor) == 202
    assert experiments(visitor) == []
    database = Database(settings.data_url)
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(person)) == 0
    database.dispose()


def test_a_run_is_accepted_although_it_can_not_be_noted(
    visitor: Visitor, settings: Settings, app: Flask
):
    visitor.answer("even", "two")
    database = Database(settings.data_url)
    with database.write() as session:
        session.execute(sa.text("DROP TABLE experiment"))
    database.dispose()
    assert run(visitor) == 202
