"""Moments and words that the tests of a class share; their accounts and class are in conftest."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from quizserver.classes import members_store as members
from quizserver.classes.model import Class
from quizserver.db.session import Database

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
New = Callable[..., int]


def state(database: Database, room: Class, who: int) -> tuple[str, str]:
    with database.read() as session:
        found = members.find_member(session, room.id, who)
    assert found is not None
    return found.role, found.state
