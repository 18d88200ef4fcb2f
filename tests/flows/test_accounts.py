"""Guests and accounts: signing up loses nothing, and only the owner can sign in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from quizserver.accounts import pages
from quizserver.accounts.passwords import verify_password
from quizserver.db.session import Database
from quizserver.db.tables import person
from quizserver.settings import Settings
from tests.flows.browser_client import Visitor

ANA = "ana@example.org"


def stored_attempts(visitor: Visitor) -> list[dict[str, object]]:
    return visitor.client.get("/account/data.json").json.get("attempts", [])


def test_reading_pages_inserts_no_person(visitor: Visitor, settings: Settings):
    for address in ("/", "/questions/even", "/progress", "/account"):
        visitor.open(address)
    database = Database(settings.data_url)
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(person)) == 0
    database.dispose()


def test_signing_up_keeps_the_work_of_the_guest(visitor: Visitor):
    visitor.answer("even", "two")
    order = visitor.order("even")
    visitor.sign_up(ANA)
    assert visitor.status == 200
    assert len(stored_attempts(visitor)) == 1
    assert visitor.order("even") == order


def test_progress_follows_the_account_into_another_browser(
    visitor: Visitor, new_visitor: Callable[[], Visitor]
):
    visitor.answer("even", "two", "four")
    visitor.sign_up(ANA)
    second_browser = new_visitor()
    second_browser.sign_in("ANA@example.org")
    assert "Right at the first try" in second_browser.open("/questions/even")


def test_signing_in_adds_the_work_of_the_guest_to_the_account(
    visitor: Visitor, new_visitor: Callable[[], Visitor]
):
    visitor.answer("even", "two")
    visitor.sign_up(ANA)
    second_browser = new_visitor()
    second_browser.answer("sides", "three")
    second_browser.answer("even", "two", "four")
    second_browser.sign_in(ANA)
    answers = [(a["question"], a["number"], a["right"]) for a in stored_attempts(second_browser)]
    assert answers == [("even", 1, False), ("even", 2, True), ("sides", 1, True)]


def test_a_guests_older_answer_does_not_become_the_latest_of_the_account(
    visitor: Visitor, new_visitor: Callable[[], Visitor]
):
    visitor.sign_up(ANA)
    second_browser = new_visitor()
    second_browser.answer("even", "three")
    visitor.answer("even", "two", "four")
    assert "Right at the first try" in visitor.open("/questions/even")
    second_browser.sign_in(ANA)
    assert "That is it." in second_browser.open("/questions/even")
    answers = [(a["number"], a["right"]) for a in stored_attempts(second_browser)]
    assert answers == [(1, False), (2, True)]


def test_signing_out_ends_the_session_and_hides_the_work(visitor: Visitor):
    visitor.answer("even", "two")
    visitor.sign_up(ANA)
    visitor.sign_out()
    assert stored_attempts(visitor) == []
    assert "FEEDBACK" not in visitor.open("/questions/even")


def test_an_unknown_address_and_a_wrong_password_get_the_same_answer(
    visitor: Visitor, new_visitor: Callable[[], Visitor]
):
    visitor.sign_up(ANA)
    wrong, unknown, broken = new_visitor(), new_visitor(), new_visitor()
    texts = []
    for browser, address in (
        (wrong, ANA),
        (unknown, "bob@example.org"),
        (broken, "not-an-address"),
    ):
        browser.sign_in(address, "wrong password")
        assert browser.status == 422
        texts.append(browser.text.replace(address, ""))
    assert "don&#39;t belong together" in texts[0] or "don't belong together" in texts[0]
    assert texts[0] == texts[1] == texts[2]


def test_a_password_is_verified_for_an_unknown_address_too(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
):
    """The same work for an unknown address as for a known one, so that time reveals nothing."""
    verified_hashes: list[str | None] = []

    def verify_and_record(password_hash: str | None, password: str) -> bool:
        verified_hashes.append(password_hash)
        return verify_password(password_hash, password)

    monkeypatch.setattr(pages, "verify_password", verify_and_record)
    visitor.sign_in("nobody@example.org", "some password")
    assert verified_hashes == [None]


@pytest.mark.parametrize(
    ("email", "password", "message"),
    [
        ("nonsense", "correct horse", "@"),
        (ANA, "short", "at least 8"),
        (ANA, ANA, "else than your own address"),
        (ANA, "aaaaaaaaaaaa", "more than two different"),
        (ANA, "", "Write a password"),
    ],
)
def test_a_refused_sign_up_gets_a_message_and_keeps_the_address(
    visitor: Visitor, email: str, password: str, message: str
):
    visitor.sign_up(email, password)
    assert visitor.status == 422
    assert message in visitor.text
    assert f'value="{email}"' in visitor.page
    assert password == "" or f'value="{password}"' not in visitor.page or password == email


def test_an_address_can_have_one_account(visitor: Visitor, new_visitor: Callable[[], Visitor]):
    visitor.sign_up(ANA)
    other = new_visitor()
    other.answer("even", "two")
    other.sign_up("Ana@Example.org", "another password")
    assert other.status == 422
    assert "has an account already" in other.text
    assert len(stored_attempts(other)) == 1


def test_a_new_password_signs_every_other_browser_out(
    visitor: Visitor, new_visitor: Callable[[], Visitor]
):
    visitor.sign_up(ANA)
    second_browser = new_visitor()
    second_browser.sign_in(ANA)
    visitor.open("/account/password")
    visitor.send("/account/password", password="wrong one!", new_password="brand new words")
    assert visitor.status == 422
    visitor.send("/account/password", password="correct horse", new_password="brand new words")
    assert ANA in visitor.open("/account")
    assert ANA not in second_browser.open("/account")
    second_browser.sign_in(ANA, "correct horse")
    assert second_browser.status == 422
    second_browser.sign_in(ANA, "brand new words")
    assert ANA in second_browser.open("/account")


def test_deleting_the_account_needs_the_password_and_leaves_nothing(
    visitor: Visitor, new_visitor: Callable[[], Visitor]
):
    visitor.answer("even", "two")
    visitor.sign_up(ANA)
    visitor.open("/account/delete")
    visitor.send("/account/delete", password="wrong one!")
    assert visitor.status == 422
    assert len(stored_attempts(visitor)) == 1
    visitor.send("/account/delete", password="correct horse")
    assert stored_attempts(visitor) == []
    again = new_visitor()
    again.sign_in(ANA)
    assert again.status == 422


def test_a_guest_can_delete_their_work(visitor: Visitor):
    visitor.answer("even", "two")
    visitor.open("/account/delete")
    visitor.send("/account/delete")
    assert stored_attempts(visitor) == []


def test_a_guests_old_cookie_opens_no_account(visitor: Visitor, new_visitor: Callable[[], Visitor]):
    visitor.answer("even", "two")
    cookie = visitor.client.get_cookie("session")
    assert cookie is not None
    visitor.sign_up(ANA)
    thief = new_visitor()
    thief.client.set_cookie("session", cookie.value)
    assert thief.client.get("/account/data.json").status_code == 303
    thief.answer("even", "two", "four")
    assert len(stored_attempts(visitor)) == 1


@pytest.mark.parametrize(
    ("target", "landing_page"),
    [
        ("/progress", "My progress"),
        ("https://evil.example/", "Topics"),
        ("//evil.example/", "Topics"),
        ("/\\evil.example", "Topics"),
    ],
)
def test_signing_in_redirects_within_this_site_only(
    visitor: Visitor, target: str, landing_page: str
):
    visitor.sign_up(ANA)
    visitor.sign_out()
    visitor.open("/sign-in")
    visitor.send("/sign-in", email=ANA, password="correct horse", next=target)
    assert visitor.status == 200
    assert landing_page in visitor.text


def test_a_guests_old_cookie_cannot_sign_up_over_an_account(
    visitor: Visitor, new_visitor: Callable[[], Visitor]
):
    visitor.answer("even", "two")
    cookie = visitor.client.get_cookie("session")
    assert cookie is not None
    visitor.sign_up(ANA)
    thief = new_visitor()
    thief.client.set_cookie("session", cookie.value)
    thief.sign_up("thief@example.org", "stolen horse")
    assert stored_attempts(thief) == []
    assert ANA in visitor.open("/account")
    again = new_visitor()
    again.sign_in(ANA)
    assert len(stored_attempts(again)) == 1


def test_the_cookie_of_a_deleted_account_opens_no_other_account(
    visitor: Visitor, new_visitor: Callable[[], Visitor]
):
    visitor.sign_up(ANA)
    second = new_visitor()
    second.sign_in(ANA)
    visitor.open("/account/delete")
    visitor.send("/account/delete", password="correct horse")
    other = new_visitor()
    other.sign_up("bob@example.org")
    assert "bob@example.org" not in second.open("/account")
    refusal = second.client.get("/account/data.json")
    assert (refusal.status_code, refusal.location) == (303, "/account")


def test_an_answer_sent_while_its_guest_signs_in_is_not_lost(
    visitor: Visitor, new_visitor: Callable[[], Visitor]
):
    """The other tab has the guest's cookie: its page asks to submit again, and then it counts."""
    owner = new_visitor()
    owner.sign_up(ANA)
    visitor.answer("sides", "three")
    tab = new_visitor()
    cookie = visitor.client.get_cookie("session")
    assert cookie is not None
    tab.client.set_cookie("session", cookie.value)
    tab.open("/questions/even")
    visitor.sign_in(ANA)
    tab.send("/questions/even/answer", option=["two", "four"])
    assert tab.status in {400, 409, 422}, "nothing may be acknowledged that nobody will find"
    assert [a["question"] for a in stored_attempts(visitor)] == ["sides"]


