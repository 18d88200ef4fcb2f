"""Sessions: durable, in turn, all or nothing."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.db.session import Database, DatabaseUrlError, insert_if_new
from quizserver.db.tables import attempt, person

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def add(session: Session, visitor: str, moment: datetime) -> bool:
    return insert_if_new(session, person, visitor=visitor, created_at=moment)


def count(database: Database) -> int:
    with database.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(person)) or 0


@pytest.mark.parametrize(("durable", "level"), [(True, 2), (False, 1)])
def test_sqlite_runs_in_wal_and_syncs_as_asked(tmp_path: Path, durable: bool, level: int):
    database = Database(f"sqlite:///{tmp_path / 'x.sqlite3'}", durable=durable)
    with database.read() as session:
        assert session.scalar(sa.text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(sa.text("PRAGMA synchronous")) == level
        assert session.scalar(sa.text("PRAGMA foreign_keys")) == 1
    database.dispose()


def test_an_exception_in_a_write_leaves_nothing_behind(database: Database):
    def fail() -> None:
        with database.write() as session:
            add(session, "a", NOW)
            raise RuntimeError("midway")

    with pytest.raises(RuntimeError, match="midway"):
        fail()
    assert count(database) == 0


def test_a_read_keeps_nothing(database: Database):
    # SQLite forgets what was written in it, PostgreSQL refuses it
    refused = nullcontext() if database.is_sqlite else pytest.raises(sa.exc.InternalError)
    with refused, database.read() as session:
        add(session, "a", NOW)
    assert count(database) == 0


def test_a_reading_sees_one_moment(database: Database):
    with database.read() as session:
        before = session.scalar(sa.select(sa.func.count()).select_from(person))
        with database.write() as writing:
            add(writing, "a", NOW)
        assert session.scalar(sa.select(sa.func.count()).select_from(person)) == before
    assert count(database) == 1


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "no address of a database"),
        ("mysql://host/name", "mysql is no database that can be used"),
        ("sqlite+pysqlite:///x", "is no database that can be used"),
    ],
)
def test_an_address_that_can_not_be_used_is_refused_with_what_can(url: str, says: str):
    with pytest.raises(DatabaseUrlError, match=says):
        Database(url)


def test_a_row_that_is_there_is_not_inserted_twice(database: Database):
    with database.write() as session:
        assert add(session, "a", NOW)
        assert not add(session, "a", NOW)
    assert count(database) == 1


def test_threads_that_read_then_write_wait_their_turn_and_lose_nothing(database: Database):
    failures: list[BaseException] = []

    def work(name: int) -> None:
        try:
            for turn in range(10):
                with database.write() as session:
                    session.scalar(sa.select(sa.func.count()).select_from(person))
                    add(session, f"{name}-{turn}", NOW)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert count(database) == 80


def test_two_processes_worth_of_connections_take_turns_too(tmp_path: Path, database: Database):
    """A second Database on the same file stands for another process: no shared lock in memory."""
    other = Database(str(database.url))
    failures: list[BaseException] = []

    def work(store: Database, name: str) -> None:
        try:
            for turn in range(25):
                with store.write() as session:
                    session.scalar(sa.select(sa.func.count()).select_from(person))
                    add(session, f"{name}{turn}", NOW)
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=work, args=(s, n)) for s, n in [(database, "a"), (other, "b")]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.dispose()
    assert failures == []
    assert count(database) == 50


def test_moments_come_back_in_utc_and_naive_ones_are_refused(database: Database):
    with database.write() as session:
        add(session, "a", NOW)
    with database.read() as session:
        assert session.scalar(sa.select(person.c.created_at)) == NOW
    with (
        pytest.raises(sa.exc.StatementError, match="time zone"),
        database.write() as session,
    ):
        add(session, "b", datetime(2026, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"role": "king"}, "ck_person_known_role"),
        ({"email": "a@example.org"}, "ck_person_address_and_password_together"),
    ],
)
def test_the_database_itself_refuses_people_that_cannot_be(
    database: Database, values: dict[str, str], constraint: str
):
    with pytest.raises(sa.exc.IntegrityError, match=constraint), database.write() as session:
        session.execute(sa.insert(person).values(visitor="a", created_at=NOW, **values))


def test_an_attempt_needs_a_person_and_a_kept_version(database: Database):
    with (
        pytest.raises(sa.exc.IntegrityError, match=r"(?i)foreign key"),
        database.write() as session,
    ):
        session.execute(
            sa.insert(attempt).values(
                person_id=1,
                question="q",
                version="v",
                number=1,
                shown=[],
                chosen=[],
                right=True,
                mark=1.0,
                answered_at=NOW,
            )
        )
