"""Error pages over HTTP: the right one, also where a handler of errors fails; and the way back."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from html import unescape
from typing import Never

import pytest
from flask import Flask
from werkzeug.exceptions import NotFound

from quizserver.app import create_app
from quizserver.db.availability import BusyError
from quizserver.db.session import Database
from quizserver.settings import Settings
from quizserver.web.errors import ErrorPages, install_error_pages
from tests.flows.browser_client import Form, Visitor

pytestmark = pytest.mark.one_database


@contextmanager
def no_database(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """While it lasts, nothing can be read or written."""

    def raise_busy(_database: Database) -> Never:
        raise BusyError("it is gone")

    with monkeypatch.context() as patch:
        patch.setattr(Database, "read", raise_busy)
        patch.setattr(Database, "write", raise_busy)
        yield


@pytest.mark.parametrize("token", [None, "forged"])
def test_a_form_for_an_unknown_question_is_404_whatever_its_token(
    visitor: Visitor, caplog: pytest.LogCaptureFixture, token: str | None
):
    fields = {"number": "1", "option": "two"} | ({"csrf_token": token} if token else {})
    visitor.post("/questions/nope/answer", fields)
    assert visitor.status == 404
    assert "There is no such page" in visitor.text
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_no_address_answers_500_to_a_form_without_a_token(app: Flask, visitor: Visitor):
    """Whatever the address names does not exist; a guest has no class, no draft and no account."""
    addresses = [
        re.sub(r"<(?:(int|row_id)[^:>]*:)?[^>]+>", lambda m: "9" if m[1] else "nope", rule.rule)
        for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or ())
    ]
    assert len(addresses) > 20
    found = {address: visitor.client.post(address).status_code for address in addresses}
    assert {address: code for address, code in found.items() if code >= 500} == {}


@pytest.mark.parametrize(
    ("raised", "status"), [(NotFound(), 404), (BusyError("gone"), 503), (ValueError("x"), 500)]
)
def test_what_a_handler_of_errors_raises_gets_its_own_page(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    raised: Exception,
    status: int,
):
    app = Flask("some_app")
    monkeypatch.setattr("quizserver.web.errors.render_template", lambda *_, **texts: texts["title"])
    install_error_pages(app, ErrorPages(lambda e: str(e) if isinstance(e, BusyError) else None))

    @app.errorhandler(KeyError)
    def fail(_error: KeyError) -> Never:
        raise raised

    @app.route("/")
    def view() -> Never:
        raise KeyError

    response = app.test_client().get("/")
    assert response.status_code == status
    assert response.headers.get("Retry-After") == ("5" if status == 503 else None)
    assert len([r for r in caplog.records if r.exc_info]) == (status == 500), "one trace or none"


def test_a_503_has_its_own_retry_after_and_not_that_of_the_limit(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
):
    visitor.open("/questions/even")
    form = Form(visitor.page, "/answer")
    with no_database(monkeypatch):
        response = visitor.client.post("/questions/even/answer", data=form.fields)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert [name for name, _ in response.headers if name.lower().startswith("x-ratelimit")] == []


def test_a_refusal_by_the_limit_says_how_long_to_wait(settings: Settings, quick_passwords: None):
    app = create_app(replace(settings, limit_answers_client="1/minute"))
    visitor = Visitor(app.test_client())
    visitor.answer("even", "two")
    visitor.open("/questions/sides")
    form = Form(visitor.page, "/answer")
    data = form.fields | {"option": ["three"]}
    response = visitor.client.post("/questions/sides/answer", data=data)
    assert response.status_code == 429
    assert 0 <= int(response.headers["Retry-After"]) <= 60
    assert response.headers["X-RateLimit-Limit"] == "1"
    assert way_back(response.get_data(as_text=True)) == "/questions/sides?option=three"
    app.extensions["quizserver-close"]()


def way_back(page: str) -> str | None:
    """Where the error page's link to the question goes."""
    match = re.search(r'href="([^"]+)">Back to the question<', page)
    return unescape(match[1]) if match else None


def test_an_answer_that_the_database_did_not_take_leads_back_to_its_form(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
):
    visitor.open("/questions/even")
    with no_database(monkeypatch):
        visitor.send("/questions/even/answer", option=["two", "four"], hints_seen="1")
    assert visitor.status == 503
    assert "Your answer is not recorded" in visitor.text
    assert "your choice is still marked" in visitor.text
    address = way_back(visitor.page)
    assert address is not None
    visitor.open(address)
    assert marked_options(visitor) == ["four", "two"]
    assert "HINT-ONE" in visitor.text
    visitor.send("/questions/even/answer")
    assert "Right at the first try" in visitor.text


