"""A class and its topics in the database; who is in it stands in ``members``, ``instructors`` and
``joining``. Every function takes a session; the caller owns the transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.classes import codes
from quizserver.classes.model import Class, ClassTopic, folded
from quizserver.db.tables import class_, class_topic
from quizserver.db.tables import member as membership

CLASS = tuple(class_.c[name] for name in Class.__dataclass_fields__)
_TOPIC = tuple(class_topic.c[name] for name in ClassTopic.__dataclass_fields__)


class GoneError(LookupError):
    """The class has been deleted meanwhile."""


def create(session: Session, title: str, person_id: int, now: datetime) -> Class:
    """A new class, open to who has its code, with ``person_id`` as its instructor."""
    row = session.execute(
        sa.insert(class_)
        .values(title=title, join_code=_free_code(session), created_at=now)
        .returning(*CLASS)
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
    row = session.execute(sa.select(*CLASS).where(class_.c.id == class_id)).first()
    return Class(*row) if row else None


def everything(session: Session) -> list[Class]:
    """Every class of this server, by title."""
    return by_title(Class(*row) for row in session.execute(sa.select(*CLASS)))


def by_title(classes: Iterable[Class]) -> list[Class]:
    """In the order of their titles: databases disagree about letters."""
    return sorted(classes, key=lambda each: (folded(each.title), each.id))


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


def delete(session: Session, class_id: int) -> None:
    """Removes the class, its memberships and its choice of topics; answers are people's own."""
    session.execute(sa.delete(class_).where(class_.c.id == class_id))


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
    lock(session, class_id)
    session.execute(sa.delete(class_topic).where(class_topic.c.class_id == class_id))
    rows = [
        {"class_id": class_id, "topic": topic, "position": position, "due_at": due_at}
        for position, (topic, due_at) in enumerate(chosen, start=1)
    ]
    if rows:
        session.execute(sa.insert(class_topic), rows)


def lock(session: Session, class_id: int) -> None:
    """Two changes to a class happen one after the other (SQLite's writers always do).

    Raises GoneError when the class is not there any more.
    """
    found = sa.select(class_.c.id).where(class_.c.id == class_id).with_for_update()
    if session.scalar(found) is None:
        raise GoneError(f"There is no class {class_id} any more.")


def _free_code(session: Session) -> str:
    """A code that no class has; the unique constraint has the last word."""
    while True:
        code = codes.new_code()
        if session.scalar(sa.select(class_.c.id).where(class_.c.join_code == code)) is None:
            return code
