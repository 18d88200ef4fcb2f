"""Brings a database to the newest schema, or to an older one, with Alembic."""

from __future__ import annotations

import os
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError

from quizserver.db.session import Database, one_at_a_time
from quizserver.settings import shipped


class MigrationError(RuntimeError):
    """The database can't be brought to the wanted schema; the message says why and what to do."""


def migrate(
    database: Database, revision: str = "head", *, down: bool = False
) -> tuple[str | None, str | None]:
    """Migrates up (or ``down``) to ``revision``; returns the revisions before and after.

    Everything runs in one transaction: a migration that fails leaves the database as it was.
    Raises MigrationError when the database is at a revision that this version does not know.
    """
    config = Config()
    config.set_main_option("script_location", str(shipped("migrations")))
    config.set_main_option("path_separator", "os")
    with database.engine.execution_options(writes=True).begin() as connection:
        one_at_a_time(connection, "quizserver-migrate")
        config.attributes["connection"] = connection
        before = MigrationContext.configure(connection).get_current_revision()
        try:
            (command.downgrade if down else command.upgrade)(config, revision)
        except CommandError as error:
            raise MigrationError(
                f"The database is at revision {before} and can't be brought to {revision}: {error}."
                " Use the version of quizserver that made it, or a newer one."
            ) from error
        after = MigrationContext.configure(connection).get_current_revision()
    return before, after


def prepare_folder(folder: Path) -> None:
    """Makes the data folder and proves that files can be written in it. Raises OSError if not."""
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / f".writable-{os.getpid()}"
    probe.touch()
    probe.unlink()
