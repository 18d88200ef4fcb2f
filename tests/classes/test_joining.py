"""Codes that let people in, whoever comes back, and whoever does not."""

from __future__ import annotations

import pytest

from quizserver.classes import join_store as joining
from quizserver.classes import members_store as members
from quizserver.classes import store
from quizserver.classes.counted_store import count_learners
from quizserver.classes.model import Class
from quizserver.db.session import Database
from tests.classes.class_room import LATER, NOW, New, state


def test_a_code_is_found_in_any_spelling_and_none_other_is(database: Database, room: Class):
    code = room.join_code or ""
    other = ("C" if code[-1] != "C" else "D").join([code[:-1], ""])
    with database.read() as session:
        for spelling in (code.lower(), f" {code[:3]}-{code[3:6]} {code[6:]} "):
            assert joining.find_class_by_code(session, spelling) == room
        for wrong in (other, code[:-1], code + "C", "", "'; DROP TABLE class", "É" * 9):
            assert joining.find_class_by_code(session, wrong) is None


def test_a_replaced_or_closed_code_lets_nobody_in(database: Database, room: Class):
    with database.write() as session:
        fresh = store.renew_join_code(session, room.id)
    with database.write() as session:
        assert joining.find_class_by_code(session, room.join_code or "") is None
        assert joining.find_class_by_code(session, fresh, lock_row=True) is not None
        store.clear_join_code(session, room.id)
        assert joining.find_class_by_code(session, fresh) is None


def test_joining_twice_is_being_in_it_once_under_the_first_name(
    database: Database, room: Class, new: New
):
    ana = new("ana@example.org")
    for name, moment in (("Ana", NOW), ("Somebody else", LATER)):
        with database.write() as session:
            found = joining.join_class(session, room.id, ana, name, moment)
    assert (found.name, found.joined_at, found.label) == ("Ana", NOW, "Ana")
    with database.read() as session:
        assert count_learners(session, [room.id]) == {room.id: 1}


def test_who_left_comes_back_as_they_were_and_who_was_removed_does_not(
    database: Database, room: Class, new: New
):
    ana, bob = new("ana@example.org"), new("bob@example.org")
    with database.write() as session:
        for who in (ana, bob):
            joining.join_class(session, room.id, who, "", NOW)
        members.leave_class(session, room.id, ana, LATER)
        members.remove_learner(session, room.id, bob, LATER)
        assert [each.role for each in members.class_members(session, room.id)] == ["instructor"]
        assert count_learners(session, [room.id]) == {}
    with database.write() as session:
        back = joining.join_class(session, room.id, ana, "Ana", LATER)
    assert (back.state, back.joined_at, back.name) == ("active", NOW, "Ana")
    with pytest.raises(members.MembershipError), database.write() as session:
        joining.join_class(session, room.id, bob, "", LATER)
    assert state(database, room, bob) == ("learner", "removed")
    with database.write() as session:
        members.take_back_learner(session, room.id, bob, LATER)
    assert state(database, room, bob) == ("learner", "active")
