"""Logs that a database or queue can't be used: once when that begins, once when it is over."""

from __future__ import annotations

import logging
import time

from quizserver.db.availability import unavailable_reason

_DRIVERS = ("psycopg", "redis", "sqlite3")
AGAIN = 60.0  # seconds after which an outage that goes on is logged again


class Outage:
    """Logs the failures of one loop of a process, however often it tries."""

    def __init__(self, log: logging.Logger, subject: str) -> None:
        self._log = log
        self._subject = subject
        self._last_kind = ""
        self._logged_at = 0.0

    def log_failure(self, error: Exception) -> None:
        """Logs a failure that is the first of its kind; with its trace unless it comes from the
        driver of a database or queue, as it is a fault of this program then."""
        now = time.monotonic()
        kind = type(error).__name__
        if kind == self._last_kind and now - self._logged_at < AGAIN:
            return
        self._last_kind, self._logged_at = kind, now
        detail = str(getattr(error, "orig", None) or error).strip() or kind
        driver = unavailable_reason(error) is not None or type(error).__module__.startswith(
            _DRIVERS
        )
        self._log.error(
            "%s: %s. It is tried again every second.",
            self._subject,
            detail.partition("\n")[0].rstrip("."),
            exc_info=None if driver else error,
        )

    def log_recovery(self) -> None:
        """Logs that the outage is over, if there was one."""
        if self._last_kind:
            self._last_kind = ""
            self._log.warning("%s: that is over.", self._subject)
