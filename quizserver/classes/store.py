"""Classes and their topics in the database; for memberships see ``members_store``,
``instructors_store`` and ``join_store``.

Every function takes a session; the caller owns the transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.classes import join_codes
from quizserver.classes.model import Class, ClassTopic, fold_text
from quizserver.db.tables import class_, class_topic
from quizserver.db.tables import member as membership
from quizserver.topics.model import RevealRule

CLASS_COLUMNS = tuple(class_.c[name] for name in Class.__dataclass_fields__)
_TOPIC_COLUMNS = tuple(class_topic.c[name] for name in ClassTopic.__dataclass_fields__)

# Pages of a class ask for these; SQLAlchemy takes longer to make a statement than to run it.
_CLASS = sa.select(*CLASS_COLUMNS).where(class_.c.id == sa.bindparam("class_id"))
_CLASS_TOPICS = (
    sa.select(*_TOPIC_COLUMNS)
    .where(class_topic.c.class_id == sa.bindparam("class_id"))
    .order_by(class_topic.c.position, class_topic.c.topic)
)


class ClassGoneError(LookupError):
    """The class has been deleted meanwhile."""


def create_class(session: Session, title: str, person_id: int, now: datetime) -> Class:
    """Creates a class that can be joined by its code, with ``person_id`` as its instructor."""
    row = session.execute(
        sa.insert(class_)
        .values(title=title, join_code=_unused_code(session), created_at=now)
        .returning(*CLASS_COLUMNS)
    ).one()
    created = Class(*row)
    session.execute(
        sa.insert(membership).values(
            class_id=created.id,
            person_id=person_id,
            role="instructor",
            joined_at=now,
            state_since=now,
        )
    )
    return created


def find_class(session: Session, class_id: int) -> Class | None:
    row = session.execute(_CLASS, {"class_id": class_id}).first()
    return Class(*row) if row else None


def all_classes(session: Session) -> list[Class]:
    """Every class of this server, by title."""
    return sort_by_title(Class(*row) for row in session.execute(sa.select(*CLASS_COLUMNS)))


def sort_by_title(classes: Iterable[Class]) -> list[Class]:
    """Sorted by title in Python, as databases sort letters differently."""
    return sorted(
        classes, key=lambda learning_class: (fold_text(learning_class.title), learning_class.id)
    )


def rename_class(session: Session, class_id: int, title: str) -> None:
    session.execute(sa.update(class_).where(class_.c.id == class_id).values(title=title))


def change_reveal(session: Session, class_id: int, rule: RevealRule | None) -> RevealRule | None:
    """Sets when the class shows answers (None: as each question says); the rule until now."""
    lock_class(session, class_id)
    before: RevealRule | None = session.scalar(
        sa.select(class_.c.reveal).where(class_.c.id == class_id)
    )
    session.execute(sa.update(class_).where(class_.c.id == class_id).values(reveal=rule))
    return before


def renew_join_code(session: Session, class_id: int) -> str:
    """Opens the class with a new code; the one that it had before is no longer valid."""
    code = _unused_code(session)
    session.execute(sa.update(class_).where(class_.c.id == class_id).values(join_code=code))
    return code


def clear_join_code(session: Session, class_id: int) -> None:
    """Closes the class: nobody can join until it has a new code."""
    session.execute(sa.update(class_).where(class_.c.id == class_id).values(join_code=None))


def delete_class(session: Session, class_id: int) -> None:
    """Deletes the class, its memberships and its list of topics; answers are kept."""
    session.execute(sa.delete(class_).where(class_.c.id == class_id))


def class_topics(session: Session, class_id: int) -> list[ClassTopic]:
    """The topics of a class in the instructor's order."""
    rows = session.execute(_CLASS_TOPICS, {"class_id": class_id})
    return [ClassTopic(*row) for row in rows]


def set_class_topics(
    session: Session, class_id: int, topics_with_due: Iterable[tuple[str, datetime | None]]
) -> None:
    """Sets the topics of the class, in this order, each with its due moment or None."""
    lock_class(session, class_id)
    session.execute(sa.delete(class_topic).where(class_topic.c.class_id == class_id))
    rows = [
        {"class_id": class_id, "topic": topic, "position": position, "due_at": due_at}
        for position, (topic, due_at) in enumerate(topics_with_due, start=1)
    ]
    if rows:
        session.execute(sa.insert(class_topic), rows)


def lock_class(session: Session, class_id: int) -> None:
    """Locks the class, so that changes happen one after the other (in SQLite they always do).

    Raises ClassGoneError when the class does not exist any more.
    """
    statement = sa.select(class_.c.id).where(class_.c.id == class_id).with_for_update()
    if session.scalar(statement) is None:
        raise ClassGoneError(f"There is no class {class_id} any more.")


def _unused_code(session: Session) -> str:
    """A code that no class has now; a unique constraint on the column makes sure."""
    while True:
        code = join_codes.generate_code()
        if session.scalar(sa.select(class_.c.id).where(class_.c.join_code == code)) is None:
            return code
