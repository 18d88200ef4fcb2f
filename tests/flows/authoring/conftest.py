"""Visitors with an account of a role."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from quizserver.db.session import Database
from quizserver.db.tables import person
from tests.flows.browser_client import Visitor


@pytest.fixture
def sign_up_as(database: Database, new_visitor: Callable[[], Visitor]) -> Callable[..., Visitor]:
    """Signs up a new visitor and gives the account a role."""

    def sign_up(role: str, email: str | None = None) -> Visitor:
        visitor = new_visitor()
        address = email or f"{role}@example.org"
        visitor.sign_up(address)
        with database.write() as session:
            session.execute(sa.update(person).where(person.c.email == address).values(role=role))
        return visitor

    return sign_up


@pytest.fixture
def author(sign_up_as: Callable[..., Visitor]) -> Visitor:
    return sign_up_as("author")
