"""Who instructs a class: accounts that may teach, and never nobody by their own doing."""

from __future__ import annotations

import itertools
import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from quizserver.accounts import store as people
from quizserver.classes import instructors_store as instructors
from quizserver.classes import join_store as joining
from quizserver.classes import members_store as members
from quizserver.classes import store
from quizserver.classes.counted_store import count_learners
from quizserver.classes.model import Class
from quizserver.db.session import Database
from quizserver.db.tables import ROLES, person
from tests.classes.class_room import LATER, NOW, New, state


def test_only_an_account_that_may_teach_becomes_an_instructor(
    database: Database, room: Class, new: New
):
    new("ana@example.org")
    told = []
    for email in ("ana@example.org", "nobody@example.org"):
        with pytest.raises(members.MembershipError) as caught, database.write() as session:
            instructors.promote_to_instructor(session, room.id, email, NOW)
        told.append(str(caught.value).replace(email, ""))
    assert told[0] == told[1], "the answer tells nobody which addresses have accounts"


def test_a_learner_of_the_class_who_may_teach_is_promoted_in_place(
    database: Database, room: Class, new: New
):
    kim = new("kim@example.org", "instructor")
    with database.write() as session:
        joining.join_class(session, room.id, kim, "Kim", NOW)
        members.leave_class(session, room.id, kim, NOW)
        made = instructors.promote_to_instructor(session, room.id, "kim@example.org", LATER)
        again = instructors.promote_to_instructor(
            session, room.id, "kim@example.org", LATER + timedelta(days=1)
        )
    assert (made.role, made.state, made.name, made.joined_at) == (
        "instructor",
        "active",
        "Kim",
        NOW,
    )
    assert again == made


def test_a_class_keeps_one_instructor(database: Database, room: Class, teacher: int, new: New):
    kim = new("kim@example.org", "instructor")
    with pytest.raises(members.MembershipError), database.write() as session:
        instructors.step_down_instructor(session, room.id, teacher, NOW)
    with database.write() as session:
        instructors.promote_to_instructor(session, room.id, "kim@example.org", NOW)
        instructors.step_down_instructor(session, room.id, teacher, NOW)
    assert state(database, room, teacher) == ("learner", "left")
    with pytest.raises(members.MembershipError), database.write() as session:
        instructors.step_down_instructor(session, room.id, kim, NOW)


def test_of_two_instructors_who_step_down_at_once_one_stays(
    database: Database, room: Class, teacher: int, new: New
):
    kim = new("kim@example.org", "instructor")
    with database.write() as session:
        instructors.promote_to_instructor(session, room.id, "kim@example.org", NOW)
    ready, refused = threading.Barrier(2), []

    def go(who: int) -> None:
        ready.wait(5)
        try:
            with database.write() as session:
                instructors.step_down_instructor(session, room.id, who, NOW)
        except members.MembershipError as error:
            refused.append(error)

    threads = [threading.Thread(target=go, args=[who]) for who in (teacher, kim)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    with database.read() as session:
        assert len(instructors.class_instructors(session, room.id)) == 1
    assert len(refused) == 1


def test_an_instructor_is_neither_removed_nor_leaves(database: Database, room: Class, teacher: int):
    with database.write() as session:
        members.remove_learner(session, room.id, teacher, NOW)
        members.leave_class(session, room.id, teacher, NOW)
    assert state(database, room, teacher) == ("instructor", "active")


def test_whose_account_may_no_longer_teach_instructs_no_class_and_can_be_removed(
    database: Database, room: Class, teacher: int
):
    with database.write() as session:
        session.execute(sa.update(person).where(person.c.id == teacher).values(role="learner"))
        assert not instructors.is_instructor_of(session, room.id, teacher)
        assert instructors.classes_instructed_by(session, teacher) == []
        assert [c for c, _ in members.classes_joined_by(session, teacher)] == [room]
        (found,) = members.class_members(session, room.id)
        assert not found.is_counted
        members.remove_learner(session, room.id, teacher, NOW)
    assert state(database, room, teacher) == ("learner", "removed")


def test_a_class_whose_last_instructor_is_gone_stays_and_takes_nobody_in(
    database: Database, room: Class, teacher: int, new: New
):
    ana = new("ana@example.org")
    with database.write() as session:
        joining.join_class(session, room.id, ana, "", NOW)
        assert instructors.classes_only_instructed_by(session, teacher) == [room]
        people.delete_person(session, teacher)
    with database.read() as session:
        assert store.find_class(session, room.id) == room
        assert joining.find_class_by_code(session, room.join_code or "") is None
        assert [each.person_id for each in members.class_members(session, room.id)] == [ana]


def test_with_a_second_instructor_nobody_is_the_only_one(
    database: Database, room: Class, teacher: int, new: New
):
    new("kim@example.org", "admin")
    with database.write() as session:
        instructors.promote_to_instructor(session, room.id, "kim@example.org", NOW)
        assert instructors.classes_only_instructed_by(session, teacher) == []


def test_the_database_and_the_member_say_the_same_of_who_instructs_and_who_counts(
    database: Database, room: Class, new: New
):
    """In every role here, state and role on this server: both are asked, in different pages."""
    kinds = itertools.product(("learner", "instructor"), ("active", "left", "removed"), ROLES)
    for number, (role, now, account) in enumerate(kinds):
        who = new(f"{number}@example.org", account)
        with database.write() as session:
            joining.join_class(session, room.id, who, "", NOW)
            members.update_member(session, room.id, who, role=role, state=now)
    with database.read() as session:
        everybody = members.class_members(session, room.id, state=None)
        assert len(everybody) == 25
        listed = {each.person_id for each in instructors.class_instructors(session, room.id)}
        assert listed == {each.person_id for each in everybody if each.is_instructor}
        assert len(listed) == 1 + 2
        counted = sum(each.is_counted for each in everybody)
        assert count_learners(session, [room.id]) == {room.id: counted} == {room.id: 1}
        assert members.count_memberships(session, room.id) == 25


def test_a_class_that_nobody_may_teach_any_more_is_told_apart(
    database: Database, room: Class, teacher: int, new: New
):
    kim = new("kim@example.org", "admin")
    with database.write() as session:
        other = store.create_class(session, "Other", kim, NOW)
        session.execute(sa.update(person).where(person.c.id == teacher).values(role="author"))
        assert instructors.ids_with_instructor(session, [room.id, other.id]) == {other.id}
