"""Finds and deletes runs that nobody has used for long. Every function takes a session.

The size of all runs together is bounded by the reaper (``RunStore.evict_runs``).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.db.computed import run
from quizserver.runs.model import ACTIVE


def count_unused_runs(session: Session, before: float) -> int:
    """The ended runs last used before this moment, in seconds since 1970."""
    statement = sa.select(sa.func.count()).select_from(run).where(*_is_unused(before))
    return session.scalar(statement) or 0


def delete_unused_runs(session: Session, before: float, *, limit: int) -> int:
    """Deletes at most ``limit`` of those that ``count_unused_runs`` counts; returns how many."""
    ids = session.scalars(sa.select(run.c.id).where(*_is_unused(before)).limit(limit)).all()
    session.execute(sa.delete(run).where(run.c.id.in_(ids)))
    return len(ids)


def _is_unused(before: float) -> list[sa.ColumnElement[Any]]:
    return [run.c.used_at < before, run.c.state.not_in(sorted(ACTIVE))]
