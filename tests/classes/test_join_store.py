"""Joining a class by its code, again after leaving, and not after being removed."""

from __future__ import annotations

import pytest

from quizserver.classes import join_store, store
from quizserver.classes import members_store as members
from quizserver.classes.counted_store import count_learners
from quizserver.classes.model import Class
from quizserver.db.session import Database
from tests.classes.class_setup import LATER, NOW, NewAccount, membership_state


def test_a_code_is_found_in_any_spelling_and_none_other_is(database: Database, class_: Class):
    code = class_.join_code or ""
    other = ("C" if code[-1] != "C" else "D").join([code[:-1], ""])
    with database.read() as session:
        for spelling in (code.lower(), f" {code[:3]}-{code[3:6]} {code[6:]} "):
            assert join_store.find_class_by_code(session, spelling) == class_
        for wrong_code in (other, code[:-1], code + "C", "", "'; DROP TABLE class", "É" * 9):
            assert join_store.find_class_by_code(session, wrong_code) is None


def test_a_replaced_or_closed_code_lets_nobody_in(database: Database, class_: Class):
    with database.write() as session:
        new_code = store.renew_join_code(session, class_.id)
    with database.write() as session:
        assert join_store.find_class_by_code(session, class_.join_code or "") is None
        assert join_store.find_class_by_code(session, new_code, lock_row=True) is not None
        store.clear_join_code(session, class_.id)
        assert join_store.find_class_by_code(session, new_code) is None


def test_joining_twice_is_being_in_it_once_under_the_first_name(
    database: Database, class_: Class, new_account: NewAccount
):
    ana = new_account("ana@example.org")
    for name, moment in (("Ana", NOW), ("Somebody else", LATER)):
        with database.write() as session:
            membership = join_store.join_class(session, class_.id, ana, name, moment)
    assert (membership.name, membership.joined_at, membership.label) == ("Ana", NOW, "Ana")
    with database.read() as session:
        assert count_learners(session, [class_.id]) == {class_.id: 1}


def test_who_left_comes_back_as_they_were_and_who_was_removed_does_not(
    database: Database, class_: Class, new_account: NewAccount
):
    ana, bob = new_account("ana@example.org"), new_account("bob@example.org")
    with database.write() as session:
        for person_id in (ana, bob):
            join_store.join_class(session, class_.id, person_id, "", NOW)
        members.leave_class(session, class_.id, ana, LATER)
        members.remove_learner(session, class_.id, bob, LATER)
        assert [member.role for member in members.class_members(session, class_.id)] == [
            "instructor"
        ]
        assert count_learners(session, [class_.id]) == {}
    with database.write() as session:
        rejoined = join_store.join_class(session, class_.id, ana, "Ana", LATER)
    assert (rejoined.state, rejoined.joined_at, rejoined.name) == ("active", NOW, "Ana")
    with pytest.raises(members.MembershipError), database.write() as session:
        join_store.join_class(session, class_.id, bob, "", LATER)
    assert membership_state(database, class_, bob) == ("learner", "removed")
    with database.write() as session:
        members.take_back_learner(session, class_.id, bob, LATER)
    assert membership_state(database, class_, bob) == ("learner", "active")
