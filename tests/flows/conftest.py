from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from quizserver.db.session import Database
from quizserver.db.tables import person
from tests.flows.admins import BOSS, give_role
from tests.flows.browser_client import Visitor


@pytest.fixture
def new_visitor(app: Flask) -> Callable[[], Visitor]:
    return lambda: Visitor(app.test_client())


@pytest.fixture
def visitor(new_visitor: Callable[[], Visitor]) -> Visitor:
    return new_visitor()


@pytest.fixture
def give_role_to_all(database: Database) -> Callable[[str], None]:
    """Gives every account a role."""

    def give_to_all(role: str) -> None:
        with database.write() as session:
            session.execute(sa.update(person).values(role=role))

    return give_to_all


@pytest.fixture
def boss(new_visitor: Callable[[], Visitor], database: Database) -> Visitor:
    """An admin."""
    browser = new_visitor()
    browser.sign_up(BOSS)
    give_role(database, BOSS, "admin")
    return browser
