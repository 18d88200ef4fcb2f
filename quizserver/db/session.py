"""Opens a database and its sessions: one kind for reading, one for writing."""

from __future__ import annotations

import functools
import importlib.util
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from quizserver.data_folder import make_private_file
from quizserver.db.availability import (
    TURN_SECONDS,
    FileIdentity,
    WriteTurn,
    is_storage_fault,
    unavailable_in_words,
)

BUSY_SECONDS = 5
"""Seconds that a request waits for another process to release SQLite's file, or for PostgreSQL to
accept a connection, before the database counts as not usable."""

OpenReading = Callable[[], AbstractContextManager[Session]]
"""Opens a session for reading, as ``Database.read`` does."""

_URL_HELP = "Write sqlite:///path or postgresql://user:password@host/name."

# What a statement, a wait for a lock and a forgotten transaction may take in PostgreSQL, in ms.
_LIMITS = {
    "statement_timeout": 60_000,
    "lock_timeout": 10_000,
    "idle_in_transaction_session_timeout": 120_000,
}

# A PostgreSQL that is gone without closing its connections is noticed after seconds, where the
# system would wait for minutes; parameters of the URL take precedence.
CONNECTION_TIMEOUTS: Mapping[str, str] = {
    "connect_timeout": str(BUSY_SECONDS),
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}


class DatabaseUrlError(ValueError):
    """The address of a database is wrong; the message describes a right one."""


class MissingDatabaseError(RuntimeError):
    """There is no SQLite file where one was expected; the message says how to name another."""


def require_database_file(text: str) -> None:
    """Raises MissingDatabaseError when the URL names an SQLite file that is not there, which
    opening it would make; DatabaseUrlError for a wrong URL. PostgreSQL is not asked."""
    url = database_url(text)
    if url.get_backend_name() == "sqlite" and not (url.database and Path(url.database).is_file()):
        raise MissingDatabaseError(
            f"There is no database at {url.database}. Name its folder with --data."
        )


def database_place(text: str) -> str:
    """Where the database of a URL is, for people: the path of a file, or an address without its
    password. Raises DatabaseUrlError."""
    url = database_url(text)
    if url.get_backend_name() == "sqlite" and url.database:
        return str(Path(url.database).absolute())
    return url.render_as_string(hide_password=True)


def database_url(text: str) -> sa.URL:
    """A SQLAlchemy URL, with psycopg 3 for every spelling of PostgreSQL.

    Raises DatabaseUrlError for other databases, and when psycopg is missing.
    """
    try:
        url = sa.make_url(text)
    except sa.exc.ArgumentError:
        raise DatabaseUrlError(f"This is no address of a database. {_URL_HELP}") from None
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise DatabaseUrlError(f"{url.drivername} is no database that can be used. {_URL_HELP}")
    if url.drivername != "sqlite" and importlib.util.find_spec("psycopg") is None:
        raise DatabaseUrlError(
            "PostgreSQL needs psycopg: pip install 'quizserver[postgresql]', then start again."
        )
    return url


