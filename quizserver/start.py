"""What a server does to its databases before it answers: migrates them, and sees that they work."""

from __future__ import annotations

import sqlalchemy as sa

from quizserver.db.availability import database_fault
from quizserver.db.migrate import MigrationError, migrate_database
from quizserver.db.session import Database, DatabaseUrlError
from quizserver.runs.service import UnreachableError, check_backends
from quizserver.settings import Settings


class StartError(RuntimeError):
    """The server can't start; the message is one line that says why and what to do."""


def prepare_databases(settings: Settings) -> None:
    """Brings the database to the newest schema, then checks the store and the queue of runs.

    Raises StartError.
    """
    migrate_store(settings)
    try:
        check_backends(settings)
    except UnreachableError as error:
        raise StartError(str(error)) from error


def migrate_store(settings: Settings) -> tuple[str | None, str | None]:
    """Migrates the database to the newest schema. Returns the revisions before and after.

    Raises StartError.
    """
    database = _open_database(settings)
    try:
        return migrate_database(database)
    except MigrationError as error:
        raise StartError(str(error)) from error
    except sa.exc.DatabaseError as error:
        raise _unusable_error(database, error) from error
    finally:
        database.dispose()


def _open_database(settings: Settings) -> Database:
    try:
        return Database(settings.data_url)
    except DatabaseUrlError as error:
        raise StartError(f"QUIZSERVER_DATABASE_URL: {error}") from error


def _unusable_error(database: Database, error: sa.exc.DatabaseError) -> StartError:
    advice = (
        "Move it away to start again, or bring back a copy."
        if database.is_sqlite
        else "See that PostgreSQL runs and that QUIZSERVER_DATABASE_URL is right."
    )
    reason = database_fault(error).rstrip(".")
    return StartError(
        f"Can't open the database {database.url.render_as_string()}: {reason}. {advice}"
    )
