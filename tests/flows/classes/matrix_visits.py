"""Visits of an instructor and learners, for the tests of the matrix."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from quizserver.classes import join_store
from quizserver.classes import store as classes
from quizserver.db.session import Database
from quizserver.db.tables import person
from tests.flows.browser_client import Visitor

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
WORDS = "correct horse"


class MatrixVisits:
    """An instructor's browser, and learners who join and answer."""

    def __init__(self, database: Database, new: Callable[[], Visitor]) -> None:
        self.database, self._new = database, new
        self.teacher = self._account("teacher@example.org", "instructor")
        with database.write() as session:
            class_ = classes.create_class(
                session, "Nets", self.person_id("teacher@example.org"), NOW
            )
            classes.set_class_topics(session, class_.id, [("numbers", None)])
        self.url = f"/classes/{class_.id}"
        self.class_id = class_.id

    def sign_up_learner(self, email: str, name: str = "") -> Visitor:
        visitor = self._account(email, "learner")
        with self.database.write() as session:
            join_store.join_class(session, self.class_id, self.person_id(email), name, NOW)
        return visitor

    def person_id(self, email: str) -> int:
        with self.database.read() as session:
            return session.execute(
                sa.select(person.c.id).where(person.c.email == email)
            ).scalar_one()

    def open_page(self, rest: str) -> Visitor:
        self.teacher.open(f"{self.url}/{rest}")
        return self.teacher

    def read_json(self, rest: str) -> Any:
        return json.loads(self.open_page(rest).page)

    def read_csv(self, rest: str) -> list[dict[str, str]]:
        text = self.open_page(rest).page
        assert text.startswith("\ufeff")
        return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))

    def _account(self, email: str, role: str) -> Visitor:
        visitor = self._new()
        visitor.sign_up(email, WORDS)
        with self.database.write() as session:
            session.execute(sa.update(person).where(person.c.email == email).values(role=role))
        return visitor


def cell_text(page: str, person_id: int, question: str) -> str:
    """A cell's words for those who see it, and for those who hear it."""
    link = re.search(
        f'href="learners/{person_id}/questions/{question}" aria-label="([^"]*)">([^<]*)<', page
    )
    return " = ".join(link.groups()[::-1]) if link else "–"
