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

from quizserver.classes.items.packing import MILLION, SECONDS_MAX, TENTHS, Part, unpacked
from quizserver.classes.members.store import COUNTS, WITH_PERSON
from quizserver.classes.statistics.answers import Floats, Ids
from quizserver.db.tables import attempt, experiment, member, person, standing

AT_ONCE = 10_000
"""Rows of a table that are packed into one text."""
TEXTS = 8
"""Texts that are taken apart together: about 4 MB."""
_BIG = sa.BigInteger


@dataclass(frozen=True, slots=True, eq=False)
class Learners:
    """Whom the class counts: ``ids`` (R,) ascending, ``joined_at`` (R,) in Unix time."""

    ids: Ids
    joined_at: Floats


@dataclass(frozen=True, slots=True)
class Since:
    """The rows of the class's learners numbered above ``row`` and up to ``newest``, both ids."""

    row: int
    newest: int


@dataclass(frozen=True, slots=True)
class Of:
    """All rows of some of the class's learners; None: of everybody whom it counts."""

    people: Sequence[int] | None = None


Scope = Since | Of


def learners(session: Session, class_id: int) -> Learners:
    """Whom the class counts."""
    rows = session.execute(
        sa.select(member.c.person_id, _unix(session, member.c.joined_at))
        .select_from(WITH_PERSON)
        .where(member.c.class_id == class_id, COUNTS)
        .order_by(member.c.person_id)
    ).all()
    ids, joined = zip(*rows, strict=True) if rows else ((), ())
    return Learners(np.array(ids, np.int64), np.array(joined, np.float64))


def names(session: Session, class_id: int, people: Collection[int]) -> dict[int, str]:
    """What the class calls some of its members, by person."""
    rows = session.execute(
        sa.select(member.c.person_id, member.c.name, person.c.email)
        .select_from(WITH_PERSON)
        .where(member.c.class_id == class_id, member.c.person_id.in_(people))
    )
    return {person_id: name or email for person_id, name, email in rows}


def newest(session: Session) -> tuple[int, int]:
    """The ids of the latest attempt and experiment on this server: whether anything is new."""
    found = sa.select(
        *(
            sa.select(sa.func.coalesce(sa.func.max(table.c.id), 0)).scalar_subquery()
            for table in (attempt, experiment)
        )
    )
    attempts, experiments = session.execute(found).one()
    return attempts, experiments


def answered(session: Session, class_id: int) -> int:
    """How many attempts the class's learners made, at whatever question."""
    found = session.scalar(
        sa.select(sa.func.sum(standing.c.attempts))
        .select_from(WITH_PERSON.join(standing, standing.c.person_id == member.c.person_id))
        .where(member.c.class_id == class_id, COUNTS)
    )
    return int(found or 0)


def counts(session: Session, class_id: int, people: Ids, questions: Sequence[str]) -> Ids:
    """How many attempts each of ``people`` (R,) made at the questions: (R,)."""
    rows = session.execute(
        sa.select(standing.c.person_id, sa.func.sum(standing.c.attempts))
        .select_from(WITH_PERSON.join(standing, standing.c.person_id == member.c.person_id))
        .where(member.c.class_id == class_id, COUNTS, _one_of(standing.c.question, questions))
        .group_by(standing.c.person_id)
    ).all()
    found = {person_id: int(count) for person_id, count in rows}
    return np.array([found.get(int(each), 0) for each in people], np.int64)


def attempts(
    session: Session, class_id: int, questions: Sequence[str], scope: Scope
) -> Iterator[Part]:
    """Attempts at these questions, and perhaps at others. A word is the question and what was
    chosen, as JSON."""
    # Unknown is 0: the tenths of seconds are one more than they are.
    tenths = sa.case((attempt.c.seconds < SECONDS_MAX, _whole(10 * attempt.c.seconds) + 1), else_=0)
    details = (sa.cast(attempt.c.number, _BIG) * TENTHS + tenths) * MILLION
    return _read(
        session,
        attempt,
        (_key(session, attempt.c.answered_at), details + _whole(1_000_000 * attempt.c.mark)),
        attempt.c.question + sa.cast(attempt.c.chosen, sa.Text),
        (class_id, _one_of(attempt.c.question, questions)),
        scope,
    )


def experiments(
    session: Session, class_id: int, topics: Collection[str], scope: Scope
) -> Iterator[Part]:
    """Experiments of these topics. A word is the topic and the simulation, with a slash."""
    return _read(
        session,
        experiment,
        (_key(session, experiment.c.started_at), sa.literal(0)),
        experiment.c.topic + "/" + experiment.c.simulation,
        (class_id, _one_of(experiment.c.topic, topics)),
        scope,
    )


def _read(
    session: Session,
    table: sa.Table,
    numbers: tuple[sa.ColumnElement[Any], ...],
    word: sa.ColumnElement[str],
    which: tuple[int, sa.ColumnElement[bool]],
    scope: Scope,
) -> Iterator[Part]:
    class_id, condition = which
    pair = sa.cast(numbers[0], sa.Text) + " " + sa.cast(numbers[1], sa.Text)
    # Both texts are made in one pass over the same rows, and so in the same order.
    texts = sa.func.aggregate_strings(pair, " ") + "|" + sa.func.aggregate_strings(word, "\n")
    counted = (
        sa.select(member.c.person_id)
        .select_from(WITH_PERSON)
        .where(member.c.class_id == class_id, COUNTS)
    )
    if isinstance(scope, Of):
        whose = counted if scope.people is None else scope.people
        mine = sa.select(texts).where(table.c.person_id.in_(whose), condition)
        statement = mine.group_by(table.c.person_id)
    else:
        # Said so that no index is used for the person: the table is read as it lies. The condition
        # is left out, which takes longer to look at than the rows that it would spare.
        statement = _blocks(
            table, texts, sa.func.coalesce(table.c.person_id, 0).in_(counted), scope
        )
    result = session.execute(statement, execution_options={"yield_per": TEXTS})
    for part in result.scalars().partitions():
        yield unpacked([text for text in part if text is not None], len(part))


def _blocks(
    table: sa.Table, texts: sa.ColumnElement[str], condition: sa.ColumnElement[bool], scope: Since
) -> sa.Select[Any]:
    """``texts`` of ``AT_ONCE`` rows after ``AT_ONCE`` rows by id, each a row of the result."""
    low = sa.select(sa.literal(scope.row, _BIG).label("low")).cte("block", recursive=True)
    block = low.union_all(sa.select(low.c.low + AT_ONCE).where(low.c.low + AT_ONCE < scope.newest))
    inside = (table.c.id > block.c.low, table.c.id <= block.c.low + AT_ONCE)
    packed = sa.select(texts).where(*inside, condition).correlate(block).scalar_subquery()
    return sa.select(packed).select_from(block)


def _key(session: Session, moment: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """Whose and when, in one number."""
    whose = moment.table.c.person_id
    return sa.cast(whose, _BIG) * 2**32 + _unix(session, moment)


def _unix(session: Session, moment: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    seconds = sa.extract("epoch", moment)  # SQLite's are whole
    whole = seconds if session.get_bind().dialect.name == "sqlite" else sa.func.floor(seconds)
    return sa.cast(whole, _BIG)


def _whole(number: sa.ColumnElement[float]) -> sa.ColumnElement[int]:
    return sa.cast(sa.func.round(number), _BIG)


def _one_of(column: sa.ColumnElement[str], wanted: Collection[str]) -> sa.ColumnElement[bool]:
    """``column IN (…)``, said so that no index is used for it: a learner's rows lie together."""
    return sa.func.coalesce(column, "").in_(wanted)
