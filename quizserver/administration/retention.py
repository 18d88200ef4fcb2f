"""How long each kind of data is kept: counts what is older, and deletes it in small parts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from quizserver.accounts import sessions_store
from quizserver.administration import retention_store
from quizserver.administration.retention_store import OldGuests
from quizserver.audit import store as audit_store
from quizserver.audit.model import Source
from quizserver.db.computed import open_computed
from quizserver.db.session import Database
from quizserver.runs import old_runs_store
from quizserver.settings import Settings

ROWS_PER_PART = 200
GUESTS_PER_PART = 20
"""Each of them may have a hundred answers, which go in the same transaction."""
PAUSE_SECONDS = 0.05
"""Between two parts, so that answers get their turn."""


@dataclass(frozen=True, slots=True)
class OldData:
    """What is older than it is kept, of one kind; ``before`` is None when it is kept for ever.

    ``with_answers`` and ``attempts`` are what goes with the guests: how many of them have answered,
    and how many attempts those are.
    """

    kind: str
    before: datetime | None
    rows: int = 0
    with_answers: int = 0
    attempts: int = 0

    def plus(self, rows: int, with_answers: int = 0, attempts: int = 0) -> OldData:
        return OldData(
            self.kind,
            self.before,
            self.rows + rows,
            self.with_answers + with_answers,
            self.attempts + attempts,
        )


def count_old_data(settings: Settings, database: Database, now: datetime) -> list[OldData]:
    """What ``prune_data`` would delete now, kind by kind. Nothing is written."""
    counted = []
    for kind in _KINDS:
        old = OldData(kind.name, kind.deadline(settings, now))
        if old.before is not None:
            with kind.opened(settings, database) as store, store.read() as session:
                old = old.plus(*kind.count(session, old.before))
        counted.append(old)
    return counted


def prune_data(
    settings: Settings, database: Database, now: datetime, *, source: Source
) -> list[OldData]:
    """Deletes what is older than its setting says, and logs how much that was.

    Each part is a transaction of its own: a prune that is interrupted has deleted whole parts.
    """
    deleted = []
    for kind in _KINDS:
        old = OldData(kind.name, kind.deadline(settings, now))
        if old.before is not None:
            with kind.opened(settings, database) as store:
                for part in kind.delete(store, old.before):
                    old = old.plus(*part)
                    time.sleep(PAUSE_SECONDS)
        deleted.append(old)
    counts = {old.kind: old.rows for old in deleted if old.rows}
    if counts:
        with database.write() as session:
            audit_store.record_audit_event(
                session, "data-pruned", source=source, now=now, detail={"counts": counts}
            )
    return deleted


def keeps_everything(settings: Settings) -> bool:
    """Whether nothing is ever deleted for its age."""
    return not any(getattr(settings, kind.setting) for kind in _KINDS)


_Counts = tuple[int, int, int] | tuple[int]


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of data, with the setting that says for how many days it is kept.

    ``delete`` yields what each of its transactions deleted.
    """

    name: str
    setting: str
    count: Callable[[Session, datetime], _Counts]
    delete: Callable[[Database, datetime], Iterator[_Counts]]
    in_runs: bool = False

    def deadline(self, settings: Settings, now: datetime) -> datetime | None:
        days: int = getattr(settings, self.setting)
        return now - timedelta(days=days) if days else None

    @contextmanager
    def opened(self, settings: Settings, database: Database) -> Iterator[Database]:
        """The database in which this kind lies."""
        if not self.in_runs:
            yield database
            return
        runs = open_computed(settings.store_url)
        try:
            yield runs
        finally:
            runs.dispose()


def _count_guests(session: Session, before: datetime) -> _Counts:
    return _guest_counts(retention_store.count_old_guests(session, before))


def _delete_guests(database: Database, before: datetime) -> Iterator[_Counts]:
    last = 0
    while True:
        with database.read() as session:
            ids = retention_store.next_old_guests(session, before, last, GUESTS_PER_PART)
        if not ids:
            return
        last = ids[-1]
        with database.write() as session:
            deleted = retention_store.delete_old_guests(session, before, ids)
        yield _guest_counts(deleted)


def _guest_counts(old: OldGuests) -> _Counts:
    return old.guests, old.with_answers, old.attempts


def _delete_parts(
    database: Database, delete_part: Callable[[Session], int]
) -> Iterator[tuple[int]]:
    """Calls ``delete_part`` in one transaction after the other until nothing is left."""
    while True:
        with database.write() as session:
            rows = delete_part(session)
        if rows:
            yield (rows,)
        if rows < ROWS_PER_PART:
            return


def _count_runs(session: Session, before: datetime) -> _Counts:
    return (old_runs_store.count_unused_runs(session, before.timestamp()),)


def _delete_runs(database: Database, before: datetime) -> Iterator[_Counts]:
    moment = before.timestamp()
    return _delete_parts(
        database,
        lambda session: old_runs_store.delete_unused_runs(session, moment, limit=ROWS_PER_PART),
    )


def _count_sessions(session: Session, before: datetime) -> _Counts:
    return (sessions_store.count_unseen_account_sessions(session, before),)


def _delete_sessions(database: Database, before: datetime) -> Iterator[_Counts]:
    with database.write() as session:  # one statement, and nothing refers to these rows
        yield (sessions_store.delete_unseen_account_sessions(session, before),)


def _count_log(session: Session, before: datetime) -> _Counts:
    return (audit_store.count_events_before(session, before),)


def _delete_log(database: Database, before: datetime) -> Iterator[_Counts]:
    return _delete_parts(
        database,
        lambda session: audit_store.delete_events_before(session, before, limit=ROWS_PER_PART),
    )


_KINDS = (
    _Kind("guests", "keep_guests_days", _count_guests, _delete_guests),
    _Kind("runs", "keep_runs_days", _count_runs, _delete_runs, in_runs=True),
    _Kind("sessions", "keep_sessions_days", _count_sessions, _delete_sessions),
    _Kind("log", "keep_log_days", _count_log, _delete_log),
)
