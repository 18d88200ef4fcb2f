"""Brings a database to the newest schema, or to an older one, with Alembic.

Alembic is imported only where something is to be migrated: that takes longer than a server's other
work on its database when it starts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from quizserver.db.revision import newest_revision
from quizserver.db.session import Database, take_advisory_lock
from quizserver.settings import shipped_folder

if TYPE_CHECKING:
    from alembic.config import Config


class MigrationError(RuntimeError):
    """The database can't be migrated to the revision; the message has the reason and a remedy."""


def migrate_database(
    database: Database, revision: str = "head", *, down: bool = False
) -> tuple[str | None, str | None]:
    """Migrates up (or ``down``) to ``revision``; returns the revisions before and after.

    Everything runs in one transaction: a migration that fails leaves the database as it was.
    Raises MigrationError when the database is at a revision that this version does not have.
    """
    if revision == "head" and not down and is_newest(database):
        return newest_revision(), newest_revision()
    with open_migrating(database) as connection, connection.begin():
        take_migration_lock(connection)
        return migrate_connection(connection, revision, down=down)


def take_migration_lock(connection: sa.Connection) -> None:
    """Waits until no other process migrates the database, or restores it."""
    take_advisory_lock(connection, "quizserver-migrate")


def migrate_connection(
    connection: sa.Connection, revision: str = "head", *, down: bool = False
) -> tuple[str | None, str | None]:
    """``migrate_database`` inside of the caller's transaction on ``open_migrating``'s connection.

    The caller holds the lock of ``take_migration_lock``.
    """
    from alembic import command
    from alembic.runtime.migration import MigrationContext
    from alembic.util import CommandError

    config = _alembic_config()
    config.attributes["connection"] = connection
    before = MigrationContext.configure(connection).get_current_revision()
    try:
        (command.downgrade if down else command.upgrade)(config, revision)
    except CommandError as error:
        raise MigrationError(
            f"The database is at revision {before} and can't be brought to {revision}: {error}."
            " Use the version of quizserver that made it, or a newer one."
        ) from error
    return before, MigrationContext.configure(connection).get_current_revision()


def is_newest(database: Database) -> bool:
    """Whether the database has the newest schema.

    Raises sqlalchemy.exc.DatabaseError when it can't be read.
    """
    with database.engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return False
        revision = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
        return bool(revision == newest_revision())


def known_revisions() -> list[str]:
    """The revisions that this version has, the newest first."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(_alembic_config())
    return [script.revision for script in scripts.walk_revisions()]


def _alembic_config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(shipped_folder("migrations")))
    config.set_main_option("path_separator", "os")
    return config


@contextmanager
def open_migrating(database: Database) -> Iterator[sa.Connection]:
    """A connection of its own on which SQLite ignores foreign keys; PostgreSQL does not.

    SQLite can't change a column or a constraint of a table: a new table is made and filled, and the
    old one dropped. With foreign keys on, that would delete every row that refers to it.
    """
    with database.engine.execution_options(writes=True).connect() as connection:
        if database.is_sqlite:
            # Outside of a transaction, as it has no effect inside of one.
            raw = connection.connection.driver_connection
            assert raw is not None
            raw.execute("PRAGMA foreign_keys=OFF")
            connection.detach()  # it must not go back into the pool
        yield connection
