"""Who is in a class: kept through leaving and removal, and never without an instructor."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from quizserver.accounts import store as people
from quizserver.attempts import store as attempts
from quizserver.attempts.model import Submission
from quizserver.classes import store
from quizserver.classes.model import Class
from quizserver.db.session import Database
from quizserver.db.tables import class_topic, member, person

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
New = Callable[..., int]


@pytest.fixture
def new(database: Database) -> New:
    """Makes an account with a role and returns its id."""

    def make(email: str, role: str = "learner") -> int:
        with database.write() as session:
            made = people.ensure_guest(session, people.new_visitor())
            people.give_address(session, made.id, email, "no password fits this")
            session.execute(sa.update(person).where(person.c.id == made.id).values(role=role))
        return made.id

    return make


@pytest.fixture
def teacher(new: New) -> int:
    return new("teacher@example.org", "instructor")


@pytest.fixture
def room(database: Database, teacher: int) -> Class:
    with database.write() as session:
        return store.create(session, "Nets", teacher, NOW)


def state(database: Database, room: Class, who: int) -> tuple[str, str]:
    with database.read() as session:
        found = store.member(session, room.id, who)
    assert found is not None
    return found.role, found.state


def test_a_new_class_is_open_and_instructed_by_who_made_it(
    database: Database, room: Class, teacher: int
):
    with database.read() as session:
        assert store.by_id(session, room.id) == room
        assert store.by_code(session, room.join_code or "") == room
        assert store.instructs(session, room.id, teacher)
        assert store.of_instructor(session, teacher) == [room]
        assert store.sizes(session, [room.id]) == {}


def test_a_code_is_found_in_any_spelling_and_none_other_is(database: Database, room: Class):
    code = room.join_code or ""
    other = ("C" if code[-1] != "C" else "D").join([code[:-1], ""])
    with database.read() as session:
        for spelling in (code.lower(), f" {code[:3]}-{code[3:6]} {code[6:]} "):
            assert store.by_code(session, spelling) == room
        for wrong in (other, code[:-1], code + "C", "", "'; DROP TABLE class", "É" * 9):
            assert store.by_code(session, wrong) is None


def test_a_replaced_or_closed_code_lets_nobody_in(database: Database, room: Class):
    with database.write() as session:
        fresh = store.new_code(session, room.id)
    with database.write() as session:
        assert store.by_code(session, room.join_code or "") is None
        assert store.by_code(session, fresh, lock=True) is not None
        store.close(session, room.id)
        assert store.by_code(session, fresh) is None


def test_joining_twice_is_being_in_it_once_under_the_first_name(
    database: Database, room: Class, new: New
):
    ana = new("ana@example.org")
    for name, moment in (("Ana", NOW), ("Somebody else", LATER)):
        with database.write() as session:
            found = store.join(session, room.id, ana, name, moment)
    assert (found.name, found.joined_at, found.label) == ("Ana", NOW, "Ana")
    with database.read() as session:
        assert store.sizes(session, [room.id]) == {room.id: 1}


def test_who_left_comes_back_as_they_were_and_who_was_removed_does_not(
    database: Database, room: Class, new: New
):
    ana, bob = new("ana@example.org"), new("bob@example.org")
    with database.write() as session:
        for who in (ana, bob):
            store.join(session, room.id, who, "", NOW)
        store.leave(session, room.id, ana, LATER)
        store.remove(session, room.id, bob, LATER)
        assert [each.role for each in store.members(session, room.id)] == ["instructor"]
        assert store.sizes(session, [room.id]) == {}
    with database.write() as session:
        back = store.join(session, room.id, ana, "Ana", LATER)
    assert (back.state, back.joined_at, back.name) == ("active", NOW, "Ana")
    with pytest.raises(store.MembershipError), database.write() as session:
        store.join(session, room.id, bob, "", LATER)
    assert state(database, room, bob) == ("learner", "removed")
    with database.write() as session:
        store.take_back(session, room.id, bob, LATER)
    assert state(database, room, bob) == ("learner", "active")


def test_a_removed_learner_cannot_turn_into_one_who_left(database: Database, room: Class, new: New):
    bob = new("bob@example.org")
    with database.write() as session:
        store.join(session, room.id, bob, "", NOW)
        store.remove(session, room.id, bob, NOW)
        store.leave(session, room.id, bob, LATER)
    assert state(database, room, bob) == ("learner", "removed")


def test_an_instructor_takes_back_nobody_who_left_by_themselves(
    database: Database, room: Class, new: New
):
    ana = new("ana@example.org")
    with database.write() as session:
        store.join(session, room.id, ana, "", NOW)
        store.leave(session, room.id, ana, NOW)
        store.take_back(session, room.id, ana, LATER)
    assert state(database, room, ana) == ("learner", "left")


def test_leaving_removal_and_deleting_the_class_touch_no_answer(
    database: Database, room: Class, new: New
):
    ana = new("ana@example.org")
    answer = Submission("q", "v1", "# Q", 1, ("a", "b"), ("a",), True, 1.0, 0)
    with database.write() as session:
        store.join(session, room.id, ana, "", NOW)
        attempts.record(session, ana, answer)
        store.set_topics(session, room.id, [("t", NOW)])
    for end in (store.leave, store.remove):
        with database.write() as session:
            end(session, room.id, ana, LATER)
    with database.write() as session:
        store.delete(session, room.id)
    with database.read() as session:
        assert len(attempts.of_question(session, ana, "q")) == 1
        assert people.by_id(session, ana) is not None
        for table in (member, class_topic):
            assert session.scalar(sa.select(sa.func.count()).select_from(table)) == 0


def test_only_an_account_that_may_teach_becomes_an_instructor(
    database: Database, room: Class, new: New
):
    new("ana@example.org")
    told = []
    for email in ("ana@example.org", "nobody@example.org"):
        with pytest.raises(store.MembershipError) as caught, database.write() as session:
            store.promote(session, room.id, email, NOW)
        told.append(str(caught.value).replace(email, ""))
    assert told[0] == told[1], "the answer tells nobody which addresses have accounts"


def test_a_learner_of_the_class_who_may_teach_is_promoted_in_place(
    database: Database, room: Class, new: New
):
    kim = new("kim@example.org", "instructor")
    with database.write() as session:
        store.join(session, room.id, kim, "Kim", NOW)
        store.leave(session, room.id, kim, NOW)
        made = store.promote(session, room.id, "kim@example.org", LATER)
        again = store.promote(session, room.id, "kim@example.org", LATER + timedelta(days=1))
    assert (made.role, made.state, made.name, made.joined_at) == (
        "instructor",
        "active",
        "Kim",
        NOW,
    )
    assert again == made


def test_a_class_keeps_one_instructor(database: Database, room: Class, teacher: int, new: New):
    kim = new("kim@example.org", "instructor")
    with pytest.raises(store.MembershipError), database.write() as session:
        store.step_down(session, room.id, teacher, NOW)
    with database.write() as session:
        store.promote(session, room.id, "kim@example.org", NOW)
        store.step_down(session, room.id, teacher, NOW)
    assert state(database, room, teacher) == ("learner", "left")
    with pytest.raises(store.MembershipError), database.write() as session:
        store.step_down(session, room.id, kim, NOW)


def test_of_two_instructors_who_step_down_at_once_one_stays(
    database: Database, room: Class, teacher: int, new: New
):
    kim = new("kim@example.org", "instructor")
    with database.write() as session:
        store.promote(session, room.id, "kim@example.org", NOW)
    ready, refused = threading.Barrier(2), []

    def go(who: int) -> None:
        ready.wait(5)
        try:
            with database.write() as session:
                store.step_down(session, room.id, who, NOW)
        except store.MembershipError as error:
            refused.append(error)

    threads = [threading.Thread(target=go, args=[who]) for who in (teacher, kim)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    with database.read() as session:
        assert len(store.instructors(session, room.id)) == 1
    assert len(refused) == 1


def test_an_instructor_is_neither_removed_nor_leaves(database: Database, room: Class, teacher: int):
    with database.write() as session:
        store.remove(session, room.id, teacher, NOW)
        store.leave(session, room.id, teacher, NOW)
    assert state(database, room, teacher) == ("instructor", "active")


def test_whose_account_may_no_longer_teach_instructs_no_class_and_can_be_removed(
    database: Database, room: Class, teacher: int
):
    with database.write() as session:
        session.execute(sa.update(person).where(person.c.id == teacher).values(role="learner"))
        assert not store.instructs(session, room.id, teacher)
        assert store.of_instructor(session, teacher) == []
        assert [c for c, _ in store.of_learner(session, teacher)] == [room]
        (found,) = store.members(session, room.id)
        assert not found.counts
        store.remove(session, room.id, teacher, NOW)
    assert state(database, room, teacher) == ("learner", "removed")


def test_a_class_whose_last_instructor_is_gone_stays_and_takes_nobody_in(
    database: Database, room: Class, teacher: int, new: New
):
    ana = new("ana@example.org")
    with database.write() as session:
        store.join(session, room.id, ana, "", NOW)
        assert store.only_instructor_of(session, teacher) == [room]
        people.delete(session, teacher)
    with database.read() as session:
        assert store.by_id(session, room.id) == room
        assert store.by_code(session, room.join_code or "") is None
        assert [each.person_id for each in store.members(session, room.id)] == [ana]


def test_with_a_second_instructor_nobody_is_the_only_one(
    database: Database, room: Class, teacher: int, new: New
):
    new("kim@example.org", "admin")
    with database.write() as session:
        store.promote(session, room.id, "kim@example.org", NOW)
        assert store.only_instructor_of(session, teacher) == []


def test_a_deleted_account_is_in_no_class_any_more(database: Database, room: Class, new: New):
    ana = new("ana@example.org")
    with database.write() as session:
        store.join(session, room.id, ana, "", NOW)
        people.delete(session, ana)
        assert store.member(session, room.id, ana) is None


def test_staff_and_instructors_never_count(database: Database, room: Class, new: New):
    roles = {role: new(f"{role}@example.org", role) for role in ("learner", "author", "admin")}
    with database.write() as session:
        for who in roles.values():
            store.join(session, room.id, who, "", NOW)
        found = {each.account_role: each.counts for each in store.members(session, room.id)}
        assert found == {"learner": True, "author": False, "admin": False, "instructor": False}
        assert store.sizes(session, [room.id]) == {room.id: 1}


def test_members_come_by_what_the_class_calls_them(database: Database, room: Class, new: New):
    with database.write() as session:
        session.execute(sa.delete(member))
    for email, name in (("z@example.org", "anna"), ("b@example.org", ""), ("c@example.org", "Zoe")):
        who = new(email)
        with database.write() as session:
            store.join(session, room.id, who, name, NOW)
    with database.read() as session:
        found = [each.label for each in store.members(session, room.id)]
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
                store.join(session, room.id, who, "", NOW)
        with database.read() as session:
            asked.clear()
            store.members(session, room.id, state=None)
            counts.append(sum("SELECT" in statement for statement in asked))
    assert counts == [1, 1]


def test_topics_keep_the_instructors_order_and_their_due_moment_in_utc(
    database: Database, room: Class
):
    zone = datetime.fromisoformat("2027-03-01T23:59+05:30")
    with database.write() as session:
        store.set_topics(session, room.id, [("b", zone), ("a", None)])
        store.set_topics(session, room.id, [("b", zone), ("c", None), ("a", None)])
    with database.read() as session:
        found = store.topics(session, room.id)
    assert [(each.topic, each.position) for each in found] == [("b", 1), ("c", 2), ("a", 3)]
    assert found[0].due_at == datetime(2027, 3, 1, 18, 29, tzinfo=UTC)
    assert found[0].due_at.utcoffset() == timedelta(0)


def test_the_export_tells_every_membership_and_nobody_elses(
    database: Database, room: Class, new: New
):
    ana, bob = new("ana@example.org"), new("bob@example.org")
    with database.write() as session:
        store.join(session, room.id, ana, "Ana", NOW)
        store.join(session, room.id, bob, "Bob", NOW)
        store.leave(session, room.id, ana, LATER)
    with database.read() as session:
        assert store.export(session, ana) == {
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


def test_answers_to_questions_that_are_gone_are_told_of_who_counts(
    database: Database, room: Class, new: New
):
    ana, bob = new("ana@example.org"), new("bob@example.org")
    for who, question in ((ana, "old"), (ana, "kept"), (bob, "elsewhere")):
        with database.write() as session:
            answer = Submission(question, "v1", "# Q", 1, ("a",), ("a",), True, 1.0, 0)
            attempts.record(session, who, answer)
    with database.write() as session:
        store.join(session, room.id, ana, "", NOW)
    with database.read() as session:
        assert store.answered_elsewhere(session, room.id, ["kept"]) == ["old"]
        assert store.answered_elsewhere(session, room.id, []) == ["kept", "old"]
