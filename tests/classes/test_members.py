"""Who is in a class: kept through leaving and removal, and counted only as a learner."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from quizserver.accounts import store as people
from quizserver.classes import join_store as joining
from quizserver.classes import members_store as members
from quizserver.classes import store
from quizserver.classes.counted_store import count_learners
from quizserver.classes.model import Class
from quizserver.db.session import Database
from quizserver.db.tables import member
from tests.classes.class_room import LATER, NOW, New, state


def test_a_removed_learner_cannot_turn_into_one_who_left(database: Database, room: Class, new: New):
    bob = new("bob@example.org")
    with database.write() as session:
        joining.join_class(session, room.id, bob, "", NOW)
        members.remove_learner(session, room.id, bob, NOW)
        members.leave_class(session, room.id, bob, LATER)
    assert state(database, room, bob) == ("learner", "removed")


def test_an_instructor_takes_back_nobody_who_left_by_themselves(
    database: Database, room: Class, new: New
):
    ana = new("ana@example.org")
    with database.write() as session:
        joining.join_class(session, room.id, ana, "", NOW)
        members.leave_class(session, room.id, ana, NOW)
        members.take_back_learner(session, room.id, ana, LATER)
    assert state(database, room, ana) == ("learner", "left")


def test_a_deleted_account_is_in_no_class_any_more(database: Database, room: Class, new: New):
    ana = new("ana@example.org")
    with database.write() as session:
        joining.join_class(session, room.id, ana, "", NOW)
        people.delete_person(session, ana)
        assert members.find_member(session, room.id, ana) is None


def test_staff_and_instructors_never_count(database: Database, room: Class, new: New):
    roles = {role: new(f"{role}@example.org", role) for role in ("learner", "author", "admin")}
    with database.write() as session:
        for who in roles.values():
            joining.join_class(session, room.id, who, "", NOW)
        found = {
            each.account_role: each.is_counted for each in members.class_members(session, room.id)
        }
        assert found == {"learner": True, "author": False, "admin": False, "instructor": False}
        assert count_learners(session, [room.id]) == {room.id: 1}


def test_members_come_by_what_the_class_calls_them(database: Database, room: Class, new: New):
    with database.write() as session:
        session.execute(sa.delete(member))
    for email, name in (("z@example.org", "anna"), ("b@example.org", ""), ("c@example.org", "Zoe")):
        who = new(email)
        with database.write() as session:
            joining.join_class(session, room.id, who, name, NOW)
    with database.read() as session:
        found = [each.label for each in members.class_members(session, room.id)]
    assert found == ["anna", "b@example.org", "Zoe"]


def test_members_are_one_statement_however_many_there_are(
    database: Database, room: Class, new: New
):
    asked: list[str] = []
    sa.event.listen(
        database.engine, "before_cursor_execute", lambda *a: asked.append(a[2]), named=False
    )
    counts = []
    for number in range(2):
        for each in range(3):
            who = new(f"{number}-{each}@example.org")
            with database.write() as session:
                joining.join_class(session, room.id, who, "", NOW)
        with database.read() as session:
            asked.clear()
            members.class_members(session, room.id, state=None)
            counts.append(sum("SELECT" in statement for statement in asked))
    assert counts == [1, 1]


def test_the_export_tells_every_membership_and_nobody_elses(
    database: Database, room: Class, new: New
):
    ana, bob = new("ana@example.org"), new("bob@example.org")
    with database.write() as session:
        joining.join_class(session, room.id, ana, "Ana", NOW)
        joining.join_class(session, room.id, bob, "Bob", NOW)
        members.leave_class(session, room.id, ana, LATER)
    with database.read() as session:
        assert members.export_memberships(session, ana) == {
            "classes": [
                {
                    "class": "Nets",
                    "role": "learner",
                    "name": "Ana",
                    "state": "left",
                    "joined_at": NOW.isoformat(),
                    "state_since": LATER.isoformat(),
                }
            ]
        }


def test_accents_and_case_do_not_part_names(database: Database, room: Class, new: New):
    with database.write() as session:
        session.execute(sa.delete(member))
    names = ("Zoe", "Öz", "oz", "Émile", "emil", "Ødegård")
    for number, name in enumerate(names):
        who = new(f"{number}@example.org")
        with database.write() as session:
            joining.join_class(session, room.id, who, name, NOW)
    with database.read() as session:
        found = [each.label for each in members.class_members(session, room.id)]
    assert found == ["emil", "Émile", "Öz", "oz", "Zoe", "Ødegård"]


def test_what_changes_a_class_that_is_gone_says_so(database: Database, room: Class, new: New):
    ana = new("ana@example.org")
    with database.write() as session:
        store.delete_class(session, room.id)
    for change in (members.leave_class, members.remove_learner, members.take_back_learner):
        with pytest.raises(store.ClassGoneError), database.write() as session:
            change(session, room.id, ana, NOW)
    with pytest.raises(store.ClassGoneError), database.write() as session:
        joining.join_class(session, room.id, ana, "", NOW)
    with pytest.raises(store.ClassGoneError), database.write() as session:
        store.set_class_topics(session, room.id, [("t", None)])
