"""A class with learners, topics and answers, for the tests of the matrix."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from quizserver.accounts import store as account_store
from quizserver.attempts import store as attempt_store
from quizserver.attempts.model import Submission
from quizserver.classes import join_store
from quizserver.classes import store as classes
from quizserver.classes.columns import QuestionColumn
from quizserver.classes.model import Class
from quizserver.db.session import Database
from quizserver.db.tables import attempt, person, reveal, standing

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)


def question_columns(*questions: str, topic: str = "numbers") -> tuple[QuestionColumn, ...]:
    return tuple(
        QuestionColumn(question, question.capitalize(), topic, topic.capitalize(), number, None)
        for number, question in enumerate(questions, start=1)
    )


@dataclass
class MatrixClass:
    """A class, with the ids of its members by the names that the test gave them."""

    database: Database
    class_: Class
    ids: dict[str, int]

    @classmethod
    def create(cls, database: Database) -> MatrixClass:
        with database.write() as session:
            teacher = create_account(session, "teacher@example.org", "instructor")
            class_ = classes.create_class(session, "Nets", teacher, NOW)
        return cls(database, class_, {"teacher": teacher})

    def add_learner(self, name: str, email: str = "", role: str = "learner") -> int:
        """Adds a new account to the class, with this name in it; returns its id."""
        with self.database.write() as session:
            person_id = create_account(session, email or f"{name.lower()}@example.org", role)
            join_store.join_class(session, self.class_.id, person_id, name, NOW)
        self.ids[name] = person_id
        return person_id

    def add_answers(self, name: str, question: str, *right: bool, after: int = 0) -> None:
        """One more attempt for each of ``right``, a minute apart, ``after`` minutes from NOW."""
        with self.database.write() as session:
            attempts_before = session.scalar(
                sa.select(sa.func.count()).where(
                    attempt.c.person_id == self.ids[name], attempt.c.question == question
                )
            )
            for number, is_right in enumerate(right, start=(attempts_before or 0) + 1):
                moment = NOW + timedelta(minutes=after + number)
                chosen = ("two", "four") if is_right else ("three",)
                submission = Submission(
                    question, "v1", "SOURCE", number, ("four", "three", "two"), chosen, is_right,
                    float(is_right), 0, 12.5,
                )  # fmt: skip
                attempt_store.record_attempt(session, self.ids[name], submission)
                of_learner = (attempt.c.person_id == self.ids[name], attempt.c.question == question)
                session.execute(
                    sa.update(attempt)
                    .where(*of_learner, attempt.c.number == number)
                    .values(answered_at=moment)
                )
                # All of them count, as those that were given before there were reveals.
                session.execute(sa.delete(reveal).where(reveal.c.person_id == self.ids[name]))
                of_standing = (
                    standing.c.person_id == self.ids[name],
                    standing.c.question == question,
                )
                session.execute(sa.update(standing).where(*of_standing).values(latest_at=moment))


def create_account(session: sa.orm.Session, email: str, role: str) -> int:
    account = account_store.ensure_guest(session, account_store.new_visitor_token())
    account_store.register_account(session, account.id, email, "no password fits this")
    session.execute(sa.update(person).where(person.c.id == account.id).values(role=role))
    return account.id
