"""What item analysis reads of a class. The only SQL of it; nothing here writes.

A class of 5,000 with 200 questions has a million answers. As rows they cost more to hand over than
to find: so the database packs some thousand of them into one text, two whole numbers and a word
each, which is taken apart without making an object of every field. The number of statements does
not grow with the class.

Moments are whole seconds of Unix time, so that both kinds of database give the same figures.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.classes.items.row_codec import MILLION, SECONDS_MAX, TENTHS, PackedRows, unpack_rows
from quizserver.classes.members_store import IS_COUNTED, WITH_PERSON
from quizserver.classes.statistics.answers import Floats, Ids
from quizserver.db.tables import attempt, experiment, member, person, standing

ROWS_PER_TEXT = 10_000
"""Rows of a table that are packed into one text."""
TEXTS_PER_BATCH = 8
"""Texts that are taken apart together: about 4 MB."""
_BIG = sa.BigInteger


@dataclass(frozen=True, slots=True, eq=False)
class CountedLearners:
    """Whom the class counts: ``ids`` (R,) ascending, ``joined_at`` (R,) in Unix time."""

    ids: Ids
    joined_at: Floats


@dataclass(frozen=True, slots=True)
class RowsSince:
    """The rows of the class's learners numbered above ``row`` and up to ``newest``, both ids."""

    row: int
    newest: int


@dataclass(frozen=True, slots=True)
class RowsOfLearners:
    """All rows of some of the class's learners; None: of everybody whom it counts."""

    people: Sequence[int] | None = None


ReadScope = RowsSince | RowsOfLearners


def counted_learners(session: Session, class_id: int) -> CountedLearners:
    """Whom the class counts."""
    rows = session.execute(
        sa.select(member.c.person_id, _unix_seconds(session, member.c.joined_at))
        .select_from(WITH_PERSON)
        .where(member.c.class_id == class_id, IS_COUNTED)
        .order_by(member.c.person_id)
    ).all()
    ids, joined_at = zip(*rows, strict=True) if rows else ((), ())
    return CountedLearners(np.array(ids, np.int64), np.array(joined_at, np.float64))


def member_names(session: Session, class_id: int, people: Collection[int]) -> dict[int, str]:
    """What the class calls some of its members, by person."""
    rows = session.execute(
        sa.select(member.c.person_id, member.c.name, person.c.email)
        .select_from(WITH_PERSON)
        .where(member.c.class_id == class_id, member.c.person_id.in_(people))
    )
    return {person_id: name or email for person_id, name, email in rows}


def newest_rows(session: Session) -> tuple[int, int]:
    """The ids of the latest attempt and experiment on this server: whether anything is new."""
    statement = sa.select(
        *(
            sa.select(sa.func.coalesce(sa.func.max(table.c.id), 0)).scalar_subquery()
            for table in (attempt, experiment)
        )
    )
    attempts, experiments = session.execute(statement).one()
    return attempts, experiments


def total_attempts(session: Session, class_id: int) -> int:
    """How many attempts the class's learners made, at whatever question."""
    total = session.scalar(
        sa.select(sa.func.sum(standing.c.attempts))
        .select_from(WITH_PERSON.join(standing, standing.c.person_id == member.c.person_id))
        .where(member.c.class_id == class_id, IS_COUNTED)
    )
    return int(total or 0)


def attempt_counts(session: Session, class_id: int, people: Ids, questions: Sequence[str]) -> Ids:
    """How many attempts each of ``people`` (R,) made at the questions: (R,)."""
    rows = session.execute(
        sa.select(standing.c.person_id, sa.func.sum(standing.c.attempts))
        .select_from(WITH_PERSON.join(standing, standing.c.person_id == member.c.person_id))
        .where(member.c.class_id == class_id, IS_COUNTED, _one_of(standing.c.question, questions))
        .group_by(standing.c.person_id)
    ).all()
    count_by_person = {person_id: int(count) for person_id, count in rows}
    return np.array([count_by_person.get(int(learner_id), 0) for learner_id in people], np.int64)


