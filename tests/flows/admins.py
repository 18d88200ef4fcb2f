"""Accounts with a role, as a grant gives it."""

from __future__ import annotations

from datetime import UTC, datetime

from quizserver.accounts import roles_store as roles
from quizserver.accounts import store as people
from quizserver.db.session import Database

BOSS = "boss@example.org"
"""The admin of the fixture ``boss``."""
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def give_role(database: Database, email: str, role: str) -> int:
    """Grants the account a role; its number."""
    with database.write() as session:
        account = people.person_by_email(session, email)
        assert account is not None
        roles.grant_role(session, account.id, role, by=None, now=NOW)
    return account.id
