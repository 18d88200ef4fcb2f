"""The answers of a class are read into arrays unchanged, on both kinds of database."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sqlalchemy as sa

from quizserver.classes import members_store as members
from quizserver.classes.items import store
from quizserver.classes.items.answer_tables import ClassAnswers, Simulations
from quizserver.classes.items.loader import load_answers
from quizserver.db.session import Database
from quizserver.db.tables import attempt, person
from tests.classes.items.answer_setup import (
    NOW,
    add_answer,
    add_learner,
    add_run,
    create_account,
    create_class_with_topics,
)
from tests.statements import recorded_statements

QUESTIONS = {"even": ("numbers", "simulation"), "sides": None}


def load_class(
    database: Database, class_id: int, questions: Simulations = QUESTIONS
) -> ClassAnswers:
    with database.read() as session:
        counted = store.counted_learners(session, class_id)
        loaded = load_answers(
            session, class_id, counted, questions, None, 0.0, lambda _progress: None
        )
    return loaded.tables.to_class_answers(loaded.joined_at, questions, loaded.runs)


def chosen_options(answers: ClassAnswers, row: int, column: int) -> tuple[str, ...] | None:
    number = answers.first.chosen[row, column]
    return answers.first.sets[number] if number >= 0 else None


def test_first_and_latest_attempts_are_kept_apart(database: Database):
    with database.write() as session:
        class_id = create_class_with_topics(session)
        ana, bo = add_learner(session, class_id, "ana"), add_learner(session, class_id, "bo")
        add_answer(session, ana, "even", 1, ["two"], right=False, minutes=1, seconds=30.5)
        add_answer(session, ana, "even", 2, ["three"], right=False, minutes=2, seconds=4)
        add_answer(session, ana, "even", 3, ["four", "two"], right=True, minutes=3, seconds=None)
        add_answer(session, bo, "sides", 1, ["three"], right=True, minutes=4, seconds=12)
    answers = load_class(database, class_id)
    assert answers.first.learners.tolist() == [ana, bo]
    assert answers.first.questions == ("even", "sides")
    np.testing.assert_array_equal(answers.first.marks, [[0, math.nan], [math.nan, 1]])
    np.testing.assert_array_equal(answers.latest.marks, [[1, math.nan], [math.nan, 1]])
    np.testing.assert_array_equal(answers.first.seconds, [[30.5, math.nan], [math.nan, 12]])
    np.testing.assert_array_equal(answers.latest.seconds, [[math.nan, math.nan], [math.nan, 12]])
    assert chosen_options(answers, 0, 0) == ("two",)
    assert answers.latest.sets[answers.latest.chosen[0, 0]] == ("four", "two")
    assert answers.latest.sets[answers.latest.chosen[1, 1]] == ("three",)
    assert answers.first.tried_again.tolist() == [[True, False], [False, False]]
    assert (answers.first.which, answers.latest.which) == ("first", "latest")


def test_the_pace_is_in_unix_time(database: Database):
    with database.write() as session:
        class_id = create_class_with_topics(session)
        ana = add_learner(session, class_id, "ana")
        add_answer(session, ana, "even", 1, ["two"], right=False, minutes=1)
        add_answer(session, ana, "even", 2, ["four", "two"], right=True, minutes=90.51)
        add_answer(session, ana, "even", 3, ["two"], right=False, minutes=100.51)
    pace = load_class(database, class_id).pace
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
        class_id = create_class_with_topics(session)
        ana, bo = add_learner(session, class_id, "ana"), add_learner(session, class_id, "bo")
        for person_id in (ana, bo):
            add_answer(session, person_id, "even", 1, ["two"], right=False, minutes=1)
            add_answer(session, person_id, "even", 2, ["two"], right=False, minutes=2)
            add_answer(session, person_id, "even", 3, ["two"], right=False, minutes=3)
        add_answer(session, ana, "sides", 1, ["two"], right=False, minutes=1)
        add_answer(session, ana, "sides", 2, ["two"], right=False, minutes=2)
        add_run(session, ana, minutes, topic, simulation)
    assert load_class(database, class_id).first.ran.tolist() == [[ran, False], [False, False]]


def test_only_counted_learners_and_the_questions_of_the_class_are_read(database: Database):
    with database.write() as session:
        class_id = create_class_with_topics(session)
        ana = add_learner(session, class_id, "ana")
        others = [add_learner(session, class_id, name) for name in ("left", "removed", "author")]
        outside = create_account(session, "outside")
        for person_id in (ana, *others, outside):
            add_answer(session, person_id, "even", 1, ["two"], right=False, minutes=1)
            add_answer(session, person_id, "elsewhere", 1, ["two"], right=False, minutes=1)
        members.leave_class(session, class_id, others[0], NOW)
        members.remove_learner(session, class_id, others[1], NOW)
        session.execute(sa.update(person).where(person.c.id == others[2]).values(role="author"))
    answers = load_class(database, class_id)
    assert answers.first.learners.tolist() == [ana]
    assert answers.first.answered.tolist() == [[True, False]]


def test_a_class_without_learners_or_without_questions_is_empty(database: Database):
    with database.write() as session:
        class_id = create_class_with_topics(session)
    assert load_class(database, class_id).first.marks.shape == (0, 2)
    assert load_class(database, class_id, {}).first.marks.shape == (0, 0)


def test_the_number_of_statements_does_not_grow_with_the_class(database: Database):
    counts = []
    with database.write() as session:
        class_id = create_class_with_topics(session)
    for size in (2, 40):
        with database.write() as session:
            for number in range(size):
                person_id = add_learner(session, class_id, f"l{size}-{number}")
                for question in QUESTIONS:
                    add_answer(
                        session, person_id, question, 1, ["two"], right=False, minutes=number
                    )
                    add_answer(
                        session, person_id, question, 2, ["three"], right=False, minutes=number + 1
                    )
        with recorded_statements("SELECT") as statements:
            assert load_class(database, class_id).first.tried_again.all()
        counts.append(len(statements))
    assert counts[0] == counts[1] == 4, "learners, newest, attempts, experiments"


def test_times_beyond_a_day_are_unknown_and_fractions_of_marks_are_kept(database: Database):
    with database.write() as session:
        class_id = create_class_with_topics(session)
        ana = add_learner(session, class_id, "ana")
        add_answer(session, ana, "even", 1, ["two"], right=False, minutes=1, seconds=86_400.0)
        add_answer(session, ana, "sides", 1, ["two"], right=False, minutes=1, seconds=1e9)
        session.execute(sa.update(attempt).where(attempt.c.question == "even").values(mark=0.25))
    first = load_class(database, class_id).first
    np.testing.assert_array_equal(first.seconds, [[86_400, math.nan]])
    assert first.marks.tolist() == [[0.25, 0]]
