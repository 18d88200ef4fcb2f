"""What is kept of pages is of the text, the evidence and the person that a page is about."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from quizserver.evidence.record import write_evidence
from tests.flows.browser_client import Visitor
from tests.flows.tried_content import QUESTION, recorded_evidence, write_tried_content

pytestmark = pytest.mark.one_database


@pytest.fixture
def content(content: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_tried_content(content, monkeypatch)
    return content


def test_whoever_answered_an_earlier_text_and_whoever_the_present_one_see_their_own(
    new_visitor: Callable[[], Visitor], content: Path, app: Flask
):
    earlier, present = new_visitor(), new_visitor()
    earlier.answer("even", "three")
    path = content / "numbers" / "even.md"
    path.write_text(QUESTION.replace("Three {#three}", "Trois {#three}"))
    app.extensions["quizserver-library"].refresh()
    present.answer("even", "three")
    for _visit in range(2):
        assert "Trois" not in earlier.open("/questions/even")
        assert "Three" not in present.open("/questions/even")
    assert "Three" in earlier.page
    assert "Trois" in present.page


@pytest.mark.parametrize("address", ["/questions/even", "/topics/numbers"])
@pytest.mark.parametrize("looks", range(6))
@pytest.mark.parametrize("options", [("two", "four"), ("three",)])
def test_evidence_that_changes_while_a_page_is_made_is_whole_on_the_next(
    visitor: Visitor,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    looks: int,
    address: str,
):
    """The first ``looks`` at the file within the page find the old one."""
    visitor.answer("even", *options)
    before, after = (recorded_evidence(f"SENTENCE-{{}}-{which}") for which in ("BEFORE", "AFTER"))
    found = itertools.chain([before] * looks, itertools.repeat(after))
    monkeypatch.setattr(
        "quizserver.lab_views.topic_evidence.read_evidence", lambda _folder: next(found)
    )
    visitor.open(address)
    found = itertools.repeat(after)
    assert "-BEFORE" not in visitor.open(address)
    assert ("-AFTER" in visitor.page) == (address == "/questions/even" or options == ("three",))


CHOICES = {"open": (), "three": ("three",), "two": ("two",), "shown": ("two", "four")}
ADDRESSES = (
    "/questions/even", "/topics/numbers", "/questions/even/evidence/0",
    "/questions/even/evidence/1", "/simulations/numbers/simulation/recorded",
)  # fmt: skip


def told_wrongly(page: str, state: str, others: list[str], edition: int) -> list[str]:
    """What a page says that it must not in this state, or of another person, or of long ago."""
    wrong = [word for word in others if word in page]
    if state != "shown":
        wrong += [w for w in ("FEEDBACK", "EXPLANATION", "Missed", "Rightly") if w in page]
        wrong += [
            arm
            for arm, chosen in (("OWN", "three"), ("SHARED", "two"))
            if f"SENTENCE-{arm}" in page and state != chosen
        ]
    editions = {int(number) for number in re.findall(r"SENTENCE-\w+-edition-(\d+)", page)}
    return wrong + [f"edition {number}" for number in editions if number < edition]


def test_many_at_once_see_their_own_state_and_nothing_old_while_the_evidence_changes(
    new_visitor: Callable[[], Visitor], content: Path
):
    def record(number: int) -> None:
        write_evidence(recorded_evidence(f"SENTENCE-{{}}-edition-{number}"), content / "numbers")

    record(0)
    visitors: list[tuple[str, str, Visitor]] = []
    for state, options in CHOICES.items():
        for number in range(2):
            visitor, email = new_visitor(), f"{state}-{number}@example.org"
            visitor.sign_up(email)
            if options:
                visitor.answer("even", *options)
            visitors.append((state, email, visitor))
    emails = [email for _state, email, _visitor in visitors]
    faults: list[tuple[str, str, list[str]]] = []
    edition, is_over = 0, threading.Event()

    def read_on(state: str, email: str, visitor: Visitor) -> None:
        others = [other for other in emails if other != email]
        for address in itertools.cycle(ADDRESSES):
            if is_over.is_set():
                return
            at_least = edition
            response = visitor.client.get(address)
            wrong = told_wrongly(response.text, state, others, at_least)
            if wrong or response.status_code >= 500:
                faults.append((state, address, [*wrong, str(response.status_code)]))

    threads = [threading.Thread(target=read_on, args=visitor) for visitor in visitors]
    for thread in threads:
        thread.start()
    for number in range(1, 40):
        record(number)
        edition = number
        is_over.wait(0.05)
    is_over.set()
    for thread in threads:
        thread.join()
    assert faults == []
    for state, _email, visitor in visitors:
        visitor.open("/questions/even")
        shown = set(re.findall(r"edition-(\d+)", visitor.page))
        assert shown == (set() if state == "open" else {"39"}), state
