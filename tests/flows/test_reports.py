"""A learner says that something is wrong with a question; nothing that they write is lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from quizserver.app import create_app
from quizserver.db.session import Database
from quizserver.db.tables import browser_session, question_report
from quizserver.reports.model import REPORTS_MAX, TEXT_MAX
from quizserver.settings import Settings
from tests.flows.browser_client import Form, Visitor
from tests.flows.test_error_pages import no_database
from tests.statements import recorded_statements

FORM = "/questions/even/report"
TEXT = 'Four & "two" <both>\r\nare even'


def send_report(visitor: Visitor, text: str, question: str = "even") -> str:
    visitor.open(f"/questions/{question}")
    return visitor.send(f"/questions/{question}/report", report=text)


def stored(database: Database) -> list[tuple[str, str | None, str, str]]:
    columns = (question_report.c[name] for name in ("question", "version", "stage", "text"))
    with database.read() as session:
        return [tuple(row) for row in session.execute(sa.select(*columns).order_by("id"))]


def typed_text(page: str) -> str:
    """What the field of the report holds, as a browser reads it."""
    found = re.search(r'<textarea\s[^>]*id="report"[^>]*>\n?(.*?)</textarea>', page, re.DOTALL)
    assert found
    return unescape(found[1])


def own_reports(visitor: Visitor) -> list[str]:
    page = visitor.open("/questions/even")
    quoted = re.findall(r"<blockquote[^>]*>(.*?)</blockquote>", page)
    return ["\n".join(map(unescape, re.findall(r"<p>(.*?)</p>", text))) for text in quoted]


def test_a_report_is_kept_with_the_state_of_the_question_and_shown_to_whoever_sent_it(
    visitor: Visitor, new_visitor: Callable[[], Visitor], database: Database, app: Flask
):
    version = app.extensions["quizserver-library"].snapshot().questions["even"].version
    send_report(visitor, TEXT)
    assert (visitor.status, "Thank you" in visitor.text) == (200, True)
    assert "You reported this" in visitor.text
    assert "It is kept, and open" in visitor.text
    text = TEXT.replace("\r\n", "\n")
    assert stored(database) == [("even", version, "open", text)]
    for chosen, text in ((["three"], "as tried"), (["two", "four"], "as revealed")):
        visitor.answer("even", *chosen)
        send_report(visitor, text)
    assert [row[2:] for row in stored(database)[1:]] == [
        ("tried", "as tried"), ("revealed", "as revealed"),
    ]  # fmt: skip
    assert own_reports(visitor) == [TEXT.replace("\r\n", "\n"), "as tried", "as revealed"]
    assert own_reports(new_visitor()) == [], "nobody else sees them"


def test_who_has_reported_nothing_pays_no_statement_for_it(visitor: Visitor):
    def count() -> int:
        with recorded_statements("SELECT") as statements:
            visitor.open("/questions/even")
        return len(statements)

    visitor.answer("even", "two")
    before = count()
    with recorded_statements("SELECT") as statements:
        visitor.open("/questions/even")
    reading = [text for text in statements if "question_report" in text]
    assert len(reading) == 1, "whether there is any comes with the attempts"
    assert "attempt" in reading[0]
    send_report(visitor, "x")
    assert count() == before + 1


@pytest.mark.parametrize("text", ["", "  \n ", "\u200b", "x" * (TEXT_MAX + 1)])
def test_what_can_not_be_kept_comes_back_with_a_reason(
    visitor: Visitor, database: Database, text: str
):
    send_report(visitor, text)
    assert visitor.status == 422
    assert 'role="alert"' in visitor.page
    assert typed_text(visitor.page) == text
    assert stored(database) == []
    visitor.send(FORM, report="Four is even.")
    assert [row[3] for row in stored(database)] == ["Four is even."]


def test_a_few_reports_a_day_are_taken_and_the_next_one_is_given_back(
    visitor: Visitor, database: Database
):
    for number in range(REPORTS_MAX):
        send_report(visitor, f"{number}")
    send_report(visitor, "one more")
    assert visitor.status == 429
    assert "in 24 hours" in visitor.text
    assert typed_text(visitor.page) == "one more"
    assert len(stored(database)) == REPORTS_MAX
    send_report(visitor, "elsewhere", "sides")
    assert visitor.status == 200


def test_a_report_sent_twice_is_kept_once(visitor: Visitor, database: Database):
    send_report(visitor, "Four is even.")
    send_report(visitor, "Four is even. ")
    assert visitor.status == 200
    assert "in these words" in visitor.text
    assert len(stored(database)) == 1


def test_a_report_that_the_database_did_not_take_can_be_sent_again(
    visitor: Visitor, database: Database, monkeypatch: pytest.MonkeyPatch
):
    visitor.open("/questions/even")
    with no_database(monkeypatch):
        visitor.send(FORM, report=TEXT)
    assert visitor.status == 503
    assert "What you entered is still in this page" in visitor.text
    assert "are even</textarea>" in visitor.page
    visitor.send(FORM, report=TEXT)
    assert len(stored(database)) == 1


def test_a_report_that_the_limit_refuses_can_be_sent_again(
    settings: Settings, quick_passwords: None
):
    app = create_app(replace(settings, limit_reports_client="1/minute"))
    visitor = Visitor(app.test_client())
    send_report(visitor, "first")
    send_report(visitor, "second")
    assert visitor.status == 429
    assert Form(visitor.page, FORM).fields["report"] == ["second"]
    app.extensions["quizserver-close"]()


def test_a_report_of_a_session_that_ended_is_given_back_to_be_sent_once_more(
    visitor: Visitor, database: Database
):
    visitor.sign_up("ana@example.org")
    visitor.open("/questions/even")
    with database.write() as session:
        session.execute(sa.delete(browser_session))
    visitor.send(FORM, report=TEXT)
    assert visitor.status == 409
    assert "session in which you opened the question has ended" in visitor.text
    assert typed_text(visitor.page).splitlines() == TEXT.splitlines()
    assert stored(database) == []
    visitor.send(FORM, report=TEXT)
    assert (visitor.status, len(stored(database))) == (200, 1)


def test_a_report_without_the_token_of_the_page_is_not_kept_and_not_lost(
    visitor: Visitor, database: Database
):
    visitor.open("/questions/even")
    visitor.post(FORM, {"report": TEXT})
    assert visitor.status == 400
    assert "send it once more" in visitor.text
    assert typed_text(visitor.page).splitlines() == TEXT.splitlines()
    assert stored(database) == []
    assert visitor.client.post("/questions/gone/report", data={"report": "x"}).status_code == 404


def test_a_report_about_a_text_that_was_edited_meanwhile_names_no_version(
    visitor: Visitor, database: Database, content: Path, app: Flask
):
    visitor.open("/questions/even")
    path = content / "numbers" / "even.md"
    path.write_text(path.read_text().replace("Pick the even", "Choose the even"))
    app.extensions["quizserver-library"].refresh()
    visitor.send(FORM, report="Pick?")
    assert [row[1] for row in stored(database)] == [None]


def test_the_form_has_a_page_of_its_own(visitor: Visitor, database: Database):
    visitor.open(FORM)
    assert visitor.status == 200
    visitor.send(FORM, report="Four is even.")
    (kept,) = stored(database)
    assert kept[1] is not None
    visitor.open("/questions/gone/report")
    assert visitor.status == 404


def test_reports_are_in_ones_own_data_come_along_at_sign_in_and_go_with_the_account(
    visitor: Visitor, database: Database
):
    visitor.sign_up("ana@example.org")
    visitor.sign_out()
    send_report(visitor, "as a guest")
    visitor.sign_in("ana@example.org")
    (report,) = visitor.client.get("/account/data.json").json["reports"]
    assert (report["question"], report["state"], report["text"]) == ("even", "open", "as a guest")
    assert "version" not in report, "it is a digest of the key"
    assert own_reports(visitor) == ["as a guest"]
    visitor.open("/account/delete")
    visitor.send("/account/delete", password="correct horse")
    assert stored(database) == []
