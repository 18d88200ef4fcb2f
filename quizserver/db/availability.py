"""What keeps a database that can't be used from holding up pages, or from losing an answer."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import sqlalchemy as sa

TURN_SECONDS = 30
"""Seconds that a thread waits for those before it: as long as these come on, so does it."""


class BusyError(RuntimeError):
    """The database could not be had in time."""


class FileIdentity:
    """Sees that SQLite's file is still the one that was opened.

    Connections keep a file that was removed or replaced, and what is written there is lost with
    the last of them, however well it was acknowledged.
    """

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._opened: tuple[int, int] | None = None

    def check_unchanged(self) -> None:
        """Raises BusyError when it is another one, or gone."""
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
            raise BusyError(f"{self._path} was removed or replaced. Stop the server and start it.")


class WriteTurn:
    """A lock in which threads wait in order.

    When another process holds the file, whoever waited behind a thread that could not write would
    wait as long once more, until no thread is left to read a page: they are told at once instead.
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
    """Why the database can't be used, in a line for a log, when that is what ``error`` means.

    It is gone, locked, full or damaged, and the same request may succeed later. None when the
    statement was at fault, or the error is about something else.
    """
    if isinstance(error, BusyError | sa.exc.TimeoutError):
        return str(error)
    if not isinstance(error, sa.exc.DatabaseError | sa.exc.InterfaceError):
        return None
    message = str(error.orig).strip().partition("\n")[0]
    if not isinstance(error.orig, sqlite3.Error):
        external = isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError)
        return message if external else None
    # SQLite has one code for all that is wrong with a statement, such as a missing table.
    code = _sqlite_code(error)
    return None if code in (None, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT) else message


def _sqlite_code(error: BaseException | None) -> int | None:
    """SQLite's primary code of an error, when it is one of SQLite."""
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    return None if code is None else int(code) & 0xFF
