"""Visitors of a class, and the database of the application."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from flask import Flask

from quizserver.db.session import Database
from quizserver.db.tables import person
from quizserver.settings import Settings
from tests.flows.browser_client import Visitor
from tests.flows.classes.class_visits import ANA, TEACHER, NewVisitor
from tests.flows.classes.matrix_visits import MatrixVisits


@pytest.fixture
def database(app: Flask, settings: Settings) -> Iterator[Database]:
    database = Database(settings.data_url)
    yield database
    database.dispose()


@pytest.fixture
def sign_up_instructor(new_visitor: NewVisitor, database: Database) -> Callable[[str], Visitor]:
    """Signs somebody up whose account may teach."""

    def sign_up(email: str) -> Visitor:
        visitor = new_visitor()
        visitor.sign_up(email)
        with database.write() as session:
            session.execute(
                sa.update(person).where(person.c.email == email).values(role="instructor")
            )
        return visitor

    return sign_up


@pytest.fixture
def teacher(sign_up_instructor: Callable[[str], Visitor]) -> Visitor:
    """An instructor with one class, Nets, of the topic numbers."""
    visitor = sign_up_instructor(TEACHER)
    visitor.open("/classes/new")
    visitor.send("/classes/new", title="  Nets ")
    visitor.open("/classes/1/settings")
    visitor.send("/classes/1/topics", do="add", add="numbers")
    return visitor


@pytest.fixture
def ana(new_visitor: NewVisitor) -> Visitor:
    visitor = new_visitor()
    visitor.sign_up(ANA)
    return visitor


@pytest.fixture
def visits(database: Database, new_visitor: NewVisitor) -> MatrixVisits:
    return MatrixVisits(database, new_visitor)


@pytest.fixture
def answered(visits: MatrixVisits) -> MatrixVisits:
    """Ana was right at once and wrong later; Bo three times wrong, then right; Cy did nothing.

    What Ana answered after the right answer has no mark.
    """
    ana = visits.sign_up_learner("ana@example.org", "Ana")
    ana.answer("even", "two", "four")
    ana.answer("even", "three")
    ana.answer("sides", "two")
    bo = visits.sign_up_learner("bo@example.org")
    for _ in range(3):
        bo.answer("even", "three")
    bo.answer("even", "two", "four")
    visits.sign_up_learner("cy@example.org", "=Cy")
    return visits
