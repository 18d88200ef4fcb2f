"""Experiments are recorded at most once a minute between two answers."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from quizserver.accounts import store as people
from quizserver.attempts import experiments_store
from quizserver.attempts import store as attempts
from quizserver.attempts.experiments import create_experiment_recorder
from quizserver.db.session import Database
from quizserver.db.tables import experiment, standing
from tests.classes.items.answer_setup import add_answer

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def create_guest(database: Database, visitor: str = "v") -> int:
    with database.write() as session:
        return people.ensure_guest(session, visitor).id


def record_experiment(
    database: Database, person_id: int, simulation: str, after_seconds: float
) -> bool:
    with database.write() as session:
        return experiments_store.record_experiment(
            session, person_id, "t", simulation, NOON + timedelta(seconds=after_seconds)
        )


def count_experiments(database: Database) -> int:
    with database.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(experiment)) or 0


def test_one_row_a_minute_for_each_simulation_and_person(database: Database):
    ann, bob = create_guest(database), create_guest(database, "w")
    is_new = [
        record_experiment(database, ann, "one", 0),
        record_experiment(database, ann, "one", 59),
        record_experiment(database, ann, "two", 59),
        record_experiment(database, bob, "one", 59),
        record_experiment(database, ann, "one", 60),
        record_experiment(database, ann, "one", 61),
    ]
    assert is_new == [True, False, True, True, True, False]
    assert count_experiments(database) == 4


def test_a_run_after_an_answer_is_another_experiment(database: Database):
    """Else a run right after an answer would be taken for the one right before it."""
    ann = create_guest(database)
    assert record_experiment(database, ann, "one", 0)
    with database.write() as session:
        add_answer(session, ann, "even", 1, ["two"], right=False, minutes=0)
        moment = NOON + timedelta(seconds=10)
        session.execute(sa.update(standing).values(first_at=moment, latest_at=moment))
    assert [record_experiment(database, ann, "one", after) for after in (20, 30)] == [True, False]
    assert not record_experiment(database, ann, "one", 75)


def test_nothing_is_recorded_of_a_deleted_person(database: Database):
    assert record_experiment(database, 12345, "one", 0) is False
    assert count_experiments(database) == 0


def test_many_runs_at_once_are_one_experiment(database: Database):
    person_id = create_guest(database)
    record_run = create_experiment_recorder(database, lambda: person_id)
    barrier = threading.Barrier(8)

    def run_at_once() -> None:
        barrier.wait()
        record_run("t", "simulation")

    threads = [threading.Thread(target=run_at_once) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count_experiments(database) == 1


def test_a_guest_without_a_row_is_not_recorded(database: Database):
    create_experiment_recorder(database, lambda: None)("t", "simulation")
    assert count_experiments(database) == 0


def test_signing_in_moves_the_guests_experiments(database: Database):
    account_id, guest_id = create_guest(database), create_guest(database, "w")
    record_experiment(database, account_id, "one", 0)
    record_experiment(database, guest_id, "two", 10)
    with database.write() as session:
        attempts.merge_guest_attempts(session, guest_id, account_id)
    with database.read() as session:
        assert [
            e["simulation"] for e in experiments_store.export_experiments(session, account_id)
        ] == ["one", "two"]
        assert experiments_store.export_experiments(session, guest_id) == []


def test_a_database_that_fails_is_logged_and_fails_no_run(
    database: Database, caplog: pytest.LogCaptureFixture
):
    person_id = create_guest(database)
    with database.write() as session:
        session.execute(sa.text("DROP TABLE experiment"))
    with caplog.at_level(logging.ERROR):
        create_experiment_recorder(database, lambda: person_id)("t", "simulation")
    assert "t/simulation was not noted" in caplog.text
