"""A class with attempts at given moments, written as rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.accounts import store as people
from quizserver.classes import join_store as joining
from quizserver.classes import store as classes
from quizserver.db.session import insert_if_new
from quizserver.db.tables import attempt, experiment, person, question_version, standing

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def account(session: Session, name: str, role: str = "learner") -> int:
    made = people.ensure_guest(session, people.new_visitor_token())
    people.register_account(session, made.id, f"{name}@example.org", "no password fits this")
    session.execute(sa.update(person).where(person.c.id == made.id).values(role=role))
    return made.id


def new_room(
    session: Session, topics: Sequence[str] = ("numbers",), teacher: str = "teacher"
) -> int:
    room = classes.create_class(session, "Nets", account(session, teacher, "instructor"), NOW)
    classes.set_class_topics(session, room.id, [(topic, None) for topic in topics])
    return room.id


def learner(session: Session, room: int, name: str) -> int:
    who = account(session, name)
    joining.join_class(session, room, who, name.title(), NOW)
    return who


def answer(
    session: Session,
    who: int,
    question: str,
    number: int,
    chosen: Sequence[str],
    *,
    right: bool,
    minutes: float,
    seconds: float | None = None,
) -> None:
    """One attempt with its standing, at that many minutes after NOW."""
    insert_if_new(
        session, question_version, question=question, version="v1", source="", first_answered_at=NOW
    )
    mark, moment = float(right), at(minutes)
    session.execute(
        sa.insert(attempt).values(
            person_id=who, question=question, version="v1", number=number, shown=sorted(chosen),
            chosen=list(chosen), right=right, mark=mark, answered_at=moment, seconds=seconds,
        )
    )  # fmt: skip
    where = (standing.c.person_id == who, standing.c.question == question)
    best = session.scalar(sa.select(standing.c.best_mark).where(*where))
    if best is None:
        values = {"first_mark": mark, "first_at": moment, "best_mark": mark, "attempts": number}
        values |= {"latest_mark": mark, "latest_at": moment}
        session.execute(sa.insert(standing).values(person_id=who, question=question, **values))
        return
    session.execute(
        sa.update(standing)
        .where(*where)
        .values(attempts=number, best_mark=max(best, mark), latest_mark=mark, latest_at=moment)
    )


def run(
    session: Session,
    who: int,
    minutes: float,
    topic: str = "numbers",
    simulation: str = "simulation",
) -> None:
    session.execute(
        sa.insert(experiment).values(
            person_id=who, topic=topic, simulation=simulation, started_at=at(minutes)
        )
    )
