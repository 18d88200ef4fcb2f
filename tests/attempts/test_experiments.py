"""Experiments that people ran: one a minute between two answers, and never more than that."""

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
from tests.classes.items.rooms import answer

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def guest(database: Database, visitor: str = "v") -> int:
    with database.write() as session:
        return people.ensure_guest(session, visitor).id


def note(database: Database, person: int, simulation: str, after: float) -> bool:
    with database.write() as session:
        return experiments_store.record_experiment(
            session, person, "t", simulation, NOON + timedelta(seconds=after)
        )


def rows(database: Database) -> int:
    with database.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(experiment)) or 0


def test_one_row_a_minute_for_each_simulation_and_person(database: Database):
    ann, bob = guest(database), guest(database, "w")
    new = [
        note(database, ann, "one", 0),
        note(database, ann, "one", 59),
        note(database, ann, "two", 59),
        note(database, bob, "one", 59),
        note(database, ann, "one", 60),
        note(database, ann, "one", 61),
    ]
    assert new == [True, False, True, True, True, False]
    assert rows(database) == 4


def test_a_run_after_an_answer_is_another_experiment(database: Database):
    """Else whoever runs it right before and right after an answer seems not to have run it."""
    ann = guest(database)
    assert note(database, ann, "one", 0)
    with database.write() as session:
        answer(session, ann, "even", 1, ["two"], right=False, minutes=0)
        moment = NOON + timedelta(seconds=10)
        session.execute(sa.update(standing).values(first_at=moment, latest_at=moment))
    assert [note(database, ann, "one", after) for after in (20, 30)] == [True, False]
    assert not note(database, ann, "one", 75)


def test_nothing_is_noted_of_somebody_who_is_gone(database: Database):
    assert note(database, 12345, "one", 0) is False
    assert rows(database) == 0


def test_many_runs_at_once_are_one_experiment(database: Database):
    person = guest(database)
    ran = create_experiment_recorder(database, lambda: person)
    barrier = threading.Barrier(8)

    def start() -> None:
        barrier.wait()
        ran("t", "simulation")

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rows(database) == 1


def test_a_guest_who_did_nothing_yet_leaves_no_trace(database: Database):
    create_experiment_recorder(database, lambda: None)("t", "simulation")
    assert rows(database) == 0


def test_signing_in_moves_what_the_guest_ran(database: Database):
    account, visitor = guest(database), guest(database, "w")
    note(database, account, "one", 0)
    note(database, visitor, "two", 10)
    with database.write() as session:
        attempts.merge_guest_attempts(session, visitor, account)
    with database.read() as session:
        assert [
            e["simulation"] for e in experiments_store.export_experiments(session, account)
        ] == ["one", "two"]
        assert experiments_store.export_experiments(session, visitor) == []


def test_a_database_that_fails_is_logged_and_fails_no_run(
    database: Database, caplog: pytest.LogCaptureFixture
):
    person = guest(database)
    with database.write() as session:
        session.execute(sa.text("DROP TABLE experiment"))
    with caplog.at_level(logging.ERROR):
        create_experiment_recorder(database, lambda: person)("t", "simulation")
    assert "t/simulation was not noted" in caplog.text
