"""A class's answers come into the arrays as they were given, on both kinds of database."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sqlalchemy as sa

from quizserver.classes import members_store as members
from quizserver.classes.items.answer_tables import ClassAnswers, Simulations
from quizserver.classes.items.loader import load_answers
from quizserver.db.session import Database
from quizserver.db.tables import attempt, person
from tests.classes.items.rooms import NOW, account, answer, learner, new_room, run

QUESTIONS = {"even": ("numbers", "simulation"), "sides": None}


def whole(database: Database, room: int, questions: Simulations = QUESTIONS) -> ClassAnswers:
    with database.read() as session:
        found = load_answers(session, room, questions, None, 0.0, lambda _part: None)
    return found.tables.to_class_answers(found.joined_at, questions, found.runs)


def chosen(answers: ClassAnswers, row: int, column: int) -> tuple[str, ...] | None:
    number = answers.first.chosen[row, column]
    return answers.first.sets[number] if number >= 0 else None


def test_first_and_latest_attempts_are_kept_apart(database: Database):
    with database.write() as session:
        room = new_room(session)
        ana, bo = learner(session, room, "ana"), learner(session, room, "bo")
        answer(session, ana, "even", 1, ["two"], right=False, minutes=1, seconds=30.5)
        answer(session, ana, "even", 2, ["three"], right=False, minutes=2, seconds=4)
        answer(session, ana, "even", 3, ["four", "two"], right=True, minutes=3, seconds=None)
        answer(session, bo, "sides", 1, ["three"], right=True, minutes=4, seconds=12)
    found = whole(database, room)
    assert found.first.learners.tolist() == [ana, bo]
    assert found.first.questions == ("even", "sides")
    np.testing.assert_array_equal(found.first.marks, [[0, math.nan], [math.nan, 1]])
    np.testing.assert_array_equal(found.latest.marks, [[1, math.nan], [math.nan, 1]])
    np.testing.assert_array_equal(found.first.seconds, [[30.5, math.nan], [math.nan, 12]])
    np.testing.assert_array_equal(found.latest.seconds, [[math.nan, math.nan], [math.nan, 12]])
    assert chosen(found, 0, 0) == ("two",)
    assert found.latest.sets[found.latest.chosen[0, 0]] == ("four", "two")
    assert found.latest.sets[found.latest.chosen[1, 1]] == ("three",)
    assert found.first.tried_again.tolist() == [[True, False], [False, False]]
    assert (found.first.which, found.latest.which) == ("first", "latest")


def test_the_pace_is_told_in_unix_time(database: Database):
    with database.write() as session:
        room = new_room(session)
        ana = learner(session, room, "ana")
        answer(session, ana, "even", 1, ["two"], right=False, minutes=1)
        answer(session, ana, "even", 2, ["four", "two"], right=True, minutes=90.51)
        answer(session, ana, "even", 3, ["two"], right=False, minutes=100.51)
    pace = whole(database, room).pace
    moment = NOW.timestamp()
    assert pace.joined_at.tolist() == [moment]
    assert pace.last_seen.tolist() == [math.floor(moment + 100.51 * 60)]
    assert pace.attempts.tolist() == [[3, 0]]
    assert pace.solved.tolist() == [[True, False]], "it was right once"


@pytest.mark.parametrize(
    ("minutes", "topic", "simulation", "ran"),
    [
        (1.5, "numbers", "simulation", True),
        (0.5, "numbers", "simulation", False),
        (2.5, "numbers", "simulation", False),
        (1.5, "letters", "simulation", False),
        (1.5, "numbers", "another", False),
    ],
)
def test_only_the_questions_own_experiment_between_first_and_second_counts(
    database: Database, minutes: float, topic: str, simulation: str, ran: bool
):
    with database.write() as session:
        room = new_room(session)
        ana, bo = learner(session, room, "ana"), learner(session, room, "bo")
        for who in (ana, bo):
            answer(session, who, "even", 1, ["two"], right=False, minutes=1)
            answer(session, who, "even", 2, ["two"], right=False, minutes=2)
            answer(session, who, "even", 3, ["two"], right=False, minutes=3)
        answer(session, ana, "sides", 1, ["two"], right=False, minutes=1)
        answer(session, ana, "sides", 2, ["two"], right=False, minutes=2)
        run(session, ana, minutes, topic, simulation)
    assert whole(database, room).first.ran.tolist() == [[ran, False], [False, False]]


def test_only_whom_the_class_counts_and_what_it_asks_is_read(database: Database):
    with database.write() as session:
        room = new_room(session)
        ana = learner(session, room, "ana")
        others = [learner(session, room, name) for name in ("left", "removed", "author")]
        outside = account(session, "outside")
        for who in (ana, *others, outside):
            answer(session, who, "even", 1, ["two"], right=False, minutes=1)
            answer(session, who, "elsewhere", 1, ["two"], right=False, minutes=1)
        members.leave_class(session, room, others[0], NOW)
        members.remove_learner(session, room, others[1], NOW)
        session.execute(sa.update(person).where(person.c.id == others[2]).values(role="author"))
    found = whole(database, room)
    assert found.first.learners.tolist() == [ana]
    assert found.first.answered.tolist() == [[True, False]]


def test_a_class_without_learners_or_without_questions_is_empty(database: Database):
    with database.write() as session:
        room = new_room(session)
    assert whole(database, room).first.marks.shape == (0, 2)
    assert whole(database, room, {}).first.marks.shape == (0, 0)


def test_the_number_of_statements_does_not_grow_with_the_class(database: Database):
    asked: list[str] = []
    sa.event.listen(
        database.engine, "before_cursor_execute", lambda *a: asked.append(a[2]), named=False
    )
    counts = []
    with database.write() as session:
        room = new_room(session)
    for size in (2, 40):
        with database.write() as session:
            for number in range(size):
                who = learner(session, room, f"l{size}-{number}")
                for question in QUESTIONS:
                    answer(session, who, question, 1, ["two"], right=False, minutes=number)
                    answer(session, who, question, 2, ["three"], right=False, minutes=number + 1)
        asked.clear()
        assert whole(database, room).first.tried_again.all()
        counts.append(len([each for each in asked if each.startswith("SELECT")]))
    assert counts[0] == counts[1] == 4, "learners, newest, attempts, experiments"


def test_what_took_longer_than_a_day_and_what_is_a_part_of_a_mark(database: Database):
    with database.write() as session:
        room = new_room(session)
        ana = learner(session, room, "ana")
        answer(session, ana, "even", 1, ["two"], right=False, minutes=1, seconds=86_400.0)
        answer(session, ana, "sides", 1, ["two"], right=False, minutes=1, seconds=1e9)
        session.execute(sa.update(attempt).where(attempt.c.question == "even").values(mark=0.25))
    found = whole(database, room).first
    np.testing.assert_array_equal(found.seconds, [[86_400, math.nan]])
    assert found.marks.tolist() == [[0.25, 0]]
