"""Reads and writes people. Every function takes a session; the caller owns the transaction."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.accounts.model import Person
from quizserver.db.session import insert_if_new
from quizserver.db.tables import browser_session, person

PERSON_COLUMNS = (
    person.c.id,
    person.c.visitor,
    person.c.email,
    person.c.role,
    person.c.absorbed_by,
    person.c.created_at,
)


class AddressTakenError(ValueError):
    """Another account has the address already."""


class NoGuestError(ValueError):
    """The person has an account already, or signed in to one."""


class WrongPasswordError(ValueError):
    """The password is not the account's, or not any more."""


def new_visitor_token() -> str:
    """A random name of 192 bits for a person whom no browser's token names."""
    return secrets.token_urlsafe(24)


def person_by_id(session: Session, person_id: int) -> Person | None:
    return _read_person(session, person.c.id == person_id)


def person_by_email(session: Session, email: str) -> Person | None:
    return _read_person(session, person.c.email == email)


def all_accounts(session: Session) -> list[Person]:
    """Every account, guests left out, in the order of their addresses."""
    rows = session.execute(
        sa.select(*PERSON_COLUMNS).where(person.c.email.is_not(None)).order_by(person.c.email)
    )
    return [Person(*row) for row in rows]


def search_accounts(
    session: Session, text: str, role: str | None, *, offset: int, limit: int
) -> list[Person]:
    """The accounts with ``text`` in their address, of one role or any, in address order."""
    rows = session.execute(
        sa.select(*PERSON_COLUMNS)
        .where(*_search_conditions(text, role))
        .order_by(person.c.email)
        .offset(offset)
        .limit(limit)
    )
    return [Person(*row) for row in rows]


def count_accounts(session: Session, text: str, role: str | None) -> int:
    """How many accounts ``search_accounts`` would find without a limit."""
    statement = (
        sa.select(sa.func.count()).select_from(person).where(*_search_conditions(text, role))
    )
    return session.scalar(statement) or 0


def read_password_hash(session: Session, email: str) -> str | None:
    return session.scalar(sa.select(person.c.password_hash).where(person.c.email == email))


def require_password_hash(session: Session, person_id: int, verified_hash: str) -> None:
    """Raises WrongPasswordError unless the hash that was verified is still the stored one.

    The person's row stays locked until the transaction ends, so that a new password, and whoever
    ends their sessions, waits for what the verified one opens.
    """
    found = session.execute(
        sa.select(person.c.id)
        .where(person.c.id == person_id, person.c.password_hash == verified_hash)
        .with_for_update(key_share=True)
    ).first()
    if found is None:
        raise WrongPasswordError


def ensure_guest(session: Session, visitor: str) -> Person:
    """The person with a visitor's name, inserted as a guest without a session when there is none.

    No browser can be that guest; ``sessions_store.ensure_guest_session`` makes those that one can.
    """
    insert_if_new(session, person, visitor=visitor, created_at=datetime.now(UTC))
    guest = _read_person(session, person.c.visitor == visitor)
    assert guest is not None
    return guest


def register_account(session: Session, person_id: int, email: str, password_hash: str) -> None:
    """Turns a guest into an account, once, and ends the guest's session.

    Raises AddressTakenError when the address is in use, NoGuestError when the person is no guest.
    """
    same_address = sa.select(person.c.id).where(person.c.email == email, person.c.id != person_id)
    if session.scalar(same_address) is not None:
        raise AddressTakenError(email)
    statement = (
        sa.update(person)
        .where(person.c.id == person_id, person.c.email.is_(None), person.c.absorbed_by.is_(None))
        .values(email=email, password_hash=password_hash)
        .returning(person.c.id)
    )
    try:
        with session.begin_nested():
            updated = session.execute(statement).first()
    except sa.exc.IntegrityError:
        # In PostgreSQL somebody else may have taken the address since it was looked for.
        if session.scalar(same_address) is None:
            raise
        raise AddressTakenError(email) from None
    if updated is None:
        raise NoGuestError(str(person_id))
    # The guest's cookie must not open the account.
    _end_sessions(session, person_id)


def link_guest_to_account(session: Session, guest_id: int, account_id: int) -> None:
    """Marks a guest as absorbed by an account and ends their session; their work has been moved
    already."""
    _update_person(session, guest_id, absorbed_by=account_id)
    _end_sessions(session, guest_id)


def change_password(session: Session, person_id: int, password_hash: str) -> None:
    """Stores a new password and ends every session of the person."""
    _update_person(session, person_id, password_hash=password_hash)
    _end_sessions(session, person_id)


def upgrade_password_hash(
    session: Session, person_id: int, verified_hash: str, new_hash: str
) -> None:
    """Stores the same password hashed with stronger settings, unless there is another password
    meanwhile; sessions stay open."""
    session.execute(
        sa.update(person)
        .where(person.c.id == person_id, person.c.password_hash == verified_hash)
        .values(password_hash=new_hash)
    )


def delete_person(session: Session, person_id: int) -> None:
    """Deletes the person, and through the foreign keys all that they did."""
    session.execute(sa.delete(person).where(person.c.id == person_id))


def _search_conditions(text: str, role: str | None) -> list[sa.ColumnElement[bool]]:
    # Addresses are stored in lower case.
    conditions = [person.c.email.contains(text.strip().lower(), autoescape=True)]
    return conditions if role is None else [*conditions, person.c.role == role]


def _read_person(session: Session, condition: sa.ColumnElement[bool]) -> Person | None:
    row = session.execute(sa.select(*PERSON_COLUMNS).where(condition)).first()
    return Person(*row) if row else None


def _end_sessions(session: Session, person_id: int) -> None:
    session.execute(sa.delete(browser_session).where(browser_session.c.person_id == person_id))


def _update_person(session: Session, person_id: int, **values: object) -> None:
    session.execute(sa.update(person).where(person.c.id == person_id).values(**values))
