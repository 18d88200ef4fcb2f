"""Reads and writes roles in the database, and their part of the audit log.

Every function takes a session.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.accounts.model import Person
from quizserver.accounts.roles import RoleGrant, role_with_article
from quizserver.audit import store as audit_store
from quizserver.audit.model import AuditEvent, EventFilter, PersonRef
from quizserver.db.tables import person
from quizserver.translation import N_, gettext

# Who makes an account for somebody chooses its role: one event says both.
_GRANTS = EventFilter(action=("role-granted", "account-added"))
NO_ACCOUNT = N_("no account")
"""The role before the first one of an account that was made by others."""


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
        raise GrantRefusedError(gettext("You are no admin any more."))
    account = session.execute(
        sa.select(person.c.email, person.c.role)
        .where(person.c.id == person_id, person.c.email.is_not(None))
        .with_for_update()
    ).first()
    if account is None:
        raise GrantRefusedError(gettext("There is no such account any more."))
    if expected is not None and account.role != expected:
        raise GrantRefusedError(
            gettext(
                "Meanwhile somebody made %(email)s %(role)s. Choose again.",
                email=account.email,
                role=role_with_article(account.role),
            )
        )
    if account.role == role:
        return None
    if not force and admins == {person_id}:
        raise LastAdminError(
            gettext(
                "%(email)s is the only admin. Make somebody else one first.", email=account.email
            )
        )
    session.execute(sa.update(person).where(person.c.id == person_id).values(role=role))
    audit_store.record_audit_event(
        session,
        "role-granted",
        source="web" if by is not None else "cli",
        now=now,
        actor=by,
        subject=PersonRef(person_id, account.email),
        detail={"before": account.role, "after": role},
    )
    granter_email = by.email if by is not None else None
    return RoleGrant(account.email, account.role, role, granter_email, now)


def set_first_role(session: Session, person_id: int, role: str) -> None:
    """Gives an account that is being made its role; the event of its making says which."""
    session.execute(sa.update(person).where(person.c.id == person_id).values(role=role))


def require_another_admin(session: Session, person_id: int) -> None:
    """Raises LastAdminError when the person is the only admin, before they are deleted."""
    if _lock_admin_ids(session) == {person_id}:
        raise LastAdminError(
            gettext("This is the only admin's account. Make somebody else an admin first.")
        )


def list_grants(session: Session, *, offset: int = 0, limit: int | None = None) -> list[RoleGrant]:
    """Every grant, newest first."""
    events = audit_store.list_events(session, _GRANTS, offset=offset, limit=limit)
    return [_grant_from_event(event) for event in events]


def count_grants(session: Session) -> int:
    return audit_store.count_events(session, _GRANTS)


def grants_of_person(
    session: Session, person_id: int, *, limit: int | None = None
) -> list[RoleGrant]:
    """The grants to a person, newest first."""
    wanted = replace(_GRANTS, subject_id=person_id)
    return [_grant_from_event(e) for e in audit_store.list_events(session, wanted, limit=limit)]


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


def _grant_from_event(event: AuditEvent) -> RoleGrant:
    if event.action == "account-added":
        before, after = NO_ACCOUNT, event.detail["role"]
    else:
        before, after = event.detail["before"], event.detail["after"]
    return RoleGrant(event.subject_email or "", before, after, event.actor_email, event.at)
