"""Compares the standings that are stored with those that the attempts give.

Every function takes a session. What a standing is, ``standings_store`` alone decides.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.attempts.standings_store import select_standings
from quizserver.db.tables import attempt, person, standing

_VALUES = [column.name for column in standing.columns if not column.primary_key]


@dataclass(frozen=True, slots=True)
class StandingFault:
    """A standing that is not what the attempts give.

    "missing": there are attempts and no standing; "superfluous": a standing and no attempts;
    "wrong": the ``columns`` differ.
    """

    person_id: int
    question: str
    kind: Literal["missing", "superfluous", "wrong"]
    columns: tuple[str, ...] = ()


def next_people(session: Session, after: int, limit: int) -> list[int]:
    """The ids of the next people, in order."""
    statement = sa.select(person.c.id).where(person.c.id > after).order_by(person.c.id)
    return list(session.scalars(statement.limit(limit)))


def find_faults(session: Session, people: Collection[int]) -> tuple[int, list[StandingFault]]:
    """How many standings the attempts of these people give, and where the stored ones differ.

    The session sees one moment (``Database.read``): an answer that is being recorded is no fault.
    """
    expected = _by_question(session, select_standings(attempt.c.person_id.in_(people)))
    stored = _by_question(session, sa.select(standing).where(standing.c.person_id.in_(people)))
    faults = [StandingFault(*key, "missing") for key in expected.keys() - stored.keys()]
    faults += [StandingFault(*key, "superfluous") for key in stored.keys() - expected.keys()]
    for key in expected.keys() & stored.keys():
        different = tuple(name for name in _VALUES if expected[key][name] != stored[key][name])
        if different:
            faults.append(StandingFault(*key, "wrong", different))
    return len(expected), sorted(faults, key=lambda fault: (fault.person_id, fault.question))


def _by_question(session: Session, statement: sa.Select[Any]) -> dict[tuple[int, str], Any]:
    rows = session.execute(statement).mappings()
    return {(row["person_id"], row["question"]): row for row in rows}
