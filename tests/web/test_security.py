"""Every response: a strict policy, no caching of pages, a CSRF token in every form; error pages."""

from __future__ import annotations

import hashlib
import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Never

import pytest
from flask import Flask
from flask.json.tag import TaggedJSONSerializer
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import EnvironBuilder

from quizserver.app import create_app
from quizserver.db.availability import BusyError
from quizserver.db.session import Database
from quizserver.settings import Settings
from quizserver.start import migrate_store
from quizserver.web.body_limiter import BodyLimiter
from quizserver.web.security import CONTENT_SECURITY_POLICY, SecurityHeaders

# What is looked at here is the same whichever database stands behind it.
pytestmark = pytest.mark.one_database

PAGES = ["/", "/questions/even", "/topics/numbers", "/progress", "/sign-in", "/sign-up", "/account"]


def read_csrf_token(page: str) -> str:
    match = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert match is not None
    return match.group(1)


@pytest.mark.parametrize("address", [*PAGES, "/livez", "/no-such-page"])
def test_every_response_forbids_inline_and_foreign_code(client: FlaskClient, address: str):
    headers = client.get(address).headers
    policy = headers["Content-Security-Policy"]
    directives = policy.split("; ")
    assert directives[:2] == ["default-src 'none'", "script-src 'self'"]
    assert {"object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"} <= set(directives)
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in headers


def collect_response(
    application: Callable[..., Iterable[bytes]], environ: dict[str, Any]
) -> tuple[str, dict[str, str], bytes]:
    """Status, headers and body of a WSGI application's response."""
    started: list[tuple[str, dict[str, str]]] = []
    body = b"".join(
        application(environ, lambda status, pairs: started.append((status, dict(pairs))))
    )
    return (*started[0], body)


def test_refusals_outside_of_flask_have_the_headers_too():
    """A request that waits too long for its body is refused before Flask sees it."""

    def never(_environ: Any, _start: Any) -> Never:
        raise AssertionError("no slot is free")

    limiter = BodyLimiter(never, max_concurrent=1, bytes_max=100, wait_seconds=0)
    limiter._slots.acquire()
    application = SecurityHeaders(limiter, https=True, hsts_subdomains=False)
    environ = EnvironBuilder(method="POST", data={"a": "b"}).get_environ()
    status, headers, body = collect_response(application, environ)
    assert status.startswith("503")
    assert body
    assert headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
    assert headers["Retry-After"] == "5"


def test_the_application_has_no_layer_outside_of_the_headers(app: Flask):
    assert isinstance(app.wsgi_app, SecurityHeaders)


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PUT", "DELETE", "NONSENSE"])
def test_methods_that_no_page_uses_are_refused(client: FlaskClient, method: str):
    response = client.open("/sign-in", method=method, data=b"secret")
    assert response.status_code == 405
    assert b"secret" not in response.data


def test_no_variable_turns_the_debugger_on(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FLASK_DEBUG", "1")
    app = create_app(settings)
    assert not app.debug
    app.extensions["quizserver-close"]()


def test_cookies_and_forms_are_signed_with_sha_256(app: Flask, client: FlaskClient):
    page = client.get("/sign-in").get_data(as_text=True)
    cookie = client.get_cookie("session")
    assert cookie is not None
    for signed in (cookie.value, read_csrf_token(page)):
        assert len(urlsafe_b64decode(signed.rpartition(".")[2] + "=")) == 256 // 8


def test_a_cookie_that_was_signed_before_with_sha_1_still_counts(app: Flask, client: FlaskClient):
    older = URLSafeTimedSerializer(
        app.secret_key,
        salt="cookie-session",
        serializer=TaggedJSONSerializer(),
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha1},
    )
    client.set_cookie("session", older.dumps({"kept": "yes"}))
    with client.session_transaction() as session:
        assert session["kept"] == "yes"
        session["kept"] = "changed"
    cookie = client.get_cookie("session")
    assert cookie is not None
    assert len(urlsafe_b64decode(cookie.value.rpartition(".")[2] + "=")) == 32, "signed anew"


def test_a_changed_cookie_counts_as_none(client: FlaskClient):
    client.get("/sign-in")
    cookie = client.get_cookie("session")
    assert cookie is not None
    for changed in (f"x{cookie.value}", cookie.value[:-2], cookie.value.rpartition(".")[0]):
        client.set_cookie("session", changed)
        with client.session_transaction() as session:
            assert not session


@pytest.mark.parametrize("address", PAGES)
def test_pages_hold_nothing_that_the_policy_would_block(client: FlaskClient, address: str):
    page = client.get(address).get_data(as_text=True)
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=\"|javascript:", page)
    for address in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert address.startswith(("/", "#", "https://"))


@pytest.mark.parametrize("address", PAGES)
def test_every_static_file_of_a_page_exists_and_is_immutable(client: FlaskClient, address: str):
    page = client.get(address).get_data(as_text=True)
    files = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    assert files
    for file in files:
        with client.get(file) as response:
            assert response.status_code == 200, file
            assert "immutable" in response.headers["Cache-Control"]


