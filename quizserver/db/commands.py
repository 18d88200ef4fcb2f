"""The command ``quizserver migrate``, and the migrated database for other commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from quizserver.command_line import DATA_OPTION, exit_with_error, settings_from_flags
from quizserver.data_folder import DataFolderError, check_not_restoring

if TYPE_CHECKING:
    from quizserver.db.session import Database
    from quizserver.settings import Settings


@click.command("migrate")
@DATA_OPTION
@click.option("--to", "revision", default="head", show_default=True, help="Revision to end at.")
@click.option("--down", is_flag=True, help="Go down to the revision instead of up.")
def migrate_command(revision: str, down: bool, **flags: Any) -> None:
    """Bring the database to the newest schema, or to an older one.

    Up, it makes a database where there is none yet.
    """
    settings = settings_from_flags(**flags)
    with _database_at(settings, revision, down=down, may_be_new=not down) as (_, before, after):
        click.echo(f"{before or 'an empty database'} -> {after or 'an empty database'}")


@contextmanager
def migrated_database(settings: Settings, *, may_be_new: bool = False) -> Iterator[Database]:
    """The database of these settings at the newest schema, while the block runs.

    Exits with the reason when it can't be opened or migrated, or when there is none yet: a wrong
    ``--data`` must not make an empty one, unless it ``may_be_new``.
    """
    with _database_at(settings, may_be_new=may_be_new) as (database, _, _):
        yield database


@contextmanager
def _database_at(
    settings: Settings, revision: str = "head", *, down: bool = False, may_be_new: bool = False
) -> Iterator[tuple[Database, str | None, str | None]]:
    """The database at that revision, with the revisions before and after."""
    import sqlalchemy as sa

    from quizserver.data_folder import prepare_folder
    from quizserver.db.availability import database_fault
    from quizserver.db.migrate import MigrationError, migrate_database
    from quizserver.db.session import (
        Database,
        DatabaseUrlError,
        MissingDatabaseError,
        require_database_file,
    )

    try:
        if not may_be_new:
            require_database_file(settings.data_url)
        prepare_folder(settings.data)
        check_not_restoring(settings.data)
        database = Database(settings.data_url)
        before, after = migrate_database(database, revision, down=down)
    except sa.exc.DatabaseError as error:
        exit_with_error(f"Can't open the database: {database_fault(error)}.")
    except (
        OSError,
        MigrationError,
        DatabaseUrlError,
        DataFolderError,
        MissingDatabaseError,
    ) as error:
        exit_with_error(str(error))
    try:
        yield database, before, after
    finally:
        database.dispose()