def test_a_slow_response_does_not_bring_back_an_old_session(visitor: Visitor):
    visitor.sign_up(ANA)
    response = visitor.client.get("/progress")
    assert "Set-Cookie" not in response.headers


def test_spellings_of_one_address_share_one_limit(visitor: Visitor):
    for spelling in [ANA, "ANA@example.org", " ana@Example.org "] * 3 + [ANA]:
        visitor.sign_in(spelling, "guess guess")
        assert visitor.status == 422
    visitor.sign_in("aNa@exAmple.org", "guess guess")
    assert visitor.status == 429


def test_guessing_ones_own_password_is_limited_too(visitor: Visitor):
    visitor.sign_up(ANA)
    for _ in range(10):
        visitor.open("/account/delete")
        visitor.send("/account/delete", password="guess guess")
        assert visitor.status == 422
    visitor.open("/account/delete")
    assert visitor.status == 200
    visitor.send("/account/delete", password="correct horse")
    assert visitor.status == 429


def test_guessing_passwords_is_limited_for_one_address_only(
    visitor: Visitor, new_visitor: Callable[[], Visitor], app: Flask
):
    other = new_visitor()
    other.sign_up("bob@example.org")
    for _ in range(10):
        visitor.sign_in(ANA, "guess guess")
        assert visitor.status == 422
    visitor.sign_in(ANA, "guess guess")
    assert visitor.status == 429
    assert "Too many passwords" in visitor.text
    classmate = new_visitor()
    classmate.sign_in("bob@example.org")
    assert "bob@example.org" in classmate.open("/account")


def test_passwords_are_stored_as_argon2id_hashes_only(visitor: Visitor, settings: Settings):
    visitor.sign_up(ANA)
    database = Database(settings.data_url)
    with database.read() as session:
        assert str(session.scalar(sa.select(person.c.password_hash))).startswith("$argon2id$")
    database.dispose()
