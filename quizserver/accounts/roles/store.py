"""Roles and their log in the database. Every function takes a session."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.accounts.model import Person
from quizserver.accounts.roles.model import Grant, with_article
from quizserver.db.tables import person, role_grant

_GRANT = (
    role_grant.c.email,
    role_grant.c.before,
    role_grant.c.after,
    role_grant.c.granted_by_email,
    role_grant.c.granted_at,
)
_NEWEST_FIRST = role_grant.c.id.desc()


class RefusedError(ValueError):
    """The role stays as it is; the message is a sentence for whoever asked."""


class LastAdminError(RefusedError):
    """Without this admin there would be none."""


def grant(
    session: Session,
    person_id: int,
    role: str,
    *,
    by: Person | None,
    now: datetime,
    expected: str | None = None,
    force: bool = False,
) -> Grant | None:
    """Gives an account a role and logs it, in the caller's transaction.

    ``by`` is the admin who grants, None at the server's command line. Returns None when the account
    has the role already. Raises LastAdminError when no admin would be left, unless ``force``;
    RefusedError when there is no such account, when its role is not the ``expected`` one, or when
    ``by`` is no admin any more.
    """
    admins = _admins(session)
    if by is not None and by.id not in admins:
        raise RefusedError("You are no admin any more.")
    found = session.execute(
        sa.select(person.c.email, person.c.role)
        .where(person.c.id == person_id, person.c.email.is_not(None))
        .with_for_update()
    ).first()
    if found is None:
        raise RefusedError("There is no such account any more.")
    if expected is not None and found.role != expected:
        raise RefusedError(
            f"Meanwhile somebody made {found.email} {with_article(found.role)}. Choose again."
        )
    if found.role == role:
        return None
    if not force and admins == {person_id}:
        raise LastAdminError(f"{found.email} is the only admin. Make somebody else one first.")
    session.execute(sa.update(person).where(person.c.id == person_id).values(role=role))
    granter = by.email if by is not None else None
    session.execute(
        sa.insert(role_grant).values(
            person_id=person_id,
            email=found.email,
            before=found.role,
            after=role,
            granted_by=by.id if by is not None else None,
            granted_by_email=granter,
            granted_at=now,
        )
    )
    return Grant(found.email, found.role, role, granter, now)


def keep_an_admin(session: Session, person_id: int) -> None:
    """Raises LastAdminError when the person is the only admin, before they are deleted."""
    if _admins(session) == {person_id}:
        raise LastAdminError("This is the only admin's account. Make somebody else an admin first.")


def log(session: Session, *, offset: int = 0, limit: int | None = None) -> list[Grant]:
    """What was granted, newest first."""
    return _grants(session, sa.true(), offset=offset, limit=limit)


def log_length(session: Session) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(role_grant)) or 0


def of_person(session: Session, person_id: int, *, limit: int | None = None) -> list[Grant]:
    """How a person came to their role, newest first."""
    return _grants(session, role_grant.c.person_id == person_id, limit=limit)


def is_in_log(session: Session, person_id: int) -> bool:
    """Whether the log names the person, as the one who was granted a role or who granted one."""
    named = sa.select(role_grant.c.id).where(
        sa.or_(role_grant.c.person_id == person_id, role_grant.c.granted_by == person_id)
    )
    return session.scalar(named.limit(1)) is not None


def _admins(session: Session) -> set[int]:
    """The ids of all admins, held until the transaction ends: two can't take each other's role.

    In the order of their ids, so that two transactions never wait for one another.
    """
    rows = session.scalars(
        sa.select(person.c.id)
        .where(person.c.role == "admin", person.c.email.is_not(None))
        .order_by(person.c.id)
        .with_for_update()
    )
    return set(rows)


def _grants(
    session: Session, where: sa.ColumnElement[bool], *, offset: int = 0, limit: int | None = None
) -> list[Grant]:
    rows = session.execute(
        sa.select(*_GRANT).where(where).order_by(_NEWEST_FIRST).offset(offset).limit(limit)
    )
    return [Grant(*row) for row in rows]
