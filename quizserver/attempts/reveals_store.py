"""Reads and writes when answers were shown to whom. Every function takes a session."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.attempts.reveals import ClassRule, RevealReason
from quizserver.attempts.standings_store import lock_person, update_standing
from quizserver.db.session import insert_if_new
from quizserver.db.tables import attempt, class_, class_topic, member, person, reveal
from quizserver.visible_text import shown_line

_REVEAL_COLUMNS = (reveal.c.question, reveal.c.revealed_at, reveal.c.why)
AFTER_IT = timedelta(microseconds=1)
"""How much later than a reveal the next attempt is at least: moments have this resolution."""

_CLASS_RULES = (
    sa.select(class_.c.id, class_.c.title, class_.c.reveal)
    .join(member, member.c.class_id == class_.c.id)
    .join(person, person.c.id == member.c.person_id)
    .join(class_topic, class_topic.c.class_id == class_.c.id)
    .where(
        member.c.person_id == sa.bindparam("person_id"),
        member.c.state == "active",
        ~sa.and_(
            member.c.role == "instructor",
            sa.or_(person.c.role == "instructor", person.c.role == "admin"),
        ),
        class_topic.c.topic == sa.bindparam("topic"),
        class_.c.reveal.is_not(None),
    )
    .order_by(class_.c.id)
)


def has_revealed_any(session: Session, person_id: int, questions: Collection[str]) -> bool:
    """Whether the answer to one of these questions was shown to the person."""
    shown = sa.select(sa.literal(1)).where(
        reveal.c.person_id == person_id, reveal.c.question.in_(questions)
    )
    return session.scalar(shown.limit(1)) is not None


def insert_reveal(
    session: Session, person_id: int, question: str, moment: datetime, why: RevealReason
) -> bool:
    """Notes that the answer is shown, for a caller that locked the person and writes the standing.

    False when it was shown before: the earlier moment holds.
    """
    return insert_if_new(
        session, reveal, person_id=person_id, question=question, revealed_at=moment, why=why
    )


def reveal_answer(session: Session, person_id: int, question: str) -> bool:
    """Shows the answer to a person who asked for it; False when it was shown before.

    All attempts so far keep their marks. Raises NoGuestError when the person is a guest whom an
    account absorbed meanwhile, LookupError without any attempt: an answer is shown to those who
    tried.
    """
    lock_person(session, person_id)
    latest = session.scalar(
        sa.select(sa.func.max(attempt.c.answered_at)).where(
            attempt.c.person_id == person_id, attempt.c.question == question
        )
    )
    if latest is None:
        raise LookupError(f"person {person_id} has not answered {question}")
    # Another machine's clock may have put the latest attempt after this moment.
    moment = max(datetime.now(UTC), latest)
    if not insert_reveal(session, person_id, question, moment, "asked"):
        return False
    update_standing(session, person_id, question)
    return True


def class_rules(session: Session, person_id: int, topic: str) -> list[ClassRule]:
    """The rules of the classes that the person learns in and that have the topic, oldest first."""
    rows = session.execute(_CLASS_RULES, {"person_id": person_id, "topic": topic})
    return [ClassRule(shown_line(row.title, f"Class {row.id}"), row.reveal) for row in rows]


def merge_guest_reveals(session: Session, guest_id: int, account_id: int) -> None:
    """Moves a guest's reveals to an account; where both have one, the earlier holds."""
    rows = session.execute(sa.select(*_REVEAL_COLUMNS).where(reveal.c.person_id == guest_id)).all()
    session.execute(sa.delete(reveal).where(reveal.c.person_id == guest_id))
    for row in rows:
        if insert_reveal(session, account_id, row.question, row.revealed_at, row.why):
            continue
        session.execute(
            sa.update(reveal)
            .where(
                reveal.c.person_id == account_id,
                reveal.c.question == row.question,
                reveal.c.revealed_at > row.revealed_at,
            )
            .values(revealed_at=row.revealed_at, why=row.why)
        )


def export_reveals(session: Session, person_id: int) -> list[dict[str, Any]]:
    """Every reveal of a person as plain data, by moment."""
    rows = session.execute(
        sa.select(*_REVEAL_COLUMNS)
        .where(reveal.c.person_id == person_id)
        .order_by(reveal.c.revealed_at, reveal.c.question)
    )
    return [
        {"question": row.question, "revealed_at": row.revealed_at.isoformat(), "why": row.why}
        for row in rows
    ]
