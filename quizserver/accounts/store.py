"""People in the database. Every function takes a session; the caller owns the transaction."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.accounts.model import Person
from quizserver.db.session import insert_if_new
from quizserver.db.tables import person

_COLUMNS = (
    person.c.id,
    person.c.visitor,
    person.c.email,
    person.c.role,
    person.c.session_version,
    person.c.created_at,
)


class AddressTakenError(ValueError):
    """Another account has the address already."""


def new_visitor() -> str:
    """A fresh token for somebody who has not been here before; 192 random bits."""
    return secrets.token_urlsafe(24)


def by_id(session: Session, person_id: int) -> Person | None:
    return _one(session, person.c.id == person_id)


def by_visitor(session: Session, visitor: str) -> Person | None:
    return _one(session, person.c.visitor == visitor)


def by_email(session: Session, email: str) -> Person | None:
    return _one(session, person.c.email == email)


def everybody(session: Session) -> list[Person]:
    """Every account, guests left out, in the order of their addresses."""
    rows = session.execute(
        sa.select(*_COLUMNS).where(person.c.email.is_not(None)).order_by(person.c.email)
    )
    return [Person(*row) for row in rows]


def password_hash(session: Session, email: str) -> str | None:
    return session.scalar(sa.select(person.c.password_hash).where(person.c.email == email))


def ensure(session: Session, visitor: str) -> Person:
    """The person behind a visitor's token, made as a guest when there is none yet."""
    found = by_visitor(session, visitor)
    if found is None:
        insert_if_new(session, person, visitor=visitor, created_at=datetime.now(UTC))
        found = by_visitor(session, visitor)
    assert found is not None
    return found


def give_address(session: Session, person_id: int, email: str, hashed: str) -> None:
    """Turns a guest into an account. Raises AddressTakenError when the address is in use."""
    taken = sa.select(person.c.id).where(person.c.email == email, person.c.id != person_id)
    if session.scalar(taken) is not None:
        raise AddressTakenError(email)
    _update(session, person_id, email=email, password_hash=hashed)


def change_password(session: Session, person_id: int, hashed: str) -> None:
    """Stores a new password and ends every session that was opened with the old one."""
    _update(
        session,
        person_id,
        password_hash=hashed,
        session_version=person.c.session_version + 1,
    )


def refresh_hash(session: Session, person_id: int, hashed: str) -> None:
    """Stores the same password under stronger settings; sessions go on."""
    _update(session, person_id, password_hash=hashed)


def change_role(session: Session, person_id: int, role: str) -> None:
    _update(session, person_id, role=role)


def delete(session: Session, person_id: int) -> None:
    """Removes the person; their attempts and standings go with them."""
    session.execute(sa.delete(person).where(person.c.id == person_id))


def _one(session: Session, condition: sa.ColumnElement[bool]) -> Person | None:
    row = session.execute(sa.select(*_COLUMNS).where(condition)).first()
    return Person(*row) if row else None


def _update(session: Session, person_id: int, **values: object) -> None:
    session.execute(sa.update(person).where(person.c.id == person_id).values(**values))
