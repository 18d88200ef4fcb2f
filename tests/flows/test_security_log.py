"""Security events: who was let in and who was refused stands in the log, without secrets."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from quizserver.settings import Settings
from quizserver.web.security_log import SECURITY_EVENTS
from tests.flows.browser_client import Visitor

pytestmark = pytest.mark.one_database
ANA = "ana@example.org"


@pytest.fixture
def logged() -> list[str]:
    """Every line of the log that ``read_events`` came across."""
    return []


@pytest.fixture
def read_events(
    caplog: pytest.LogCaptureFixture, logged: list[str]
) -> Callable[[], list[tuple[str, str]]]:
    """The level and message of the events since the last call."""

    def read() -> list[tuple[str, str]]:
        found = [
            (record.levelname, record.getMessage())
            for record in caplog.records
            if record.name == "quizserver.security"
        ]
        logged.extend(record.getMessage() for record in caplog.records)
        caplog.clear()
        return found

    return read


def test_who_signs_in_or_out_and_who_is_refused_are_events_without_secrets(
    visitor: Visitor,
    new_visitor: Callable[[], Visitor],
    caplog: pytest.LogCaptureFixture,
    logged: list[str],
    read_events: Callable[[], list[tuple[str, str]]],
):
    def names() -> list[str]:
        return [event.split()[0] for _level, event in read_events()]

    caplog.set_level(logging.DEBUG)
    visitor.sign_up(ANA, "correct horse")
    ((level, event),) = read_events()
    assert (level, event.split()[0]) == ("INFO", "sign-up")
    account = event.split()[2]
    assert account != "account=-"
    other = new_visitor()
    other.sign_in(ANA, "guess guess")
    ((level, event),) = read_events()
    assert (level, event.split()[0], event.split()[2]) == ("WARNING", "sign-in-refused", account)
    other.sign_in("nobody@example.org", "guess guess")
    ((_level, event),) = read_events()
    assert event.split()[:3:2] == ["sign-in-refused", "account=-"]
    other.sign_up(ANA, "another password")
    assert names() == ["sign-up-refused"]
    other.sign_in(ANA, "correct horse")
    assert names() == ["sign-in"]
    other.open("/account")
    other.send("/account/sessions")
    assert names() == ["session-ended"]
    visitor.sign_in(ANA, "correct horse")
    assert names() == ["sign-in"]
    visitor.open("/account/password")
    visitor.send("/account/password", password="guess guess", new_password="brand new words")
    assert names() == ["password-refused"]
    visitor.send("/account/password", password="correct horse", new_password="brand new words")
    assert names() == ["password-changed"]
    visitor.open("/account/delete")
    visitor.send("/account/delete", password="guess guess")
    assert names() == ["password-refused"]
    visitor.sign_out()
    assert names() == ["sign-out"]
    visitor.sign_in(ANA, "brand new words")
    visitor.open("/account/delete")
    visitor.send("/account/delete", password="brand new words")
    assert names() == ["sign-in", "account-deleted"]
    for secret in (ANA, "nobody@", "correct horse", "guess guess", "brand new words"):
        assert secret not in " ".join(logged)


def test_every_event_that_there_is_stands_in_the_guide_to_security():
    guide = (Path(__file__).parent.parent.parent / "docs" / "security.md").read_text("utf-8")
    section = guide.split("## What is logged")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `([a-z-]+)` \|", section, re.M)) == set(SECURITY_EVENTS)


def test_after_signing_out_the_browser_is_asked_to_empty_its_storage(visitor: Visitor):
    visitor.sign_up(ANA)
    for action, fields in (("/sign-out", {}), ("/account/delete", {"password": "correct horse"})):
        visitor.sign_in(ANA)
        page = visitor.open("/account" if action == "/sign-out" else action)
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token is not None
        response = visitor.client.post(action, data={"csrf_token": token[1], **fields})
        assert response.status_code == 303
        assert response.headers["Clear-Site-Data"] == '"storage"'


def test_a_page_that_is_not_open_to_somebody_is_an_event(
    visitor: Visitor,
    give_role_to_all: Callable[[str], None],
    read_events: Callable[[], list[tuple[str, str]]],
):
    visitor.sign_up(ANA)
    read_events()
    for address in ("/admin/people", "/admin/log", "/write", "/classes/1"):
        assert visitor.client.get(address).status_code == 404
        ((level, event),) = read_events()
        assert level == "WARNING"
        assert event.startswith("access-refused client=127.0.0.1 account=")
        assert event.endswith(f'request="GET {address}"')
    give_role_to_all("admin")
    visitor.open("/admin/people")
    assert visitor.status == 200
    visitor.open("/no-such-page")
    assert read_events() == [], "what is open, and what is nowhere, is no refusal"


def test_an_experiment_before_the_answer_is_an_event(
    visitor: Visitor, read_events: Callable[[], list[tuple[str, str]]], content: Path
):
    (content / "numbers" / "broken.md").write_text("no question, which may rest on any simulation")
    (content / "numbers" / "simulation.py").write_text("")
    visitor.client.application.extensions["quizserver-library"].refresh()
    assert visitor.client.get("/simulations/numbers/simulation").status_code == 403
    ((level, event),) = read_events()
    assert (level, event.split()[0]) == ("WARNING", "access-refused")


def test_a_form_without_its_token_is_an_event(
    visitor: Visitor, read_events: Callable[[], list[tuple[str, str]]]
):
    for address in ("/sign-in", "/questions/even/answer", "/runs"):
        assert visitor.client.post(address, data={"option": "two"}).status_code == 400
        ((level, event),) = read_events()
        assert (level, event.split()[0]) == ("WARNING", "form-refused")
        assert f'"POST {address}"' in event
    visitor.client.post("/join/CDF-GHJ-KMN", data={"name": "Ana"})
    assert '"POST /join/***"' in read_events()[0][1]


def test_a_request_that_is_too_large_and_one_that_comes_too_often_are_events(
    visitor: Visitor, settings: Settings, read_events: Callable[[], list[tuple[str, str]]]
):
    visitor.post("/sign-in", {"email": "x" * (settings.body_kb * 1024 + 1)})
    assert [event.split()[0] for _level, event in read_events()] == ["request-too-large"]
    for _ in range(11):
        visitor.sign_in(ANA, "guess guess")
    level, event = read_events()[-1]
    assert (level, event.split()[0]) == ("WARNING", "limit-reached")


def test_an_address_that_is_asked_for_can_not_write_lines_of_its_own(
    visitor: Visitor,
    give_role_to_all: Callable[[str], None],
    read_events: Callable[[], list[tuple[str, str]]],
):
    visitor.client.get("/write/a%0Asign-in%20client=1/b")
    ((_level, event),) = read_events()
    assert "\n" not in event
    assert r'request="GET /write/a\nsign-in client=1/b"' in event
