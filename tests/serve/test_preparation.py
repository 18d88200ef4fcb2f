"""What a server does to its databases before it answers, and what it does without."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from quizserver.db.migrate import migrate_database
from quizserver.db.session import Database
from quizserver.preparation import _is_prepared
from quizserver.settings import Settings
from quizserver.start import StartError, prepare_databases


def test_sqlite_files_of_the_newest_schema_need_no_preparation(tmp_path: Path):
    settings = Settings(data=tmp_path)
    assert not _is_prepared(settings)
    prepare_databases(settings)
    assert _is_prepared(settings)
    database = Database(settings.data_url)
    migrate_database(database, "0006", down=True)
    database.dispose()
    assert not _is_prepared(settings), "an older schema"
    prepare_databases(settings)
    assert _is_prepared(settings)
    (tmp_path / "runs.sqlite3").write_bytes(b"this is no database, but a long text" * 99)
    assert not _is_prepared(settings), "a store that can't be read"
    prepare_databases(settings)
    assert _is_prepared(settings), "it was made again"


@pytest.mark.parametrize("name", ["database_url", "runs_url", "queue_url"])
def test_other_databases_than_sqlite_files_are_always_looked_at(tmp_path: Path, name: str):
    settings = Settings(data=tmp_path)
    prepare_databases(settings)
    assert not _is_prepared(Settings(data=tmp_path, **{name: "postgresql://host/name"}))  # type: ignore[arg-type]


def test_a_database_that_can_not_be_used_is_one_line(tmp_path: Path):
    with closing(sqlite3.connect(tmp_path / "quizserver.sqlite3")) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('9999')")
        connection.commit()
    with pytest.raises(StartError, match="9999") as raised:
        prepare_databases(Settings(data=tmp_path))
    assert "\n" not in str(raised.value)
