"""Reads and writes roles and their log in the database. Every function takes a session."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.accounts.model import Person
from quizserver.accounts.roles import RoleGrant, role_with_article
from quizserver.db.tables import person, role_grant

_GRANT_COLUMNS = (
    role_grant.c.email,
    role_grant.c.before,
    role_grant.c.after,
    role_grant.c.granted_by_email,
    role_grant.c.granted_at,
)
_NEWEST_FIRST = role_grant.c.id.desc()


class GrantRefusedError(ValueError):
    """The role is not changed; the message is a sentence for the person who tried."""


class LastAdminError(GrantRefusedError):
    """The account is the only admin's."""


def grant_role(
    session: Session,
    person_id: int,
    role: str,
    *,
    by: Person | None,
    now: datetime,
    expected: str | None = None,
    force: bool = False,
) -> RoleGrant | None:
    """Gives an account a role and logs it, in the caller's transaction.

    ``by`` is the admin who grants, None at the server's command line. Returns None when the account
    has the role already. Raises LastAdminError when no admin would be left, unless ``force``;
    GrantRefusedError when there is no such account, when its role is not the ``expected`` one, or
    when ``by`` is no admin any more.
    """
    admins = _lock_admin_ids(session)
    if by is not None and by.id not in admins:
        raise GrantRefusedError("You are no admin any more.")
    account = session.execute(
        sa.select(person.c.email, person.c.role)
        .where(person.c.id == person_id, person.c.email.is_not(None))
        .with_for_update()
    ).first()
    if account is None:
        raise GrantRefusedError("There is no such account any more.")
    if expected is not None and account.role != expected:
        raise GrantRefusedError(
            f"Meanwhile somebody made {account.email} {role_with_article(account.role)}."
            " Choose again."
        )
    if account.role == role:
        return None
    if not force and admins == {person_id}:
        raise LastAdminError(f"{account.email} is the only admin. Make somebody else one first.")
    session.execute(sa.update(person).where(person.c.id == person_id).values(role=role))
    granter_email = by.email if by is not None else None
    session.execute(
        sa.insert(role_grant).values(
            person_id=person_id,
            email=account.email,
            before=account.role,
            after=role,
            granted_by=by.id if by is not None else None,
            granted_by_email=granter_email,
            granted_at=now,
        )
    )
    return RoleGrant(account.email, account.role, role, granter_email, now)


def require_another_admin(session: Session, person_id: int) -> None:
    """Raises LastAdminError when the person is the only admin, before they are deleted."""
    if _lock_admin_ids(session) == {person_id}:
        raise LastAdminError("This is the only admin's account. Make somebody else an admin first.")


def list_grants(session: Session, *, offset: int = 0, limit: int | None = None) -> list[RoleGrant]:
    """Every grant, newest first."""
    return _select_grants(session, sa.true(), offset=offset, limit=limit)


def count_grants(session: Session) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(role_grant)) or 0


def grants_of_person(
    session: Session, person_id: int, *, limit: int | None = None
) -> list[RoleGrant]:
    """The grants to a person, newest first."""
    return _select_grants(session, role_grant.c.person_id == person_id, limit=limit)


def is_in_role_log(session: Session, person_id: int) -> bool:
    """Whether the log names the person, as the one who was granted a role or who granted one."""
    entries = sa.select(role_grant.c.id).where(
        sa.or_(role_grant.c.person_id == person_id, role_grant.c.granted_by == person_id)
    )
    return session.scalar(entries.limit(1)) is not None


def _lock_admin_ids(session: Session) -> set[int]:
    """The ids of all admins, whose rows stay locked until the transaction ends.

    So two admins can't take each other's role at once. The rows are locked in the order of their
    ids, so that two transactions can't each wait for the other.
    """
    admin_ids = session.scalars(
        sa.select(person.c.id)
        .where(person.c.role == "admin", person.c.email.is_not(None))
        .order_by(person.c.id)
        .with_for_update()
    )
    return set(admin_ids)


def _select_grants(
    session: Session, where: sa.ColumnElement[bool], *, offset: int = 0, limit: int | None = None
) -> list[RoleGrant]:
    rows = session.execute(
        sa.select(*_GRANT_COLUMNS).where(where).order_by(_NEWEST_FIRST).offset(offset).limit(limit)
    )
    return [RoleGrant(*row) for row in rows]
