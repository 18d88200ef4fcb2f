"""Reads answers and experiments for item analysis. Every function takes a session; none writes.

A class of 5,000 with 200 questions has a million answers. Transferring them as rows costs more than
finding them: so the database packs some thousand into one text, two whole numbers and a word each,
which ``row_codec`` decodes without making an object of every field. The number of statements does
not grow with the class.

Moments are whole seconds of Unix time, so that both kinds of database give the same figures.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.attempts.standings_store import ATTEMPT_WITH_REVEAL, counted_mark
from quizserver.classes.counted_store import (
    is_one_of,
    select_counted_members,
    select_counted_standings,
)
from quizserver.classes.items.row_codec import (
    MILLION,
    NO_MARK,
    SECONDS_MAX,
    TENTHS,
    PackedRows,
    unpack_rows,
)
from quizserver.classes.members_store import WITH_PERSON
from quizserver.classes.model import member_label
from quizserver.classes.statistics.answers import Floats, Ids
from quizserver.db.tables import attempt, experiment, member, person, reveal, standing
from quizserver.deferred_numpy import np

ROWS_PER_TEXT = 10_000
"""Rows of a table that are packed into one text."""
TEXTS_PER_BATCH = 8
"""Texts that are decoded together: about 4 MB."""
MANY_ROWS = 100_000
"""From so many rows on it pays to find out first which attempts no reveal can concern."""
_BIG = sa.BigInteger

# As ``ATTEMPT_WITH_REVEAL`` for SQLite, which takes twice as long to look up a reveal as to read an
# attempt: here it does so for few alone. Whose standings all have a first mark, of them every first
# attempt counts, as if it had no reveal. Nothing is looked up for a person that is NULL.
# PostgreSQL joins all at once, and three times as fast without these conditions.
_WITHOUT_FIRST_MARK = sa.select(standing.c.person_id).where(standing.c.first_mark.is_(None))
_MAY_NOT_COUNT = sa.or_(attempt.c.number > 1, attempt.c.person_id.in_(_WITHOUT_FIRST_MARK))
_MANY_WITH_REVEAL = attempt.outerjoin(
    reveal,
    sa.and_(
        reveal.c.person_id == sa.case((_MAY_NOT_COUNT, attempt.c.person_id)),
        reveal.c.question == attempt.c.question,
    ),
)

# Each page of a class asks for these; SQLAlchemy takes longer to make a statement than to run it.
_NEWEST_ROWS = sa.select(
    *(
        sa.select(sa.func.coalesce(sa.func.max(table.c.id), 0)).scalar_subquery()
        for table in (attempt, experiment)
    )
)
_MEMBER_NAMES = (
    sa.select(member.c.person_id, member.c.name, person.c.email)
    .select_from(WITH_PERSON)
    .where(
        member.c.class_id == sa.bindparam("class_id"),
        member.c.person_id.in_(sa.bindparam("people", expanding=True)),
    )
)


@dataclass(frozen=True, slots=True, eq=False)
class CountedLearners:
    """The learners whom a class counts: ``ids`` (R,) ascending, ``joined_at`` (R,) in Unix time."""

    ids: Ids
    joined_at: Floats


@dataclass(frozen=True, slots=True)
class RowsSince:
    """The rows of the class's learners with ids above ``row`` and up to ``newest``."""

    row: int
    newest: int


@dataclass(frozen=True, slots=True)
class RowsOfLearners:
    """All rows of some of the class's learners; with None, of all whom it counts."""

    people: Sequence[int] | None = None


ReadScope = RowsSince | RowsOfLearners


def counted_learners(session: Session, class_id: int) -> CountedLearners:
    """The learners whom the class counts."""
    statement = _counted_learners(session.get_bind().dialect.name)
    text: str = session.scalar(statement, {"class_id": class_id}) or ""
    numbers = np.fromstring(text, np.int64, sep=" ").reshape(-1, 2)
    ids, joined_at = numbers[numbers[:, 0].argsort()].T
    return CountedLearners(ids, joined_at.astype(np.float64))


def member_names(session: Session, class_id: int, people: Collection[int]) -> dict[int, str]:
    """The labels of some members of the class, by person."""
    if not people:
        return {}
    rows = session.execute(_MEMBER_NAMES, {"class_id": class_id, "people": list(people)})
    return {person_id: member_label(name, email) for person_id, name, email in rows}


def newest_rows(session: Session) -> tuple[int, int]:
    """The ids of the latest attempt and the latest experiment on this server."""
    attempts, experiments = session.execute(_NEWEST_ROWS).one()
    return attempts, experiments


def total_attempts(session: Session, class_id: int) -> int:
    """The number of attempts of the class's learners, at any question."""
    total = session.scalar(select_counted_standings(class_id, sa.func.sum(standing.c.attempts)))
    return int(total or 0)


def attempt_counts(session: Session, class_id: int, people: Ids, questions: Sequence[str]) -> Ids:
    """The number of attempts of each of ``people`` (R,) at the questions: (R,)."""
    statement = select_counted_standings(
        class_id, standing.c.person_id, sa.func.sum(standing.c.attempts)
    ).where(is_one_of(standing.c.question, questions))
    rows = session.execute(statement.group_by(standing.c.person_id)).all()
    count_by_person = {person_id: int(count) for person_id, count in rows}
    return np.array([count_by_person.get(int(learner_id), 0) for learner_id in people], np.int64)


