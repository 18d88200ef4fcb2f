"""Reads and writes sessions in the database. Every function takes a session of the database."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.accounts.model import Person
from quizserver.accounts.sessions import (
    SESSIONS_MAX,
    BrowserSession,
    GuestToken,
    LiveSession,
    hash_token,
)
from quizserver.accounts.store import PERSON_COLUMNS
from quizserver.db.session import changed_rows, insert_if_new
from quizserver.db.tables import browser_session, person

_SESSION_COLUMNS = tuple(browser_session.c[name] for name in BrowserSession.__dataclass_fields__)
HASHES_PER_STATEMENT = 500

# Every request runs one of these two: made once, for SQLAlchemy takes longer to make a statement
# than to run it.
_ACCOUNT_OF_TOKEN = (
    sa.select(*PERSON_COLUMNS, *_SESSION_COLUMNS)
    .join(browser_session, browser_session.c.person_id == person.c.id)
    .where(browser_session.c.token_hash == sa.bindparam("token_hash"), person.c.email.is_not(None))
)
_GUEST_OF_TOKEN = (
    sa.select(*PERSON_COLUMNS, *_SESSION_COLUMNS)
    .outerjoin(
        browser_session,
        sa.and_(
            browser_session.c.person_id == person.c.id,
            browser_session.c.token_hash == sa.bindparam("token_hash"),
        ),
    )
    .where(person.c.visitor == sa.bindparam("visitor"))
)


class SessionEndedError(ValueError):
    """The browser's session was ended: by signing out, in or up, or from another browser."""


def find_account_session(session: Session, token: str) -> LiveSession | None:
    """The account and the session that a token opens, in one statement; None when it opens none."""
    row = session.execute(_ACCOUNT_OF_TOKEN, {"token_hash": hash_token(token)}).first()
    return _live_session(row) if row else None


def find_guest_session(session: Session, guest_token: GuestToken) -> LiveSession | None:
    """The guest and the session that a token opens, in one statement; None when nothing of this
    visitor was ever kept. Raises SessionEndedError when the session was ended."""
    parameters = {"token_hash": hash_token(guest_token.token), "visitor": guest_token.visitor}
    row = session.execute(_GUEST_OF_TOKEN, parameters).first()
    if row is None:
        return None
    # The person's row is what tells an ended session from one that kept nothing yet.
    if row.token_hash is None or row.email is not None or row.absorbed_by is not None:
        raise SessionEndedError("This browser's session as a guest was ended.")
    return _live_session(row)


def ensure_guest_session(
    session: Session, guest_token: GuestToken, browser: str, now: datetime
) -> LiveSession:
    """The guest of a token and their session, both inserted when there is none yet.

    Raises SessionEndedError when the session was ended.
    """
    found = find_guest_session(session, guest_token)
    if found is not None:
        return found
    if insert_if_new(session, person, visitor=guest_token.visitor, created_at=now):
        person_id = session.scalar(
            sa.select(person.c.id).where(person.c.visitor == guest_token.visitor)
        )
        assert person_id is not None
        open_session(session, person_id, guest_token.token, browser, now)
    found = find_guest_session(session, guest_token)
    assert found is not None
    return found


def open_session(session: Session, person_id: int, token: str, browser: str, now: datetime) -> None:
    """Inserts the session that the token opens from now on."""
    session.execute(
        sa.insert(browser_session).values(
            token_hash=hash_token(token),
            person_id=person_id,
            browser=browser,
            created_at=now,
            last_seen_at=now,
        )
    )


def end_surplus_sessions(session: Session, person_id: int, token: str) -> int:
    """Ends those of a person's sessions that were used longest ago, so that SESSIONS_MAX are left
    and the one that ``token`` opens is among them; returns how many."""
    others = sa.and_(
        browser_session.c.person_id == person_id, browser_session.c.token_hash != hash_token(token)
    )
    kept = (
        sa.select(browser_session.c.token_hash)
        .where(others)
        .order_by(browser_session.c.last_seen_at.desc(), browser_session.c.token_hash)
        .limit(SESSIONS_MAX - 1)
    )
    statement = sa.delete(browser_session).where(others, browser_session.c.token_hash.not_in(kept))
    return changed_rows(session.execute(statement))


def sessions_of_person(session: Session, person_id: int) -> list[BrowserSession]:
    """A person's sessions, the one used last first."""
    rows = session.execute(
        sa.select(*_SESSION_COLUMNS)
        .where(browser_session.c.person_id == person_id)
        .order_by(browser_session.c.last_seen_at.desc(), browser_session.c.token_hash)
    )
    return [BrowserSession(*row) for row in rows]


def end_session(session: Session, person_id: int, token_hash: str) -> bool:
    """Ends one session of a person; False when they have no such session any more."""
    statement = sa.delete(browser_session).where(
        browser_session.c.person_id == person_id, browser_session.c.token_hash == token_hash
    )
    return changed_rows(session.execute(statement)) > 0


def end_other_sessions(session: Session, person_id: int, token_hash: str) -> int:
    """Ends every session of a person but this one; returns how many."""
    statement = sa.delete(browser_session).where(
        browser_session.c.person_id == person_id, browser_session.c.token_hash != token_hash
    )
    return changed_rows(session.execute(statement))


def end_account_sessions(session: Session, person_id: int | None) -> int:
    """Ends every session of an account, or with None of all accounts; returns how many.

    Guests keep theirs: it alone leads to their work.
    """
    accounts = sa.select(person.c.id).where(person.c.email.is_not(None))
    if person_id is not None:
        accounts = accounts.where(person.c.id == person_id)
    # Waits for sign-ins that hold their account's row: their session would outlast this otherwise.
    session.execute(accounts.order_by(person.c.id).with_for_update(key_share=True))
    statement = sa.delete(browser_session).where(browser_session.c.person_id.in_(accounts))
    return changed_rows(session.execute(statement))


def record_sightings(session: Session, token_hashes: Collection[str], now: datetime) -> None:
    """Records that these sessions have just been used."""
    hashes = list(token_hashes)
    for start in range(0, len(hashes), HASHES_PER_STATEMENT):
        session.execute(
            sa.update(browser_session)
            .where(
                browser_session.c.token_hash.in_(hashes[start : start + HASHES_PER_STATEMENT]),
                browser_session.c.last_seen_at < now,
            )
            .values(last_seen_at=now)
        )


def count_unseen_account_sessions(session: Session, before: datetime) -> int:
    """How many sessions ``delete_unseen_account_sessions`` would delete."""
    statement = sa.select(sa.func.count()).select_from(browser_session).where(_is_unseen(before))
    return session.scalar(statement) or 0


def delete_unseen_account_sessions(session: Session, before: datetime) -> int:
    """Ends the sign-ins that were not used since ``before``; returns how many.

    Guests are left out: the session alone leads to their work, and is deleted together with them.
    """
    return changed_rows(session.execute(sa.delete(browser_session).where(_is_unseen(before))))


def _is_unseen(before: datetime) -> sa.ColumnElement[bool]:
    is_account = sa.exists().where(
        person.c.id == browser_session.c.person_id, person.c.email.is_not(None)
    )
    return sa.and_(browser_session.c.last_seen_at < before, is_account)


def _live_session(row: Any) -> LiveSession:
    values, count = tuple(row), len(PERSON_COLUMNS)
    return LiveSession(Person(*values[:count]), BrowserSession(*values[count:]))