class Database:
    """One database behind a pool of connections.

    ``durable`` matters to SQLite only: True syncs the log at every commit, so that one that was
    acknowledged survives power loss; False leaves that to the operating system, for what can be
    computed again. ``schema`` matters to PostgreSQL only: where tables are looked for and made.
    """

    def __init__(
        self, url: str, *, durable: bool = True, schema: str | None = None, connections: int = 10
    ) -> None:
        self.url = database_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self.engine = sa.create_engine(self.url, connect_args={"timeout": BUSY_SECONDS})
            _prepare_sqlite(self.engine, durable=durable)
            self._read_engine = self.engine
        else:
            self.engine = sa.create_engine(
                self.url,
                pool_pre_ping=True,
                pool_size=connections,
                max_overflow=connections,
                pool_timeout=TURN_SECONDS / 2,
                connect_args=_missing_timeouts(self.url)
                | {"options": _server_options(self.url, schema)},
            )
            # All statements of one session see the same moment, as in SQLite.
            self._read_engine = self.engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        self._file_identity = (
            FileIdentity(self.url.database) if self.is_sqlite and durable else None
        )
        self._write_engine = self.engine.execution_options(writes=True)
        # SQLite has one writer; threads that wait here in order wait far less than threads that
        # poll the file's lock with a growing back-off.
        self._turn: AbstractContextManager[Any] = WriteTurn() if self.is_sqlite else nullcontext()
        self._storage_fault: tuple[float, str] | None = None

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one moment of the database. Its changes are not kept."""
        self._check_file()
        with Session(self._read_engine) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session in one transaction: committed at the end, rolled back by any exception.

        Raises BusyError when other threads write for too long, or the file was removed or replaced.
        """
        self._check_file()
        try:
            with (
                self._turn,
                Session(self._write_engine, expire_on_commit=False) as session,
                session.begin(),
            ):
                yield session
        except sa.exc.DatabaseError as error:
            if is_storage_fault(error):
                self._storage_fault = time.monotonic(), unavailable_in_words(error)
            raise

    def recent_storage_fault(self, seconds: float) -> str | None:
        """Why a write found no room within the last ``seconds``, in words; None if none did."""
        fault = self._storage_fault
        return fault[1] if fault and time.monotonic() - fault[0] < seconds else None

    def _check_file(self) -> None:
        if self._file_identity is not None:
            self._file_identity.check_unchanged()

    def dispose(self) -> None:
        self.engine.dispose()


def take_advisory_lock(connection: sa.Connection, name: str) -> None:
    """Waits, in PostgreSQL, until no other transaction holds the lock of this name.

    SQLite has one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": name})


def changed_rows(result: sa.Result[Any]) -> int:
    """How many rows an UPDATE or DELETE changed, of which ``execute`` gave this result."""
    return cast("sa.CursorResult[Any]", result).rowcount


def insert_if_new(session: Session, table: sa.Table, **values: Any) -> bool:
    """Inserts a row unless a unique constraint of the table forbids it; whether it was inserted."""
    statement = _insert_if_new(table, session.get_bind().dialect.name)
    return session.execute(statement, values).first() is not None


def upsert(table: sa.Table, dialect: str) -> SqliteInsert:
    """An INSERT of the dialect, which can say what to do where the row is there already."""
    if dialect == "sqlite":
        return sqlite_insert(table)
    # It takes 0.1 s to import, which a start on SQLite need not wait for.
    from sqlalchemy.dialects.postgresql import insert

    return cast("SqliteInsert", insert(table))  # with the same methods


@functools.cache
def _insert_if_new(table: sa.Table, dialect: str) -> sa.Executable:
    return upsert(table, dialect).on_conflict_do_nothing().returning(sa.literal(1))


def _missing_timeouts(url: sa.URL) -> dict[str, str]:
    return {name: value for name, value in CONNECTION_TIMEOUTS.items() if name not in url.query}


def _server_options(url: sa.URL, schema: str | None) -> str:
    """The options of each connection to PostgreSQL; those of the URL come last."""
    options = [f"-c {name}={value}" for name, value in _LIMITS.items()]
    options.append("-c application_name=quizserver")  # a restore looks for servers that still run
    if schema is not None:
        options.append(f"-c search_path={schema}")
    own_options = url.query.get("options", ())
    return " ".join([*options, *([own_options] if isinstance(own_options, str) else own_options)])


def _prepare_sqlite(engine: sa.Engine, *, durable: bool) -> None:
    path = engine.url.database

    @sa.event.listens_for(engine, "do_connect")
    def before_connect(*_arguments: Any) -> None:
        if path and path != ":memory:":
            make_private_file(Path(path))

    @sa.event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        # The driver's own transaction handling is off: ``on_begin`` opens every transaction.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def on_begin(connection: sa.Connection) -> None:
        # A transaction that reads first and writes later fails at once when another one writes in
        # between; with the write lock from its start it waits instead.
        immediate = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
