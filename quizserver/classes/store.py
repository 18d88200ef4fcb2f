"""Classes in the database. Every function takes a session; the caller owns the transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.classes import codes
from quizserver.classes.model import Class, ClassTopic, Member, MemberState
from quizserver.db.session import insert_if_new
from quizserver.db.tables import class_, class_topic, person, question_version, standing
from quizserver.db.tables import member as membership

_CLASS = tuple(class_.c[name] for name in Class.__dataclass_fields__)
_OF_PERSON = {"email": person.c.email, "account_role": person.c.role.label("account_role")}
_MEMBER = tuple(
    _OF_PERSON[name] if name in _OF_PERSON else membership.c[name]
    for name in Member.__dataclass_fields__
)
_TOPIC = tuple(class_topic.c[name] for name in ClassTopic.__dataclass_fields__)
# Whose account may no longer teach instructs no class, whatever the member row says.
_TEACHES = person.c.role.in_(("instructor", "admin"))
_INSTRUCTS = sa.and_(membership.c.role == "instructor", membership.c.state == "active", _TEACHES)
# Who is in the statistics, of ``WITH_PERSON``, as ``Member.counts`` has it.
COUNTS = sa.and_(
    membership.c.role == "learner", membership.c.state == "active", person.c.role == "learner"
)
WITH_PERSON = membership.join(person, person.c.id == membership.c.person_id)


class MembershipError(ValueError):
    """A membership can't be changed that way; the message says why, for people."""


def create(session: Session, title: str, person_id: int, now: datetime) -> Class:
    """A new class, open to who has its code, with ``person_id`` as its instructor."""
    row = session.execute(
        sa.insert(class_)
        .values(title=title, join_code=_free_code(session), created_at=now)
        .returning(*_CLASS)
    ).one()
    made = Class(*row)
    session.execute(
        sa.insert(membership).values(
            class_id=made.id,
            person_id=person_id,
            role="instructor",
            joined_at=now,
            state_since=now,
        )
    )
    return made


def by_id(session: Session, class_id: int) -> Class | None:
    row = session.execute(sa.select(*_CLASS).where(class_.c.id == class_id)).first()
    return Class(*row) if row else None


def by_code(session: Session, code: str, *, lock: bool = False) -> Class | None:
    """The class that ``code``, in any spelling, lets people into now; None when there is none.

    A class without an instructor takes nobody in. With ``lock``, the code stays as it is until the
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
            .where(membership.c.class_id == class_.c.id, _INSTRUCTS),
        )
    ).all()
    # Every open code is compared, each in constant time: how long a wrong one takes says nothing.
    found = [row for row in rows if codes.same(row.join_code, wanted)]
    if not found:
        return None
    statement = sa.select(*_CLASS).where(
        class_.c.id == found[0].id, class_.c.join_code == found[0].join_code
    )
    row = session.execute(statement.with_for_update() if lock else statement).first()
    return Class(*row) if row else None


def everything(session: Session) -> list[Class]:
    """Every class of this server, by title."""
    rows = session.execute(sa.select(*_CLASS).order_by(class_.c.title, class_.c.id))
    return [Class(*row) for row in rows]


def instructs(session: Session, class_id: int, person_id: int) -> bool:
    """Whether somebody is an instructor of the class, and their account may still teach."""
    return (
        session.scalar(
            sa.select(sa.literal(1))
            .select_from(WITH_PERSON)
            .where(
                membership.c.class_id == class_id, membership.c.person_id == person_id, _INSTRUCTS
            )
        )
        is not None
    )


def of_instructor(session: Session, person_id: int) -> list[Class]:
    """The classes that somebody instructs, newest first."""
    rows = session.execute(
        sa.select(*_CLASS)
        .join(WITH_PERSON, membership.c.class_id == class_.c.id)
        .where(membership.c.person_id == person_id, _INSTRUCTS)
        .order_by(class_.c.created_at.desc(), class_.c.id.desc())
    )
    return [Class(*row) for row in rows]


def of_learner(
    session: Session, person_id: int, *, states: Sequence[MemberState] = ("active",)
) -> list[tuple[Class, Member]]:
    """The classes that somebody learns in, by title, with their membership."""
    rows = session.execute(
        sa.select(*_CLASS, *_MEMBER)
        .join(WITH_PERSON, membership.c.class_id == class_.c.id)
        .where(
            membership.c.person_id == person_id,
            sa.not_(_INSTRUCTS),
            membership.c.state.in_(states),
        )
        .order_by(class_.c.title, class_.c.id)
    )
    return [(Class(*row[: len(_CLASS)]), Member(*row[len(_CLASS) :])) for row in rows]


def members(
    session: Session, class_id: int, *, state: MemberState | None = "active"
) -> list[Member]:
    """The members of a class in one state (None: in any), by what the class calls them."""
    conditions = [membership.c.class_id == class_id]
    if state is not None:
        conditions.append(membership.c.state == state)
    found = _members(session, *conditions)
    return sorted(found, key=lambda each: (each.label.casefold(), each.person_id))


def instructors(session: Session, class_id: int) -> list[Member]:
    """Who instructs the class, longest first."""
    found = _members(session, membership.c.class_id == class_id, _INSTRUCTS)
    return sorted(found, key=lambda each: (each.joined_at, each.person_id))


def member(session: Session, class_id: int, person_id: int) -> Member | None:
    """Somebody's membership in whatever state, or None."""
    found = _members(
        session, membership.c.class_id == class_id, membership.c.person_id == person_id
    )
    return found[0] if found else None


