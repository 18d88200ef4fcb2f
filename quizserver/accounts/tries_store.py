"""Reads and writes the tries of passwords and addresses. Every function takes a session."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.db.session import take_advisory_lock
from quizserver.db.tables import access_try


def lock_counts(session: Session, account_key: str, source_key: str) -> None:
    """Makes others wait who count the same tries, so that none of two passes as the last one.

    Always in this order, so that two transactions can't each wait for the other.
    """
    for key in (account_key, source_key):
        take_advisory_lock(session.connection(), f"tries {key}")


def tries_of_source(
    session: Session, source_key: str, since: datetime, limit: int
) -> list[datetime]:
    """The moments of a source's tries, right and wrong, the latest first."""
    return _moments(session, since, limit, access_try.c.source_key == source_key)


def wrong_tries_at_account(
    session: Session, account_key: str, source_key: str, since: datetime, limit: int
) -> list[datetime]:
    """The moments of a source's wrong tries at one account, the latest first."""
    return _moments(
        session,
        since,
        limit,
        access_try.c.account_key == account_key,
        access_try.c.source_key == source_key,
        access_try.c.is_wrong,
    )


def count_wrong_tries_of_strangers(session: Session, account_key: str, since: datetime) -> int:
    """How many wrong tries there were at an account from browsers that it does not know."""
    statement = sa.select(sa.func.count()).where(
        access_try.c.account_key == account_key,
        access_try.c.tried_at > since,
        access_try.c.is_wrong,
        access_try.c.is_stranger,
    )
    return session.scalar(statement) or 0


def insert_try(
    session: Session, account_key: str, source_key: str, *, is_stranger: bool, now: datetime
) -> int:
    """Inserts a try, wrong until ``mark_right`` says otherwise; returns its id."""
    statement = sa.insert(access_try).values(
        account_key=account_key,
        source_key=source_key,
        is_stranger=is_stranger,
        is_wrong=True,
        tried_at=now,
    )
    return int(session.scalars(statement.returning(access_try.c.id)).one())


def mark_right(session: Session, try_id: int) -> None:
    session.execute(sa.update(access_try).where(access_try.c.id == try_id).values(is_wrong=False))


def delete_tries_before(session: Session, moment: datetime) -> None:
    session.execute(sa.delete(access_try).where(access_try.c.tried_at < moment))


def _moments(
    session: Session, since: datetime, limit: int, *conditions: sa.ColumnElement[bool]
) -> list[datetime]:
    statement = sa.select(access_try.c.tried_at).where(*conditions, access_try.c.tried_at > since)
    return list(session.scalars(statement.order_by(access_try.c.tried_at.desc()).limit(limit)))
