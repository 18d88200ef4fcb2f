"""A class with its instructor, and accounts for whoever a test needs."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from quizserver.accounts import store as people
from quizserver.classes import store
from quizserver.classes.model import Class
from quizserver.db.session import Database
from quizserver.db.tables import person
from tests.classes.class_room import NOW, New


@pytest.fixture
def new(database: Database) -> New:
    """Makes an account with a role and returns its id."""

    def make(email: str, role: str = "learner") -> int:
        with database.write() as session:
            made = people.ensure_guest(session, people.new_visitor_token())
            people.register_account(session, made.id, email, "no password fits this")
            session.execute(sa.update(person).where(person.c.id == made.id).values(role=role))
        return made.id

    return make


@pytest.fixture
def teacher(new: New) -> int:
    return new("teacher@example.org", "instructor")


@pytest.fixture
def room(database: Database, teacher: int) -> Class:
    with database.write() as session:
        return store.create_class(session, "Nets", teacher, NOW)
