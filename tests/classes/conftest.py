"""Fixtures: a class with its instructor, and accounts for further people."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from quizserver.accounts import store as account_store
from quizserver.classes import store
from quizserver.classes.model import Class
from quizserver.db.session import Database
from quizserver.db.tables import person
from tests.classes.class_setup import NOW, NewAccount


@pytest.fixture
def new_account(database: Database) -> NewAccount:
    """Makes an account with a role and returns its id."""

    def create_account(email: str, role: str = "learner") -> int:
        with database.write() as session:
            account = account_store.ensure_guest(session, account_store.new_visitor_token())
            account_store.register_account(session, account.id, email, "no password fits this")
            session.execute(sa.update(person).where(person.c.id == account.id).values(role=role))
        return account.id

    return create_account


@pytest.fixture
def teacher(new_account: NewAccount) -> int:
    return new_account("teacher@example.org", "instructor")


@pytest.fixture
def class_(database: Database, teacher: int) -> Class:
    with database.write() as session:
        return store.create_class(session, "Nets", teacher, NOW)
