"""Classes and their topics in the database: created, listed, deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from quizserver.accounts import store as account_store
from quizserver.attempts import store as attempts
from quizserver.attempts.model import Submission
from quizserver.classes import instructors_store as instructors
from quizserver.classes import join_store, store
from quizserver.classes import members_store as members
from quizserver.classes.counted_store import answered_missing_questions, count_learners
from quizserver.classes.model import Class
from quizserver.db.session import Database
from quizserver.db.tables import class_ as class_table
from quizserver.db.tables import class_topic, member
from tests.classes.class_setup import LATER, NOW, NewAccount


def test_a_new_class_is_open_and_instructed_by_who_made_it(
    database: Database, class_: Class, teacher: int
):
    with database.read() as session:
        assert store.find_class(session, class_.id) == class_
        assert join_store.find_class_by_code(session, class_.join_code or "") == class_
        assert instructors.is_instructor_of(session, class_.id, teacher)
        assert instructors.classes_instructed_by(session, teacher) == [class_]
        assert count_learners(session, [class_.id]) == {}


def test_leaving_removal_and_deleting_the_class_touch_no_answer(
    database: Database, class_: Class, new_account: NewAccount
):
    ana = new_account("ana@example.org")
    answer = Submission("q", "v1", "# Q", 1, ("a", "b"), ("a",), True, 1.0, 0)
    with database.write() as session:
        join_store.join_class(session, class_.id, ana, "", NOW)
        attempts.record_attempt(session, ana, answer)
        store.set_class_topics(session, class_.id, [("t", NOW)])
    for end_membership in (members.leave_class, members.remove_learner):
        with database.write() as session:
            end_membership(session, class_.id, ana, LATER)
    with database.write() as session:
        store.delete_class(session, class_.id)
    with database.read() as session:
        assert len(attempts.attempts_at_question(session, ana, "q")) == 1
        assert account_store.person_by_id(session, ana) is not None
        for table in (member, class_topic):
            assert session.scalar(sa.select(sa.func.count()).select_from(table)) == 0


def test_topics_keep_the_instructors_order_and_their_due_moment_in_utc(
    database: Database, class_: Class
):
    due_at = datetime.fromisoformat("2027-03-01T23:59+05:30")
    with database.write() as session:
        store.set_class_topics(session, class_.id, [("b", due_at), ("a", None)])
        store.set_class_topics(session, class_.id, [("b", due_at), ("c", None), ("a", None)])
    with database.read() as session:
        topics = store.class_topics(session, class_.id)
    assert [(class_topic.topic, class_topic.position) for class_topic in topics] == [
        ("b", 1),
        ("c", 2),
        ("a", 3),
    ]
    assert topics[0].due_at == datetime(2027, 3, 1, 18, 29, tzinfo=UTC)
    assert topics[0].due_at.utcoffset() == timedelta(0)


def test_missing_questions_are_those_that_counted_learners_answered(
    database: Database, class_: Class, new_account: NewAccount
):
    ana, bob = new_account("ana@example.org"), new_account("bob@example.org")
    for person_id, question in ((ana, "old"), (ana, "kept"), (bob, "elsewhere")):
        with database.write() as session:
            answer = Submission(question, "v1", "# Q", 1, ("a",), ("a",), True, 1.0, 0)
            attempts.record_attempt(session, person_id, answer)
    with database.write() as session:
        join_store.join_class(session, class_.id, ana, "", NOW)
    with database.read() as session:
        assert answered_missing_questions(session, class_.id, ["kept"]) == ["old"]
        assert answered_missing_questions(session, class_.id, []) == ["kept", "old"]


def test_classes_are_listed_by_title_in_the_same_order_in_every_database(
    database: Database, class_: Class, teacher: int, new_account: NewAccount
):
    titles = ("zeta", "Émile", "Alpha", "beta", "Zeta")
    with database.write() as session:
        for title in titles:
            store.create_class(session, title, teacher, NOW)
    with database.read() as session:
        all_titles = [listed_class.title for listed_class in store.all_classes(session)]
        only_instructed_titles = [
            listed_class.title
            for listed_class in instructors.classes_only_instructed_by(session, teacher)
        ]
    assert (
        all_titles == only_instructed_titles == ["Alpha", "beta", "Émile", "Nets", "zeta", "Zeta"]
    )


def test_a_stored_title_or_name_that_shows_as_nothing_is_shown_in_another_way(
    database: Database, class_: Class, new_account: NewAccount
):
    """Such as were stored before names were checked: they stay."""
    ana = new_account("ana@example.org")
    with database.write() as session:
        session.execute(sa.update(class_table).values(title="\u3164"))
        join_store.join_class(session, class_.id, ana, "\u3164\u2800", LATER)
    with database.read() as session:
        found = store.find_class(session, class_.id)
        joined = members.find_member(session, class_.id, ana)
        stored = session.scalars(sa.select(class_table.c.title)).one()
    assert found is not None
    assert joined is not None
    assert (found.title, stored) == (f"Class {class_.id}", "\u3164")
    assert (joined.label, joined.name) == ("ana@example.org", "\u3164\u2800")
