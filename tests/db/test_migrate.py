"""Migrations: up, down, with data in them, and never half."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from quizserver.db.migrate import MigrationError, migrate, prepare_folder
from quizserver.db.session import Database
from quizserver.db.tables import metadata


@pytest.fixture
def empty(tmp_path: Path):
    database = Database(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    yield database
    database.dispose()


def tables(database: Database) -> set[str]:
    return set(sa.inspect(database.engine).get_table_names())


def test_the_migrations_make_exactly_the_tables_that_the_code_declares(empty: Database):
    migrate(empty)
    with empty.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    constraints = sa.inspect(empty.engine).get_check_constraints("person")
    assert {c["name"] for c in constraints} == {
        "ck_person_known_role",
        "ck_person_address_and_password_together",
        "ck_person_only_guests_are_absorbed",
    }


def test_migrating_twice_changes_nothing_the_second_time(empty: Database):
    _, after = migrate(empty)
    assert migrate(empty) == (after, after)


def test_down_and_up_again(empty: Database):
    migrate(empty)
    migrate(empty, "base", down=True)
    assert tables(empty) == {"alembic_version"}
    migrate(empty)
    assert set(metadata.tables) <= tables(empty)


def test_a_database_from_the_future_is_refused_in_words_and_left_alone(empty: Database):
    migrate(empty)
    with empty.write() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(MigrationError, match=r"9999.*newer"):
        migrate(empty)
    with empty.read() as session:
        assert session.scalar(sa.text("SELECT version_num FROM alembic_version")) == "9999"


def test_a_data_folder_that_cannot_be_written_is_an_error(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        prepare_folder(tmp_path / "file")
    prepare_folder(tmp_path / "new" / "deep")
    assert list((tmp_path / "new" / "deep").iterdir()) == []
