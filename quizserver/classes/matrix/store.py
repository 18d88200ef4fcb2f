"""Reads matrices from the database. Every function takes a session; none of them writes.

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

from quizserver.classes.counted_store import (
    is_one_of,
    select_counted_members,
    select_counted_standings,
)
from quizserver.classes.matrix.model import (
    SHOWN_ATTEMPTS,
    AttemptRow,
    LearnerTotals,
    MatrixCell,
    MatrixLearner,
    ShownAttempt,
)
from quizserver.classes.model import STUCK_ATTEMPTS, fold_text
from quizserver.db.tables import (
    attempt,
    experiment,
    member,
    person,
    question_version,
    standing,
)

_LEARNER_COLUMNS = (person.c.id, member.c.name, person.c.email)
_CELL_COLUMNS = (
    standing.c.attempts,
    standing.c.first_mark,
    standing.c.best_mark,
    standing.c.latest_mark,
)
_MARK_COLUMNS: dict[ShownAttempt, sa.Column[float]] = dict(
    zip(SHOWN_ATTEMPTS, _CELL_COLUMNS[1:], strict=True)
)
NO_MARK = -0.5
"""What an answer without a mark is sorted by: after no answer at all, before a wrong one."""
_LIST_COLUMNS = ("shown", "chosen")
# Lists are selected as JSON texts: few of them differ, and ``_parse_ids`` parses each once.
_ATTEMPT_COLUMNS = tuple(
    sa.cast(attempt.c[name], sa.String) if name in _LIST_COLUMNS else attempt.c[name]
    for name in AttemptRow._fields
)


def _count_where(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((condition, 1), else_=0))


_TOTALS_COLUMNS = (
    sa.func.count(),
    sa.func.sum(standing.c.attempts),
    _count_where(standing.c.first_mark == 1),
    _count_where(standing.c.best_mark == 1),
    _count_where(standing.c.latest_mark == 1),
    _count_where(sa.and_(standing.c.attempts >= STUCK_ATTEMPTS, standing.c.best_mark < 1)),
    sa.func.max(standing.c.latest_at),
)


def matrix_learners(session: Session, class_id: int) -> list[MatrixLearner]:
    """The learners whom the class counts, sorted by label."""
    rows = session.execute(select_counted_members(class_id, *_LEARNER_COLUMNS))
    learners = map(MatrixLearner._make, rows.all())
    return sorted(learners, key=lambda learner: (fold_text(learner.label), learner.person_id))


def find_learner(session: Session, class_id: int, person_id: int) -> MatrixLearner | None:
    """One of these learners; None for a person whom the class does not count."""
    statement = select_counted_members(class_id, *_LEARNER_COLUMNS)
    row = session.execute(statement.where(member.c.person_id == person_id)).first()
    return MatrixLearner(*row) if row else None


def learner_totals(
    session: Session, people: Collection[int], questions: Collection[str]
) -> dict[int, LearnerTotals]:
    """The totals of some people at these questions, by person; none for those without answers."""
    statement = sa.select(standing.c.person_id, *_TOTALS_COLUMNS).where(
        standing.c.person_id.in_(people), is_one_of(standing.c.question, questions)
    )
    return _select_totals(session, statement)


def totals_of_class(
    session: Session, class_id: int, questions: Collection[str]
) -> dict[int, LearnerTotals]:
    """The totals of all learners whom the class counts, at these questions, by person."""
    statement = select_counted_standings(class_id, standing.c.person_id, *_TOTALS_COLUMNS)
    return _select_totals(session, statement.where(is_one_of(standing.c.question, questions)))


def people_with_attempts_after(session: Session, attempt_id: int) -> set[int]:
    """All people on this server with an attempt whose id is above this one."""
    return set(
        session.scalars(sa.select(attempt.c.person_id).distinct().where(attempt.c.id > attempt_id))
    )


def newest_attempt_id(session: Session) -> int:
    """The id of the newest attempt on this server, 0 when there is none."""
    return session.scalar(sa.select(sa.func.max(attempt.c.id))) or 0


def learner_cells(
    session: Session, people: Collection[int], questions: Collection[str]
) -> dict[int, dict[str, MatrixCell]]:
    """The cells of some people at these questions, by person and question."""
    rows = session.execute(
        sa.select(standing.c.person_id, standing.c.question, *_CELL_COLUMNS).where(
            standing.c.person_id.in_(people), is_one_of(standing.c.question, questions)
        )
    )
    cells_by_person: dict[int, dict[str, MatrixCell]] = {person_id: {} for person_id in people}
    make_cell = MatrixCell._make
    for row in rows.all():
        cells_by_person[row[0]][row[1]] = make_cell(row[2:])
    return cells_by_person


def packed_cells(
    session: Session, people: Collection[int], questions: Collection[str], show: ShownAttempt
) -> dict[int, tuple[LearnerTotals, list[list[str]]]]:
    """The totals of some people, each with (question, mark, attempts) of every cell, as texts; ""
    for no mark.

    The database returns one row for each learner: a million cells take half the time of a million
    rows.
    """
    mark = sa.func.coalesce(sa.cast(_MARK_COLUMNS[show], sa.String), "")
    cell = standing.c.question + ":" + mark + ":" + sa.cast(standing.c.attempts, sa.String)
    rows = session.execute(
        sa.select(standing.c.person_id, *_TOTALS_COLUMNS, sa.func.aggregate_strings(cell, " "))
        .where(standing.c.person_id.in_(people), is_one_of(standing.c.question, questions))
        .group_by(standing.c.person_id)
    )
    return {
        row[0]: (
            LearnerTotals._make(row[1:-1]),
            [cell_text.split(":") for cell_text in row[-1].split(" ")],
        )
        for row in rows.all()
    }


def column_cells(
    session: Session, class_id: int, question: str, show: ShownAttempt
) -> dict[int, tuple[float, int]]:
    """Mark (``NO_MARK``: none) and number of attempts at one question of the learners whom the
    class counts."""
    statement = select_counted_standings(
        class_id,
        standing.c.person_id,
        sa.func.coalesce(_MARK_COLUMNS[show], NO_MARK),
        standing.c.attempts,
    )
    rows = session.execute(statement.where(standing.c.question == question))
    return {person_id: (mark, attempts) for person_id, mark, attempts in rows.all()}


def standing_rows(session: Session, person_id: int, questions: Collection[str]) -> list[Any]:
    """A person's standings at these questions, with the moments of first and latest answer."""
    rows = session.execute(
        sa.select(
            standing.c.question, *_CELL_COLUMNS, standing.c.first_at, standing.c.latest_at
        ).where(standing.c.person_id == person_id, is_one_of(standing.c.question, questions))
    )
    return list(rows)


