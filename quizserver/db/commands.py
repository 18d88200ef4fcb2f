"""``quizserver migrate``: the database to another schema; and the store for the other commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from quizserver.command_line import DATA, settings_of, stop

if TYPE_CHECKING:
    from quizserver.db.session import Database
    from quizserver.settings import Settings


@click.command("migrate")
@DATA
@click.option("--to", "revision", default="head", show_default=True, help="Revision to end at.")
@click.option("--down", is_flag=True, help="Go down to the revision instead of up.")
def migrate_command(revision: str, down: bool, **flags: Any) -> None:
    """Bring the database to the newest schema, or to an older one."""
    with _moved(settings_of(**flags), revision, down=down) as (_, before, after):
        click.echo(f"{before or 'an empty database'} -> {after or 'an empty database'}")


@contextmanager
def migrated(settings: Settings) -> Iterator[Database]:
    """The store of these settings at the newest schema, while the block runs.

    Stops with the reason when it can't be had.
    """
    with _moved(settings) as (database, _, _):
        yield database


@contextmanager
def _moved(
    settings: Settings, revision: str = "head", *, down: bool = False
) -> Iterator[tuple[Database, str | None, str | None]]:
    """The store at that revision, with the revisions it had and has."""
    import sqlalchemy as sa

    from quizserver.db.guards import unavailable
    from quizserver.db.migrate import MigrationError, migrate, prepare_folder
    from quizserver.db.session import Database, DatabaseUrlError

    try:
        prepare_folder(settings.data)
        database = Database(settings.data_url)
        before, after = migrate(database, revision, down=down)
    except sa.exc.DatabaseError as error:
        stop(f"Can't open the database: {unavailable(error) or error.orig}.")
    except (OSError, MigrationError, DatabaseUrlError) as error:
        stop(str(error))
    try:
        yield database, before, after
    finally:
        database.dispose()
