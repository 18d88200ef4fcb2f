"""How somebody gets into a class, in the database. Every function takes a session."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.classes import codes
from quizserver.classes.members import store as members
from quizserver.classes.members.store import INSTRUCTS, WITH_PERSON, MembershipError
from quizserver.classes.model import Class, Member
from quizserver.classes.store import CLASS, lock
from quizserver.db.session import insert_if_new
from quizserver.db.tables import class_
from quizserver.db.tables import member as membership


def by_code(session: Session, code: str, *, hold: bool = False) -> Class | None:
    """The class that ``code``, in any spelling, lets people into now; None when there is none.

    A class without an instructor takes nobody in. With ``hold``, the code stays as it is until the
    caller's transaction ends.
    """
    wanted = codes.normal(code)
    if wanted is None:
        return None
    rows = session.execute(
        sa.select(class_.c.id, class_.c.join_code).where(
            class_.c.join_code.is_not(None),
            sa.exists()
            .select_from(WITH_PERSON)
            .where(membership.c.class_id == class_.c.id, INSTRUCTS),
        )
    ).all()
    # Every open code is compared, each in constant time: how long a wrong one takes says nothing.
    found = [row for row in rows if codes.same(row.join_code, wanted)]
    if not found:
        return None
    statement = sa.select(*CLASS).where(
        class_.c.id == found[0].id, class_.c.join_code == found[0].join_code
    )
    row = session.execute(statement.with_for_update() if hold else statement).first()
    return Class(*row) if row else None


def join(session: Session, class_id: int, person_id: int, name: str, now: datetime) -> Member:
    """Makes somebody a learner of the class, or lets them back in who left.

    Whoever is in it already stays as they are. Raises MembershipError for who was removed.
    """
    lock(session, class_id)
    new = insert_if_new(
        session,
        membership,
        class_id=class_id,
        person_id=person_id,
        role="learner",
        name=name,
        joined_at=now,
        state_since=now,
    )
    found = members.member(session, class_id, person_id)
    assert found is not None
    if new or found.state == "active":
        return found
    if found.state == "removed":
        raise MembershipError("An instructor removed you from this class. Ask them to let you in.")
    members.change(session, class_id, person_id, state="active", state_since=now, name=name)
    return members.again(session, class_id, person_id)
