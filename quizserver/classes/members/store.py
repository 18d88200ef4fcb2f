"""Who is in a class, in the database. Every function takes a session."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.classes.model import Class, Member, MemberState, folded
from quizserver.classes.store import CLASS, by_title, lock
from quizserver.db.tables import class_, person
from quizserver.db.tables import member as membership

WITH_PERSON = membership.join(person, person.c.id == membership.c.person_id)
# Who is in the statistics, of ``WITH_PERSON``, as ``Member.counts`` has it.
COUNTS = sa.and_(
    membership.c.role == "learner", membership.c.state == "active", person.c.role == "learner"
)
# Whose account may no longer teach instructs no class, whatever the member row says.
TEACHES = person.c.role.in_(("instructor", "admin"))
INSTRUCTS = sa.and_(membership.c.role == "instructor", membership.c.state == "active", TEACHES)
_OF_PERSON = {"email": person.c.email, "account_role": person.c.role.label("account_role")}
_MEMBER = tuple(
    _OF_PERSON[name] if name in _OF_PERSON else membership.c[name]
    for name in Member.__dataclass_fields__
)


class MembershipError(ValueError):
    """A membership can't be changed that way; the message says why, for people."""


def of_class(
    session: Session, class_id: int, *, state: MemberState | None = "active"
) -> list[Member]:
    """The members of a class in one state (None: in any), by what the class calls them."""
    conditions = [membership.c.class_id == class_id]
    if state is not None:
        conditions.append(membership.c.state == state)
    found = rows(session, *conditions)
    return sorted(found, key=lambda each: (folded(each.label), each.person_id))


def member(session: Session, class_id: int, person_id: int) -> Member | None:
    """Somebody's membership in whatever state, or None."""
    found = rows(session, *is_(class_id, person_id))
    return found[0] if found else None


def classes_of(
    session: Session, person_id: int, *, states: Sequence[MemberState] = ("active",)
) -> list[tuple[Class, Member]]:
    """The classes that somebody learns in, by title, with their membership."""
    found = session.execute(
        sa.select(*CLASS, *_MEMBER)
        .join(WITH_PERSON, membership.c.class_id == class_.c.id)
        .where(
            membership.c.person_id == person_id,
            sa.not_(INSTRUCTS),
            membership.c.state.in_(states),
        )
    )
    mine = {Class(*row[: len(CLASS)]): Member(*row[len(CLASS) :]) for row in found}
    return [(each, mine[each]) for each in by_title(mine)]


def count(session: Session, class_id: int) -> int:
    """How many memberships the class has, in whatever state."""
    of = sa.select(sa.func.count()).where(membership.c.class_id == class_id)
    return session.scalar(of) or 0


def sizes(session: Session, class_ids: Collection[int]) -> dict[int, int]:
    """How many learners each class counts, by class; a class without any is left out."""
    found = session.execute(
        sa.select(membership.c.class_id, sa.func.count())
        .select_from(WITH_PERSON)
        .where(membership.c.class_id.in_(class_ids), COUNTS)
        .group_by(membership.c.class_id)
    )
    return {row[0]: row[1] for row in found}


def leave(session: Session, class_id: int, person_id: int, now: datetime) -> bool:
    """A learner goes; their work stays theirs and comes back with them. False for who can't."""
    return _go(session, class_id, person_id, "left", now)


def remove(session: Session, class_id: int, person_id: int, now: datetime) -> bool:
    """An instructor takes a learner out of the class; nothing of their work is touched.

    False when they are out already, or instruct it.
    """
    return _go(session, class_id, person_id, "removed", now)


def take_back(session: Session, class_id: int, person_id: int, now: datetime) -> bool:
    """Undoes ``remove``. False for who left by themselves: they come back by themselves."""
    lock(session, class_id)
    found = member(session, class_id, person_id)
    if found is None or found.state != "removed":
        return False
    change(session, class_id, person_id, state="active", state_since=now)
    return True


def change_name(session: Session, class_id: int, person_id: int, name: str) -> None:
    change(session, class_id, person_id, name=name)


def export(session: Session, person_id: int) -> dict[str, Any]:
    """Every membership of a person as plain data, for their own download."""
    found = session.execute(
        sa.select(class_.c.title, *_MEMBER)
        .join(WITH_PERSON, membership.c.class_id == class_.c.id)
        .where(membership.c.person_id == person_id)
        .order_by(membership.c.joined_at, class_.c.id)
    )
    kept = [(row.title, Member(*row[1:])) for row in found]
    return {
        "classes": [
            {
                "class": title,
                "role": each.role,
                "name": each.name,
                "state": each.state,
                "joined_at": each.joined_at.isoformat(),
                "state_since": each.state_since.isoformat(),
            }
            for title, each in kept
        ]
    }


def rows(session: Session, *conditions: sa.ColumnElement[bool]) -> list[Member]:
    """The memberships for which all of these hold, in no order."""
    found = session.execute(sa.select(*_MEMBER).select_from(WITH_PERSON).where(*conditions))
    return [Member(*row) for row in found]


def again(session: Session, class_id: int, person_id: int) -> Member:
    """A membership that is known to be there, as it is now."""
    found = member(session, class_id, person_id)
    assert found is not None
    return found


def is_(class_id: int, person_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    """What holds for one membership alone."""
    return membership.c.class_id == class_id, membership.c.person_id == person_id


def change(session: Session, class_id: int, person_id: int, **values: object) -> None:
    """Writes these columns of a membership."""
    session.execute(sa.update(membership).where(*is_(class_id, person_id)).values(**values))


def _go(session: Session, class_id: int, person_id: int, state: MemberState, now: datetime) -> bool:
    """Ends an active membership of anybody but an instructor, who steps down instead."""
    lock(session, class_id)
    found = member(session, class_id, person_id)
    if found is None or found.state != "active" or found.instructs:
        return False
    change(session, class_id, person_id, role="learner", state=state, state_since=now)
    return True
