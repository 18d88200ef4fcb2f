"""The learners whom a class counts in its statistics, and their standings, in the database.

Staff, instructors and those who left are not counted. Every function takes a session or makes a
statement for one; none of them writes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.classes.members_store import WITH_PERSON
from quizserver.db.tables import member as membership
from quizserver.db.tables import person, question_version, standing

# On ``WITH_PERSON``; the same condition as ``Member.is_counted``.
IS_COUNTED = sa.and_(
    membership.c.role == "learner", membership.c.state == "active", person.c.role == "learner"
)
_LEARNER_COUNTS = (
    sa.select(membership.c.class_id, sa.func.count())
    .select_from(WITH_PERSON)
    .where(membership.c.class_id.in_(sa.bindparam("class_ids", expanding=True)), IS_COUNTED)
    .group_by(membership.c.class_id)
)
_WITH_STANDINGS = WITH_PERSON.join(standing, standing.c.person_id == membership.c.person_id)


def select_counted_members(
    class_id: int | sa.BindParameter[int], *columns: sa.ColumnElement[Any]
) -> sa.Select[Any]:
    """Selects columns of ``member`` and ``person`` for the learners whom the class counts."""
    return (
        sa.select(*columns)
        .select_from(WITH_PERSON)
        .where(membership.c.class_id == class_id, IS_COUNTED)
    )


def select_counted_standings(class_id: int, *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Selects columns of ``standing`` for the learners whom the class counts."""
    return (
        sa.select(*columns)
        .select_from(_WITH_STANDINGS)
        .where(membership.c.class_id == class_id, IS_COUNTED)
    )


def is_one_of(column: sa.ColumnElement[str], values: Collection[str]) -> sa.ColumnElement[bool]:
    """``column IN (…)``, written so that the database uses no index for it.

    The rows of a learner lie together: reading them all costs half of looking each one up.
    """
    return sa.func.coalesce(column, "").in_(values)


def count_learners(session: Session, class_ids: Collection[int]) -> dict[int, int]:
    """The number of learners that each class counts, by class; a class without any is left out."""
    result = session.execute(_LEARNER_COUNTS, {"class_ids": list(class_ids)})
    return {row[0]: row[1] for row in result}


def answered_missing_questions(
    session: Session, class_id: int, present_questions: Sequence[str]
) -> list[str]:
    """The questions that counted learners answered and that are not in ``present_questions``."""
    # Few questions are missing, and each is looked up member by member: no scan of all standings.
    is_answered = (
        sa.exists()
        .select_from(_WITH_STANDINGS)
        .where(
            standing.c.question == question_version.c.question,
            membership.c.class_id == class_id,
            IS_COUNTED,
        )
    )
    rows = session.scalars(
        sa.select(question_version.c.question)
        .distinct()
        .where(question_version.c.question.not_in(present_questions), is_answered)
        .order_by(question_version.c.question)
    )
    return list(rows)
