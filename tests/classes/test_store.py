"""A class and its topics in the database: made, listed, ended, and what its end leaves alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from quizserver.accounts import store as people
from quizserver.attempts import store as attempts
from quizserver.attempts.model import Submission
from quizserver.classes import instructors_store as instructors
from quizserver.classes import join_store as joining
from quizserver.classes import members_store as members
from quizserver.classes import store
from quizserver.classes.counted_store import answered_missing_questions, count_learners
from quizserver.classes.model import Class
from quizserver.db.session import Database
from quizserver.db.tables import class_topic, member
from tests.classes.class_room import LATER, NOW, New


def test_a_new_class_is_open_and_instructed_by_who_made_it(
    database: Database, room: Class, teacher: int
):
    with database.read() as session:
        assert store.find_class(session, room.id) == room
        assert joining.find_class_by_code(session, room.join_code or "") == room
        assert instructors.is_instructor_of(session, room.id, teacher)
        assert instructors.classes_instructed_by(session, teacher) == [room]
        assert count_learners(session, [room.id]) == {}


def test_leaving_removal_and_deleting_the_class_touch_no_answer(
    database: Database, room: Class, new: New
):
    ana = new("ana@example.org")
    answer = Submission("q", "v1", "# Q", 1, ("a", "b"), ("a",), True, 1.0, 0)
    with database.write() as session:
        joining.join_class(session, room.id, ana, "", NOW)
        attempts.record_attempt(session, ana, answer)
        store.set_class_topics(session, room.id, [("t", NOW)])
    for end in (members.leave_class, members.remove_learner):
        with database.write() as session:
            end(session, room.id, ana, LATER)
    with database.write() as session:
        store.delete_class(session, room.id)
    with database.read() as session:
        assert len(attempts.attempts_at_question(session, ana, "q")) == 1
        assert people.person_by_id(session, ana) is not None
        for table in (member, class_topic):
            assert session.scalar(sa.select(sa.func.count()).select_from(table)) == 0


def test_topics_keep_the_instructors_order_and_their_due_moment_in_utc(
    database: Database, room: Class
):
    zone = datetime.fromisoformat("2027-03-01T23:59+05:30")
    with database.write() as session:
        store.set_class_topics(session, room.id, [("b", zone), ("a", None)])
        store.set_class_topics(session, room.id, [("b", zone), ("c", None), ("a", None)])
    with database.read() as session:
        found = store.class_topics(session, room.id)
    assert [(each.topic, each.position) for each in found] == [("b", 1), ("c", 2), ("a", 3)]
    assert found[0].due_at == datetime(2027, 3, 1, 18, 29, tzinfo=UTC)
    assert found[0].due_at.utcoffset() == timedelta(0)


def test_answers_to_questions_that_are_gone_are_told_of_who_counts(
    database: Database, room: Class, new: New
):
    ana, bob = new("ana@example.org"), new("bob@example.org")
    for who, question in ((ana, "old"), (ana, "kept"), (bob, "elsewhere")):
        with database.write() as session:
            answer = Submission(question, "v1", "# Q", 1, ("a",), ("a",), True, 1.0, 0)
            attempts.record_attempt(session, who, answer)
    with database.write() as session:
        joining.join_class(session, room.id, ana, "", NOW)
    with database.read() as session:
        assert answered_missing_questions(session, room.id, ["kept"]) == ["old"]
        assert answered_missing_questions(session, room.id, []) == ["kept", "old"]


def test_classes_are_listed_by_title_in_the_same_order_in_every_database(
    database: Database, room: Class, teacher: int, new: New
):
    titles = ("zeta", "Émile", "Alpha", "beta", "Zeta")
    with database.write() as session:
        for title in titles:
            store.create_class(session, title, teacher, NOW)
    with database.read() as session:
        found = [each.title for each in store.all_classes(session)]
        alone = [each.title for each in instructors.classes_only_instructed_by(session, teacher)]
    assert found == alone == ["Alpha", "beta", "Émile", "Nets", "zeta", "Zeta"]
