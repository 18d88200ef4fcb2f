"""Writes a class of invented learners, and takes all of it away. The caller owns transactions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.accounts import store as people
from quizserver.accounts.roles import store as roles
from quizserver.attempts import store as kept
from quizserver.attempts.views import order
from quizserver.classes import store as classes
from quizserver.classes.demo.model import DAYS, Answer
from quizserver.classes.demo.words import DOMAIN, INSTRUCTOR, TITLE
from quizserver.classes.model import Class
from quizserver.db.tables import (
    attempt,
    class_,
    experiment,
    member,
    person,
    question_version,
    role_grant,
    standing,
)
from quizserver.topics.model import Question

# No password has this hash: nobody signs in as an invented learner.
_NO_PASSWORD = "!"
_INVENTED = person.c.email.like(f"%{DOMAIN}")


@dataclass(frozen=True, slots=True)
class Learner:
    """An invented learner: a row, with the visitor's token that orders the options."""

    id: int
    visitor: str


@dataclass(frozen=True, slots=True)
class Removed:
    """``others`` are the real people who were in the classes that went; their answers stay."""

    accounts: int
    classes: int
    attempts: int
    others: int


def is_there(session: Session) -> bool:
    """Whether anybody invented is in this database."""
    return session.scalar(sa.select(sa.literal(1)).where(_INVENTED).limit(1)) is not None


def begin(
    session: Session,
    hashed: str,
    topics: Sequence[str],
    questions: Iterable[Question],
    now: datetime,
) -> Class:
    """The instructor, the class with its topics, and the versions that will be answered."""
    teacher = people.ensure_guest(session, people.new_visitor())
    people.give_address(session, teacher.id, INSTRUCTOR, hashed)
    roles.grant(session, teacher.id, "instructor", by=None, now=now)
    made = classes.create(session, TITLE, teacher.id, now)
    classes.set_topics(session, made.id, [(topic, None) for topic in topics])
    for question in questions:
        kept.keep_version(session, question.id, question.version, question.source, now)
    return made


def enrol(session: Session, class_id: int, names: Sequence[str], now: datetime) -> list[Learner]:
    """Accounts of invented learners, members for as long as the answers go back."""
    joined = now - timedelta(days=DAYS, hours=1)
    rows: list[dict[str, Any]] = [
        {
            "visitor": people.new_visitor(),
            "email": f"{name.lower().replace(' ', '.')}{DOMAIN}",
            "password_hash": _NO_PASSWORD,
            "session_key": people.new_session_key(),
            "created_at": joined,
        }
        for name in names
    ]
    statement = sa.insert(person).returning(person.c.id, sort_by_parameter_order=True)
    ids = session.scalars(statement, rows).all()
    members = [
        {"class_id": class_id, "person_id": who, "role": "learner", "name": name}
        | {"joined_at": joined, "state_since": joined}
        for who, name in zip(ids, names, strict=True)
    ]
    session.execute(sa.insert(member), members)
    return [Learner(who, row["visitor"]) for who, row in zip(ids, rows, strict=True)]


def write(
    session: Session,
    done: Iterable[tuple[Learner, Sequence[Answer]]],
    questions: dict[str, Question],
    now: datetime,
) -> int:
    """Attempts, their standings and the experiments between them; returns how many attempts."""
    attempts: list[dict[str, Any]] = []
    standings: dict[tuple[int, str], dict[str, Any]] = {}
    experiments: list[dict[str, Any]] = []
    for learner, answers in done:
        for answer in answers:
            question = questions[answer.question]
            row = _attempt(learner, question, answer, now)
            attempts.append(row)
            key = (learner.id, question.id)
            standings[key] = kept.next_standing(standings.get(key), row["mark"], row["answered_at"])
            if answer.ran_ago is not None:
                ran_at = now - timedelta(seconds=answer.ran_ago)
                experiments.append(
                    {"person_id": learner.id, "topic": question.topic}
                    | {"simulation": question.simulation, "started_at": ran_at}
                )
    summaries = [
        {"person_id": who, "question": question_id, **values}
        for (who, question_id), values in standings.items()
    ]
    for table, rows in ((attempt, attempts), (standing, summaries), (experiment, experiments)):
        if rows:
            session.execute(sa.insert(table), rows)
    return len(attempts)


def _attempt(learner: Learner, question: Question, answer: Answer, now: datetime) -> dict[str, Any]:
    return {
        "person_id": learner.id,
        "question": question.id,
        "version": question.version,
        "number": answer.number,
        "shown": [option.id for option in order(question, learner.visitor)],
        "chosen": sorted(answer.chosen),
        "right": answer.right,
        "mark": float(answer.right),
        "answered_at": now - timedelta(seconds=answer.ago),
        "seconds": answer.seconds,
    }


def remove(session: Session) -> Removed:
    """Everybody invented with all that they did, and the classes that nobody else instructs.

    Texts of questions go that only they had answered, and the log's lines about them.
    """
    invented = sa.select(person.c.id).where(_INVENTED)
    count = session.scalar(sa.select(sa.func.count()).where(_INVENTED)) or 0
    theirs = attempt.c.person_id.in_(invented)
    attempts = session.scalar(sa.select(sa.func.count()).where(theirs)) or 0
    versions = session.execute(
        sa.select(attempt.c.question, attempt.c.version).where(theirs).distinct()
    ).all()
    instructed = sa.select(member.c.class_id).where(member.c.role == "instructor")
    rooms = session.scalars(
        sa.select(class_.c.id).where(
            class_.c.id.in_(instructed.where(member.c.person_id.in_(invented))),
            class_.c.id.not_in(instructed.where(member.c.person_id.not_in(invented))),
        )
    ).all()
    others = session.scalar(
        sa.select(sa.func.count(member.c.person_id.distinct())).where(
            member.c.class_id.in_(rooms), member.c.person_id.not_in(invented)
        )
    )
    session.execute(sa.delete(class_).where(class_.c.id.in_(rooms)))
    session.execute(sa.delete(role_grant).where(role_grant.c.email.like(f"%{DOMAIN}")))
    session.execute(sa.delete(person).where(_INVENTED))
    for question, version in versions:
        of_version = (attempt.c.question == question, attempt.c.version == version)
        session.execute(
            sa.delete(question_version).where(
                question_version.c.question == question,
                question_version.c.version == version,
                ~sa.exists().where(*of_version),
            )
        )
    return Removed(count, len(rooms), attempts, others or 0)
