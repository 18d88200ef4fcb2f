"""Joining a class by its code, in the database. Every function takes a session."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.classes import join_codes
from quizserver.classes import members_store as members
from quizserver.classes.members_store import IS_INSTRUCTOR, WITH_PERSON, MembershipError
from quizserver.classes.model import Class, Member
from quizserver.classes.store import CLASS_COLUMNS, lock_class
from quizserver.db.session import insert_if_new
from quizserver.db.tables import class_
from quizserver.db.tables import member as membership
from quizserver.translation import gettext


def find_class_by_code(session: Session, code: str, *, lock_row: bool = False) -> Class | None:
    """The class that can be joined with ``code``, in any spelling, now; None when there is none.

    A class without an instructor can't be joined. With ``lock_row``, the code stays as it is until
    the caller's transaction ends.
    """
    normalised = join_codes.normalise_code(code)
    if normalised is None:
        return None
    rows = session.execute(
        sa.select(class_.c.id, class_.c.join_code).where(
            class_.c.join_code.is_not(None),
            sa.exists()
            .select_from(WITH_PERSON)
            .where(membership.c.class_id == class_.c.id, IS_INSTRUCTOR),
        )
    ).all()
    # Compared with every open code, each in constant time, so that timing reveals nothing.
    matches = [row for row in rows if join_codes.codes_match(row.join_code, normalised)]
    if not matches:
        return None
    statement = sa.select(*CLASS_COLUMNS).where(
        class_.c.id == matches[0].id, class_.c.join_code == matches[0].join_code
    )
    row = session.execute(statement.with_for_update() if lock_row else statement).first()
    return Class(*row) if row else None


def join_class(session: Session, class_id: int, person_id: int, name: str, now: datetime) -> Member:
    """Makes a person a learner of the class, again if they have left it.

    An active membership stays as it is. Raises MembershipError for a person who was removed.
    """
    lock_class(session, class_id)
    inserted = insert_if_new(
        session,
        membership,
        class_id=class_id,
        person_id=person_id,
        role="learner",
        name=name,
        joined_at=now,
        state_since=now,
    )
    current = members.find_member(session, class_id, person_id)
    assert current is not None
    if inserted or current.state == "active":
        return current
    if current.state == "removed":
        raise MembershipError(
            gettext("An instructor removed you from this class. Ask them to let you in.")
        )
    members.update_member(session, class_id, person_id, state="active", state_since=now, name=name)
    return members.get_member(session, class_id, person_id)