def marked_options(visitor: Visitor) -> list[str]:
    return sorted(Form(visitor.page, "/answer").fields["option"])


def test_another_attempt_that_was_not_taken_leads_back_to_its_form_too(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
):
    visitor.answer("even", "two")
    visitor.open("/questions/even?again=1")
    with no_database(monkeypatch):
        visitor.send("/questions/even/answer", option=["three"])
    visitor.open(way_back(visitor.page) or "")
    assert marked_options(visitor) == ["three"]


def test_a_page_that_can_not_be_read_speaks_of_no_answer(
    new_visitor: Callable[[], Visitor], monkeypatch: pytest.MonkeyPatch
):
    visitor = new_visitor()
    visitor.open("/questions/even")
    with no_database(monkeypatch):
        visitor.open("/questions/even")
    assert visitor.status == 503
    assert way_back(visitor.page) is None
    assert "Your answer" not in visitor.text


def sent_again(visitor: Visitor) -> dict[str, list[str]]:
    """The fields of the form that the error page offers to send again."""
    assert visitor.status == 503
    assert "Send it again" in visitor.text
    assert "What you entered is still in this page" in visitor.text
    return Form(visitor.page, "").fields


def test_a_form_that_the_database_did_not_take_can_be_sent_again(
    visitor: Visitor,
    give_role_to_all: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
):
    visitor.sign_up("kim@example.org")
    give_role_to_all("instructor")
    visitor.open("/classes/new")
    with no_database(monkeypatch):
        visitor.send("/classes/new", title='Ropes & "knots" <1>')
    assert sent_again(visitor)["title"] == ['Ropes & "knots" <1>']
    visitor.send("/classes/new")
    assert (visitor.status, "Ropes &amp;" in visitor.page) == (200, True)


def test_a_password_is_not_in_the_page_that_sends_its_form_again(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
):
    visitor.open("/sign-up")
    fields = {"email": "kim@example.org", "password": "a rope of sand"}
    with no_database(monkeypatch):
        visitor.send("/sign-up", **fields)
    assert sent_again(visitor)["email"] == ["kim@example.org"]
    assert "a rope of sand" not in visitor.page
    visitor.send("/sign-up", password="a rope of sand")
    assert visitor.status == 200
    visitor.open("/account")
    assert "kim@example.org" in visitor.text


def test_an_authors_text_comes_back_whole_however_long(
    visitor: Visitor,
    give_role_to_all: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
):
    visitor.sign_up("kim@example.org")
    give_role_to_all("author")
    visitor.open("/write/numbers/even.md")
    lines = ["", "# \u7ef3", *['\u7ef3\u5b50 < & "' * 500] * 60, ""]
    with no_database(monkeypatch):
        visitor.send("/write/numbers/even.md", text="\r\n".join(lines), do="save")
    assert sent_again(visitor)["do"] == ["save"]
    found = re.search(r'<textarea[^>]* name="text"[^>]*>(.*?)</textarea>', visitor.page, re.DOTALL)
    assert found is not None
    # a browser drops the first line break of the element
    assert unescape(found[1]).removeprefix("\n").splitlines() == lines[:-1]


@pytest.mark.parametrize("token", [None, "forged"])
def test_a_form_of_another_site_is_not_shown(
    visitor: Visitor,
    give_role_to_all: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    token: str | None,
):
    visitor.sign_up("kim@example.org")
    give_role_to_all("author")
    fields = {"folder": "theirs", "title": "Theirs"} | ({"csrf_token": token} if token else {})
    with no_database(monkeypatch):
        visitor.post("/write/topics", fields)
    assert visitor.status == 503
    assert "Send it again" not in visitor.text
    assert "Theirs" not in visitor.text


def test_a_file_is_to_be_chosen_again_and_what_was_said_of_it_is_kept(
    visitor: Visitor,
    give_role_to_all: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
):
    visitor.sign_up("kim@example.org")
    give_role_to_all("author")
    visitor.open("/write/numbers/even.md")
    with no_database(monkeypatch):
        image = (io.BytesIO(b"not read"), "rope.png")
        visitor.send("/write/numbers/images", alt="A rope", image=image)
    assert sent_again(visitor)["alt"] == ["A rope"]
    assert re.search(r'<input[^>]* type="file" name="image"', visitor.page)
    assert 'enctype="multipart/form-data"' in visitor.page
