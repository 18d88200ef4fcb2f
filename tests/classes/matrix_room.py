"""A class with learners, topics and answers, for the tests of the matrix."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from quizserver.accounts import store as people
from quizserver.attempts import store as attempts
from quizserver.attempts.model import Submission
from quizserver.classes import join_store as joining
from quizserver.classes import store as classes
from quizserver.classes.columns import QuestionColumn
from quizserver.classes.model import Class
from quizserver.db.session import Database
from quizserver.db.tables import attempt, person, standing

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)


def columns(*questions: str, topic: str = "numbers") -> tuple[QuestionColumn, ...]:
    return tuple(
        QuestionColumn(question, question.capitalize(), topic, topic.capitalize(), number, None)
        for number, question in enumerate(questions, start=1)
    )


@dataclass
class Room:
    """A class and who is in it, by the names that the test gave them."""

    database: Database
    room: Class
    ids: dict[str, int]

    @classmethod
    def new(cls, database: Database) -> Room:
        with database.write() as session:
            teacher = account(session, "teacher@example.org", "instructor")
            room = classes.create_class(session, "Nets", teacher, NOW)
        return cls(database, room, {"teacher": teacher})

    def joins(self, name: str, email: str = "", role: str = "learner") -> int:
        """Somebody new, who has ``name`` in the class."""
        with self.database.write() as session:
            who = account(session, email or f"{name.lower()}@example.org", role)
            joining.join_class(session, self.room.id, who, name, NOW)
        self.ids[name] = who
        return who

    def answers(self, who: str, question: str, *right: bool, after: int = 0) -> None:
        """One more attempt for each of ``right``, a minute apart, ``after`` minutes from NOW."""
        with self.database.write() as session:
            done = session.scalar(
                sa.select(sa.func.count()).where(
                    attempt.c.person_id == self.ids[who], attempt.c.question == question
                )
            )
            for number, is_right in enumerate(right, start=(done or 0) + 1):
                moment = NOW + timedelta(minutes=after + number)
                chosen = ("two", "four") if is_right else ("three",)
                submission = Submission(
                    question, "v1", "SOURCE", number, ("four", "three", "two"), chosen, is_right,
                    float(is_right), 0, 12.5,
                )  # fmt: skip
                attempts.record_attempt(session, self.ids[who], submission)
                of = (attempt.c.person_id == self.ids[who], attempt.c.question == question)
                session.execute(
                    sa.update(attempt)
                    .where(*of, attempt.c.number == number)
                    .values(answered_at=moment)
                )
                here = (standing.c.person_id == self.ids[who], standing.c.question == question)
                session.execute(sa.update(standing).where(*here).values(latest_at=moment))


def account(session: sa.orm.Session, email: str, role: str) -> int:
    made = people.ensure_guest(session, people.new_visitor_token())
    people.register_account(session, made.id, email, "no password fits this")
    session.execute(sa.update(person).where(person.c.id == made.id).values(role=role))
    return made.id
