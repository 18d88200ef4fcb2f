"""A database that can't be used: told from a mistake, and in the way of nobody else."""

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

GUEST = "INSERT INTO person (visitor, session_key, created_at) VALUES (:visitor, 'k', '2026-01-02')"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "people.sqlite3"
    database = Database(f"sqlite:///{path}")
    migrate_database(database)
    database.dispose()
    return path


def add(database: Database, visitor: str) -> None:
    with database.write() as session:
        session.execute(sa.text(GUEST), {"visitor": visitor})


def trouble(database: Database, statement: str) -> str | None:
    with pytest.raises(sa.exc.DatabaseError) as raised, database.write() as session:
        session.execute(sa.text(statement))
    return unavailable_reason(raised.value)


def test_a_mistake_in_a_statement_is_none_of_the_database(database: Database):
    assert trouble(database, "SELECT nothing FROM person") is None
    assert trouble(database, "INSERT INTO person (id) VALUES (1)") is None
    assert unavailable_reason(RuntimeError("anything")) is None


def test_a_file_that_another_process_holds_is_told_in_a_line(
    file: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sessions, "BUSY_SECONDS", 0.05)
    database = Database(f"sqlite:///{file}")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert trouble(database, "SELECT 1") == "database is locked"
        with database.read() as session:  # pages are read on
            session.execute(sa.text("SELECT id FROM person"))
        other.execute("ROLLBACK")
    add(database, "a")
    database.dispose()


def test_who_waits_behind_a_thread_that_was_refused_is_refused_at_once(
    file: Path, monkeypatch: pytest.MonkeyPatch
):
    """Else twenty threads would wait for twenty times the patience of one."""
    monkeypatch.setattr(sessions, "BUSY_SECONDS", 2)
    database = Database(f"sqlite:///{file}")
    said: list[str | None] = []
    together = threading.Barrier(8)

    def write(visitor: str) -> None:
        together.wait()
        try:
            add(database, visitor)
        except (sa.exc.OperationalError, BusyError) as error:
            said.append(unavailable_reason(error))

    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        threads = [threading.Thread(target=write, args=[str(n)]) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        other.execute("ROLLBACK")
    assert sorted(said, key=str) == ["another process holds the database"] * 7 + [
        "database is locked"
    ]
    add(database, "after")
    database.dispose()


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_nothing_is_written_into_a_file_that_was_taken_away(file: Path, how: str):
    """The connections still have it, and every answer in it would be gone with them."""
    database = Database(f"sqlite:///{file}")
    add(database, "a")
    copy = file.with_suffix(".copy")
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    file.unlink()
    if how == "replaced":
        copy.rename(file)
    with pytest.raises(BusyError, match="removed or replaced"):
        add(database, "b")
    with pytest.raises(BusyError, match="removed or replaced"), database.read():
        pass
    database.dispose()


def test_a_read_only_file_is_told_in_a_line(file: Path):
    database = Database(f"sqlite:///file:{file}?mode=ro&uri=true")
    statement = GUEST.replace(":visitor", "'a'")
    assert trouble(database, statement) == "attempt to write a readonly database"
    database.dispose()


def test_a_postgresql_that_goes_away_is_told_in_a_line_and_used_again(postgres: Postgres):
    with postgres.fresh() as url:
        database = Database(url)
        add(database, "a")
        end_all = "SELECT pg_terminate_backend(pg_backend_pid())"
        assert "terminating connection" in (trouble(database, end_all) or "")
        add(database, "b")
        database.dispose()
    gone = Database(url)
    with pytest.raises(sa.exc.OperationalError) as raised:
        add(gone, "c")
    assert "does not exist" in (unavailable_reason(raised.value) or "")
    gone.dispose()
