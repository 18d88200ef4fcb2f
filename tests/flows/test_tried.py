"""A question after a wrong answer: what is said, what is not, and how its answer is shown."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from quizserver.attempts import store
from quizserver.attempts.pages import NOT_SHOWN, TRY_FIRST
from quizserver.attempts.reveals_store import insert_reveal
from quizserver.db.session import Database
from quizserver.db.tables import person, reveal
from quizserver.evidence.record import write_evidence
from tests.flows.browser_client import Form, Visitor
from tests.flows.tried_content import QUESTION, recorded_evidence, write_tried_content

LATER = (
    "FEEDBACK", "EXPLANATION", "REFERENCES", "Missed", "Rightly", "HINT-TWO",
    "ARM-SHARED", "SENTENCE-SHARED",
)  # fmt: skip


@pytest.fixture
def content(content: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_tried_content(content, monkeypatch)
    return content


def benches(page: str) -> list[dict[str, Any]]:
    return [json.loads(text) for text in re.findall(r'data-part="config">([^<]*)<', page)]


def standing_marks(visitor: Visitor) -> str:
    visitor.open("/questions/even")
    return visitor.open("/progress")


def reveals(visitor: Visitor) -> list[tuple[str, str]]:
    data = visitor.client.get("/account/data.json").json
    return [(row["question"], row["why"]) for row in data.get("reveals", [])]


def test_a_wrong_answer_tells_of_the_chosen_options_alone(visitor: Visitor):
    visitor.answer("even", "three")
    text = visitor.text
    assert "left out two right options and chose one wrong option" in text
    assert "HINT-ONE" in text
    assert "SENTENCE-OWN" in text
    assert "61 of 64 seeds" in text
    for later in (*LATER, "60 of 64", "62 of 64", "63 of 64"):
        assert later not in visitor.page, later
    chosen = visitor.page.split('<section class="outcomes')[1].split("</ol>")[0]
    assert "Three" in chosen
    assert "Two" not in chosen
    assert "Four" not in chosen
    assert "✓" not in chosen
    assert "✗" not in chosen


def test_an_arm_that_tells_of_no_other_option_is_offered_at_the_bench(visitor: Visitor):
    visitor.answer("even", "three")
    (config,) = benches(visitor.page)
    assert [arm["name"] for arm in config["arms"]] == ["healthy", "own"]
    assert config["initial"]["arm"] == "own"
    assert "data-maps" not in visitor.page
    assert 'data-part="map"' not in visitor.page
    assert 'href="/simulations/numbers/simulation"' not in visitor.page
    assert "<svg" in visitor.page.split('<section class="outcomes')[1].split("</ol>")[0]


def test_where_an_unchosen_option_shares_the_setting_there_are_words_and_counts(visitor: Visitor):
    visitor.answer("even", "two")
    assert "60 of 64 seeds" in visitor.text
    assert "SENTENCE-SHARED" in visitor.text
    for later in (*set(LATER) - {"SENTENCE-SHARED"}, "61 of 64", "62 of 64", "SENTENCE-OWN"):
        assert later not in visitor.page, later
    assert benches(visitor.page) == []
    assert "Experiment" not in visitor.text
    assert "<svg" not in visitor.page.split('<section class="outcomes')[1].split("</ol>")[0]


@pytest.mark.parametrize("address", ["/questions/even", "/topics/numbers", "/progress", "/"])
def test_a_tried_page_is_the_same_whatever_it_must_not_tell(
    new_visitor: Callable[[], Visitor], content: Path, app: Flask, address: str
):
    """Also in its size: only what the learner may read decides what the page is."""

    def normalised(page: str) -> str:
        return re.sub(r'datetime="[^"]*">[^<]*<|value="[^"]{12,}"|content="[^"]{12,}"', "", page)

    def rewrite(old: str, new: str) -> None:
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))

    visitor, file = new_visitor(), content / "numbers" / "even.md"
    visitor.answer("even", "three")
    before = normalised(visitor.open(address))
    for old, new in (
        ("FEEDBACK-TWO", "A quite different and much longer feedback"),
        ("FEEDBACK-THREE", "It is odd"),
        ("EXPLANATION", "Another explanation " * 30),
        ("- REFERENCES", "- [A book](https://example.org/)\n- Another"),
    ):
        rewrite(old, new)
    write_evidence(recorded_evidence("Of {}, quite another sentence."), content / "numbers")
    own = recorded_evidence().experiments["simulation"].ensembles["own"].sentence
    text = (content / "numbers" / "evidence.json").read_text()
    (content / "numbers" / "evidence.json").write_text(
        text.replace("Of OWN, quite another sentence.", own)
    )
    app.extensions["quizserver-library"].refresh()
    assert normalised(visitor.open(address)) == before


def test_trying_again_shows_the_hints_so_far_and_a_right_answer_everything(visitor: Visitor):
    visitor.answer("even", "three")
    visitor.open("/questions/even?again=1")
    assert "HINT-ONE" in visitor.text
    assert "HINT-TWO" not in visitor.text
    visitor.send("/questions/even/answer", option=["two"])
    assert "HINT-TWO" in visitor.text
    visitor.answer("even", "two", "four")
    assert "That is it." in visitor.text
    for later in ("FEEDBACK-TWO", "EXPLANATION", "REFERENCES", "ARM-SHARED"):
        assert later in visitor.page
    assert reveals(visitor) == [("even", "right")]
    hints = [a["hints_seen"] for a in visitor.client.get("/account/data.json").json["attempts"]]
    assert hints == [0, 1, 2]


def test_whoever_asks_is_shown_the_answer_and_later_attempts_have_no_mark(visitor: Visitor):
    visitor.answer("even", "three")
    assert "Your marks so far stand" in visitor.text
    visitor.send("/questions/even/reveal")
    assert visitor.status == 200
    for later in ("FEEDBACK-TWO", "EXPLANATION", "REFERENCES", "Missed: this one is right"):
        assert later in visitor.text
    assert reveals(visitor) == [("even", "asked")]
    assert "has no mark" in re.sub(r"<[^>]+>", " ", visitor.open("/questions/even?again=1"))
    visitor.send("/questions/even/answer", option=["two", "four"])
    assert "That is it." in visitor.text
    visitor.open("/progress")
    assert "answer shown, 2 attempts" in visitor.text or "Right at first try 0 of 1" in visitor.text
    visitor.open("/topics/numbers")
    assert "answer shown, 2 attempts" in visitor.text


def test_there_is_no_answer_without_a_try(visitor: Visitor):
    visitor.open("/questions/even")
    token = Form(visitor.page, "/answer").fields["csrf_token"]
    visitor.post("/questions/even/reveal", {"csrf_token": token})
    assert TRY_FIRST in unescape(visitor.page)
    assert "EXPLANATION" not in visitor.page
    assert reveals(visitor) == []


def test_an_answer_that_was_shown_without_a_try_is_shown_on_every_page(
    visitor: Visitor, database: Database
):
    """So a course may show one to all who are there."""
    visitor.sign_up("ana@example.org")
    with database.write() as session:
        person_id = session.scalar(sa.select(person.c.id))
        insert_reveal(session, person_id, "even", datetime.now(UTC), "asked")
    for address in (
        "/questions/even", "/questions/even/evidence/0", "/topics/numbers", "/progress", "/",
        "/simulations/numbers/simulation/bench", "/questions/even/report", "/account/data.json",
    ):  # fmt: skip
        visitor.open(address)
        assert visitor.status == 200, address
    assert reveals(visitor) == [("even", "asked")]
    assert "SENTENCE-SHARED" in visitor.open("/questions/even/evidence/0")


def test_no_digest_of_the_key_is_given_out_before_the_answer_is_shown(visitor: Visitor, app: Flask):
    """By one, whoever has read the question could check each of its few possible keys."""
    version = app.extensions["quizserver-library"].snapshot().questions["even"].version
    visitor.answer("even", "three")
    for address in ("/account/data.json", "/questions/even", "/questions/even?again=1"):
        assert version not in visitor.open(address), address
    assert [a["version"] for a in json.loads(visitor.open("/account/data.json"))["attempts"]] == [
        None
    ]
    visitor.answer("even", "two", "four")
    attempts = json.loads(visitor.open("/account/data.json"))["attempts"]
    assert [a["version"] for a in attempts] == [version] * 2


def test_a_forged_wish_shows_nothing(visitor: Visitor):
    visitor.answer("even", "three")
    response = visitor.client.post("/questions/even/reveal", data={})
    assert response.status_code == 400
    assert NOT_SHOWN in unescape(response.text)
    assert "EXPLANATION" not in response.text
    assert reveals(visitor) == []


def test_a_wish_of_a_session_that_has_ended_shows_nothing(visitor: Visitor, database: Database):
    visitor.answer("even", "three")
    with database.write() as session:
        session.execute(sa.text("DELETE FROM browser_session"))
    visitor.send("/questions/even/reveal")
    assert "EXPLANATION" not in visitor.page
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(reveal)) == 0


def test_a_lesson_shows_a_tried_question_and_its_answer_on_request(visitor: Visitor):
    visitor.open("/topics/numbers")
    visitor.send("/questions/even/answer", option=["three"])
    assert "A lesson about numbers" in visitor.text
    assert "SENTENCE-OWN" in visitor.text
    for later in LATER:
        assert later not in visitor.page, later
    visitor.send("/questions/even/reveal")
    assert "A lesson about numbers" in visitor.text
    assert "EXPLANATION" in visitor.text


def test_an_answer_that_comes_while_a_lesson_is_read_is_never_called_wrong(
    new_visitor: Callable[[], Visitor], monkeypatch: pytest.MonkeyPatch
):
    """Attempts and reveals are of one moment, also where two statements read them."""
    visitor = new_visitor()
    visitor.sign_up("ana@example.org")
    other_tab = new_visitor()
    other_tab.sign_in("ana@example.org")
    read = store.attempts_by_question

    def read_later(*arguments: Any) -> Any:
        monkeypatch.setattr(store, "attempts_by_question", read)
        other_tab.answer("even", "two", "four")
        return read(*arguments)

    monkeypatch.setattr(store, "attempts_by_question", read_later)
    visitor.open("/topics/numbers")
    assert "Not quite" not in visitor.text
    assert "FEEDBACK" not in visitor.page
    assert "EXPLANATION" in visitor.open("/topics/numbers")


def test_a_question_that_says_so_shows_everything_at_once(
    visitor: Visitor, content: Path, app: Flask
):
    path = content / "numbers" / "even.md"
    path.write_text(QUESTION.replace("claims:", "reveal: at-once\nclaims:", 1))
    app.extensions["quizserver-library"].refresh()
    visitor.answer("even", "three")
    assert "EXPLANATION" in visitor.text
    assert reveals(visitor) == [("even", "rule")]
    visitor.answer("even", "two", "four")
    assert "Right at first try 0 of 1" in re.sub(
        r"\s+", " ", re.sub(r"<[^>]+>", " ", visitor.open("/progress"))
    )


def test_a_guests_reveal_comes_along_when_they_sign_in(visitor: Visitor):
    visitor.sign_up("ana@example.org")
    visitor.sign_out()
    visitor.answer("even", "three")
    visitor.send("/questions/even/reveal")
    visitor.sign_in("ana@example.org")
    assert reveals(visitor) == [("even", "asked")]
    assert "EXPLANATION" in visitor.open("/questions/even")