@pytest.mark.parametrize(
    "address",
    ["/questions/even/answer", "/sign-in", "/sign-up", "/sign-out", "/account/delete", "/runs"],
)
def test_a_post_without_a_token_is_refused_in_words(client: FlaskClient, address: str):
    response = client.post(address, data={"option": "two", "number": "1"})
    assert response.status_code == 400
    # A choice comes back in its form; of anything else the page says what to do.
    words = "submit once more" if address.endswith("/answer") else "reload the page"
    assert words in response.get_data(as_text=True)


def test_every_form_carries_a_token(client: FlaskClient):
    for address in PAGES:
        for form in re.findall(
            r'<form[^>]*method="post".*?</form>', client.get(address).get_data(as_text=True), re.S
        ):
            assert 'name="csrf_token"' in form


def test_cookies_are_kept_from_scripts_and_other_sites(client: FlaskClient):
    cookie = client.get("/questions/even").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_with_https_cookies_are_secure_and_the_browser_must_stay_with_https(settings: Settings):
    migrate_store(settings)
    app = create_app(replace(settings, https=True))
    response = app.test_client().get("/questions/even", base_url="https://quiz.example")
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("__Host-")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie
    assert response.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    app.extensions["quizserver-close"]()


@pytest.mark.parametrize(
    ("proxies", "client"), [(0, "127.0.0.1"), (1, "203.0.113.9"), (2, "198.51.100.7")]
)
def test_the_clients_address_is_what_the_proxies_in_front_say_and_no_other(
    settings: Settings, caplog: pytest.LogCaptureFixture, proxies: int, client: str
):
    app = create_app(replace(settings, proxies=proxies))
    chain = "192.0.2.1, 198.51.100.7, 203.0.113.9"  # whatever the client sent comes first
    app.test_client().post("/sign-in", headers={"X-Forwarded-For": chain, "X-Real-IP": "192.0.2.2"})
    assert f"form-refused client={client} " in caplog.text
    app.extensions["quizserver-close"]()


def test_a_body_that_is_too_large_is_refused_in_words(client: FlaskClient, settings: Settings):
    response = client.post("/sign-in", data={"email": "x" * (settings.body_kb * 1024 + 1)})
    assert response.status_code == 413
    assert "too much at once" in response.get_data(as_text=True)


@pytest.mark.parametrize(
    ("address", "code", "message"),
    [
        ("/questions/none", 404, "There is no such page"),
        ("/topics/none", 404, "There is no such page"),
        ("/questions/even/answer", 405, "can't be done at this address"),
        ("/static/000000000000/css/page.css", 404, "There is no such page"),
        ("/topics/numbers/files/evil.py", 404, "There is no such page"),
    ],
)
def test_an_error_page_says_what_happened_and_what_to_do(
    client: FlaskClient, address: str, code: int, message: str
):
    response = client.get(address)
    assert response.status_code == code
    page = response.get_data(as_text=True)
    assert message in page.replace("&#39;", "'")
    assert "<main" in page


def test_programs_get_errors_as_json(client: FlaskClient):
    response = client.get("/questions/none", headers={"Accept": "application/json"})
    assert response.status_code == 404
    assert "no such page" in response.json["error"]


def test_an_unforeseen_exception_is_a_page_and_a_log_entry_not_a_trace(
    app: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture
):
    def fail() -> str:
        raise RuntimeError("secret detail")

    app.view_functions["progress.home"] = fail
    response = client.get("/")
    assert response.status_code == 500
    page = response.get_data(as_text=True)
    assert "Something broke on our side" in page
    assert "secret detail" not in page
    assert "secret detail" in caplog.text


@pytest.mark.parametrize("address", ["/", "/questions/even", "/progress", "/none"])
def test_a_database_that_can_not_be_used_gets_a_page_that_says_so(
    client: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    address: str,
):
    """Also for a signed-in person, whose name the page would read from the database."""
    form = {"csrf_token": read_csrf_token(client.get("/sign-up").get_data(as_text=True))}
    form |= {"email": "a@example.org", "password": "correct horse battery"}
    assert client.post("/sign-up", data=form).status_code == 303

    def raise_busy(_database: Database) -> Never:
        raise BusyError("it is gone")

    monkeypatch.setattr(Database, "read", raise_busy)
    caplog.clear()
    response = client.get(address)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    page = response.get_data(as_text=True)
    assert "reach its database" in page
    assert "<main" in page
    assert "it is gone" in caplog.text
    json_error = client.get("/progress", headers={"Accept": "application/json"})
    assert (json_error.status_code, "reach its database" in json_error.json["error"]) == (503, True)


def test_a_session_outlives_clocks_that_differ(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    """Set by a machine whose clock is an hour ahead, read by one whose clock is correct."""
    correct_time = time.time
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: correct_time() + 3600)
    token = read_csrf_token(client.get("/sign-in").get_data(as_text=True))
    monkeypatch.undo()
    with client.session_transaction() as session:
        visitor = dict(session)
    assert visitor
    form = {"csrf_token": token, "email": "nobody@example.org", "password": "wrong password"}
    assert client.post("/sign-in", data=form).status_code != 400, "the token is still its session's"


def test_a_session_ends_after_a_year(client: FlaskClient, monkeypatch: pytest.MonkeyPatch):
    correct_time = time.time
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: correct_time() - 366 * 86400)
    client.get("/sign-in")
    monkeypatch.undo()
    with client.session_transaction() as session:
        assert not session


def test_a_question_page_is_small(client: FlaskClient):
    assert len(client.get("/questions/even").data) <= 15 * 1024
