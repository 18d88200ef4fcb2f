"""Finds and deletes guests who have not been seen for long. Every function takes a session."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.attempts.standings_store import lock_people
from quizserver.db.session import changed_rows, insert_if_new
from quizserver.db.tables import (
    attempt,
    browser_session,
    experiment,
    maintenance,
    member,
    person,
    question_report,
    standing,
)


@dataclass(frozen=True, slots=True)
class OldGuests:
    """How many guests are old, how many of them have answered, and how many attempts they have."""

    guests: int
    with_answers: int
    attempts: int


def count_old_guests(session: Session, before: datetime) -> OldGuests:
    """The guests who did nothing and were not seen since ``before``, and are in no class."""
    old_ids = sa.select(person.c.id).where(*_is_old(before))
    guests = session.scalar(sa.select(sa.func.count()).where(*_is_old(before))) or 0
    return OldGuests(guests, *_count_attempts(session, old_ids))


def next_old_guests(session: Session, before: datetime, after: int, limit: int) -> list[int]:
    """The ids of the next old guests, in order."""
    statement = sa.select(person.c.id).where(person.c.id > after, *_is_old(before))
    return list(session.scalars(statement.order_by(person.c.id).limit(limit)))


def delete_old_guests(session: Session, before: datetime, ids: Collection[int]) -> OldGuests:
    """Deletes those of these guests who are still old, with all that they did.

    They are locked first, so that a guest who answers or signs up at this moment is kept.
    """
    lock_people(session, ids)
    old_ids = session.scalars(
        sa.select(person.c.id).where(person.c.id.in_(ids), *_is_old(before))
    ).all()
    counts = _count_attempts(session, old_ids)
    session.execute(sa.delete(person).where(person.c.id.in_(old_ids)))
    return OldGuests(len(old_ids), *counts)


def claim_task(session: Session, task: str, now: datetime, every: timedelta) -> bool:
    """Whether the task is due and this process is the one to do it: true for one of them."""
    if insert_if_new(session, maintenance, task=task, claimed_at=now):
        return True
    statement = (
        sa.update(maintenance)
        .where(maintenance.c.task == task, maintenance.c.claimed_at <= now - every)
        .values(claimed_at=now)
    )
    return changed_rows(session.execute(statement)) > 0


def _count_attempts(
    session: Session, people: Collection[int] | sa.Select[tuple[int]]
) -> tuple[int, int]:
    """How many of these people have answered, and how many attempts those are."""
    with_answers, attempts = session.execute(
        sa.select(
            sa.func.count(sa.distinct(attempt.c.person_id)), sa.func.count(attempt.c.id)
        ).where(attempt.c.person_id.in_(people))
    ).one()
    return with_answers, attempts


def _is_old(before: datetime) -> list[sa.ColumnElement[bool]]:
    """A guest's row of an account that absorbed it stays, as answers may still come with it."""

    def has_row(table: sa.Table, *conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
        return sa.exists().where(table.c.person_id == person.c.id, *conditions)

    return [
        person.c.email.is_(None),
        person.c.absorbed_by.is_(None),
        person.c.created_at < before,
        ~has_row(standing, standing.c.latest_at >= before),
        ~has_row(experiment, experiment.c.started_at >= before),
        ~has_row(question_report, question_report.c.reported_at >= before),
        ~has_row(browser_session, browser_session.c.last_seen_at >= before),
        ~has_row(member),
    ]
