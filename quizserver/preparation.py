"""The preparation of a server's databases beside the start of its web process.

SQLite files at the newest schema need none, which is found out by the standard library. All else is
done by a process of its own (``quizserver.start``): what it has to import leaves with it, and the
application is imported meanwhile.
"""

from __future__ import annotations

import mmap
import os
import signal
import sqlite3
import sys
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import NoReturn

from quizserver.db.revision import check_readable, newest_revision, read_revision
from quizserver.settings import CANNOT_START, Settings

_SQLITE = "sqlite:///"


class Preparation:
    """Begun by granian's first process, waited for by those that it forks.

    When the databases can't be used, one line says why, and the first process gets a SIGTERM.
    """

    def __init__(self) -> None:
        self._has_succeeded = mmap.mmap(
            -1, 1
        )  # shared with every process that is forked from now on
        self._reader: int | None = None
        self.first_process: int | None = None

    def begin(self, settings: Settings) -> None:
        """Starts the preparation, if there is anything to do. This process must have one thread.

        It is the first process of the web server from now on, of which the others are forked.
        """
        self.first_process = os.getpid()
        signal.signal(signal.SIGTERM, _stop)
        if _is_prepared(settings):
            return
        self._reader, writer = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        first_process = os.getpid()
        child = os.fork()
        if child == 0:
            # A process whose parent has ended leaves no zombie behind.
            if os.fork() == 0:
                self._prepare(settings, first_process)
            os._exit(0)
        os.waitpid(child, 0)
        os.close(writer)

    def wait(self) -> None:
        """Returns when the databases can be used. When they can't, this process is about to be
        stopped, and waits for that."""
        if self._reader is None:
            return
        os.read(self._reader, 1)  # nothing is written; the end comes when the preparation has ended
        while self.has_failed:
            time.sleep(1)

    @property
    def has_failed(self) -> bool:
        """Whether the preparation, which has ended, did not make the databases usable."""
        return self._reader is not None and not self._has_succeeded[0]

    def _prepare(self, settings: Settings, first_process: int) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        try:
            from quizserver.start import StartError, prepare_databases

            try:
                prepare_databases(settings)
                self._has_succeeded[0] = 1
            except StartError as error:
                print(f"quizserver: {error}", file=sys.stderr)  # noqa: T201 -- as the command would
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            if not self._has_succeeded[0]:
                os.kill(first_process, signal.SIGTERM)
            os._exit(0)


PREPARATION = Preparation()
"""That of this process, or of the one that it was forked from."""


def _stop(_number: int, _frame: FrameType | None) -> None:
    """Until granian has handlers of its own."""
    sys.exit(CANNOT_START)


def _is_prepared(settings: Settings) -> bool:
    """Whether all databases are SQLite files that can be read, of the newest schema."""
    data, *others = (settings.data_url, settings.store_url, settings.broker_url)
    if not all(url.startswith(_SQLITE) for url in (data, *others)):
        return False
    try:
        return read_revision(_sqlite_path(data)) == newest_revision() and all(
            check_readable(_sqlite_path(url)) for url in others
        )
    except sqlite3.Error:
        return False


def _sqlite_path(url: str) -> Path:
    return Path(url.removeprefix(_SQLITE))
