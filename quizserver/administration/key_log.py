"""Logs that a server works with another secret key than before; the key itself is not logged."""

from __future__ import annotations

from datetime import datetime

from quizserver.audit import store as audit_store
from quizserver.audit.model import EventFilter
from quizserver.db.session import Database, take_advisory_lock
from quizserver.hosts.model import key_fingerprint

_SHOWN_DIGITS = 16


def record_key_change(database: Database, secret: str, now: datetime) -> bool:
    """Adds an event unless the newest one names this key; whether it did. The first key is one."""
    fingerprint = key_fingerprint(secret)[:_SHOWN_DIGITS]
    with database.write() as session:
        take_advisory_lock(session.connection(), "quizserver-key-log")
        newest = audit_store.list_events(session, EventFilter(action="key-changed"), limit=1)
        before = str(newest[0].detail["fingerprint"]) if newest else "none"
        if before == fingerprint:
            return False
        audit_store.record_audit_event(
            session,
            "key-changed",
            source="server",
            now=now,
            detail={"before": before, "fingerprint": fingerprint},
        )
        return True
