"""Tells of a database or queue that can't be used: once when that begins, once when it is over."""

from __future__ import annotations

import logging
import time

from quizserver.db.availability import unavailable_reason

_DRIVERS = ("psycopg", "redis", "sqlite3")
AGAIN = 60.0  # seconds after which an outage that goes on is told of again


class Outage:
    """What one loop of a process says of its failures, however often it tries."""

    def __init__(self, log: logging.Logger, subject: str) -> None:
        self._log = log
        self._subject = subject
        self._last_kind = ""
        self._logged_at = 0.0

    def log_failure(self, error: Exception) -> None:
        """Notes a failure. The first of its kind is logged; with its trace where it comes from
        elsewhere than the driver of a database or queue, as it is a fault of ours then."""
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
        """Notes that it went well."""
        if self._last_kind:
            self._last_kind = ""
            self._log.warning("%s: that is over.", self._subject)
