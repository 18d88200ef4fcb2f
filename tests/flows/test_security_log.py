"""Security events: who was let in and who was refused stands in the log, without secrets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from quizserver.settings import Settings
from tests.flows.browser_client import Visitor

pytestmark = pytest.mark.one_database
ANA = "ana@example.org"


@pytest.fixture
def read_events(caplog: pytest.LogCaptureFixture) -> Callable[[], list[tuple[str, str]]]:
    """The level and message of the events since the last call."""

    def read() -> list[tuple[str, str]]:
        found = [
            (record.levelname, record.getMessage())
            for record in caplog.records
            if record.name == "quizserver.security"
        ]
        caplog.clear()
        return found

    return read


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


def test_a_form_without_its_token_is_an_event(
    visitor: Visitor, read_events: Callable[[], list[tuple[str, str]]]
):
    for address in ("/sign-in", "/questions/even/answer", "/runs"):
        assert visitor.client.post(address, data={"option": "two"}).status_code == 400
        ((level, event),) = read_events()
        assert (level, event.split()[0]) == ("WARNING", "form-refused")
        assert f'"POST {address}"' in event


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
