"""Opens a database and hands out sessions: one kind for reading, one for writing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

BUSY_SECONDS = 5


class Database:
    """One database behind a pool of connections.

    ``durable`` matters to SQLite only: True syncs the log at every commit, so that one that was
    acknowledged survives power loss; False leaves that to the operating system, for what can be
    computed again.
    """

    def __init__(self, url: str, *, durable: bool = True) -> None:
        self.url = sa.make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self.engine = sa.create_engine(self.url, connect_args={"timeout": BUSY_SECONDS})
            _prepare_sqlite(self.engine, durable=durable)
        else:
            self.engine = sa.create_engine(self.url, pool_pre_ping=True)
        self._write_engine = self.engine.execution_options(writes=True)
        # SQLite has one writer; threads that queue here in order wait far less than threads that
        # poll the file's lock with a growing back-off.
        self._turn: AbstractContextManager[Any] = (
            threading.Lock() if self.is_sqlite else nullcontext()
        )

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one moment of the database. Nothing done in it is kept."""
        with Session(self.engine) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session in one transaction: committed at the end, rolled back by any exception."""
        with (
            self._turn,
            Session(self._write_engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    def dispose(self) -> None:
        self.engine.dispose()


def insert_if_new(session: Session, table: sa.Table, **values: Any) -> bool:
    """Inserts a row unless one of the table's unique constraints says it is there already."""
    dialect = session.get_bind().dialect.name
    insert = sqlite_insert if dialect == "sqlite" else postgresql_insert
    statement = insert(table).values(**values).on_conflict_do_nothing()
    return bool(session.execute(statement.returning(sa.literal(1))).first())


def _prepare_sqlite(engine: sa.Engine, *, durable: bool) -> None:
    @sa.event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        # The driver's own transaction handling is off: `begin` below opens every transaction.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # A transaction that reads first and writes later fails at once when another one writes in
        # between; taking the write lock at its start makes it wait its turn instead.
        immediate = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
