"""The memberships of classes in the database. Every function takes a session."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.classes.model import Class, Member, MemberState, fold_text
from quizserver.classes.store import CLASS_COLUMNS, lock_class, sort_by_title
from quizserver.db.tables import class_, person
from quizserver.db.tables import member as membership

WITH_PERSON = membership.join(person, person.c.id == membership.c.person_id)
# An account that may no longer teach instructs no class, whatever the member row says.
MAY_TEACH = sa.or_(person.c.role == "instructor", person.c.role == "admin")
IS_INSTRUCTOR = sa.and_(
    membership.c.role == "instructor", membership.c.state == "active", MAY_TEACH
)
_PERSON_COLUMNS = {"email": person.c.email, "account_role": person.c.role.label("account_role")}
_MEMBER_COLUMNS = tuple(
    _PERSON_COLUMNS[name] if name in _PERSON_COLUMNS else membership.c[name]
    for name in Member.__dataclass_fields__
)


class MembershipError(ValueError):
    """A membership can't be changed that way. The message is shown to people."""


def class_members(
    session: Session, class_id: int, *, state: MemberState | None = "active"
) -> list[Member]:
    """The members of a class in one state (None: in any), sorted by label."""
    conditions = [membership.c.class_id == class_id]
    if state is not None:
        conditions.append(membership.c.state == state)
    memberships = select_members(session, *conditions)
    return sorted(memberships, key=lambda row: (fold_text(row.label), row.person_id))


def find_member(session: Session, class_id: int, person_id: int) -> Member | None:
    """A person's membership in whatever state, or None."""
    matches = select_members(session, *membership_conditions(class_id, person_id))
    return matches[0] if matches else None


def classes_joined_by(
    session: Session, person_id: int, *, states: Sequence[MemberState] = ("active",)
) -> list[tuple[Class, Member]]:
    """The classes in which a person is a learner, by title, each with the membership."""
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
    return [
        (joined_class, memberships[joined_class]) for joined_class in sort_by_title(memberships)
    ]


def count_memberships(session: Session, class_id: int) -> int:
    """The number of memberships of a class, in whatever state."""
    statement = sa.select(sa.func.count()).where(membership.c.class_id == class_id)
    return session.scalar(statement) or 0


def leave_class(session: Session, class_id: int, person_id: int, now: datetime) -> bool:
    """Ends a learner's membership; their work is kept and comes back with them.

    False for an instructor, and for a person who is not an active member.
    """
    return _end_membership(session, class_id, person_id, "left", now)


def remove_learner(session: Session, class_id: int, person_id: int, now: datetime) -> bool:
    """Removes a learner from the class, as an instructor does; their work is kept.

    False for an instructor, and for a person who is not an active member.
    """
    return _end_membership(session, class_id, person_id, "removed", now)


def take_back_learner(session: Session, class_id: int, person_id: int, now: datetime) -> bool:
    """Undoes ``remove_learner``. False for a person who was not removed.

    One who left joins again by the code.
    """
    lock_class(session, class_id)
    current = find_member(session, class_id, person_id)
    if current is None or current.state != "removed":
        return False
    update_member(session, class_id, person_id, state="active", state_since=now)
    return True


def change_member_name(session: Session, class_id: int, person_id: int, name: str) -> None:
    """Sets the name that a member has in the class."""
    update_member(session, class_id, person_id, name=name)


def export_memberships(session: Session, person_id: int) -> dict[str, Any]:
    """Every membership of a person as JSON values, for the download of their own data."""
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
                "role": member.role,
                "name": member.name,
                "state": member.state,
                "joined_at": member.joined_at.isoformat(),
                "state_since": member.state_since.isoformat(),
            }
            for title, member in memberships
        ]
    }


def select_members(session: Session, *conditions: sa.ColumnElement[bool]) -> list[Member]:
    """The memberships that fulfil all conditions, in no particular order."""
    result = session.execute(
        sa.select(*_MEMBER_COLUMNS).select_from(WITH_PERSON).where(*conditions)
    )
    return [Member(*row) for row in result]


def get_member(session: Session, class_id: int, person_id: int) -> Member:
    """A membership that must exist, as it is now."""
    current = find_member(session, class_id, person_id)
    assert current is not None
    return current


def membership_conditions(class_id: int, person_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    """The conditions that select one membership."""
    return membership.c.class_id == class_id, membership.c.person_id == person_id


def update_member(session: Session, class_id: int, person_id: int, **values: object) -> None:
    """Updates columns of a membership."""
    session.execute(
        sa.update(membership).where(*membership_conditions(class_id, person_id)).values(**values)
    )


def _end_membership(
    session: Session, class_id: int, person_id: int, state: MemberState, now: datetime
) -> bool:
    """Ends an active membership. False for an instructor, who steps down instead."""
    lock_class(session, class_id)
    current = find_member(session, class_id, person_id)
    if current is None or current.state != "active" or current.is_instructor:
        return False
    update_member(session, class_id, person_id, role="learner", state=state, state_since=now)
    return True
