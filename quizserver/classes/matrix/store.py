"""What the matrix reads of the database. Every function takes a session; none of them writes.

Each is one statement, whatever the size of the class.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.classes.matrix.model import SHOWS, Answer, Cell, Learner, Show, Totals
from quizserver.classes.members.store import COUNTS, WITH_PERSON
from quizserver.classes.model import STUCK_ATTEMPTS, folded
from quizserver.db.tables import (
    attempt,
    experiment,
    member,
    person,
    question_version,
    standing,
)

_LEARNER = (person.c.id, member.c.name, person.c.email)
_CELL = (standing.c.attempts, standing.c.first_mark, standing.c.best_mark, standing.c.latest_mark)
_MARKS: dict[Show, sa.Column[float]] = dict(zip(SHOWS, _CELL[1:], strict=True))
_LISTS = ("shown", "chosen")
# Lists come as texts: there are only so many different ones, and each is read once.
_ANSWER = tuple(
    sa.cast(attempt.c[name], sa.String) if name in _LISTS else attempt.c[name]
    for name in Answer._fields
)


def _how_many(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((condition, 1), else_=0))


_TOTALS = (
    sa.func.count(),
    sa.func.sum(standing.c.attempts),
    _how_many(standing.c.first_mark == 1),
    _how_many(standing.c.best_mark == 1),
    _how_many(standing.c.latest_mark == 1),
    _how_many(sa.and_(standing.c.attempts >= STUCK_ATTEMPTS, standing.c.best_mark < 1)),
    sa.func.max(standing.c.latest_at),
)


def learners(session: Session, class_id: int) -> list[Learner]:
    """Whom the class counts, by what it calls them."""
    rows = session.execute(
        sa.select(*_LEARNER).select_from(WITH_PERSON).where(member.c.class_id == class_id, COUNTS)
    )
    found = list(map(Learner._make, rows.all()))
    return sorted(found, key=lambda each: (folded(each[1] or each[2]), each[0]))


def learner(session: Session, class_id: int, person_id: int) -> Learner | None:
    """One of them; None for who is not counted, or not in the class any more."""
    row = session.execute(
        sa.select(*_LEARNER)
        .select_from(WITH_PERSON)
        .where(member.c.class_id == class_id, member.c.person_id == person_id, COUNTS)
    ).first()
    return Learner(*row) if row else None


def totals(
    session: Session, people: Collection[int], questions: Collection[str]
) -> dict[int, Totals]:
    """What some people did at these questions, by person; who did nothing is left out."""
    statement = sa.select(standing.c.person_id, *_TOTALS).where(
        standing.c.person_id.in_(people), _one_of(questions)
    )
    return _totals(session, statement)


def totals_of_class(
    session: Session, class_id: int, questions: Collection[str]
) -> dict[int, Totals]:
    """The same of everybody whom the class counts."""
    statement = (
        sa.select(standing.c.person_id, *_TOTALS)
        .select_from(WITH_PERSON.join(standing, standing.c.person_id == member.c.person_id))
        .where(member.c.class_id == class_id, COUNTS, _one_of(questions))
    )
    return _totals(session, statement)


def answered_since(session: Session, moment: datetime | None) -> set[int]:
    """Everybody on this server who answered anything after ``moment``."""
    statement = sa.select(standing.c.person_id)
    if moment is not None:
        statement = statement.where(standing.c.latest_at > moment)
    return set(session.scalars(statement))


def latest_answer(session: Session) -> datetime | None:
    """The moment of the latest answer on this server."""
    found: datetime | None = session.scalar(sa.select(sa.func.max(standing.c.latest_at)))
    return found


def cells(
    session: Session, people: Collection[int], questions: Collection[str]
) -> dict[int, dict[str, Cell]]:
    """The cells of some people at these questions, by person and question."""
    rows = session.execute(
        sa.select(standing.c.person_id, standing.c.question, *_CELL).where(
            standing.c.person_id.in_(people), _one_of(questions)
        )
    )
    found: dict[int, dict[str, Cell]] = {person_id: {} for person_id in people}
    new = Cell._make
    for row in rows.all():
        found[row[0]][row[1]] = new(row[2:])
    return found


def packed(
    session: Session, people: Collection[int], questions: Collection[str], show: Show
) -> dict[int, tuple[Totals, list[list[str]]]]:
    """The totals of some people, each with (question, mark, attempts) of every cell, as texts.

    The database makes one row of a learner: a million cells take half the time that a million
    rows do.
    """
    mark = sa.cast(_MARKS[show], sa.String)
    cell = standing.c.question + ":" + mark + ":" + sa.cast(standing.c.attempts, sa.String)
    rows = session.execute(
        sa.select(standing.c.person_id, *_TOTALS, sa.func.aggregate_strings(cell, " "))
        .where(standing.c.person_id.in_(people), _one_of(questions))
        .group_by(standing.c.person_id)
    )
    return {
        row[0]: (Totals._make(row[1:-1]), [each.split(":") for each in row[-1].split(" ")])
        for row in rows.all()
    }


def column(
    session: Session, class_id: int, question: str, show: Show
) -> dict[int, tuple[float, int]]:
    """Mark and attempts of everybody whom the class counts at one question, by person."""
    rows = session.execute(
        sa.select(standing.c.person_id, _MARKS[show], standing.c.attempts)
        .select_from(WITH_PERSON.join(standing, standing.c.person_id == member.c.person_id))
        .where(member.c.class_id == class_id, COUNTS, standing.c.question == question)
    )
    return {person_id: (mark, attempts) for person_id, mark, attempts in rows.all()}


def cells_of(session: Session, person_id: int, questions: Collection[str]) -> list[Any]:
    """One person's standings at these questions, with the moments of first and latest answer."""
    rows = session.execute(
        sa.select(standing.c.question, *_CELL, standing.c.first_at, standing.c.latest_at).where(
            standing.c.person_id == person_id, _one_of(questions)
        )
    )
    return list(rows)