def sizes(session: Session, class_ids: Collection[int]) -> dict[int, int]:
    """How many learners each class counts, by class; a class without any is left out."""
    rows = session.execute(
        sa.select(membership.c.class_id, sa.func.count())
        .select_from(WITH_PERSON)
        .where(membership.c.class_id.in_(class_ids), COUNTS)
        .group_by(membership.c.class_id)
    )
    return {row[0]: row[1] for row in rows}


def topics(session: Session, class_id: int) -> list[ClassTopic]:
    """The topics of a class in the instructor's order."""
    rows = session.execute(
        sa.select(*_TOPIC)
        .where(class_topic.c.class_id == class_id)
        .order_by(class_topic.c.position, class_topic.c.topic)
    )
    return [ClassTopic(*row) for row in rows]


def set_topics(
    session: Session, class_id: int, chosen: Iterable[tuple[str, datetime | None]]
) -> None:
    """Gives the class these topics, each with its due moment or None, in this order."""
    _lock(session, class_id)
    session.execute(sa.delete(class_topic).where(class_topic.c.class_id == class_id))
    rows = [
        {"class_id": class_id, "topic": topic, "position": position, "due_at": due_at}
        for position, (topic, due_at) in enumerate(chosen, start=1)
    ]
    if rows:
        session.execute(sa.insert(class_topic), rows)


def rename(session: Session, class_id: int, title: str) -> None:
    session.execute(sa.update(class_).where(class_.c.id == class_id).values(title=title))


def new_code(session: Session, class_id: int) -> str:
    """Opens the class with a fresh code; one that it had before lets nobody in any more."""
    code = _free_code(session)
    session.execute(sa.update(class_).where(class_.c.id == class_id).values(join_code=code))
    return code


def close(session: Session, class_id: int) -> None:
    """Takes the code away: nobody can join until there is a new one."""
    session.execute(sa.update(class_).where(class_.c.id == class_id).values(join_code=None))


def join(session: Session, class_id: int, person_id: int, name: str, now: datetime) -> Member:
    """Makes somebody a learner of the class, or lets them back in who left.

    Whoever is in it already stays as they are. Raises MembershipError for who was removed.
    """
    _lock(session, class_id)
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
    found = member(session, class_id, person_id)
    assert found is not None
    if new or found.state == "active":
        return found
    if found.state == "removed":
        raise MembershipError("An instructor removed you from this class. Ask them to let you in.")
    _change(session, class_id, person_id, state="active", state_since=now, name=name)
    return _again(session, class_id, person_id)


def leave(session: Session, class_id: int, person_id: int, now: datetime) -> None:
    """A learner goes; their work stays theirs and comes back with them."""
    _go(session, class_id, person_id, "left", now)


def remove(session: Session, class_id: int, person_id: int, now: datetime) -> None:
    """An instructor takes a learner out of the class; nothing of their work is touched."""
    _go(session, class_id, person_id, "removed", now)


def take_back(session: Session, class_id: int, person_id: int, now: datetime) -> None:
    """Undoes ``remove``. Who left by themselves comes back by themselves."""
    session.execute(
        sa.update(membership)
        .where(*_is(class_id, person_id), membership.c.state == "removed")
        .values(state="active", state_since=now)
    )


def change_name(session: Session, class_id: int, person_id: int, name: str) -> None:
    _change(session, class_id, person_id, name=name)


