"""What tests of a class share, beside the fixtures in conftest."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from quizserver.classes import members_store as members
from quizserver.classes.model import Class
from quizserver.db.session import Database

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
NewAccount = Callable[..., int]


def membership_state(database: Database, class_: Class, person_id: int) -> tuple[str, str]:
    with database.read() as session:
        membership = members.find_member(session, class_.id, person_id)
    assert membership is not None
    return membership.role, membership.state
