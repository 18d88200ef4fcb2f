"""Who is in a class, in the database. Every function takes a session."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.classes.model import Class, Member, MemberState, fold_text
from quizserver.classes.store import CLASS_COLUMNS, lock_class, sort_by_title
from quizserver.db.tables import class_, person
from quizserver.db.tables import member as membership

WITH_PERSON = membership.join(person, person.c.id == membership.c.person_id)
# Who is in the statistics, of ``WITH_PERSON``, as ``Member.counts`` has it.
IS_COUNTED = sa.and_(
    membership.c.role == "learner", membership.c.state == "active", person.c.role == "learner"
)
# Whose account may no longer teach instructs no class, whatever the member row says.
MAY_TEACH = person.c.role.in_(("instructor", "admin"))
IS_INSTRUCTOR = sa.and_(
    membership.c.role == "instructor", membership.c.state == "active", MAY_TEACH
)
_PERSON_COLUMNS = {"email": person.c.email, "account_role": person.c.role.label("account_role")}
_MEMBER_COLUMNS = tuple(
    _PERSON_COLUMNS[name] if name in _PERSON_COLUMNS else membership.c[name]
    for name in Member.__dataclass_fields__
)


class MembershipError(ValueError):
    """A membership can't be changed that way; the message says why, for people."""


def class_members(
    session: Session, class_id: int, *, state: MemberState | None = "active"
) -> list[Member]:
    """The members of a class in one state (None: in any), by what the class calls them."""
    conditions = [membership.c.class_id == class_id]
    if state is not None:
        conditions.append(membership.c.state == state)
    memberships = select_members(session, *conditions)
    return sorted(memberships, key=lambda row: (fold_text(row.label), row.person_id))


def find_member(session: Session, class_id: int, person_id: int) -> Member | None:
    """Somebody's membership in whatever state, or None."""
    matches = select_members(session, *membership_conditions(class_id, person_id))
    return matches[0] if matches else None


def classes_joined_by(
    session: Session, person_id: int, *, states: Sequence[MemberState] = ("active",)
) -> list[tuple[Class, Member]]:
    """The classes that somebody learns in, by title, with their membership."""
    result = session.execute(
        sa.select(*CLASS_COLUMNS, *_MEMBER_COLUMNS)
        .join(WITH_PERSON, membership.c.class_id == class_.c.id)
        .where(
            membership.c.person_id == person_id,
            sa.not_(IS_INSTRUCTOR),
            membership.c.state.in_(states),
        )
    )
    memberships = {
        Class(*row[: len(CLASS_COLUMNS)]): Member(*row[len(CLASS_COLUMNS) :]) for row in result
    }
    return [(joined, memberships[joined]) for joined in sort_by_title(memberships)]


def count_memberships(session: Session, class_id: int) -> int:
    """How many memberships the class has, in whatever state."""
    statement = sa.select(sa.func.count()).where(membership.c.class_id == class_id)
    return session.scalar(statement) or 0


def count_learners(session: Session, class_ids: Collection[int]) -> dict[int, int]:
    """How many learners each class counts, by class; a class without any is left out."""
    result = session.execute(
        sa.select(membership.c.class_id, sa.func.count())
        .select_from(WITH_PERSON)
        .where(membership.c.class_id.in_(class_ids), IS_COUNTED)
        .group_by(membership.c.class_id)
    )
    return {row[0]: row[1] for row in result}


def leave_class(session: Session, class_id: int, person_id: int, now: datetime) -> bool:
    """A learner goes; their work stays theirs and comes back with them. False for who can't."""
    return _end_membership(session, class_id, person_id, "left", now)


def remove_learner(session: Session, class_id: int, person_id: int, now: datetime) -> bool:
    """An instructor takes a learner out of the class; nothing of their work is touched.

    False when they are out already, or instruct it.
    """
    return _end_membership(session, class_id, person_id, "removed", now)


def take_back_learner(session: Session, class_id: int, person_id: int, now: datetime) -> bool:
    """Undoes ``remove``. False for who left by themselves: they come back by themselves."""
    lock_class(session, class_id)
    current = find_member(session, class_id, person_id)
    if current is None or current.state != "removed":
        return False
    update_member(session, class_id, person_id, state="active", state_since=now)
    return True


def change_member_name(session: Session, class_id: int, person_id: int, name: str) -> None:
    update_member(session, class_id, person_id, name=name)


def export_memberships(session: Session, person_id: int) -> dict[str, Any]:
    """Every membership of a person as plain data, for their own download."""
    result = session.execute(
        sa.select(class_.c.title, *_MEMBER_COLUMNS)
        .join(WITH_PERSON, membership.c.class_id == class_.c.id)
        .where(membership.c.person_id == person_id)
        .order_by(membership.c.joined_at, class_.c.id)
    )
    memberships = [(row.title, Member(*row[1:])) for row in result]
    return {
        "classes": [
            {
                "class": title,
                "role": entry.role,
                "name": entry.name,
                "state": entry.state,
                "joined_at": entry.joined_at.isoformat(),
                "state_since": entry.state_since.isoformat(),
            }
            for title, entry in memberships
        ]
    }


def select_members(session: Session, *conditions: sa.ColumnElement[bool]) -> list[Member]:
    """The memberships for which all of these hold, in no order."""
    result = session.execute(
        sa.select(*_MEMBER_COLUMNS).select_from(WITH_PERSON).where(*conditions)
    )
    return [Member(*row) for row in result]


def get_member(session: Session, class_id: int, person_id: int) -> Member:
    """A membership that is known to be there, as it is now."""
    current = find_member(session, class_id, person_id)
    assert current is not None
    return current


def membership_conditions(class_id: int, person_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    """What holds for one membership alone."""
    return membership.c.class_id == class_id, membership.c.person_id == person_id


def update_member(session: Session, class_id: int, person_id: int, **values: object) -> None:
    """Writes these columns of a membership."""
    session.execute(
        sa.update(membership).where(*membership_conditions(class_id, person_id)).values(**values)
    )


def _end_membership(
    session: Session, class_id: int, person_id: int, state: MemberState, now: datetime
) -> bool:
    """Ends an active membership of anybody but an instructor, who steps down instead."""
    lock_class(session, class_id)
    current = find_member(session, class_id, person_id)
    if current is None or current.state != "active" or current.is_instructor:
        return False
    update_member(session, class_id, person_id, role="learner", state=state, state_since=now)
    return True
