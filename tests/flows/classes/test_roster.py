"""The roster of a class: its instructors, and a large number of learners."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest

from quizserver.audit import store as audit_store
from quizserver.audit.model import EventFilter
from quizserver.db.session import Database
from tests.flows.browser_client import Visitor
from tests.flows.classes.class_visits import (
    ANA,
    TEACHER,
    add_learners,
    csrf_token,
    join_class,
    join_code,
    press_button,
)
from tests.statements import recorded_statements


def test_a_co_instructor_is_added_by_address_and_then_the_first_steps_down(
    teacher: Visitor,
    ana: Visitor,
    sign_up_instructor: Callable[[str], Visitor],
    database: Database,
):
    kim = sign_up_instructor("kim@example.org")
    teacher.open("/classes/1/roster")
    assert "step-down" not in teacher.page
    assert "add another one before you step down" in teacher.text
    teacher.send("/classes/1/instructors", email=ANA)
    assert teacher.status == 422
    assert "not the address of an instructor" in teacher.text
    teacher.send("/classes/1/instructors", email="KIM@example.org")
    assert "kim@example.org instructs this class now" in teacher.text
    assert "Nets" in kim.open("/classes")
    match = re.search(r'formaction="(/classes/1/instructors/\d+/remove)"', teacher.page)
    assert match is not None
    press_button(teacher, match.group(1))
    assert "You no longer instruct that class" in teacher.text
    teacher.open("/classes/1")
    assert teacher.status == 404
    kim.open("/classes/1/roster")
    assert kim.status == 200
    with database.read() as session:
        events = audit_store.list_events(session, EventFilter(address=TEACHER), limit=2)
    assert [(e.action, e.actor_email, e.subject_email, e.about) for e in events] == [
        ("instructor-removed", TEACHER, TEACHER, "Nets"),
        ("instructor-added", TEACHER, "kim@example.org", "Nets"),
    ]


def test_an_instructor_removes_no_other_one(
    teacher: Visitor, sign_up_instructor: Callable[[str], Visitor]
):
    kim = sign_up_instructor("kim@example.org")
    teacher.open("/classes/1/roster")
    teacher.send("/classes/1/instructors", email="kim@example.org")
    match = re.search(r'formaction="(/classes/1/instructors/\d+/remove)"', teacher.page)
    assert match is not None
    kim.open("/classes/1/roster")
    kim.post(match.group(1), {"csrf_token": csrf_token(kim)})
    assert "Instructors step down by themselves" in kim.text
    assert TEACHER in kim.text


def test_the_roster_of_a_large_class_comes_in_pages_and_can_be_searched(
    teacher: Visitor, database: Database
):
    add_learners(database, 450)
    first = teacher.open("/classes/1/roster")
    assert "1–200 of 450 learners" in teacher.text
    assert "Page 2 of 3" in teacher.text
    assert first.count("/remove?") == 0
    assert first.count("/remove") == 200
    assert teacher.open("/classes/1/roster?page=3").count("/remove?page=3") == 50
    page = teacher.open("/classes/1/roster?search=L449@")
    assert page.count("/remove") == 1
    assert "Nobody’s name or address" in teacher.open("/classes/1/roster?search=zzz")
    assert "401–450 of 450" in (teacher.open("/classes/1/roster?page=99999") and teacher.text)


def test_who_removes_several_stays_on_the_page_of_the_roster(teacher: Visitor, database: Database):
    add_learners(database, 450)
    page = teacher.open("/classes/1/roster?search=l4&page=1")
    first = re.search(r'formaction="([^"]+/remove\?[^"]+)"', page)
    assert first is not None
    teacher.post(unescape(first.group(1)), {"csrf_token": csrf_token(teacher)})
    assert "is no longer in the class" in teacher.text
    assert 'value="l4"' in teacher.page
    assert "Page 2 of 3" in (teacher.open("/classes/1/roster") and teacher.text)
    page = teacher.open("/classes/1/roster?page=3")
    last = re.search(r'formaction="([^"]+/remove\?page=3)"', page)
    assert last is not None
    teacher.post(last.group(1), {"csrf_token": csrf_token(teacher)})
    assert "401–450 of 450" in teacher.text


@pytest.mark.parametrize("search", ["jose", "JOSÉ", "jose\u0301"])
def test_a_name_is_found_whatever_its_accents_and_their_spelling(
    teacher: Visitor, ana: Visitor, search: str
):
    join_class(ana, join_code(teacher), "José")
    assert teacher.open(f"/classes/1/roster?search={search}").count("/remove") == 1


def test_a_stale_page_gets_no_false_success_message(teacher: Visitor, ana: Visitor):
    join_class(ana, join_code(teacher), "Ana")
    page = teacher.open("/classes/1/roster")
    remove = re.search(r'formaction="([^"]+/remove)"', page)
    assert remove is not None
    ana.open("/classes/1/leave")
    ana.send("/classes/1/leave")
    fields = {"csrf_token": csrf_token(teacher)}
    teacher.post(remove.group(1), fields)
    assert "Ana was not in the class as a learner." in teacher.text
    teacher.post(remove.group(1).replace("remove", "take-back"), fields)
    assert "Ana had not been removed" in teacher.text
    teacher.post("/classes/1/roster/1/remove", fields)
    assert f"{TEACHER} was not in the class as a learner." in teacher.text


def test_no_page_of_a_class_asks_more_of_the_database_for_more_members(
    teacher: Visitor, ana: Visitor, database: Database
):
    join_class(ana, join_code(teacher))

    def count_statements() -> list[int]:
        counts = []
        for visitor, address in (
            (teacher, "/classes"),
            (teacher, "/classes/1"),
            (teacher, "/classes/1/roster"),
            (teacher, "/classes/1/settings"),
            (ana, "/classes/1"),
        ):
            with recorded_statements("SELECT") as statements:
                visitor.open(address)
            counts.append(len(statements))
        return counts

    few = count_statements()
    add_learners(database, 300)
    many = count_statements()
    assert few == many
    assert max(many) <= 9
