"""Writes a class of invented learners, and removes it. The caller owns the transactions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.accounts import roles_store as roles
from quizserver.accounts import store as account_store
from quizserver.attempts import store as attempts_store
from quizserver.attempts.standings_store import rebuild_standings
from quizserver.attempts.views import ordered_option_ids
from quizserver.audit import store as audit_store
from quizserver.classes import store as class_store
from quizserver.classes.demo.answer_model import DAYS, InventedAnswer
from quizserver.classes.demo.names import CLASS_TITLE, EMAIL_DOMAIN, INSTRUCTOR_EMAIL
from quizserver.classes.model import Class
from quizserver.db.tables import (
    attempt,
    class_,
    experiment,
    member,
    person,
    question_version,
    reveal,
)
from quizserver.topics.model import Question

# No password has this hash: nobody can sign in as an invented learner.
_NO_PASSWORD = "!"
_IS_INVENTED = person.c.email.like(f"%{EMAIL_DOMAIN}")


@dataclass(frozen=True, slots=True)
class InventedLearner:
    """An invented learner, with the visitor token that decides the order of options."""

    id: int
    visitor: str


@dataclass(frozen=True, slots=True)
class RemovalCounts:
    """What was removed. ``real_members`` were in the removed classes; their answers are kept."""

    accounts: int
    classes: int
    attempts: int
    real_members: int


def has_invented_people(session: Session) -> bool:
    """Whether there are invented people in this database."""
    return session.scalar(sa.select(sa.literal(1)).where(_IS_INVENTED).limit(1)) is not None


def create_demo_class(
    session: Session,
    password_hash: str,
    topics: Sequence[str],
    questions: Iterable[Question],
    now: datetime,
) -> Class:
    """Creates the instructor, the class with its topics, and the versions of its questions."""
    instructor = account_store.ensure_guest(session, account_store.new_visitor_token())
    account_store.register_account(session, instructor.id, INSTRUCTOR_EMAIL, password_hash)
    roles.grant_role(session, instructor.id, "instructor", by=None, now=now)
    demo_class = class_store.create_class(session, CLASS_TITLE, instructor.id, now)
    class_store.set_class_topics(session, demo_class.id, [(topic, None) for topic in topics])
    for question in questions:
        attempts_store.store_version(session, question.id, question.version, question.source, now)
    return demo_class


def enrol_learners(
    session: Session, class_id: int, names: Sequence[str], now: datetime
) -> list[InventedLearner]:
    """Creates accounts of invented learners who joined the class before the first answers."""
    joined_at = now - timedelta(days=DAYS, hours=1)
    rows: list[dict[str, Any]] = [
        {
            "visitor": account_store.new_visitor_token(),
            "email": f"{name.lower().replace(' ', '.')}{EMAIL_DOMAIN}",
            "password_hash": _NO_PASSWORD,
            "created_at": joined_at,
        }
        for name in names
    ]
    statement = sa.insert(person).returning(person.c.id, sort_by_parameter_order=True)
    ids = session.scalars(statement, rows).all()
    members = [
        {"class_id": class_id, "person_id": person_id, "role": "learner", "name": name}
        | {"joined_at": joined_at, "state_since": joined_at}
        for person_id, name in zip(ids, names, strict=True)
    ]
    session.execute(sa.insert(member), members)
    return [
        InventedLearner(person_id, row["visitor"]) for person_id, row in zip(ids, rows, strict=True)
    ]


def write_answers(
    session: Session,
    answers_by_learner: Iterable[tuple[InventedLearner, Sequence[InventedAnswer]]],
    questions: dict[str, Question],
    now: datetime,
) -> int:
    """Writes attempts, their standings and experiments; returns the number of attempts.

    A right answer shows the rest, as it does to learners.
    """
    attempts: list[dict[str, Any]] = []
    reveals: list[dict[str, Any]] = []
    experiments: list[dict[str, Any]] = []
    for learner, answers in answers_by_learner:
        for answer in answers:
            question = questions[answer.question_id]
            row = _attempt_row(learner, question, answer, now)
            attempts.append(row)
            if answer.right:
                shown = {"person_id": learner.id, "question": question.id, "why": "right"}
                reveals.append(shown | {"revealed_at": row["answered_at"]})
            if answer.ran_seconds_ago is not None:
                ran_at = now - timedelta(seconds=answer.ran_seconds_ago)
                experiments.append(
                    {"person_id": learner.id, "topic": question.topic}
                    | {"simulation": question.simulation, "started_at": ran_at}
                )
    for table, rows in ((attempt, attempts), (reveal, reveals), (experiment, experiments)):
        if rows:
            session.execute(sa.insert(table), rows)
    rebuild_standings(session, {row["person_id"] for row in attempts})
    return len(attempts)


def _attempt_row(
    learner: InventedLearner, question: Question, answer: InventedAnswer, now: datetime
) -> dict[str, Any]:
    return {
        "person_id": learner.id,
        "question": question.id,
        "version": question.version,
        "number": answer.number,
        "shown": ordered_option_ids(question, learner.visitor),
        "chosen": sorted(answer.chosen),
        "right": answer.right,
        "mark": float(answer.right),
        "answered_at": now - timedelta(seconds=answer.seconds_ago),
        "seconds": answer.seconds,
    }


def remove_demo_classes(session: Session) -> RemovalCounts:
    """Removes all invented people with their work, and the classes that nobody else instructs.

    Versions of questions that only they answered, and what the log says of them, are removed too.
    """
    invented_ids = sa.select(person.c.id).where(_IS_INVENTED)
    person_count = session.scalar(sa.select(sa.func.count()).where(_IS_INVENTED)) or 0
    by_invented = attempt.c.person_id.in_(invented_ids)
    attempts = session.scalar(sa.select(sa.func.count()).where(by_invented)) or 0
    versions = session.execute(
        sa.select(attempt.c.question, attempt.c.version).where(by_invented).distinct()
    ).all()
    instructed = sa.select(member.c.class_id).where(member.c.role == "instructor")
    class_ids = session.scalars(
        sa.select(class_.c.id).where(
            class_.c.id.in_(instructed.where(member.c.person_id.in_(invented_ids))),
            class_.c.id.not_in(instructed.where(member.c.person_id.not_in(invented_ids))),
        )
    ).all()
    real_members = session.scalar(
        sa.select(sa.func.count(member.c.person_id.distinct())).where(
            member.c.class_id.in_(class_ids), member.c.person_id.not_in(invented_ids)
        )
    )
    session.execute(sa.delete(class_).where(class_.c.id.in_(class_ids)))
    audit_store.delete_events_of_domain(session, EMAIL_DOMAIN)
    session.execute(sa.delete(person).where(_IS_INVENTED))
    for question, version in versions:
        is_answered = sa.exists().where(
            attempt.c.question == question, attempt.c.version == version
        )
        session.execute(
            sa.delete(question_version).where(
                question_version.c.question == question,
                question_version.c.version == version,
                ~is_answered,
            )
        )
    return RemovalCounts(person_count, len(class_ids), attempts, real_members or 0)
