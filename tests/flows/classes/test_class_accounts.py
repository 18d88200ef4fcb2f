"""Accounts and classes: downloads, deleted accounts, and admins of the server."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from quizserver.db.session import Database
from quizserver.db.tables import person
from tests.flows.browser_client import Visitor
from tests.flows.classes.class_visits import (
    NewVisitor,
    join_class,
    join_code,
)


def test_the_download_has_memberships(teacher: Visitor, ana: Visitor):
    join_class(ana, join_code(teacher), "Ana")
    (membership,) = ana.client.get("/account/data.json").json["classes"]
    assert (membership["class"], membership["role"], membership["name"], membership["state"]) == (
        "Nets",
        "learner",
        "Ana",
        "active",
    )


def test_a_member_deletes_their_account_and_is_gone_from_the_roster(teacher: Visitor, ana: Visitor):
    join_class(ana, join_code(teacher), "Ana")
    ana.open("/account/delete")
    assert "Nobody else instructs" not in ana.text
    ana.send("/account/delete", password="correct horse")
    assert "Ana" not in teacher.open("/classes/1/roster")


def test_the_last_instructor_reads_what_becomes_of_the_class_before_deleting_their_account(
    teacher: Visitor, ana: Visitor
):
    code = join_code(teacher)
    join_class(ana, code)
    teacher.open("/account/delete")
    assert "Nobody else instructs Nets ." in teacher.text
    teacher.send("/account/delete", password="correct horse")
    assert "Numbers, gently" in ana.open("/classes/1"), "the class goes on for its learners"
    other_visitor = Visitor(ana.client.application.test_client())
    other_visitor.open(f"/join/{code}")
    assert other_visitor.status == 404, "and takes nobody in"


def test_an_admin_hands_an_orphaned_class_over(
    teacher: Visitor, sign_up_instructor: Callable[[str], Visitor], database: Database
):
    admin = sign_up_instructor("admin@example.org")
    sign_up_instructor("kim@example.org")
    with database.write() as session:
        session.execute(
            sa.update(person).where(person.c.email == "admin@example.org").values(role="admin")
        )
    teacher.open("/account/delete")
    teacher.send("/account/delete", password="correct horse")
    assert "Other classes on this server" in admin.open("/classes")
    assert "Nets 0 no instructor" in admin.text, "nobody joins it, whatever its code"
    assert "It has no instructor now" in (admin.open("/classes/1") and admin.text)
    admin.open("/classes/1/roster")
    admin.send("/classes/1/instructors", email="kim@example.org")
    assert "kim@example.org instructs this class now" in admin.text
    assert join_code(admin)


def test_an_admin_who_learns_in_a_class_finds_the_way_out(
    teacher: Visitor, new_visitor: NewVisitor, database: Database
):
    admin = new_visitor()
    admin.sign_up("admin@example.org")
    join_class(admin, join_code(teacher), "Root")
    with database.write() as session:
        session.execute(
            sa.update(person).where(person.c.email == "admin@example.org").values(role="admin")
        )
    assert "You are in it as a learner too" in (admin.open("/classes/1") and admin.text)
    admin.open("/classes/1/leave")
    admin.send("/classes/1/leave")
    assert "You are in it as a learner" not in (admin.open("/classes/1") and admin.text)
    assert "You are in it" not in (teacher.open("/classes/1") and teacher.text)
