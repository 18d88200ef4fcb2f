"""Reads and writes the processes of a site. Every function takes a session.

All moments are the database's own, so that machines whose clocks differ agree on who is alive.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.db.tables import Instant, host_process
from quizserver.hosts.model import ProcessIdentity


def state_process(session: Session, identity: ProcessIdentity) -> None:
    """Writes that this process is alive: into its row, which is made when it is missing."""
    now = database_now(session)
    updated: Any = session.execute(
        sa.update(host_process).where(host_process.c.id == identity.id).values(seen_at=now)
    )
    if updated.rowcount:
        return
    session.execute(
        sa.insert(host_process).values(
            id=identity.id,
            machine=identity.machine,
            name=identity.name,
            version=identity.version,
            key_fingerprint=identity.key_fingerprint,
            differing_paths=[],
            started_at=now,
            seen_at=now,
        )
    )


def database_now(session: Session) -> sa.ColumnElement[datetime]:
    """The present moment: by PostgreSQL's clock, or by this machine's beside an SQLite file."""
    if session.get_bind().dialect.name == "postgresql":
        return sa.func.clock_timestamp(type_=Instant)
    return sa.literal(datetime.now(UTC), Instant)
