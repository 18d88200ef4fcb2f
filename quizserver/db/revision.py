"""The revision of the newest schema, and of a SQLite file, found without SQLAlchemy."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from quizserver.settings import shipped_folder


def newest_revision() -> str:
    """The revision of the newest schema: the number that the last migration's file begins with."""
    files = (shipped_folder("migrations") / "versions").glob("[0-9]*_*.py")
    return max(file.name.partition("_")[0] for file in files)


def read_revision(path: Path) -> str | None:
    """The revision of the schema in a SQLite file; None where there is none.

    Raises sqlite3.Error when it can't be read, or has no schema at all.
    """
    if not path.exists():
        return None
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    return str(rows[0][0]) if len(rows) == 1 else None


def check_readable(path: Path) -> bool:
    """Whether there is a SQLite file. Raises sqlite3.Error when it can't be read as one."""
    if not path.exists():
        return False
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
    return True