def packed_attempts(
    session: Session, class_id: int, questions: Sequence[str], scope: ReadScope
) -> Iterator[PackedRows]:
    """Attempts at these questions, and perhaps at others. A word is the question and what was
    chosen, as JSON."""
    # Unknown is 0: the tenths of seconds are one more than they are.
    tenths = sa.case(
        (attempt.c.seconds < SECONDS_MAX, _rounded_integer(10 * attempt.c.seconds) + 1), else_=0
    )
    details = (sa.cast(attempt.c.number, _BIG) * TENTHS + tenths) * MILLION
    return _select_packed(
        session,
        attempt,
        (
            _person_moment_sql(session, attempt.c.answered_at),
            details + _rounded_integer(1_000_000 * attempt.c.mark),
        ),
        attempt.c.question + sa.cast(attempt.c.chosen, sa.Text),
        (class_id, _one_of(attempt.c.question, questions)),
        scope,
    )


def packed_experiments(
    session: Session, class_id: int, topics: Collection[str], scope: ReadScope
) -> Iterator[PackedRows]:
    """Experiments of these topics. A word is the topic and the simulation, with a slash."""
    return _select_packed(
        session,
        experiment,
        (_person_moment_sql(session, experiment.c.started_at), sa.literal(0)),
        experiment.c.topic + "/" + experiment.c.simulation,
        (class_id, _one_of(experiment.c.topic, topics)),
        scope,
    )


def _select_packed(
    session: Session,
    table: sa.Table,
    numbers: tuple[sa.ColumnElement[Any], ...],
    word: sa.ColumnElement[str],
    class_and_condition: tuple[int, sa.ColumnElement[bool]],
    scope: ReadScope,
) -> Iterator[PackedRows]:
    class_id, condition = class_and_condition
    number_pair = sa.cast(numbers[0], sa.Text) + " " + sa.cast(numbers[1], sa.Text)
    # Both texts are made in one pass over the same rows, and so in the same order.
    texts = (
        sa.func.aggregate_strings(number_pair, " ") + "|" + sa.func.aggregate_strings(word, "\n")
    )
    counted_ids = (
        sa.select(member.c.person_id)
        .select_from(WITH_PERSON)
        .where(member.c.class_id == class_id, IS_COUNTED)
    )
    if isinstance(scope, RowsOfLearners):
        learner_ids = counted_ids if scope.people is None else scope.people
        selected = sa.select(texts).where(table.c.person_id.in_(learner_ids), condition)
        statement = selected.group_by(table.c.person_id)
    else:
        # Said so that no index is used for the person: the table is read as it lies. The condition
        # is left out, which takes longer to look at than the rows that it would spare.
        statement = _select_blocks(
            table, texts, sa.func.coalesce(table.c.person_id, 0).in_(counted_ids), scope
        )
    result = session.execute(statement, execution_options={"yield_per": TEXTS_PER_BATCH})
    for batch in result.scalars().partitions():
        yield unpack_rows([text for text in batch if text is not None], len(batch))


def _select_blocks(
    table: sa.Table,
    texts: sa.ColumnElement[str],
    condition: sa.ColumnElement[bool],
    scope: RowsSince,
) -> sa.Select[Any]:
    """``texts`` of ``AT_ONCE`` rows after ``AT_ONCE`` rows by id, each a row of the result."""
    low = sa.select(sa.literal(scope.row, _BIG).label("low")).cte("block", recursive=True)
    block = low.union_all(
        sa.select(low.c.low + ROWS_PER_TEXT).where(low.c.low + ROWS_PER_TEXT < scope.newest)
    )
    in_block = (table.c.id > block.c.low, table.c.id <= block.c.low + ROWS_PER_TEXT)
    block_texts = sa.select(texts).where(*in_block, condition).correlate(block).scalar_subquery()
    return sa.select(block_texts).select_from(block)


def _person_moment_sql(session: Session, moment: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """Whose and when, in one number."""
    person_id = moment.table.c.person_id
    return sa.cast(person_id, _BIG) * 2**32 + _unix_seconds(session, moment)


def _unix_seconds(session: Session, moment: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    seconds = sa.extract("epoch", moment)  # SQLite's are whole
    whole_seconds = (
        seconds if session.get_bind().dialect.name == "sqlite" else sa.func.floor(seconds)
    )
    return sa.cast(whole_seconds, _BIG)


def _rounded_integer(number: sa.ColumnElement[float]) -> sa.ColumnElement[int]:
    return sa.cast(sa.func.round(number), _BIG)


def _one_of(column: sa.ColumnElement[str], values: Collection[str]) -> sa.ColumnElement[bool]:
    """``column IN (…)``, said so that no index is used for it: a learner's rows lie together."""
    return sa.func.coalesce(column, "").in_(values)
