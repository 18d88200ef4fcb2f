"""Pages in another language: nothing of them stays English."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from quizserver.db.session import Database
from tests.flows.admins import give_role
from tests.flows.browser_client import Visitor
from tests.translation.page_texts import bare_texts
from tests.translation.pseudo import TAG, pseudo

LEARNER, INSTRUCTOR = "learner@example.org", "instructor@example.org"
EMAIL_FAULT = "An email address must have an @-sign."
BROWSER = ("Another program",)
INSTRUCTOR_PAGES = (
    "", "/matrix", "/matrix?show=best", "/roster", "/roster?search=zz", "/settings", "/delete",
    "/items", "/items?which=latest", "/items/even", "/teach", "/learners/2",
    "/learners/2/questions/even",
)  # fmt: skip

pytestmark = [pytest.mark.one_database, pytest.mark.xdist_group("translation")]


@pytest.fixture
def polish(app: Flask) -> Visitor:
    client = app.test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "pl-PL,pl;q=0.8,en;q=0.5"
    return Visitor(client)


def test_home_speaks_the_language_before_and_after_an_answer(polish: Visitor):
    page = polish.open("/")
    assert bare_texts(polish.page) == []
    assert pseudo("2 questions", "few") in page
    polish.answer("even", "two", "four")
    polish.open("/")
    assert bare_texts(polish.page) == []
    assert pseudo("1 of 2 answered, 1 right at first try") in polish.text


def test_progress_speaks_the_language_before_and_after_answers(polish: Visitor):
    polish.open("/progress")
    assert bare_texts(polish.page) == []
    for _ in range(2):
        polish.answer("even", "two")
    polish.open("/progress")
    assert bare_texts(polish.page) == []
    assert pseudo("2 attempts", "few") in polish.text
    polish.answer("sides", "three")
    polish.open("/progress")
    assert bare_texts(polish.page) == []


def test_a_question_and_its_lesson_speak_the_language_in_each_of_three_states(polish: Visitor):
    def find_bare_texts() -> list[str]:
        texts = []
        for address in ("/questions/even", "/questions/even?again=1&hints=1", "/topics/numbers"):
            polish.open(address)
            texts += bare_texts(polish.page)
        return texts

    assert find_bare_texts() == [], "open"
    polish.answer("even", "two", "three")
    assert find_bare_texts() == [], "tried"
    chose = f"You left out {pseudo('1 right options', 'one')} and chose"
    assert pseudo(f"{chose} {pseudo('1 wrong options', 'one')}.") in polish.open("/questions/even")
    polish.answer("even", "two", "four")
    assert find_bare_texts() == [], "revealed"


@pytest.mark.parametrize(
    "address",
    ["/sign-in", "/sign-up", "/account", "/account/delete", "/join", "/nowhere", "/join/XXX"],
)
def test_a_guests_pages_speak_the_language(polish: Visitor, address: str):
    polish.answer("even", "two")  # a guest, whose answers can be deleted
    polish.open(address)
    assert bare_texts(polish.page) == []


def test_account_pages_and_what_is_wrong_in_their_forms_speak_the_language(polish: Visitor):
    polish.open("/sign-up")
    polish.send("/sign-up", email="γιάννης", password="1")
    assert bare_texts(polish.page) == [EMAIL_FAULT], "it comes from a library"
    polish.sign_up(LEARNER)
    assert pseudo("Your account is ready. Everything you did as a guest is in it.") in polish.page
    for address in ("/account", "/account/password", "/account/delete", "/classes"):
        polish.open(address)
        assert bare_texts(polish.page, known={LEARNER, *BROWSER}) == [], address
    polish.open("/account/password")
    polish.send("/account/password", password="wrong word", new_password="1")
    assert pseudo("Use at least 8 characters.") in polish.text


@pytest.fixture
def instructor(polish: Visitor, database: Database) -> Visitor:
    """Has a class with both questions, in which a learner has answered twice."""
    polish.sign_up(INSTRUCTOR)
    give_role(database, INSTRUCTOR, "admin")
    polish.open("/classes/new")
    polish.send("/classes/new", title="Τάξη", name="Άννα")
    polish.open("/classes/1/settings")
    polish.send("/classes/1/topics", do="add", add="numbers")
    return polish


def test_class_pages_speak_the_language(instructor: Visitor, app: Flask):
    code = re.search(r"/join/([A-Z0-9-]+)", instructor.open("/classes/1"))
    assert code
    client = app.test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "pl"
    learner = Visitor(client)
    learner.sign_up(LEARNER)
    known = {LEARNER, INSTRUCTOR, "http://localhost/join", f"http://localhost/join/{code[1]}"}
    for _ in range(3):
        learner.answer("even", "two")
    for address in ("/classes", f"/join/{code[1]}"):
        learner.open(address)
        assert bare_texts(learner.page, known=known) == [], address
    learner.send(f"/join/{code[1]}", name="Γιάννης")
    for address in ("/classes", "/classes/1", "/classes/1/leave"):
        learner.open(address)
        assert bare_texts(learner.page, known=known) == [], address
    for part in INSTRUCTOR_PAGES:
        instructor.open(f"/classes/1{part}")
        assert bare_texts(instructor.page, known=known | {code[1]}) == [], part
    assert pseudo("Attempt 3:") in instructor.text


def test_pages_of_roles_speak_the_language(instructor: Visitor):
    link = re.search(r'href="(/admin/people/[0-9]+)"', instructor.open("/admin/people"))
    assert link
    for address in ("/admin/people", "/admin/people/log", link[1], f"{link[1]}?role=author"):
        instructor.open(address)
        assert instructor.status == 200
        assert bare_texts(instructor.page, known={INSTRUCTOR}) == [], address


def test_a_page_says_its_language_and_varies_by_what_the_browser_asked_for(app: Flask):
    client = app.test_client()
    for asked, tag in [("pl", TAG), ("de,pl;q=0.5", TAG), ("en,pl", "en"), ("de", "en")]:
        response = client.get("/", headers={"Accept-Language": asked})
        page = response.get_data(as_text=True)
        assert f'<html lang="{tag}">' in page
        assert ('<meta name="translations"' in page) == (tag != "en")
        assert "Accept-Language" in response.vary
        assert response.headers["Content-Language"] == tag
        assert (pseudo("Topics") in page) == (tag != "en")
    assert '<html lang="en">' in client.get("/").get_data(as_text=True)
    address = re.search(r'href="([^"]+/page\.css)"', page)
    assert address
    with client.get(address[1]) as sheet:
        assert sheet.status_code == 200
        assert "Accept-Language" not in sheet.vary, "the same for all"


def test_an_error_page_says_its_language_and_the_next_request_has_its_own(app: Flask):
    client = app.test_client()
    missing = client.get("/nowhere", headers={"Accept-Language": "pl"})
    assert missing.status_code == 404
    assert '<html lang="pl">' in missing.get_data(as_text=True)
    assert '<html lang="en">' in client.get("/nowhere").get_data(as_text=True)


def test_without_a_catalog_there_is_english_and_no_choice(english_app: Flask):
    response = english_app.test_client().get("/", headers={"Accept-Language": "pl"})
    assert '<html lang="en">' in response.get_data(as_text=True)
    assert "Accept-Language" not in response.vary
    assert "Content-Language" not in response.headers
