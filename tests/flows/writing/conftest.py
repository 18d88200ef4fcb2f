"""Authors, and the database behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from flask import Flask

from quizserver.db.session import Database
from quizserver.db.tables import person
from quizserver.settings import Settings
from tests.flows.browser_client import Visitor


@pytest.fixture
def store(app: Flask, settings: Settings) -> Iterator[Database]:
    database = Database(settings.data_url)
    yield database
    database.dispose()


@pytest.fixture
def join(store: Database, new_visitor: Callable[[], Visitor]) -> Callable[..., Visitor]:
    """Somebody with an account of the role."""

    def joined(role: str, email: str | None = None) -> Visitor:
        visitor = new_visitor()
        address = email or f"{role}@example.org"
        visitor.sign_up(address)
        with store.write() as session:
            session.execute(sa.update(person).where(person.c.email == address).values(role=role))
        return visitor

    return joined


@pytest.fixture
def author(join: Callable[..., Visitor]) -> Visitor:
    return join("author")