def packed_attempts(
    session: Session, class_id: int, questions: Sequence[str], scope: ReadScope
) -> Iterator[PackedRows]:
    """Attempts at these questions, and perhaps at others; see ``PackedRows``.

    A word is the id of the question and the chosen options as a JSON list.
    """
    # One is added to the tenths of seconds, as 0 stands for an unknown time.
    tenths = sa.case(
        (attempt.c.seconds < SECONDS_MAX, _rounded_integer(10 * attempt.c.seconds) + 1), else_=0
    )
    details = (sa.cast(attempt.c.number, _BIG) * TENTHS + tenths) * MILLION
    texts = _pack_rows(
        _person_moment_sql(session, attempt.c.answered_at),
        details + sa.func.coalesce(_rounded_integer(1_000_000 * counted_mark()), NO_MARK),
        attempt.c.question + sa.cast(attempt.c.chosen, sa.Text),
    )
    condition = is_one_of(attempt.c.question, questions)
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    source = _MANY_WITH_REVEAL if is_sqlite and _reads_many(scope) else ATTEMPT_WITH_REVEAL
    return _read_packed(session, class_id, texts, source, attempt, condition, scope)


def packed_experiments(
    session: Session, class_id: int, topics: Collection[str], scope: ReadScope
) -> Iterator[PackedRows]:
    """Experiments of these topics; see ``PackedRows``. A word is "topic/simulation"."""
    texts = _pack_rows(
        _person_moment_sql(session, experiment.c.started_at),
        sa.literal(0),
        experiment.c.topic + "/" + experiment.c.simulation,
    )
    condition = is_one_of(experiment.c.topic, topics)
    return _read_packed(session, class_id, texts, experiment, experiment, condition, scope)


def _reads_many(scope: ReadScope) -> bool:
    if isinstance(scope, RowsSince):
        return scope.newest - scope.row > MANY_ROWS
    return scope.people is None


def _pack_rows(
    key: sa.ColumnElement[Any], detail: sa.ColumnElement[Any], word: sa.ColumnElement[str]
) -> sa.ColumnElement[str]:
    """The aggregate that packs rows into one text, as ``unpack_rows`` takes it."""
    numbers = sa.cast(key, sa.Text) + " " + sa.cast(detail, sa.Text)
    # Both texts are made in one pass over the same rows, and so in the same order.
    return sa.func.aggregate_strings(numbers, " ") + "|" + sa.func.aggregate_strings(word, "\n")


def _read_packed(
    session: Session,
    class_id: int,
    texts: sa.ColumnElement[str],
    source: sa.FromClause,
    table: sa.Table,
    condition: sa.ColumnElement[bool],
    scope: ReadScope,
) -> Iterator[PackedRows]:
    """The packed rows of ``table`` in the scope, with what ``source`` joins to it; only
    ``RowsOfLearners`` applies ``condition``."""
    counted_ids = select_counted_members(class_id, member.c.person_id)
    if isinstance(scope, RowsOfLearners):
        learner_ids = counted_ids if scope.people is None else scope.people
        selected = (
            sa.select(texts)
            .select_from(source)
            .where(table.c.person_id.in_(learner_ids), condition)
        )
        statement = selected.group_by(table.c.person_id)
    else:
        # ``coalesce`` keeps the database from an index on the person: the table is read in its
        # order. The condition is left out: checking it costs more than the rows it would spare.
        statement = _select_blocks(
            source, table, texts, sa.func.coalesce(table.c.person_id, 0).in_(counted_ids), scope
        )
    result = session.execute(statement, execution_options={"yield_per": TEXTS_PER_BATCH})
    for batch in result.scalars().partitions():
        yield unpack_rows([text for text in batch if text is not None], len(batch))


def _select_blocks(
    source: sa.FromClause,
    table: sa.Table,
    texts: sa.ColumnElement[str],
    condition: sa.ColumnElement[bool],
    scope: RowsSince,
) -> sa.Select[Any]:
    """A statement with one row of ``texts`` for each ``ROWS_PER_TEXT`` rows of the table, by id."""
    low = sa.select(sa.literal(scope.row, _BIG).label("low")).cte("block", recursive=True)
    block = low.union_all(
        sa.select(low.c.low + ROWS_PER_TEXT).where(low.c.low + ROWS_PER_TEXT < scope.newest)
    )
    in_block = (table.c.id > block.c.low, table.c.id <= block.c.low + ROWS_PER_TEXT)
    block_texts = (
        sa.select(texts)
        .select_from(source)
        .where(*in_block, condition)
        .correlate(block)
        .scalar_subquery()
    )
    return sa.select(block_texts).select_from(block)


@functools.cache
def _counted_learners(dialect: str) -> sa.Select[tuple[str]]:
    """The ids and the moments of joining of the counted learners of a class, in one text."""
    numbers = (
        sa.cast(member.c.person_id, sa.Text)
        + " "
        + sa.cast(_unix_seconds(dialect, member.c.joined_at), sa.Text)
    )
    class_id: sa.BindParameter[int] = sa.bindparam("class_id")
    return select_counted_members(class_id, sa.func.aggregate_strings(numbers, " "))


def _person_moment_sql(session: Session, moment: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """The key of ``PackedRows``: the person's id and the moment in one number."""
    person_id = moment.table.c.person_id
    dialect = session.get_bind().dialect.name
    return sa.cast(person_id, _BIG) * 2**32 + _unix_seconds(dialect, moment)


def _unix_seconds(dialect: str, moment: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    seconds = sa.extract("epoch", moment)  # SQLite's are whole
    whole_seconds = seconds if dialect == "sqlite" else sa.func.floor(seconds)
    return sa.cast(whole_seconds, _BIG)


def _rounded_integer(number: sa.ColumnElement[float]) -> sa.ColumnElement[int]:
    return sa.cast(sa.func.round(number), _BIG)
