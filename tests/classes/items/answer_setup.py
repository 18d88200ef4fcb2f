"""Creates classes with attempts and experiments at given moments, written as rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.accounts import store as account_store
from quizserver.classes import join_store
from quizserver.classes import store as classes
from quizserver.db.session import insert_if_new
from quizserver.db.tables import attempt, experiment, person, question_version, standing

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)


def minutes_later(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def create_account(session: Session, name: str, role: str = "learner") -> int:
    account = account_store.ensure_guest(session, account_store.new_visitor_token())
    account_store.register_account(
        session, account.id, f"{name}@example.org", "no password fits this"
    )
    session.execute(sa.update(person).where(person.c.id == account.id).values(role=role))
    return account.id


def create_class_with_topics(
    session: Session, topics: Sequence[str] = ("numbers",), teacher: str = "teacher"
) -> int:
    class_ = classes.create_class(
        session, "Nets", create_account(session, teacher, "instructor"), NOW
    )
    classes.set_class_topics(session, class_.id, [(topic, None) for topic in topics])
    return class_.id


def add_learner(session: Session, class_id: int, name: str) -> int:
    person_id = create_account(session, name)
    join_store.join_class(session, class_id, person_id, name.title(), NOW)
    return person_id


def add_answer(
    session: Session,
    person_id: int,
    question: str,
    number: int,
    chosen: Sequence[str],
    *,
    right: bool,
    minutes: float,
    seconds: float | None = None,
) -> None:
    """Writes an attempt and its standing, ``minutes`` after NOW."""
    insert_if_new(
        session, question_version, question=question, version="v1", source="", first_answered_at=NOW
    )
    mark, moment = float(right), minutes_later(minutes)
    session.execute(
        sa.insert(attempt).values(
            person_id=person_id, question=question, version="v1", number=number,
            shown=sorted(chosen), chosen=list(chosen), right=right, mark=mark,
            answered_at=moment, seconds=seconds,
        )
    )  # fmt: skip
    of_learner = (standing.c.person_id == person_id, standing.c.question == question)
    best_mark = session.scalar(sa.select(standing.c.best_mark).where(*of_learner))
    if best_mark is None:
        values = {"first_mark": mark, "first_at": moment, "best_mark": mark, "attempts": number}
        values |= {"latest_mark": mark, "latest_at": moment}
        session.execute(
            sa.insert(standing).values(person_id=person_id, question=question, **values)
        )
        return
    session.execute(
        sa.update(standing)
        .where(*of_learner)
        .values(attempts=number, best_mark=max(best_mark, mark), latest_mark=mark, latest_at=moment)
    )


def add_run(
    session: Session,
    person_id: int,
    minutes: float,
    topic: str = "numbers",
    simulation: str = "simulation",
) -> None:
    session.execute(
        sa.insert(experiment).values(
            person_id=person_id,
            topic=topic,
            simulation=simulation,
            started_at=minutes_later(minutes),
        )
    )