def learner_attempts(
    session: Session, people: Collection[int], questions: Collection[str]
) -> Iterator[AttemptRow]:
    """Every attempt of some people at these questions, by person, question and number."""
    rows = session.execute(
        sa.select(*_ATTEMPT_COLUMNS)
        .where(attempt.c.person_id.in_(people), attempt.c.question.in_(questions))
        .order_by(attempt.c.person_id, attempt.c.question, attempt.c.number)
    )
    for row in rows.all():
        yield AttemptRow._make((*row[:4], _parse_ids(row[4]), _parse_ids(row[5]), *row[6:]))


def version_sources(session: Session, question: str, version_ids: Iterable[str]) -> dict[str, str]:
    """The Markdown sources of some versions of a question, by version."""
    rows = session.execute(
        sa.select(question_version.c.version, question_version.c.source).where(
            question_version.c.question == question,
            question_version.c.version.in_(list(version_ids)),
        )
    )
    return {row.version: row.source for row in rows}


def experiment_moments(
    session: Session, person_id: int, topic: str, simulation: str
) -> list[datetime]:
    """The moments at which a person ran a simulation, in order."""
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
def _parse_ids(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


def _select_totals(session: Session, statement: sa.Select[Any]) -> dict[int, LearnerTotals]:
    rows = session.execute(statement.group_by(standing.c.person_id))
    return {row[0]: LearnerTotals._make(row[1:]) for row in rows.all()}
