"""The instructors of classes in the database. Every function takes a session."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.classes import members_store as members
from quizserver.classes.members_store import IS_INSTRUCTOR, MAY_TEACH, WITH_PERSON, MembershipError
from quizserver.classes.model import Class, Member
from quizserver.classes.store import CLASS_COLUMNS, lock_class, sort_by_title
from quizserver.db.session import insert_if_new
from quizserver.db.tables import class_, person
from quizserver.db.tables import member as membership
from quizserver.translation import gettext

# Every page of a class asks for it; SQLAlchemy takes longer to make a statement than to run it.
_INSTRUCTED_CLASS = (
    sa.select(*CLASS_COLUMNS)
    .join(WITH_PERSON, membership.c.class_id == class_.c.id)
    .where(
        class_.c.id == sa.bindparam("class_id"),
        membership.c.person_id == sa.bindparam("person_id"),
        IS_INSTRUCTOR,
    )
)


def class_instructors(session: Session, class_id: int) -> list[Member]:
    """The instructors of a class, in the order in which they joined."""
    memberships = members.select_members(session, membership.c.class_id == class_id, IS_INSTRUCTOR)
    return sorted(memberships, key=lambda row: (row.joined_at, row.person_id))


def is_instructor_of(session: Session, class_id: int, person_id: int) -> bool:
    """Whether a person is an instructor of the class, with an account that may still teach."""
    current = members.find_member(session, class_id, person_id)
    return current is not None and current.is_instructor


def find_instructed_class(session: Session, class_id: int, person_id: int) -> Class | None:
    """The class if the person is an instructor of it, as ``is_instructor_of`` says; else None."""
    parameters = {"class_id": class_id, "person_id": person_id}
    row = session.execute(_INSTRUCTED_CLASS, parameters).first()
    return Class(*row) if row else None


def classes_instructed_by(session: Session, person_id: int) -> list[Class]:
    """The classes that a person instructs, newest first."""
    rows = session.execute(
        sa.select(*CLASS_COLUMNS)
        .join(WITH_PERSON, membership.c.class_id == class_.c.id)
        .where(membership.c.person_id == person_id, IS_INSTRUCTOR)
        .order_by(class_.c.created_at.desc(), class_.c.id.desc())
    )
    return [Class(*row) for row in rows]


def ids_with_instructor(session: Session, class_ids: Collection[int]) -> set[int]:
    """The ids of those of these classes that have an instructor."""
    result = session.scalars(
        sa.select(membership.c.class_id)
        .select_from(WITH_PERSON)
        .where(membership.c.class_id.in_(class_ids), IS_INSTRUCTOR)
    )
    return set(result)


def classes_only_instructed_by(session: Session, person_id: int) -> list[Class]:
    """The classes that would have no instructor without this person, by title."""
    by_others = WITH_PERSON.select().where(
        membership.c.class_id == class_.c.id, membership.c.person_id != person_id, IS_INSTRUCTOR
    )
    by_person = WITH_PERSON.select().where(
        membership.c.class_id == class_.c.id, membership.c.person_id == person_id, IS_INSTRUCTOR
    )
    rows = session.execute(sa.select(*CLASS_COLUMNS).where(by_person.exists(), ~by_others.exists()))
    return sort_by_title(Class(*row) for row in rows)


def promote_to_instructor(session: Session, class_id: int, email: str, now: datetime) -> Member:
    """Makes the account with this address an instructor of the class.

    Raises MembershipError when there is none, or when it may not teach.
    """
    lock_class(session, class_id)
    row = session.execute(sa.select(person.c.id).where(person.c.email == email, MAY_TEACH)).first()
    if row is None:
        # One message for both cases, so that the form can't be used to find out who has an account.
        raise MembershipError(
            f"{email} is not the address of an instructor's account on this server."
        )
    inserted = insert_if_new(
        session,
        membership,
        class_id=class_id,
        person_id=row.id,
        role="instructor",
        joined_at=now,
        state_since=now,
    )
    current = members.find_member(session, class_id, row.id)
    assert current is not None
    if not inserted and not current.is_instructor:
        members.update_member(
            session, class_id, row.id, role="instructor", state="active", state_since=now
        )
    return members.get_member(session, class_id, row.id)


def step_down_instructor(session: Session, class_id: int, person_id: int, now: datetime) -> None:
    """Ends an instructor's membership. Raises MembershipError for the only instructor."""
    lock_class(session, class_id)
    others = [row for row in class_instructors(session, class_id) if row.person_id != person_id]
    if not others:
        raise MembershipError(
            gettext("A class keeps at least one instructor: add another one first.")
        )
    session.execute(
        sa.update(membership)
        .where(
            *members.membership_conditions(class_id, person_id), membership.c.role == "instructor"
        )
        .values(role="learner", state="left", state_since=now)
    )
