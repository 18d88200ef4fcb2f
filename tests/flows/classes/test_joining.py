"""Joining a class by its code, leaving it, and being removed from it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape

import pytest
import sqlalchemy as sa
from flask import Flask

from quizserver.accounts import store as account_store
from quizserver.app import create_app
from quizserver.classes import store as classes
from quizserver.db.session import Database
from quizserver.db.tables import person
from quizserver.settings import Settings
from tests.flows.browser_client import Visitor
from tests.flows.classes.class_visits import (
    ANA,
    TEACHER,
    NewVisitor,
    csrf_token,
    join_class,
    join_code,
    press_button,
)


def test_a_class_is_made_shared_and_joined(teacher: Visitor, ana: Visitor):
    ana.open("/classes")
    ana.open("/join")
    ana.send("/join", code=join_code(teacher).lower().replace("-", " "))
    text = unescape(ana.text)
    assert "Join Nets" in text
    assert f"The instructors of this class: {TEACHER}" in text, "who sees is told before"
    assert "the ones from before you joined too" in text
    ana.send("/join/" + join_code(teacher), name=" Ana \t Lund ")
    assert ana.status == 200
    assert "You are in: Nets." in ana.text
    roster = unescape(teacher.open("/classes/1/roster"))
    assert "Ana Lund" in roster
    assert ANA in roster
    assert "1 learner counts in the statistics" in teacher.text


def test_opening_the_link_joins_nobody(teacher: Visitor, ana: Visitor):
    ana.open(f"/join/{join_code(teacher)}")
    assert "Nobody has joined yet" in teacher.open("/classes/1/roster")


def test_a_guest_who_follows_the_link_signs_up_and_comes_back_with_their_work(
    teacher: Visitor, new_visitor: NewVisitor
):
    guest = new_visitor()
    guest.answer("even", "two", "four")
    address = f"/join/{join_code(teacher)}"
    assert "You need an account to join" in guest.open(address)
    (sign_up,) = re.findall(r'href="(/sign-up\?next=[^"]+)"', guest.page)
    guest.open(unescape(sign_up))
    guest.send("/sign-up", email="bob@example.org", password="correct horse")
    assert "Join Nets" in guest.text
    guest.send(address, name="Bob")
    assert "right at first try" in guest.text
    assert "bob@example.org" in teacher.open("/classes/1/roster")


def test_a_guest_with_an_account_signs_in_and_comes_back_with_their_work(
    teacher: Visitor, ana: Visitor, new_visitor: NewVisitor
):
    guest = new_visitor()
    guest.answer("sides", "three")
    guest.open(f"/join/{join_code(teacher)}")
    (sign_up,) = re.findall(r'href="(/sign-up\?next=[^"]+)"', guest.page)
    guest.open(unescape(sign_up))
    (sign_in,) = re.findall(r'href="(/sign-in\?next=[^"]+)"', guest.page)
    guest.open(unescape(sign_in))
    guest.send("/sign-in", email=ANA, password="correct horse")
    assert "Join Nets" in guest.text
    guest.send(f"/join/{join_code(teacher)}", name="")
    assert "right at first try" in guest.text
    assert ana.client.get("/account/data.json").json["attempts"][0]["question"] == "sides"


@pytest.mark.parametrize("address", ["/join/CDF-GHJ-KMN", "/join/nonsense"])
def test_a_wrong_code_is_no_class_and_says_what_to_do(ana: Visitor, address: str):
    ana.open(address)
    assert ana.status == 404
    assert "ask for the present one" in ana.text


def test_wrong_codes_are_limited_and_right_ones_are_not(settings: Settings, app: Flask):
    """Twelve tries at one address, of any browser; who has the code gets in however many do."""
    limited = create_app(replace(settings, limit_join_client="5/hour"))
    database = Database(settings.data_url)
    with database.write() as session:
        account = account_store.ensure_guest(session, "a visitor")
        account_store.register_account(session, account.id, "t@example.org", "none")
        session.execute(sa.update(person).values(role="instructor"))
        class_ = classes.create_class(session, "Nets", account.id, datetime.now(UTC))
    database.dispose()
    right_statuses = [
        limited.test_client().get(f"/join/{class_.join_code}").status_code for _ in range(12)
    ]
    wrong_statuses = [limited.test_client().get("/join/CDF-GHJ-KMN").status_code for _ in range(7)]
    form_visitor = Visitor(limited.test_client())
    limited.extensions["quizserver-close"]()
    assert right_statuses == [200] * 12
    assert wrong_statuses == [404] * 5 + [429] * 2
    form_visitor.open("/join")
    assert form_visitor.status == 429, "the form and the link share one count"


def test_rotating_closing_and_opening_again(teacher: Visitor, ana: Visitor):
    first = join_code(teacher)
    teacher.open("/classes/1/settings")
    teacher.send("/classes/1/code", do="new")
    second = join_code(teacher)
    assert second != first
    ana.open(f"/join/{first}")
    assert ana.status == 404
    ana.open(f"/join/{second}")
    teacher.open("/classes/1/settings")
    teacher.send("/classes/1/code", do="close")
    ana.send(f"/join/{second}", name="")
    assert "No class takes people in with this code now" in ana.text, "closed while reading"
    assert "The class is closed" in teacher.open("/classes/1")
    teacher.open("/classes/1/settings")
    teacher.send("/classes/1/code", do="new")
    join_class(ana, join_code(teacher))
    assert "You are in" in ana.text


def test_a_removed_learner_keeps_their_work_and_does_not_get_in_by_the_code(
    teacher: Visitor, ana: Visitor
):
    join_class(ana, join_code(teacher), "Ana")
    ana.answer("sides", "three")
    teacher.open("/classes/1/roster")
    person_id = re.search(r"/roster/(\d+)/remove", teacher.page).group(1)  # type: ignore[union-attr]
    press_button(teacher, f"/classes/1/roster/{person_id}/remove")
    assert "Ana is no longer in the class." in teacher.text
    assert ana.open("/classes/1") is not None
    assert ana.status == 404
    assert "an instructor removed you" in ana.open("/classes")
    assert "so its code does not let you in" in ana.open(f"/join/{join_code(teacher)}")
    assert 'action="/join/' not in ana.page
    ana.open("/join")
    ana.post(f"/join/{join_code(teacher)}", {"csrf_token": csrf_token(ana), "name": "Ana"})
    assert ana.status in {200, 422}
    assert "You are in" not in ana.text
    teacher.open("/classes/1/roster")
    press_button(teacher, f"/classes/1/roster/{person_id}/take-back")
    assert "right at first try" in ana.open("/classes/1")


def test_a_learner_leaves_and_comes_back_by_the_code(teacher: Visitor, ana: Visitor):
    join_class(ana, join_code(teacher), "Ana")
    ana.open("/classes/1/leave")
    assert "The roster keeps your name there, Ana" in ana.text
    ana.send("/classes/1/leave")
    assert "you left" in ana.text
    ana.open("/classes/1")
    assert ana.status == 404
    roster = teacher.open("/classes/1/roster")
    assert "left <time" in roster
    assert "take-back" not in roster, "who left comes back by themselves"
    page = ana.open(f"/join/{join_code(teacher)}")
    assert "Come back to Nets" in ana.text
    assert 'value="Ana"' in page
    ana.send(f"/join/{join_code(teacher)}")
    assert "You are in" in ana.text


def test_a_learner_is_in_several_classes_and_changes_their_name_in_one(
    teacher: Visitor, ana: Visitor
):
    teacher.open("/classes/new")
    teacher.send("/classes/new", title="Second")
    second = re.search(r"<code>((?:\w{3}-){2}\w{3})</code>", teacher.page).group(1)  # type: ignore[union-attr]
    join_class(ana, join_code(teacher), "Ana")
    join_class(ana, second, "Ana")
    ana.open("/classes/1")
    ana.send("/classes/1/name", name="Anita")
    text = ana.open("/classes") and ana.text
    assert "Nets as Anita" in text
    assert "Second as Ana" in text
