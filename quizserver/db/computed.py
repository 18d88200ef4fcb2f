"""The computed store: runs, their points and their visitors, which can be computed again.

It is a database of its own, so that training never delays an answer. It has no migrations: a store
that another version of the program made is emptied and made again, which costs only the time to
train.
"""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import sqlalchemy as sa

from quizserver.data_folder import make_private_file
from quizserver.db.session import BUSY_SECONDS, Database, database_url, take_advisory_lock

# Goes up with every change of the tables below or of what their columns mean.
VERSION = 6

SCHEMA = "quizserver_runs"

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_version = sa.Table("runs_version", metadata, sa.Column("number", sa.Integer, primary_key=True))

# All times are seconds since 1970 in UTC, as time.time() gives them.
run = sa.Table(
    "run",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("key", sa.String(64), nullable=False),
    # What is asked for: see the requests in quizserver/runs/requests.py.
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("topic", sa.String(128), nullable=False),
    sa.Column("simulation", sa.String(128), nullable=False),
    # The simulation's file or the topic's folder, relative to the content folder, and a fingerprint
    # of what is trained.
    sa.Column("path", sa.String(512), nullable=False),
    sa.Column("fingerprint", sa.String(128), nullable=False),
    # The simulations that a worker must hold to train this: path -> fingerprint.
    sa.Column("files", sa.JSON, nullable=False),
    sa.Column("arm", sa.String(128)),
    sa.Column("knobs", sa.JSON, nullable=False),
    sa.Column("first_seed", sa.BigInteger, nullable=False),
    sa.Column("replicas", sa.Integer, nullable=False),
    sa.Column("x_label", sa.String(128), nullable=False),
    sa.Column("series", sa.JSON, nullable=False),
    # Of a phase map only: its two knobs with their values, and the shape that is counted. The
    # points below are then its cells.
    sa.Column("plane", sa.JSON(none_as_null=True)),
    # Of a verification only: the texts that replace those on the disk, path -> text. The points
    # below are then thousandths of the training.
    sa.Column("overlay", sa.JSON(none_as_null=True)),
    sa.Column("points_total", sa.Integer, nullable=False),
    sa.Column("state", sa.String(8), nullable=False),
    sa.Column("points_done", sa.Integer, nullable=False, server_default="0"),
    sa.Column("last_seq", sa.Integer, nullable=False, server_default="0"),
    sa.Column("size", sa.BigInteger, nullable=False, server_default="0"),
    # How often a worker claimed the run; only the worker of the last attempt may write to it.
    sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
    # What failed: a sentence for learners, and what its author needs to know, for authors alone.
    sa.Column("error", sa.Text),
    sa.Column("error_detail", sa.Text),
    sa.Column("sentence", sa.Text),
    # Of curves that have ended: the SHA-256 of the values of every replica.
    sa.Column("outputs_sha256", sa.String(64)),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("started_at", sa.Double),
    sa.Column("finished_at", sa.Double),
    sa.Column("heartbeat_at", sa.Double, nullable=False),
    sa.Column("used_at", sa.Double, nullable=False),
    sa.CheckConstraint(
        "state IN ('queued', 'running', 'done', 'failed', 'stopped')", name="known_state"
    ),
    sa.CheckConstraint("kind IN ('curves', 'map', 'verification', 'plan')", name="known_kind"),
    sa.CheckConstraint("replicas >= 1 AND first_seed >= 0", name="has_seeds"),
    sa.CheckConstraint("(state = 'failed') = (error IS NOT NULL)", name="failed_says_why"),
    sa.CheckConstraint(
        "(finished_at IS NOT NULL) = (state IN ('done', 'failed', 'stopped'))",
        name="finished_when_ended",
    ),
    sa.Index("ix_run_state_created_at", "state", "created_at"),
    sa.Index("ix_run_used_at", "used_at"),
)

# Of all runs with one key, at most one is queued, running or done: a new request joins it. As text,
# since an ``Index`` that is told of PostgreSQL imports all of its dialect, 0.1 s of every start.
sa.event.listen(
    run,
    "after_create",
    sa.DDL(  # type: ignore[no-untyped-call]
        "CREATE UNIQUE INDEX uq_run_key_alive ON %(fullname)s (key)"
        " WHERE state IN ('queued', 'running', 'done')"
    ),
)