def promote(session: Session, class_id: int, email: str, now: datetime) -> Member:
    """Makes the account with this address an instructor of the class.

    Raises MembershipError when there is none, or when it may not teach.
    """
    _lock(session, class_id)
    row = session.execute(sa.select(person.c.id).where(person.c.email == email, _TEACHES)).first()
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
    before = member(session, class_id, row.id)
    assert before is not None
    if not new and not (before.role == "instructor" and before.state == "active"):
        _change(session, class_id, row.id, role="instructor", state="active", state_since=now)
    return _again(session, class_id, row.id)


def step_down(session: Session, class_id: int, person_id: int, now: datetime) -> None:
    """An instructor leaves the class. Raises MembershipError for the only one it has."""
    _lock(session, class_id)
    others = [each for each in instructors(session, class_id) if each.person_id != person_id]
    if not others:
        raise MembershipError("A class keeps at least one instructor: add another one first.")
    session.execute(
        sa.update(membership)
        .where(*_is(class_id, person_id), membership.c.role == "instructor")
        .values(role="learner", state="left", state_since=now)
    )


def delete(session: Session, class_id: int) -> None:
    """Removes the class, its memberships and its choice of topics; answers are people's own."""
    session.execute(sa.delete(class_).where(class_.c.id == class_id))


def only_instructor_of(session: Session, person_id: int) -> list[Class]:
    """The classes that would have no instructor without this person, by title."""
    other = WITH_PERSON.select().where(
        membership.c.class_id == class_.c.id, membership.c.person_id != person_id, _INSTRUCTS
    )
    mine = WITH_PERSON.select().where(
        membership.c.class_id == class_.c.id, membership.c.person_id == person_id, _INSTRUCTS
    )
    rows = session.execute(
        sa.select(*_CLASS).where(mine.exists(), ~other.exists()).order_by(class_.c.title)
    )
    return [Class(*row) for row in rows]


def answered_elsewhere(session: Session, class_id: int, known: Sequence[str]) -> list[str]:
    """The questions that the class's learners answered and that are not among ``known``."""
    # Few questions are gone, and each is looked up member by member: no pass over all answers.
    somebody = sa.exists().select_from(
        WITH_PERSON.join(standing, standing.c.person_id == membership.c.person_id)
    )
    rows = session.scalars(
        sa.select(question_version.c.question)
        .distinct()
        .where(
            question_version.c.question.not_in(known),
            somebody.where(
                standing.c.question == question_version.c.question,
                membership.c.class_id == class_id,
                COUNTS,
            ),
        )
        .order_by(question_version.c.question)
    )
    return list(rows)


def export(session: Session, person_id: int) -> dict[str, Any]:
    """Every membership of a person as plain data, for their own download."""
    rows = session.execute(
        sa.select(class_.c.title, *_MEMBER)
        .join(WITH_PERSON, membership.c.class_id == class_.c.id)
        .where(membership.c.person_id == person_id)
        .order_by(membership.c.joined_at, class_.c.id)
    )
    kept = [(row.title, Member(*row[1:])) for row in rows]
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


def _members(session: Session, *conditions: sa.ColumnElement[bool]) -> list[Member]:
    rows = session.execute(sa.select(*_MEMBER).select_from(WITH_PERSON).where(*conditions))
    return [Member(*row) for row in rows]


def _again(session: Session, class_id: int, person_id: int) -> Member:
    found = member(session, class_id, person_id)
    assert found is not None
    return found


def _is(class_id: int, person_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    return membership.c.class_id == class_id, membership.c.person_id == person_id


def _change(session: Session, class_id: int, person_id: int, **values: object) -> None:
    session.execute(sa.update(membership).where(*_is(class_id, person_id)).values(**values))


def _go(session: Session, class_id: int, person_id: int, state: MemberState, now: datetime) -> None:
    """Ends an active membership of anybody but an instructor, who steps down instead."""
    _lock(session, class_id)
    if instructs(session, class_id, person_id):
        return
    session.execute(
        sa.update(membership)
        .where(*_is(class_id, person_id), membership.c.state == "active")
        .values(role="learner", state=state, state_since=now)
    )


def _lock(session: Session, class_id: int) -> None:
    """Two changes to who is in a class happen one after the other (SQLite's writers always do)."""
    session.execute(sa.select(class_.c.id).where(class_.c.id == class_id).with_for_update())


def _free_code(session: Session) -> str:
    """A code that no class has; the unique constraint has the last word."""
    while True:
        code = codes.new_code()
        if session.scalar(sa.select(class_.c.id).where(class_.c.join_code == code)) is None:
            return code
