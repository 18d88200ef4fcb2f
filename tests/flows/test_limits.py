"""Limits over HTTP: no stranger keeps an owner out, and several processes count together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask

from quizserver.app import create_app
from quizserver.settings import Settings
from tests.flows.browser_client import Visitor

ANA, OWN_ADDRESS, OTHER_ADDRESS = "ana@example.org", "192.0.2.7", "198.51.100.9"
NewVisitor = Callable[[], Visitor]


def from_address(visitor: Visitor, address: str) -> Visitor:
    visitor.client.environ_base["REMOTE_ADDR"] = address
    return visitor


def guess_until_refused(visitor: Visitor) -> int:
    """Tries wrong passwords for Ana's address; how many were looked at."""
    for count in range(50):
        visitor.sign_in(ANA, "guess guess")
        if visitor.status == 429:
            return count
        assert visitor.status == 422
    raise AssertionError("nothing refuses the fiftieth guess")


def test_a_stranger_elsewhere_does_not_keep_the_owner_out(
    visitor: Visitor, new_visitor: NewVisitor
):
    from_address(visitor, OWN_ADDRESS).sign_up(ANA)
    assert guess_until_refused(from_address(new_visitor(), OTHER_ADDRESS)) == 10
    owner = from_address(new_visitor(), OWN_ADDRESS)
    owner.sign_in(ANA)
    assert ANA in owner.open("/account")


def test_a_neighbour_behind_the_same_address_does_not_keep_a_known_browser_out(
    visitor: Visitor, new_visitor: NewVisitor
):
    visitor.sign_up(ANA)
    visitor.sign_out()
    neighbour = new_visitor()
    assert guess_until_refused(neighbour) == 10
    assert "Wait a minute" in neighbour.text
    assert "signed in to this account before" in neighbour.text
    assert f'value="{ANA}"' in neighbour.page
    visitor.sign_in(ANA)
    assert ANA in visitor.open("/account")


def test_a_browser_is_known_to_those_accounts_alone_that_were_opened_in_it(
    visitor: Visitor, new_visitor: NewVisitor
):
    visitor.sign_up(ANA)
    neighbour = new_visitor()
    neighbour.sign_up("bob@example.org")
    neighbour.sign_out()
    assert guess_until_refused(neighbour) == 10
    neighbour.sign_in(ANA)
    assert neighbour.status == 429, "also with the right password: it is not known here"
    neighbour.sign_in("bob@example.org")
    assert "bob@example.org" in neighbour.open("/account")


def test_a_refusal_says_when_to_come_back_also_to_programs(visitor: Visitor):
    guess_until_refused(visitor)
    visitor.open("/sign-in")
    token = visitor.page.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]
    fields = {"csrf_token": token, "email": ANA, "password": "guess guess"}
    response = visitor.client.post("/sign-in", data=fields)
    assert response.status_code == 429
    assert 0 < int(response.headers["Retry-After"]) <= 61


def test_whoever_took_over_a_session_does_not_use_up_the_owners_tries(
    visitor: Visitor, new_visitor: NewVisitor
):
    visitor.sign_up(ANA)
    taken = new_visitor()
    taken.sign_in(ANA)
    for _ in range(10):
        taken.open("/account/password")
        taken.send("/account/password", password="guess guess", new_password="mine from now on")
        assert taken.status == 422
    taken.open("/account/password")
    taken.send("/account/password", password="correct horse", new_password="mine from now on")
    assert taken.status == 429
    visitor.open("/account/password")
    visitor.send("/account/password", password="correct horse", new_password="brand new words")
    assert visitor.status == 200
    assert ANA not in taken.open("/account")


def test_several_web_processes_count_together(
    app: Flask, settings: Settings, quick_passwords: None
):
    second = create_app(settings)
    try:
        visitors = [Visitor(application.test_client()) for application in (app, second)]
        for number in range(10):
            visitors[number % 2].sign_in(ANA, "guess guess")
            assert visitors[number % 2].status == 422
        for visitor in visitors:
            visitor.sign_in(ANA, "guess guess")
            assert visitor.status == 429
    finally:
        second.extensions["quizserver-close"]()


@pytest.fixture
def strict_app(settings: Settings, quick_passwords: None) -> Flask:
    return create_app(replace(settings, limit_sign_up="3/hour", limit_answers_client="3/minute"))


def test_sign_ups_that_make_an_account_or_tell_of_one_are_limited_and_mistakes_are_not(
    strict_app: Flask,
):
    new_visitor = strict_app.test_client
    for _ in range(5):
        mistaken = Visitor(new_visitor())
        mistaken.sign_up(ANA, "short")
        assert mistaken.status == 422
    for status in (200, 422, 422, 429):
        visitor = Visitor(new_visitor())
        visitor.sign_up(ANA)
        assert visitor.status == status
    assert "Too many people signed up from here" in visitor.text
    elsewhere = from_address(Visitor(new_visitor()), OTHER_ADDRESS)
    elsewhere.sign_up("bob@example.org")
    assert elsewhere.status == 200
    strict_app.extensions["quizserver-close"]()


def test_a_neighbour_who_floods_does_not_stop_the_answers_of_who_is_signed_in(
    strict_app: Flask,
):
    ana = Visitor(strict_app.test_client())
    ana.sign_up(ANA)
    neighbour = Visitor(strict_app.test_client())
    statuses = []
    for _ in range(4):
        neighbour.answer("even", "two")
        statuses.append(neighbour.status)
    assert statuses == [200, 200, 200, 429]
    ana.answer("even", "two")
    assert ana.status == 200
    strict_app.extensions["quizserver-close"]()
