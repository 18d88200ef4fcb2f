"""When sessions were last used: noted while pages are served, and written beside them."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import UTC, datetime

import sqlalchemy as sa

from quizserver.accounts import sessions_store
from quizserver.accounts.sessions import BrowserSession
from quizserver.db.availability import BusyError
from quizserver.db.session import Database

RETRY_SECONDS = 60.0
"""Seconds without another try after the database could not be written."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Sightings:
    """Writes at most one moment for a session in ``SEEN_STEP``, in a thread of ``executor``.

    So no page waits for it or has a statement more, and a class that arrives at once is one
    transaction or two. A moment that can't be written is forgotten: the next page notes another.
    """

    database: Database
    executor: Executor
    _hashes: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _is_writing: bool = False
    _paused_until: float = 0.0

    def note(self, session: BrowserSession) -> None:
        """Notes that a page was opened with this session just now."""
        if not session.is_due_for_sighting(datetime.now(UTC)):
            return
        with self._lock:
            if time.monotonic() < self._paused_until:
                return
            self._hashes.add(session.token_hash)
            if self._is_writing:
                return
            self._is_writing = True
        try:
            self.executor.submit(self._write_noted)
        except RuntimeError:  # the server is stopping
            self._is_writing = False

    def _write_noted(self) -> None:
        while True:
            with self._lock:
                hashes, self._hashes = self._hashes, set()
                if not hashes:
                    self._is_writing = False
                    return
            try:
                with self.database.write() as session:
                    sessions_store.record_sightings(session, hashes, datetime.now(UTC))
            except (sa.exc.SQLAlchemyError, BusyError) as error:
                log.info("that %d sessions were used was not noted: %s", len(hashes), error)
                with self._lock:
                    self._hashes.clear()
                    self._is_writing = False
                    self._paused_until = time.monotonic() + RETRY_SECONDS
                return
