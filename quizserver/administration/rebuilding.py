"""Computes every stored summary again from the attempts, where it is not what they give.

The standings are the only summaries that are stored; the totals of a class and the statistics of
its questions are computed from them, and kept in memory alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from quizserver.attempts import rebuild_store
from quizserver.attempts.rebuild_store import StandingFault
from quizserver.attempts.standings_store import rebuild_standings
from quizserver.audit import store as audit_store
from quizserver.db.session import Database

PEOPLE_PER_BATCH = 500


@dataclass(frozen=True, slots=True)
class RebuildBatch:
    """What was found of some people: how many standings there should be, and the faults."""

    checked: int
    faults: tuple[StandingFault, ...]


def rebuild_summaries(database: Database, *, dry_run: bool) -> Iterator[RebuildBatch]:
    """Compares all standings with the attempts, some hundred people at a time, and corrects them.

    Only the people of a wrong standing are written, each batch in a transaction of its own: answers
    of others don't wait. With ``dry_run`` nothing is written.
    """
    last = 0
    checked, written = 0, 0
    while True:
        with database.read() as session:
            people = rebuild_store.next_people(session, last, PEOPLE_PER_BATCH)
            if not people:
                break
            last = people[-1]
            count, faults = rebuild_store.find_faults(session, people)
        if faults and not dry_run:
            with database.write() as session:
                rebuild_standings(session, {fault.person_id for fault in faults})
            written += len(faults)
        checked += count
        yield RebuildBatch(count, tuple(faults))
    if written:
        with database.write() as session:
            audit_store.record_audit_event(
                session,
                "summaries-rebuilt",
                source="cli",
                now=datetime.now(UTC),
                detail={"checked": checked, "written": written},
            )
