"""Logs that a server works with another secret key than before; the key itself is not logged."""

from __future__ import annotations

from datetime import datetime

from quizserver.audit import store as audit_store
from quizserver.audit.model import EventFilter
from quizserver.db.session import Database, take_advisory_lock
from quizserver.hosts.model import key_fingerprint

_SHOWN_DIGITS = 16
_KEY_EVENTS = EventFilter(action=("key-first-seen", "key-changed"))


def record_key_change(database: Database, secret: str, now: datetime) -> bool:
    """Adds an event unless the newest one names this key; whether it did.

    The first key is no change, and has an action of its own: the next one is compared with it.
    """
    fingerprint = key_fingerprint(secret)[:_SHOWN_DIGITS]
    with database.write() as session:
        take_advisory_lock(session.connection(), "quizserver-key-log")
        newest = audit_store.list_events(session, _KEY_EVENTS, limit=1)
        before = str(newest[0].detail["fingerprint"]) if newest else None
        if before == fingerprint:
            return False
        audit_store.record_audit_event(
            session,
            "key-first-seen" if before is None else "key-changed",
            source="server",
            now=now,
            detail=({"before": before} if before else {}) | {"fingerprint": fingerprint},
        )
        return True
