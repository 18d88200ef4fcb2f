"""Instructors of a class: accounts that may teach, of whom the last one can't leave."""

from __future__ import annotations

import itertools
import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from quizserver.accounts import store as account_store
from quizserver.classes import instructors_store as instructors
from quizserver.classes import join_store, store
from quizserver.classes import members_store as members
from quizserver.classes.counted_store import count_learners
from quizserver.classes.model import Class
from quizserver.db.session import Database
from quizserver.db.tables import ROLES, person
from tests.classes.class_setup import LATER, NOW, NewAccount, membership_state


def test_only_an_account_that_may_teach_becomes_an_instructor(
    database: Database, class_: Class, new_account: NewAccount
):
    new_account("ana@example.org")
    messages = []
    for email in ("ana@example.org", "nobody@example.org"):
        with pytest.raises(members.MembershipError) as caught, database.write() as session:
            instructors.promote_to_instructor(session, class_.id, email, NOW)
        messages.append(str(caught.value).replace(email, ""))
    assert messages[0] == messages[1], "the answer tells nobody which addresses have accounts"


def test_a_learner_of_the_class_who_may_teach_is_promoted_in_place(
    database: Database, class_: Class, new_account: NewAccount
):
    kim = new_account("kim@example.org", "instructor")
    with database.write() as session:
        join_store.join_class(session, class_.id, kim, "Kim", NOW)
        members.leave_class(session, class_.id, kim, NOW)
        promoted = instructors.promote_to_instructor(session, class_.id, "kim@example.org", LATER)
        again = instructors.promote_to_instructor(
            session, class_.id, "kim@example.org", LATER + timedelta(days=1)
        )
    assert (promoted.role, promoted.state, promoted.name, promoted.joined_at) == (
        "instructor",
        "active",
        "Kim",
        NOW,
    )
    assert again == promoted


def test_a_class_keeps_one_instructor(
    database: Database, class_: Class, teacher: int, new_account: NewAccount
):
    kim = new_account("kim@example.org", "instructor")
    with pytest.raises(members.MembershipError), database.write() as session:
        instructors.step_down_instructor(session, class_.id, teacher, NOW)
    with database.write() as session:
        instructors.promote_to_instructor(session, class_.id, "kim@example.org", NOW)
        instructors.step_down_instructor(session, class_.id, teacher, NOW)
    assert membership_state(database, class_, teacher) == ("learner", "left")
    with pytest.raises(members.MembershipError), database.write() as session:
        instructors.step_down_instructor(session, class_.id, kim, NOW)


def test_of_two_instructors_who_step_down_at_once_one_stays(
    database: Database, class_: Class, teacher: int, new_account: NewAccount
):
    kim = new_account("kim@example.org", "instructor")
    with database.write() as session:
        instructors.promote_to_instructor(session, class_.id, "kim@example.org", NOW)
    ready, refused = threading.Barrier(2), []

    def step_down(person_id: int) -> None:
        ready.wait(5)
        try:
            with database.write() as session:
                instructors.step_down_instructor(session, class_.id, person_id, NOW)
        except members.MembershipError as error:
            refused.append(error)

    threads = [threading.Thread(target=step_down, args=[person_id]) for person_id in (teacher, kim)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    with database.read() as session:
        assert len(instructors.class_instructors(session, class_.id)) == 1
    assert len(refused) == 1


def test_an_instructor_is_neither_removed_nor_leaves(
    database: Database, class_: Class, teacher: int
):
    with database.write() as session:
        members.remove_learner(session, class_.id, teacher, NOW)
        members.leave_class(session, class_.id, teacher, NOW)
    assert membership_state(database, class_, teacher) == ("instructor", "active")


def test_whose_account_may_no_longer_teach_instructs_no_class_and_can_be_removed(
    database: Database, class_: Class, teacher: int
):
    with database.write() as session:
        session.execute(sa.update(person).where(person.c.id == teacher).values(role="learner"))
        assert not instructors.is_instructor_of(session, class_.id, teacher)
        assert instructors.classes_instructed_by(session, teacher) == []
        assert [
            joined_class for joined_class, _ in members.classes_joined_by(session, teacher)
        ] == [class_]
        (membership,) = members.class_members(session, class_.id)
        assert not membership.is_counted
        members.remove_learner(session, class_.id, teacher, NOW)
    assert membership_state(database, class_, teacher) == ("learner", "removed")


def test_a_class_whose_last_instructor_is_gone_stays_and_takes_nobody_in(
    database: Database, class_: Class, teacher: int, new_account: NewAccount
):
    ana = new_account("ana@example.org")
    with database.write() as session:
        join_store.join_class(session, class_.id, ana, "", NOW)
        assert instructors.classes_only_instructed_by(session, teacher) == [class_]
        account_store.delete_person(session, teacher)
    with database.read() as session:
        assert store.find_class(session, class_.id) == class_
        assert join_store.find_class_by_code(session, class_.join_code or "") is None
        assert [member.person_id for member in members.class_members(session, class_.id)] == [ana]


def test_with_a_second_instructor_nobody_is_the_only_one(
    database: Database, class_: Class, teacher: int, new_account: NewAccount
):
    new_account("kim@example.org", "admin")
    with database.write() as session:
        instructors.promote_to_instructor(session, class_.id, "kim@example.org", NOW)
        assert instructors.classes_only_instructed_by(session, teacher) == []


def test_the_database_and_the_member_say_the_same_of_who_instructs_and_who_counts(
    database: Database, class_: Class, new_account: NewAccount
):
    """In every role here, state and role on this server: both are asked, in different pages."""
    combinations = itertools.product(
        ("learner", "instructor"), ("active", "left", "removed"), ROLES
    )
    for number, (role, state, account_role) in enumerate(combinations):
        person_id = new_account(f"{number}@example.org", account_role)
        with database.write() as session:
            join_store.join_class(session, class_.id, person_id, "", NOW)
            members.update_member(session, class_.id, person_id, role=role, state=state)
    with database.read() as session:
        all_members = members.class_members(session, class_.id, state=None)
        assert len(all_members) == 25
        instructor_ids = {
            member.person_id for member in instructors.class_instructors(session, class_.id)
        }
        assert instructor_ids == {
            member.person_id for member in all_members if member.is_instructor
        }
        assert len(instructor_ids) == 1 + 2
        counted = sum(member.is_counted for member in all_members)
        assert count_learners(session, [class_.id]) == {class_.id: counted} == {class_.id: 1}
        assert members.count_memberships(session, class_.id) == 25


def test_a_class_without_an_instructor_is_not_among_those_with_one(
    database: Database, class_: Class, teacher: int, new_account: NewAccount
):
    kim = new_account("kim@example.org", "admin")
    with database.write() as session:
        other = store.create_class(session, "Other", kim, NOW)
        session.execute(sa.update(person).where(person.c.id == teacher).values(role="author"))
        assert instructors.ids_with_instructor(session, [class_.id, other.id]) == {other.id}
