"""Keeps a database that can't be used from blocking pages and from losing answers."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import sqlalchemy as sa

TURN_SECONDS = 30
"""Seconds that a thread waits for its turn to write."""

GONE_IN_WORDS = "the database can't be reached"
BUSY_IN_WORDS = "the database is held by another process or thread"
_SQLITE_IN_WORDS = {
    sqlite3.SQLITE_FULL: "the disk of the database is full",
    sqlite3.SQLITE_IOERR: "the disk of the database can't be written",
    sqlite3.SQLITE_READONLY: "the database is read-only",
    sqlite3.SQLITE_PERM: "the database is read-only",
    sqlite3.SQLITE_BUSY: BUSY_IN_WORDS,
    sqlite3.SQLITE_LOCKED: BUSY_IN_WORDS,
    sqlite3.SQLITE_CORRUPT: "the database is damaged",
    sqlite3.SQLITE_NOTADB: "the database is damaged",
    sqlite3.SQLITE_CANTOPEN: "the file of the database can't be opened",
    sqlite3.SQLITE_ERROR: "the database does not have the tables of this version",
}
# By the first digits of PostgreSQL's code of an error.
_SQLSTATES_IN_WORDS = {
    "53100": _SQLITE_IN_WORDS[sqlite3.SQLITE_FULL],
    "58": _SQLITE_IN_WORDS[sqlite3.SQLITE_IOERR],
    "25006": _SQLITE_IN_WORDS[sqlite3.SQLITE_READONLY],
    "42P01": _SQLITE_IN_WORDS[sqlite3.SQLITE_ERROR],
    "55P03": BUSY_IN_WORDS,
    "57014": BUSY_IN_WORDS,
    "53": "the database has no room for another connection",
}
_STORAGE_SQLSTATES = ("53100", "58", "25006")


class BusyError(RuntimeError):
    """The database could not be used in time."""


class ReplacedError(BusyError):
    """SQLite's file is no longer the one that was opened."""


class FileIdentity:
    """Checks that SQLite's file is still the one that was opened.

    Connections go on writing into a file that was removed or replaced, and what they write is lost
    when the last of them closes, although it was acknowledged.
    """

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._opened: tuple[int, int] | None = None

    def check_unchanged(self) -> None:
        """Raises ReplacedError when the file was removed or replaced."""
        if not self._path or self._path == ":memory:":
            return
        try:
            status = Path(self._path).stat()
        except FileNotFoundError:
            identity = None
        else:
            identity = (status.st_dev, status.st_ino)
        if self._opened is None:
            self._opened = identity
        elif identity != self._opened:
            raise ReplacedError(
                f"{self._path} was removed or replaced. Stop the server and start it."
            )


class WriteTurn:
    """A lock in which threads wait in order.

    While another process holds the file, each thread in turn would wait for ``BUSY_SECONDS`` and
    fail, until no thread is left to serve a page. So the threads that wait behind one that failed
    fail at once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refusals = 0

    def __enter__(self) -> None:
        before = self._refusals
        if not self._lock.acquire(timeout=TURN_SECONDS):
            raise BusyError(f"nothing could be written for {TURN_SECONDS} s")
        if self._refusals != before:
            self._lock.release()
            raise BusyError("another process holds the database")

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if _sqlite_code(error) == sqlite3.SQLITE_BUSY:
            self._refusals += 1
        self._lock.release()


def unavailable_reason(error: BaseException) -> str | None:
    """Why the database can't be used, in a line for a log, if that is what ``error`` means.

    The database is gone, locked, full or damaged, and the same request may succeed later. None when
    the statement is wrong, or the error is about something else.
    """
    if isinstance(error, BusyError | sa.exc.TimeoutError):
        return str(error)
    if not isinstance(error, sa.exc.DatabaseError | sa.exc.InterfaceError):
        return None
    message = first_line(error.orig)
    if not isinstance(error.orig, sqlite3.Error):
        external = isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError)
        # A server that only follows another one refuses writes with an internal error.
        return message if external or _sqlstate(error).startswith(_STORAGE_SQLSTATES) else None
    # SQLite has one code for every mistake in a statement, such as a missing table.
    code = _sqlite_code(error)
    return None if code in (None, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT) else message


def database_fault(error: sa.exc.DatabaseError) -> str:
    """What is wrong, in one line for whoever runs the server."""
    return unavailable_reason(error) or first_line(error.orig)


def first_line(message: object) -> str:
    """The first line of what a driver says, which may go on about its statement."""
    return str(message).strip().partition("\n")[0]


def unavailable_in_words(error: BaseException) -> str:
    """Why nothing can be written, for anybody to read: without addresses, paths and names."""
    if isinstance(error, ReplacedError):
        return "the file of the database was removed or replaced"
    if isinstance(error, BusyError | sa.exc.TimeoutError):
        return BUSY_IN_WORDS
    code = _sqlite_code(error)
    if code is not None:
        return _SQLITE_IN_WORDS.get(code, "the database refuses to write")
    state = _sqlstate(error)
    for start, words in _SQLSTATES_IN_WORDS.items():
        if state.startswith(start):
            return words
    return "the database refuses to write" if state else GONE_IN_WORDS


def is_storage_fault(error: BaseException) -> bool:
    """Whether the database has no room or may not write: the next answer will fail like this one.

    Its other faults show at any statement, this one perhaps only at one that needs more room.
    """
    code = _sqlite_code(error)
    if code is not None:
        return code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY)
    return _sqlstate(error).startswith(_STORAGE_SQLSTATES)


def _sqlstate(error: BaseException | None) -> str:
    """PostgreSQL's code of an error; empty for one that has none."""
    return str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")


def _sqlite_code(error: BaseException | None) -> int | None:
    """SQLite's primary code of an error; None for an error that is not SQLite's."""
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    return None if code is None else int(code) & 0xFF
