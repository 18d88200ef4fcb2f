"""A database that can't be used: distinguished from a mistake, and without blocking others."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from quizserver.db import session as sessions
from quizserver.db.availability import BusyError, unavailable_reason
from quizserver.db.migrate import migrate_database
from quizserver.db.session import Database
from tests.postgres import Postgres

GUEST = "INSERT INTO person (visitor, created_at) VALUES (:visitor, '2026-01-02')"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "people.sqlite3"
    database = Database(f"sqlite:///{path}")
    migrate_database(database)
    database.dispose()
    return path


def add_guest(database: Database, visitor: str) -> None:
    with database.write() as session:
        session.execute(sa.text(GUEST), {"visitor": visitor})


def failure_reason(database: Database, statement: str) -> str | None:
    with pytest.raises(sa.exc.DatabaseError) as raised, database.write() as session:
        session.execute(sa.text(statement))
    return unavailable_reason(raised.value)


def test_a_mistake_in_a_statement_is_not_blamed_on_the_database(database: Database):
    assert failure_reason(database, "SELECT nothing FROM person") is None
    assert failure_reason(database, "INSERT INTO person (id) VALUES (1)") is None
    assert unavailable_reason(RuntimeError("anything")) is None


def test_a_file_that_another_process_holds_has_a_reason_in_one_line(
    file: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sessions, "BUSY_SECONDS", 0.05)
    database = Database(f"sqlite:///{file}")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert failure_reason(database, "SELECT 1") == "database is locked"
        with database.read() as session:  # pages are read on
            session.execute(sa.text("SELECT id FROM person"))
        other.execute("ROLLBACK")
    add_guest(database, "a")
    database.dispose()


def test_threads_behind_one_that_was_refused_are_refused_at_once(
    file: Path, monkeypatch: pytest.MonkeyPatch
):
    """Else twenty threads would wait twenty times as long as one."""
    monkeypatch.setattr(sessions, "BUSY_SECONDS", 2)
    database = Database(f"sqlite:///{file}")
    reasons: list[str | None] = []
    barrier = threading.Barrier(8)

    def write(visitor: str) -> None:
        barrier.wait()
        try:
            add_guest(database, visitor)
        except (sa.exc.OperationalError, BusyError) as error:
            reasons.append(unavailable_reason(error))

    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        threads = [threading.Thread(target=write, args=[str(n)]) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        other.execute("ROLLBACK")
    assert sorted(reasons, key=str) == ["another process holds the database"] * 7 + [
        "database is locked"
    ]
    add_guest(database, "after")
    database.dispose()


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_nothing_is_written_into_a_file_that_was_taken_away(file: Path, how: str):
    """The connections still have it, and every answer in it would be lost when they close."""
    database = Database(f"sqlite:///{file}")
    add_guest(database, "a")
    copy = file.with_suffix(".copy")
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    file.unlink()
    if how == "replaced":
        copy.rename(file)
    with pytest.raises(BusyError, match="removed or replaced"):
        add_guest(database, "b")
    with pytest.raises(BusyError, match="removed or replaced"), database.read():
        pass
    database.dispose()


def test_a_read_only_file_has_a_reason_in_one_line(file: Path):
    database = Database(f"sqlite:///file:{file}?mode=ro&uri=true")
    statement = GUEST.replace(":visitor", "'a'")
    assert failure_reason(database, statement) == "attempt to write a readonly database"
    database.dispose()


def test_a_postgresql_that_goes_away_has_a_reason_in_one_line_and_used_again(postgres: Postgres):
    with postgres.fresh() as url:
        database = Database(url)
        add_guest(database, "a")
        end_all = "SELECT pg_terminate_backend(pg_backend_pid())"
        assert "terminating connection" in (failure_reason(database, end_all) or "")
        add_guest(database, "b")
        database.dispose()
    gone = Database(url)
    with pytest.raises(sa.exc.OperationalError) as raised:
        add_guest(gone, "c")
    assert "does not exist" in (unavailable_reason(raised.value) or "")
    gone.dispose()
