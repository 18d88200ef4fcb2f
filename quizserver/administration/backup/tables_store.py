"""Reads and writes whole tables for backups, whatever the revision of the schema.

The columns are taken from the database itself and not from ``db/tables.py``, which speaks of the
newest schema alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import sqlalchemy as sa

from quizserver.administration.backup.model import BackupError, Kind, TablePart
from quizserver.administration.backup.values import (
    decode_row,
    encode_row,
    row_decoders,
    row_encoders,
)
from quizserver.db.availability import first_line
from quizserver.db.tables import FORMER_TABLES, HOST_TABLES, PROCESS_TABLES, metadata

READ_ROWS = 2000
"""Rows of a table that are in memory at once."""
REVISION_TABLE = "alembic_version"

_KINDS: Sequence[tuple[type[sa.types.TypeEngine[Any]], Kind]] = (
    (sa.Boolean, "bool"),
    (sa.Integer, "int"),
    (sa.Float, "float"),
    (sa.DateTime, "moment"),
    (sa.JSON, "json"),
    (sa.LargeBinary, "bytes"),
    (sa.String, "text"),
)


class LineSource(Protocol):
    """Where the lines of a table's part come from."""

    def __call__(self, table: TablePart) -> Iterator[bytes]: ...


def read_revision(connection: sa.Connection) -> str | None:
    """The revision of the schema; None in a database that was never migrated."""
    if not sa.inspect(connection).has_table(REVISION_TABLE):
        return None
    revision: str | None = connection.scalar(sa.text(f"SELECT version_num FROM {REVISION_TABLE}"))
    return revision


