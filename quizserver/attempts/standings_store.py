"""Computes standings from attempts and reveals, in the database. Every function takes a session.

This is the one definition of a standing: an answer, a merge, a migration's outcome and a rebuild
all give what ``select_standings`` selects.
"""

from __future__ import annotations

import functools
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.accounts.store import NoGuestError
from quizserver.db.session import upsert
from quizserver.db.tables import attempt, person, reveal, standing

ATTEMPT_WITH_REVEAL = attempt.outerjoin(
    reveal,
    sa.and_(reveal.c.person_id == attempt.c.person_id, reveal.c.question == attempt.c.question),
)


def select_standings(*conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Selects the rows of ``standing`` that the attempts with these conditions give.

    First and latest are those of the attempts' moments; of two at the same moment the one with the
    lower number came first. The marks are of the attempts that count: those up to the moment at
    which the answer was shown to the person. A condition must hold for all attempts of a person at
    a question, or for none of them.
    """
    of_question: dict[str, Any] = {"partition_by": (attempt.c.person_id, attempt.c.question)}
    in_time = (attempt.c.answered_at, attempt.c.number)
    counted = counted_mark()
    # Those that count first: an answer that counts comes before every one that does not.
    from_latest = [counted.is_(None), *(column.desc() for column in in_time)]
    placed = (
        sa.select(
            attempt.c.person_id,
            attempt.c.question,
            counted.label("mark"),
            attempt.c.answered_at,
            sa.func.row_number().over(order_by=in_time, **of_question).label("from_first"),
            sa.func.row_number().over(order_by=from_latest, **of_question).label("from_latest"),
        )
        .select_from(ATTEMPT_WITH_REVEAL)
        .where(*conditions)
        .subquery()
    )
    return sa.select(
        placed.c.person_id,
        placed.c.question,
        sa.func.count().label("attempts"),
        sa.func.max(sa.case((placed.c.from_first == 1, placed.c.mark))).label("first_mark"),
        sa.func.max(placed.c.mark).label("best_mark"),
        sa.func.max(sa.case((placed.c.from_latest == 1, placed.c.mark))).label("latest_mark"),
        sa.func.min(placed.c.answered_at).label("first_at"),
        sa.func.max(placed.c.answered_at).label("latest_at"),
    ).group_by(placed.c.person_id, placed.c.question)


def counted_mark() -> sa.ColumnElement[float]:
    """The mark of an attempt, NULL when it was made after the answer was shown.

    In a statement on ``ATTEMPT_WITH_REVEAL``.
    """
    is_counted = sa.or_(
        reveal.c.revealed_at.is_(None), attempt.c.answered_at <= reveal.c.revealed_at
    )
    return sa.case((is_counted, attempt.c.mark))


def rebuild_standings(session: Session, people: Collection[int] | None = None) -> int:
    """Computes the standings of some people (None: of all) again from their attempts; how many.

    Until the transaction ends, answers of these people wait.
    """
    lock_people(session, people)
    of_attempts = [] if people is None else [attempt.c.person_id.in_(people)]
    of_standings = [] if people is None else [standing.c.person_id.in_(people)]
    session.execute(sa.delete(standing).where(*of_standings))
    selected = select_standings(*of_attempts)
    session.execute(sa.insert(standing).from_select(_names(selected), selected))
    count = sa.select(sa.func.count()).select_from(standing).where(*of_standings)
    return session.scalar(count) or 0


def update_standing(session: Session, person_id: int, question: str) -> None:
    """Brings one standing up to date with the attempts, of which there are some, for a caller that
    locked the person."""
    session.execute(
        _update_standing(session.get_bind().dialect.name),
        {"of_person": person_id, "of_question": question},
    )


def lock_people(session: Session, people: Collection[int] | None = None) -> dict[int, int | None]:
    """Locks people (None: all) until the transaction ends; the account that absorbed each, by id.

    Whoever writes attempts or standings of a person locks them first, so that the attempts are
    numbered and summed up by one transaction at a time. SQLite has one writer anyway.
    """
    statement = _LOCK_PEOPLE
    if people is not None:
        statement = statement.where(person.c.id.in_(people))
    return {row.id: row.absorbed_by for row in session.execute(statement)}


def lock_person(session: Session, person_id: int) -> None:
    """``lock_people`` for one. Raises NoGuestError when the person is a guest whom an account
    absorbed."""
    row = session.execute(_LOCK_PERSON, {"person_id": person_id}).first()
    if row is not None and row.absorbed_by is not None:
        raise NoGuestError(str(person_id))


# In the order of the ids, so that two transactions can't each wait for the other; the lock lets
# other rows that refer to the person be inserted meanwhile.
_LOCK_PEOPLE = (
    sa.select(person.c.id, person.c.absorbed_by)
    .order_by(person.c.id)
    .with_for_update(key_share=True)
)
_LOCK_PERSON = _LOCK_PEOPLE.where(person.c.id == sa.bindparam("person_id"))


@functools.cache
def _update_standing(dialect: str) -> sa.Executable:
    """The statement of ``update_standing``. SQLAlchemy takes longer to make it than to run it."""
    selected = select_standings(
        attempt.c.person_id == sa.bindparam("of_person"),
        attempt.c.question == sa.bindparam("of_question"),
    )
    insert = upsert(standing, dialect).from_select(_names(selected), selected)
    keys = standing.primary_key.columns.keys()
    return insert.on_conflict_do_update(
        index_elements=keys,
        set_={name: insert.excluded[name] for name in _names(selected) if name not in keys},
    )


def _names(selected: sa.Select[Any]) -> list[str]:
    return [column.name for column in selected.selected_columns]
