"""Whether this process is ready to keep an answer, found out by keeping something.

A check writes the process's own row and commits it, as an answer is committed. It runs in a thread
of its own, at most once a second however often somebody asks; whoever asks waits for it for at most
a second. So a database that hangs makes the process not ready, and its health page quick all the
same.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import sqlalchemy as sa

from quizserver.db.availability import BusyError, unavailable_in_words, unavailable_reason
from quizserver.db.session import Database

log = logging.getLogger(__name__)

CHECK_SECONDS = 1.0
"""Seconds between two checks, and the longest that an asker waits for one."""
FAULT_SECONDS = 5.0
"""Seconds for which a write that found no room makes the process not ready, whatever a check says:
a check needs less room than an answer."""
BYTES_FREE_MIN = 1024 * 1024
"""Less room on the disk of an SQLite file counts as a full disk."""

STARTING = "no page was rendered yet"
TOO_SLOW = f"the database took longer than {CHECK_SECONDS:g} s to keep a row"
FULL = "the disk of the database is full"


@dataclass
class Readiness:
    """Says why this process is not ready; safe to use from several threads.

    ``keep_row`` writes and commits something small, and raises what the database raises.
    ``render_page`` renders a page as a visitor would get it, and returns whether that worked; it is
    called until it did. ``other_reason`` is anything else that speaks against sending people here.
    """

    database: Database
    keep_row: Callable[[], object]
    render_page: Callable[[], bool]
    other_reason: Callable[[], str | None] = lambda: None
    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _began_at: float = float("-inf")
    _ended: threading.Event | None = None
    _reason: str | None = STARTING
    _is_warm: bool = False

    def reason(self) -> str | None:
        """Why this process is not ready, in words for anybody; None when it is.

        At most ``CHECK_SECONDS`` old; returns within ``CHECK_SECONDS``.
        """
        with self._lock:
            if self._ended is None or (self._ended.is_set() and self._is_due()):
                self._began_at, self._ended = self.clock(), threading.Event()
                threading.Thread(
                    target=self._check, args=(self._ended,), name="readiness", daemon=True
                ).start()
            ended, wait_seconds = self._ended, CHECK_SECONDS - (self.clock() - self._began_at)
        if not ended.wait(max(0.0, wait_seconds)):
            return TOO_SLOW if self._is_warm else STARTING
        return self._reason

    def warm_up(self) -> None:
        """Renders a page now, so that the first visitors need not wait for templates."""
        if not self._is_warm:
            self._is_warm = self.render_page()

    def _is_due(self) -> bool:
        return self.clock() - self._began_at >= CHECK_SECONDS

    def _check(self, ended: threading.Event) -> None:
        try:
            reason = self.other_reason() or self._storage_reason()
            if reason is None:
                self.warm_up()
                reason = None if self._is_warm else STARTING
        except Exception:  # the thread must not end without an answer
            log.exception("finding out whether this process is ready failed")
            reason = "the check itself failed; the log says how"
        has_only_started = reason is None and self._reason == STARTING
        if reason != self._reason and self._is_warm and not has_only_started:
            log.log(
                logging.INFO if reason is None else logging.ERROR,
                "this process is %s",
                "ready again" if reason is None else f"not ready: {reason}",
            )
        self._reason = reason
        ended.set()

    def _storage_reason(self) -> str | None:
        """Why no answer could be kept now; None when one could."""
        try:
            self.keep_row()
        except (sa.exc.SQLAlchemyError, BusyError) as error:
            log.debug("no row could be kept: %s", unavailable_reason(error) or error)
            return unavailable_in_words(error)
        if self._has_full_disk():
            return FULL
        return self.database.recent_storage_fault(FAULT_SECONDS)

    def _has_full_disk(self) -> bool:
        path = self.database.url.database
        if not self.database.is_sqlite or not path or path == ":memory:":
            return False
        try:
            disk = os.statvfs(path)
        except OSError:  # the write has told already whether the file can be used
            return False
        return disk.f_bavail * disk.f_frsize < BYTES_FREE_MIN
