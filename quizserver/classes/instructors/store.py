"""Who instructs a class, in the database. Every function takes a session."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.classes.members import store as members
from quizserver.classes.members.store import INSTRUCTS, TEACHES, WITH_PERSON, MembershipError
from quizserver.classes.model import Class, Member
from quizserver.classes.store import CLASS, by_title, lock
from quizserver.db.session import insert_if_new
from quizserver.db.tables import class_, person
from quizserver.db.tables import member as membership


def of_class(session: Session, class_id: int) -> list[Member]:
    """Who instructs the class, longest first."""
    found = members.rows(session, membership.c.class_id == class_id, INSTRUCTS)
    return sorted(found, key=lambda each: (each.joined_at, each.person_id))


def instructs(session: Session, class_id: int, person_id: int) -> bool:
    """Whether somebody is an instructor of the class, and their account may still teach."""
    found = members.member(session, class_id, person_id)
    return found is not None and found.instructs


def classes_of(session: Session, person_id: int) -> list[Class]:
    """The classes that somebody instructs, newest first."""
    rows = session.execute(
        sa.select(*CLASS)
        .join(WITH_PERSON, membership.c.class_id == class_.c.id)
        .where(membership.c.person_id == person_id, INSTRUCTS)
        .order_by(class_.c.created_at.desc(), class_.c.id.desc())
    )
    return [Class(*row) for row in rows]


def taught(session: Session, class_ids: Collection[int]) -> set[int]:
    """Which of these classes somebody instructs."""
    found = session.scalars(
        sa.select(membership.c.class_id)
        .select_from(WITH_PERSON)
        .where(membership.c.class_id.in_(class_ids), INSTRUCTS)
    )
    return set(found)


def only_instructor_of(session: Session, person_id: int) -> list[Class]:
    """The classes that would have no instructor without this person, by title."""
    other = WITH_PERSON.select().where(
        membership.c.class_id == class_.c.id, membership.c.person_id != person_id, INSTRUCTS
    )
    mine = WITH_PERSON.select().where(
        membership.c.class_id == class_.c.id, membership.c.person_id == person_id, INSTRUCTS
    )
    rows = session.execute(sa.select(*CLASS).where(mine.exists(), ~other.exists()))
    return by_title(Class(*row) for row in rows)


def promote(session: Session, class_id: int, email: str, now: datetime) -> Member:
    """Makes the account with this address an instructor of the class.

    Raises MembershipError when there is none, or when it may not teach.
    """
    lock(session, class_id)
    row = session.execute(sa.select(person.c.id).where(person.c.email == email, TEACHES)).first()
    if row is None:
        # One answer for "nobody" and for "no instructor": this form is no directory of accounts.
        raise MembershipError(
            f"{email} is not the address of an instructor's account on this server."
        )
    new = insert_if_new(
        session,
        membership,
        class_id=class_id,
        person_id=row.id,
        role="instructor",
        joined_at=now,
        state_since=now,
    )
    before = members.member(session, class_id, row.id)
    assert before is not None
    if not new and not before.instructs:
        members.change(
            session, class_id, row.id, role="instructor", state="active", state_since=now
        )
    return members.again(session, class_id, row.id)


def step_down(session: Session, class_id: int, person_id: int, now: datetime) -> None:
    """An instructor leaves the class. Raises MembershipError for the only one it has."""
    lock(session, class_id)
    others = [each for each in of_class(session, class_id) if each.person_id != person_id]
    if not others:
        raise MembershipError("A class keeps at least one instructor: add another one first.")
    session.execute(
        sa.update(membership)
        .where(*members.is_(class_id, person_id), membership.c.role == "instructor")
        .values(role="learner", state="left", state_since=now)
    )
