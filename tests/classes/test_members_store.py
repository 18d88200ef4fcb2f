"""Memberships of a class: kept through leaving and removal, and counted only for learners."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from quizserver.accounts import store as account_store
from quizserver.classes import join_store, store
from quizserver.classes import members_store as members
from quizserver.classes.counted_store import count_learners
from quizserver.classes.model import Class
from quizserver.db.session import Database
from quizserver.db.tables import member
from tests.classes.class_setup import LATER, NOW, NewAccount, membership_state
from tests.statements import recorded_statements


def test_a_removed_learner_cannot_turn_into_one_who_left(
    database: Database, class_: Class, new_account: NewAccount
):
    bob = new_account("bob@example.org")
    with database.write() as session:
        join_store.join_class(session, class_.id, bob, "", NOW)
        members.remove_learner(session, class_.id, bob, NOW)
        members.leave_class(session, class_.id, bob, LATER)
    assert membership_state(database, class_, bob) == ("learner", "removed")


def test_an_instructor_takes_back_nobody_who_left_by_themselves(
    database: Database, class_: Class, new_account: NewAccount
):
    ana = new_account("ana@example.org")
    with database.write() as session:
        join_store.join_class(session, class_.id, ana, "", NOW)
        members.leave_class(session, class_.id, ana, NOW)
        members.take_back_learner(session, class_.id, ana, LATER)
    assert membership_state(database, class_, ana) == ("learner", "left")


def test_a_deleted_account_is_in_no_class_any_more(
    database: Database, class_: Class, new_account: NewAccount
):
    ana = new_account("ana@example.org")
    with database.write() as session:
        join_store.join_class(session, class_.id, ana, "", NOW)
        account_store.delete_person(session, ana)
        assert members.find_member(session, class_.id, ana) is None


def test_staff_and_instructors_never_count(
    database: Database, class_: Class, new_account: NewAccount
):
    roles = {
        role: new_account(f"{role}@example.org", role) for role in ("learner", "author", "admin")
    }
    with database.write() as session:
        for person_id in roles.values():
            join_store.join_class(session, class_.id, person_id, "", NOW)
        counted_by_role = {
            member.account_role: member.is_counted
            for member in members.class_members(session, class_.id)
        }
        assert counted_by_role == {
            "learner": True,
            "author": False,
            "admin": False,
            "instructor": False,
        }
        assert count_learners(session, [class_.id]) == {class_.id: 1}


def test_members_are_sorted_by_label(database: Database, class_: Class, new_account: NewAccount):
    with database.write() as session:
        session.execute(sa.delete(member))
    for email, name in (("z@example.org", "anna"), ("b@example.org", ""), ("c@example.org", "Zoe")):
        person_id = new_account(email)
        with database.write() as session:
            join_store.join_class(session, class_.id, person_id, name, NOW)
    with database.read() as session:
        labels = [entry.label for entry in members.class_members(session, class_.id)]
    assert labels == ["anna", "b@example.org", "Zoe"]


def test_members_are_one_statement_however_many_there_are(
    database: Database, class_: Class, new_account: NewAccount
):
    counts = []
    for round_number in range(2):
        for index in range(3):
            person_id = new_account(f"{round_number}-{index}@example.org")
            with database.write() as session:
                join_store.join_class(session, class_.id, person_id, "", NOW)
        with database.read() as session, recorded_statements() as statements:
            members.class_members(session, class_.id, state=None)
        counts.append(sum("SELECT" in statement for statement in statements))
    assert counts == [1, 1]


def test_the_export_has_every_membership_and_nobody_elses(
    database: Database, class_: Class, new_account: NewAccount
):
    ana, bob = new_account("ana@example.org"), new_account("bob@example.org")
    with database.write() as session:
        join_store.join_class(session, class_.id, ana, "Ana", NOW)
        join_store.join_class(session, class_.id, bob, "Bob", NOW)
        members.leave_class(session, class_.id, ana, LATER)
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


def test_accents_and_case_make_no_difference_to_the_order(
    database: Database, class_: Class, new_account: NewAccount
):
    with database.write() as session:
        session.execute(sa.delete(member))
    names = ("Zoe", "Öz", "oz", "Émile", "emil", "Ødegård")
    for number, name in enumerate(names):
        person_id = new_account(f"{number}@example.org")
        with database.write() as session:
            join_store.join_class(session, class_.id, person_id, name, NOW)
    with database.read() as session:
        labels = [entry.label for entry in members.class_members(session, class_.id)]
    assert labels == ["emil", "Émile", "Öz", "oz", "Zoe", "Ødegård"]


def test_changing_a_deleted_class_raises_an_error(
    database: Database, class_: Class, new_account: NewAccount
):
    ana = new_account("ana@example.org")
    with database.write() as session:
        store.delete_class(session, class_.id)
    for change in (members.leave_class, members.remove_learner, members.take_back_learner):
        with pytest.raises(store.ClassGoneError), database.write() as session:
            change(session, class_.id, ana, NOW)
    with pytest.raises(store.ClassGoneError), database.write() as session:
        join_store.join_class(session, class_.id, ana, "", NOW)
    with pytest.raises(store.ClassGoneError), database.write() as session:
        store.set_class_topics(session, class_.id, [("t", None)])
