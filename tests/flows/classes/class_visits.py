"""What visitors do on the pages of a class."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import sqlalchemy as sa

from quizserver.db.session import Database
from quizserver.db.tables import member, person
from tests.flows.browser_client import Visitor

NewVisitor = Callable[[], Visitor]
TEACHER, ANA = "teacher@example.org", "ana@example.org"


def join_code(teacher: Visitor) -> str:
    match = re.search(r"<code>((?:\w{3}-){2}\w{3})</code>", teacher.open("/classes/1"))
    assert match is not None
    return match.group(1)


def join_class(visitor: Visitor, code: str, name: str = "") -> str:
    visitor.open(f"/join/{code}")
    return visitor.send(f"/join/{code}", name=name)


def add_learners(database: Database, count: int) -> None:
    """Puts so many learners more into the first class."""
    now = datetime.now(UTC)
    common_fields = {"created_at": now, "password_hash": "none"}
    with database.write() as session:
        rows = [
            common_fields | {"visitor": f"v{n}", "email": f"l{n}@example.org"} for n in range(count)
        ]
        session.execute(sa.insert(person), rows)
        is_new = person.c.email.in_([row["email"] for row in rows])
        ids = session.scalars(sa.select(person.c.id).where(is_new))
        fields = {"class_id": 1, "role": "learner", "joined_at": now, "state_since": now}
        session.execute(
            sa.insert(member), [fields | {"person_id": i, "name": f"Learner {i}"} for i in ids]
        )


def press_button(visitor: Visitor, address: str) -> str:
    """Presses the button of the present page that goes to ``address``."""
    assert f'formaction="{address}"' in visitor.page
    return visitor.post(address, {"csrf_token": csrf_token(visitor)})


def csrf_token(visitor: Visitor) -> str:
    match = re.search(r'name="csrf_token" value="([^"]+)"', visitor.page)
    assert match is not None
    return match.group(1)