def answers(
    session: Session, people: Collection[int], questions: Collection[str]
) -> Iterator[Answer]:
    """Every attempt of some people at these questions, by person, question and number."""
    rows = session.execute(
        sa.select(*_ANSWER)
        .where(attempt.c.person_id.in_(people), attempt.c.question.in_(questions))
        .order_by(attempt.c.person_id, attempt.c.question, attempt.c.number)
    )
    for row in rows.all():
        yield Answer._make((*row[:4], _ids(row[4]), _ids(row[5]), *row[6:]))


def versions(session: Session, question: str, wanted: Iterable[str]) -> dict[str, str]:
    """The texts of some versions of a question, by version."""
    rows = session.execute(
        sa.select(question_version.c.version, question_version.c.source).where(
            question_version.c.question == question,
            question_version.c.version.in_(list(wanted)),
        )
    )
    return {row.version: row.source for row in rows}


def experiments(session: Session, person_id: int, topic: str, simulation: str) -> list[datetime]:
    """When somebody ran a simulation, first to latest."""
    return list(
        session.scalars(
            sa.select(experiment.c.started_at)
            .where(
                experiment.c.person_id == person_id,
                experiment.c.topic == topic,
                experiment.c.simulation == simulation,
            )
            .order_by(experiment.c.started_at, experiment.c.id)
        )
    )


@functools.lru_cache(maxsize=10_000)
def _ids(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


def _totals(session: Session, statement: sa.Select[Any]) -> dict[int, Totals]:
    rows = session.execute(statement.group_by(standing.c.person_id))
    return {row[0]: Totals._make(row[1:]) for row in rows.all()}


def _one_of(questions: Collection[str]) -> sa.ColumnElement[bool]:
    """``question IN (…)``, said so that no index is used for it.

    The rows of a learner lie together: reading them all costs half of looking each one up.
    """
    return sa.func.coalesce(standing.c.question, "").in_(questions)