def lift_time_limits(connection: sa.Connection) -> None:
    """In PostgreSQL, lets this transaction take as long as it takes."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
        connection.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = 0"))


def reflect_tables(connection: sa.Connection) -> list[sa.Table]:
    """The tables of the precious database as they are there, by name."""
    found = set(sa.inspect(connection).get_table_names())
    reflected = sa.MetaData()
    names = found & {*metadata.tables, *FORMER_TABLES}
    reflected.reflect(connection, only=sorted(names), resolve_fks=False)
    return [reflected.tables[name] for name in sorted(names)]


def column_kinds(table: sa.Table) -> tuple[tuple[str, Kind], ...]:
    """Each column of a table with its kind."""
    return tuple((column.name, _kind_of(column)) for column in table.columns)


def read_lines(connection: sa.Connection, table: sa.Table) -> Iterator[bytes]:
    """The rows of a table as lines of JSON, in the order of the primary key."""
    kinds = column_kinds(table)
    encoders = row_encoders(kind for _, kind in kinds)
    statement = sa.select(*(_plain_column(table.c[name], kind) for name, kind in kinds))
    statement = statement.order_by(*table.primary_key.columns)
    for row in connection.execute(statement.execution_options(yield_per=READ_ROWS)):
        yield encode_row(encoders, row)


def read_lasting_lines(connection: sa.Connection, table: sa.Table) -> Iterator[bytes]:
    """``read_lines``; of a table about processes that run just now, nothing."""
    return iter(()) if table.name in PROCESS_TABLES else read_lines(connection, table)


def read_last_number(connection: sa.Connection, table: sa.Table) -> int | None:
    """The last id that the database gave out for this table, if it keeps that count."""
    if connection.dialect.name == "postgresql":
        sequence = _sequence_of(connection, table.name)
        if sequence is None:
            return None
        row = connection.execute(sa.text(f"SELECT last_value, is_called FROM {sequence}")).one()
        return int(row.last_value) if row.is_called else None
    if not sa.inspect(connection).has_table("sqlite_sequence"):
        return None
    number = connection.scalar(
        sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name"), {"name": table.name}
    )
    return None if number is None else int(number)


def count_rows(connection: sa.Connection) -> dict[str, int]:
    """The rows of each table that has any, but for those that every start of a server writes."""
    counts = {
        table.name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
        for table in reflect_tables(connection)
        if table.name not in HOST_TABLES
    }
    return {name: count for name, count in counts.items() if count}


def load_tables(connection: sa.Connection, tables: Sequence[TablePart], source: LineSource) -> None:
    """Fills the empty tables of a schema of the backup's revision.

    Raises BackupError when the schema has other tables or columns, or rows contradict each other.
    """
    present = {table.name: column_kinds(table) for table in reflect_tables(connection)}
    expected = {table.table: table.columns for table in tables}
    if present.keys() != expected.keys():
        names = ", ".join(sorted(present.keys() ^ expected.keys()))
        raise BackupError(f"Its schema and that of its revision differ in the tables {names}.")
    for name, columns in expected.items():
        if dict(columns).keys() != dict(present[name]).keys():
            raise BackupError(f"Its table {name} has other columns than its revision.")
    with _foreign_keys_off(connection):
        for table in tables:
            # A migration may have put rows of its own into a new schema.
            connection.execute(sa.text(f'DELETE FROM "{table.table}"'))
            _load_table(connection, table, source)
    _check_foreign_keys(connection)


def advance_numbers(connection: sa.Connection, tables: Sequence[TablePart]) -> None:
    """Lets the database go on counting after the last id of the backup, so that none is reused."""
    tables_there = {table.name: table for table in reflect_tables(connection)}
    for part in tables:
        table = tables_there.get(part.table)
        if table is None or list(table.primary_key.columns.keys()) != ["id"]:
            continue
        if _kind_of(table.c.id) != "int":
            continue
        highest = connection.scalar(sa.select(sa.func.max(table.c.id))) or 0
        last = max(highest, part.last_number or 0)
        if last:
            _set_last_number(connection, part.table, last)


def set_tables_aside(connection: sa.Connection, schema: str) -> None:
    """In PostgreSQL, moves every table of the precious database into a new schema."""
    connection.execute(sa.schema.CreateSchema(schema))
    for table in reflect_tables(connection):
        connection.execute(sa.text(f'ALTER TABLE "{table.name}" SET SCHEMA {schema}'))
    if read_revision(connection) is not None:
        connection.execute(sa.text(f"ALTER TABLE {REVISION_TABLE} SET SCHEMA {schema}"))


def drop_tables(connection: sa.Connection) -> None:
    """In PostgreSQL, drops the tables of the precious database, which hold nothing."""
    for table in reflect_tables(connection):
        connection.execute(sa.text(f'DROP TABLE "{table.name}" CASCADE'))
    connection.execute(sa.text(f"DROP TABLE IF EXISTS {REVISION_TABLE}"))


def count_servers(connection: sa.Connection) -> int:
    """In PostgreSQL, the connections of other processes of quizserver to this database."""
    statement = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'quizserver' AND pid <> pg_backend_pid()"
    )
    return connection.scalar(statement) or 0


def _kind_of(column: sa.Column[Any]) -> Kind:
    for type_, kind in _KINDS:
        if isinstance(column.type, type_):
            return kind
    raise BackupError(f"The column {column.table.name}.{column.name} has an unknown type.")


def _plain_column(column: sa.Column[Any], kind: Kind) -> sa.ColumnElement[Any]:
    """The column as its driver gives it; a JSON value as the text that the database holds."""
    if kind == "json":
        return sa.cast(column, sa.Text)
    return column


def _load_table(connection: sa.Connection, table: TablePart, source: LineSource) -> None:
    is_sqlite = connection.dialect.name == "sqlite"
    decoders = row_decoders((kind for _, kind in table.columns), for_sqlite=is_sqlite)
    rows = (decode_row(decoders, line) for line in source(table))
    names = ", ".join(f'"{name}"' for name, _ in table.columns)
    raw: Any = connection.connection.dbapi_connection
    try:
        if is_sqlite:
            marks = ", ".join("?" * len(table.columns))
            raw.executemany(f'INSERT INTO "{table.table}" ({names}) VALUES ({marks})', rows)
        else:
            with raw.cursor().copy(f'COPY "{table.table}" ({names}) FROM STDIN') as copy:
                for row in rows:
                    copy.write_row(row)
    except (sa.exc.DatabaseError, connection.dialect.dbapi.DatabaseError) as error:  # type: ignore[union-attr]
        raise BackupError(
            f"Its table {table.table} does not go in: {first_line(error)}."
        ) from error


@contextmanager
def _foreign_keys_off(connection: sa.Connection) -> Iterator[None]:
    """Lets rows come in any order. SQLite's foreign keys are off already for a migration.

    PostgreSQL's constraints are dropped and made again, which checks every row at once.
    """
    if connection.dialect.name == "sqlite":
        yield
        return
    constraints = connection.execute(
        sa.text(
            "SELECT conrelid::regclass::text AS table_name, quote_ident(conname) AS name,"
            " pg_get_constraintdef(oid) AS definition FROM pg_constraint"
            " WHERE contype = 'f' AND conrelid::regclass::text = ANY(:names)"
        ),
        {"names": _quoted_names(connection)},
    ).all()
    for row in constraints:
        connection.execute(sa.text(f"ALTER TABLE {row.table_name} DROP CONSTRAINT {row.name}"))
    yield
    for row in constraints:
        definition = f"ADD CONSTRAINT {row.name} {row.definition}"
        try:
            connection.execute(sa.text(f"ALTER TABLE {row.table_name} {definition}"))
        except sa.exc.IntegrityError as error:
            raise BackupError(
                f"Its rows contradict each other: {first_line(error.orig)}"
            ) from error


def _quoted_names(connection: sa.Connection) -> list[str]:
    quote = connection.dialect.identifier_preparer.quote
    return [quote(table.name) for table in reflect_tables(connection)]


def _check_foreign_keys(connection: sa.Connection) -> None:
    if connection.dialect.name == "sqlite":
        wrong = connection.execute(sa.text("PRAGMA foreign_key_check")).first()
        if wrong is not None:
            raise BackupError(
                f"Its rows contradict each other: one of {wrong[0]} refers to one of {wrong[2]}"
                " that is missing."
            )


def _sequence_of(connection: sa.Connection, table: str) -> str | None:
    """PostgreSQL's sequence of the column ``id``, quoted; None when it has none."""
    names = connection.execute(
        sa.text(
            "SELECT 1 FROM information_schema.columns WHERE table_schema = current_schema()"
            " AND table_name = :table AND column_name = 'id'"
        ),
        {"table": table},
    ).first()
    if names is None:
        return None
    sequence: str | None = connection.scalar(
        sa.text("SELECT pg_get_serial_sequence(quote_ident(:table), 'id')"), {"table": table}
    )
    return sequence


def _set_last_number(connection: sa.Connection, table: str, last: int) -> None:
    if connection.dialect.name == "postgresql":
        sequence = _sequence_of(connection, table)
        if sequence is not None:
            connection.execute(
                sa.text("SELECT setval(CAST(:name AS regclass), :last)"),
                {"name": sequence, "last": last},
            )
        return
    if not sa.inspect(connection).has_table("sqlite_sequence"):
        return
    definition = connection.scalar(
        sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name"),
        {"name": table},
    )
    if "AUTOINCREMENT" in str(definition).upper():
        values = {"name": table, "last": last}
        connection.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :name"), values)
        connection.execute(
            sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)"), values
        )
