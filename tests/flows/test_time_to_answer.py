"""The time an answer took: from when its form was first shown, if the server signed that moment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask

from quizserver.attempts import pages, service
from tests.flows.browser_client import Form, Visitor

ANSWER = "/questions/even/answer"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The server's clock, which stands still unless a test moves it."""
    clock = SimpleNamespace(now=1_772_000_000.0)
    for module in (service, pages):
        monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: clock.now))
    return clock


def recorded_seconds(visitor: Visitor) -> list[float | None]:
    return [a["seconds"] for a in visitor.client.get("/account/data.json").json["attempts"]]


def opened_token(visitor: Visitor) -> str:
    return Form(visitor.page, ANSWER).fields["shown"][0]


@pytest.mark.parametrize("address", ["/questions/even", "/topics/numbers"])
def test_it_counts_from_when_the_form_was_shown(
    visitor: Visitor, clock: SimpleNamespace, address: str
):
    visitor.open(address)
    clock.now += 42.5
    visitor.send(ANSWER, option=["two"])
    clock.now += 1000
    visitor.open("/questions/even?again=1")
    clock.now += 7
    visitor.send(ANSWER, option=["two", "four"])
    assert recorded_seconds(visitor) == [42.5, 7.0]


def test_a_hint_and_an_error_do_not_start_it_again(visitor: Visitor, clock: SimpleNamespace):
    visitor.open("/questions/even")
    first_token = opened_token(visitor)
    clock.now += 10
    visitor.send(ANSWER, hint="1")
    clock.now += 20
    visitor.send(ANSWER)
    assert visitor.status == 422
    assert opened_token(visitor) == first_token
    clock.now += 30
    visitor.send(ANSWER, option=["two"])
    assert recorded_seconds(visitor) == [60.0]


def test_a_question_edited_meanwhile_keeps_the_time(
    visitor: Visitor, clock: SimpleNamespace, content: Path, app: Flask
):
    visitor.open("/questions/even")
    clock.now += 10
    file = content / "numbers" / "even.md"
    file.write_text(file.read_text().replace("Pick the", "Choose the"))
    app.extensions["quizserver-library"].refresh()
    visitor.send(ANSWER, option=["two"])
    assert visitor.status == 422
    clock.now += 5
    visitor.send(ANSWER, option=["two"])
    assert recorded_seconds(visitor) == [15.0]


# The last is as releases before itsdangerous signed it: such a form may be open during an update.
@pytest.mark.parametrize(
    "forged",
    [None, "", "17720000000", "1.0", "x" * 5000, "17720000000.0123456789abcdef0123456789abcdef"],
)
def test_without_a_valid_signature_the_answer_counts_and_its_time_is_unknown(
    visitor: Visitor, clock: SimpleNamespace, forged: str | None
):
    visitor.open("/questions/even")
    form = Form(visitor.page, ANSWER)
    fields = form.fields | {"option": ["two"], "shown": forged}
    if forged is None:
        del fields["shown"]
    visitor.post(ANSWER, fields)
    assert visitor.status == 200
    assert recorded_seconds(visitor) == [None]


def test_a_form_without_a_valid_moment_stays_so_through_an_error(
    visitor: Visitor, clock: SimpleNamespace
):
    visitor.open("/questions/even")
    visitor.send(ANSWER, shown="1.0")
    assert (visitor.status, opened_token(visitor)) == (422, "")
    visitor.send(ANSWER, option=["two"])
    assert recorded_seconds(visitor) == [None]


def test_a_moment_of_another_visitor_question_or_attempt_is_refused(
    visitor: Visitor, new_visitor: Callable[[], Visitor], clock: SimpleNamespace
):
    other = new_visitor()
    other.open("/questions/even")
    visitor.open("/questions/sides")
    other_question_token = Form(visitor.page, "/questions/sides/answer").fields["shown"][0]
    visitor.open("/questions/even")
    first_token = opened_token(visitor)
    visitor.send(ANSWER, option=["two"], shown=opened_token(other))
    visitor.open("/questions/even?again=1")
    visitor.send(ANSWER, option=["two"], shown=other_question_token)
    visitor.open("/questions/even?again=1")
    visitor.send(ANSWER, option=["two"], shown=first_token)
    assert recorded_seconds(visitor) == [None, None, None]


def test_the_time_of_a_form_left_open_for_longer_than_a_day_is_unknown(
    visitor: Visitor, clock: SimpleNamespace
):
    visitor.open("/questions/even")
    clock.now += 24 * 3600 + 1
    visitor.send(ANSWER, option=["two"])
    assert recorded_seconds(visitor) == [None]
