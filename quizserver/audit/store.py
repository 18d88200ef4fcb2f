"""Writes and reads the audit log. Every function takes a session.

Events are only added. Nothing here changes one; the database forgets the number of a person who is
deleted, and ``delete_events_before`` and ``delete_events_of_domain`` remove whole events.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.audit.actions import ActionCode
from quizserver.audit.model import AuditEvent, EventFilter, NamedPerson, Source
from quizserver.db.tables import audit_event

ABOUT_MAX = 512
READ_ROWS = 500
"""Rows that a long reading holds in memory."""

_COLUMNS = tuple(audit_event.c[name] for name in AuditEvent.__dataclass_fields__)
_NO_DETAIL: Mapping[str, Any] = MappingProxyType({})


def record_audit_event(
    session: Session,
    action: ActionCode,
    *,
    source: Source,
    now: datetime,
    actor: NamedPerson | None = None,
    subject: NamedPerson | None = None,
    about: str | None = None,
    detail: Mapping[str, Any] = _NO_DETAIL,
) -> None:
    """Adds an event, in the transaction of what it records: both are kept, or neither.

    ``actor`` did it (None: the command line, or the server by itself) and ``subject`` had it done
    to them; ``about`` names the thing, such as the path of a page; ``detail`` are JSON values.
    """
    session.execute(
        sa.insert(audit_event).values(
            at=now,
            action=action,
            source=source,
            actor_id=actor.id if actor is not None else None,
            actor_email=actor.email if actor is not None else None,
            subject_id=subject.id if subject is not None else None,
            subject_email=subject.email if subject is not None else None,
            about=about[:ABOUT_MAX] if about is not None else None,
            detail=dict(detail),
        )
    )


def list_events(
    session: Session, wanted: EventFilter, *, offset: int = 0, limit: int | None = None
) -> list[AuditEvent]:
    """The events, newest first."""
    statement = _select_newest_first(wanted).offset(offset).limit(limit)
    return [AuditEvent(*row) for row in session.execute(statement)]


def read_events(session: Session, wanted: EventFilter) -> Iterator[AuditEvent]:
    """The events, newest first, a few hundred at a time: for a log of any length."""
    statement = _select_newest_first(wanted).execution_options(yield_per=READ_ROWS)
    for row in session.execute(statement):
        yield AuditEvent(*row)


def count_events(session: Session, wanted: EventFilter) -> int:
    statement = sa.select(sa.func.count()).select_from(audit_event).where(*_conditions(wanted))
    return session.scalar(statement) or 0


def is_in_log(session: Session, person_id: int) -> bool:
    """Whether any event names the person, as the one who did it or to whom it was done."""
    entries = sa.select(audit_event.c.id).where(*_conditions(EventFilter(person_id=person_id)))
    return session.scalar(entries.limit(1)) is not None


def count_events_before(session: Session, moment: datetime) -> int:
    """The number of events that are older than ``moment``."""
    statement = sa.select(sa.func.count()).where(audit_event.c.at < moment)
    return session.scalar(statement) or 0


def delete_events_before(session: Session, moment: datetime, *, limit: int) -> int:
    """Deletes at most ``limit`` events that are older than ``moment``; returns how many."""
    ids = session.scalars(
        sa.select(audit_event.c.id)
        .where(audit_event.c.at < moment)
        .order_by(audit_event.c.id)
        .limit(limit)
    ).all()
    session.execute(sa.delete(audit_event).where(audit_event.c.id.in_(ids)))
    return len(ids)


def delete_events_of_domain(session: Session, domain: str) -> None:
    """Deletes what was done to addresses that end with ``domain``, and by them: invented people."""
    session.execute(
        sa.delete(audit_event).where(
            sa.or_(
                audit_event.c.subject_email.endswith(domain, autoescape=True),
                audit_event.c.actor_email.endswith(domain, autoescape=True),
            )
        )
    )


def _select_newest_first(wanted: EventFilter) -> sa.Select[Any]:
    return sa.select(*_COLUMNS).where(*_conditions(wanted)).order_by(audit_event.c.id.desc())


def _conditions(wanted: EventFilter) -> list[sa.ColumnElement[bool]]:
    event = audit_event.c
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.action is not None:
        actions = (wanted.action,) if isinstance(wanted.action, str) else wanted.action
        conditions.append(event.action.in_(actions))
    address = wanted.address.strip().lower()  # addresses are stored in lower case
    if address:
        conditions.append(
            sa.or_(
                event.actor_email.contains(address, autoescape=True),
                event.subject_email.contains(address, autoescape=True),
            )
        )
    if wanted.subject_id is not None:
        conditions.append(event.subject_id == wanted.subject_id)
    if wanted.person_id is not None:
        conditions.append(
            sa.or_(event.actor_id == wanted.person_id, event.subject_id == wanted.person_id)
        )
    return conditions