# One batch of points: ``summary`` is the JSON that charts draw; ``data`` the values of every
# replica as little-endian float64 in the order series, replica, point. Of a map, a batch of cells:
# ``summary`` is the JSON of their numbers and counts, ``data`` is empty. Of a verification, a part
# of the training: the last one's ``data`` is the evidence, as text. Of a plan one batch: ``data``
# is the image that browsers are given, compressed, ``summary`` the JSON of what is known of it.
point = sa.Table(
    "point",
    metadata,
    sa.Column("run_id", sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("points", sa.Integer, nullable=False),
    sa.Column("summary", sa.Text, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.CheckConstraint("seq >= 1 AND points >= 1", name="counts_from_one"),
)

# The visitors who asked for a run and have not left it.
watch = sa.Table(
    "watch",
    metadata,
    sa.Column("run_id", sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("visitor", sa.String(64), primary_key=True),
    sa.Index("ix_watch_visitor", "visitor"),
)

# The plans, each under a key for all settings that it is the plan of; see runs/plans_store.py.
plan = sa.Table(
    "plan",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("run_id", sa.ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    sa.Index("ix_plan_run_id", "run_id"),
)

# What the keys of a simulation's plans are made of: names of knobs, as JSON. A few for each file.
plan_scope = sa.Table(
    "plan_scope",
    metadata,
    sa.Column("fingerprint", sa.String(64), primary_key=True),
    # The SHA-256 of the scope, which may be longer than what an index takes.
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("scope", sa.Text, nullable=False),
)

# The visitors whom a plan was given.
plan_given = sa.Table(
    "plan_given",
    metadata,
    sa.Column("run_id", sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("visitor", sa.String(64), primary_key=True),
    sa.Index("ix_plan_given_visitor", "visitor"),
)

# The workers, each a row that it writes to every few seconds, and the simulations that it holds.
worker = sa.Table(
    "worker",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("machine", sa.String(64), nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("version", sa.String(32), nullable=False),
    sa.Column("started_at", sa.Double, nullable=False),
    sa.Column("seen_at", sa.Double, nullable=False),
)

worker_file = sa.Table(
    "worker_file",
    metadata,
    sa.Column("worker_id", sa.ForeignKey("worker.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("path", sa.String(512), primary_key=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Index("ix_worker_file_fingerprint", "fingerprint"),
)


def open_computed(url: str) -> Database:
    """The computed store at ``url``, with the tables of this version.

    A store of another version is emptied; an SQLite file that is damaged is replaced. In PostgreSQL
    the tables are in a schema of their own, beside those of the precious database. Raises
    sqlalchemy.exc.SQLAlchemyError when the database can't be opened at all.
    """
    _make_schema(url)
    database = computed_database(url)
    with _creation_lock(database):
        try:
            _create_tables(database)
        except sa.exc.DatabaseError as error:
            if not database.is_sqlite or not _is_damage(error):
                raise
            database.dispose()
            _remove_files(str(database.url.database))
            _create_tables(database)
    return database


def computed_database(url: str) -> Database:
    """The computed store at ``url``, whose tables are there already."""
    return Database(url, durable=False, schema=SCHEMA)


def _make_schema(url: str) -> None:
    if database_url(url).get_backend_name() != "postgresql":
        return
    database = Database(url)
    with database.engine.begin() as connection:
        take_advisory_lock(connection, SCHEMA)
        connection.execute(sa.schema.CreateSchema(SCHEMA, if_not_exists=True))
    database.dispose()


def _create_tables(database: Database) -> None:
    with database.write() as session:
        connection = session.connection()
        take_advisory_lock(connection, SCHEMA)
        table_names = set(sa.inspect(connection).get_table_names())
        if _version.name in table_names and connection.scalar(sa.select(_version)) == VERSION:
            return
        metadata.drop_all(connection)
        metadata.create_all(connection)
        connection.execute(_version.insert().values(number=VERSION))


def replace_if_damaged(path: str) -> None:
    """Removes an SQLite file that can't be read as one. Only for what can be computed again."""
    if not Path(path).exists():
        return
    with _file_lock(path):
        try:
            with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
                sound = connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            sound = False
        if not sound:
            _remove_files(path)


def _is_damage(error: Exception) -> bool:
    return "not a database" in str(error) or "malformed" in str(error)


def _remove_files(path: str) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


@contextmanager
def _creation_lock(database: Database) -> Iterator[None]:
    """A lock for processes that start together: one makes the store, the others find it made."""
    if not database.is_sqlite or not database.url.database:
        yield
        return
    with _file_lock(database.url.database):
        yield


@contextmanager
def _file_lock(path: str) -> Iterator[None]:
    make_private_file(Path(f"{path}.lock"))
    with Path(f"{path}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
