"""Reads and writes the processes of a site. Every function takes a session.

All moments are the database's own, so that machines whose clocks differ agree on who is alive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.db.session import changed_rows
from quizserver.db.tables import Instant, host_process
from quizserver.hosts.model import ProcessIdentity, ProcessStatement

PATHS_STATED = 10
"""Paths of files that differ which a process states; it counts all of them."""
SILENT_BEATS = 4
"""Beats after which a process that stated nothing counts as gone."""
FORGOTTEN_SECONDS = 3600.0
"""Seconds after which the row of a process that is gone is deleted."""

_COLUMNS = tuple(host_process.c[name] for name in ProcessStatement.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class ContentStatement:
    """What a process serves, compared with what is current."""

    digest: str
    differing: Sequence[str]


def state_process(
    session: Session, identity: ProcessIdentity, content: ContentStatement | None = None
) -> None:
    """Writes that this process is alive: into its row, which is made when it is missing.

    Without ``content``, what the row says of it stays.
    """
    now = database_now(session)
    values: dict[str, Any] = {"seen_at": now}
    if content is not None:
        values |= {
            "content_digest": content.digest,
            "differing_count": len(content.differing),
            "differing_paths": list(content.differing[:PATHS_STATED]),
        }
    updated = session.execute(
        sa.update(host_process).where(host_process.c.id == identity.id).values(values)
    )
    if changed_rows(updated):
        return
    # An SQLite file has one web process: rows of others are left over from processes that died.
    kept_seconds = 0.0 if _is_sqlite(session) else FORGOTTEN_SECONDS
    oldest = database_now(session, ago_seconds=kept_seconds)
    session.execute(sa.delete(host_process).where(host_process.c.seen_at < oldest))
    session.execute(
        sa.insert(host_process).values(
            {
                "id": identity.id,
                "machine": identity.machine,
                "name": identity.name,
                "version": identity.version,
                "key_fingerprint": identity.key_fingerprint,
                "differing_paths": [],
                "started_at": now,
            }
            | values
        )
    )


def living_processes(session: Session) -> list[ProcessStatement]:
    """The web processes that were seen lately, those that have run longest first."""
    oldest = database_now(session, ago_seconds=SILENT_BEATS * beat_seconds(session))
    rows = session.execute(
        sa.select(*_COLUMNS)
        .where(host_process.c.seen_at > oldest)
        .order_by(host_process.c.started_at, host_process.c.id)
    )
    return [
        ProcessStatement(**{**row._asdict(), "differing_paths": tuple(row.differing_paths)})
        for row in rows
    ]


def beat_seconds(session: Session) -> float:
    """Seconds between two statements of a process; longer where nobody else is there to read it."""
    return 60.0 if _is_sqlite(session) else 5.0


def database_now(session: Session, *, ago_seconds: float = 0.0) -> sa.ColumnElement[datetime]:
    """The present moment, or an earlier one: by PostgreSQL's clock, or by this machine's beside an
    SQLite file."""
    if _is_sqlite(session):
        return sa.literal(datetime.now(UTC) - timedelta(seconds=ago_seconds), Instant)
    moment = sa.func.clock_timestamp(type_=Instant)
    if not ago_seconds:
        return moment
    ago = sa.literal(timedelta(seconds=ago_seconds), sa.Interval)
    return sa.type_coerce(moment - ago, Instant)


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"
