"""Authors read what learners report, close it and open it again; nobody else does."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from quizserver.authoring import report_pages
from quizserver.db.session import Database
from quizserver.db.tables import question_report
from tests.flows.browser_client import Form, Visitor
from tests.flows.test_reports import send_report

LIST = "/write/reports"


def test_an_author_finds_a_report_at_its_file_closes_it_and_the_learner_sees_that(
    author: Visitor, visitor: Visitor
):
    send_report(visitor, "Four & <two> are even")
    author.open("/write")
    assert "Reports about questions : 1 open" in author.text
    assert "1 report about even.md" in author.text
    assert "about sides.md" not in author.text
    author.open(f"{LIST}?question=even")
    assert "Four &amp; &lt;two&gt; are even" in author.page
    assert 'href="/questions/even"' in author.page
    assert 'href="/write/numbers/even.md"' in author.page
    author.send("/close")
    assert "The report is closed" in author.text
    assert "No report is open" in author.text
    assert Form(author.page, LIST).url == LIST
    visitor.open("/questions/even")
    assert "The authors closed it" in visitor.text
    assert "author@example.org" not in visitor.page, "by whom is for the authors"
    author.open(f"{LIST}?status=closed")
    assert "Closed by author@example.org" in author.text
    author.send("/reopen")
    assert "It is kept, and open" in re.sub(r"<[^>]+>", " ", visitor.open("/questions/even"))
    assert "1 report about even.md" in re.sub(r"\s+", " ", author.open("/write") and author.text)


def test_authors_read_in_which_state_it_was_and_not_who_sent_it(
    author: Visitor, new_visitor: Callable[[], Visitor], content: Path, app: Flask
):
    learner = new_visitor()
    learner.sign_up("ana@example.org")
    send_report(learner, "before")
    learner.answer("even", "three")
    send_report(learner, "after")
    author.open(LIST)
    assert "before an answer" in author.text
    assert "after a wrong answer, the key not shown" in author.text
    assert "ana@example.org" not in author.page
    assert "edited since" not in author.text
    path = content / "numbers" / "even.md"
    path.write_text(path.read_text() + "\nMore.\n")
    app.extensions["quizserver-library"].refresh()
    author.open(LIST)
    assert author.text.count("the text has been edited since") == 2


def test_a_report_outlives_its_question(
    author: Visitor, visitor: Visitor, content: Path, app: Flask
):
    send_report(visitor, "About sides", "sides")
    (content / "numbers" / "sides.md").unlink()
    app.extensions["quizserver-library"].refresh()
    author.open(LIST)
    assert "sides (not served now)" in author.text
    assert "About sides" in author.text
    assert "/write/numbers/sides.md" not in author.page


def test_a_long_list_is_paged_and_filtered_and_a_form_comes_back_to_its_page(
    author: Visitor, new_visitor: Callable[[], Visitor], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(report_pages, "REPORTS_PER_PAGE", 2)
    for number, question in enumerate(("even", "sides", "even", "even")):
        send_report(new_visitor(), f"Report {number}", question)
    author.open(LIST)
    assert re.findall(r"Report \d", author.text) == ["Report 3", "Report 2"]
    author.open(f"{LIST}?question=even&page=2")
    assert re.findall(r"Report \d", author.text) == ["Report 0"]
    author.open(f"{LIST}?page=2")
    response = author.client.post(
        Form(author.page, "/close").url or "", data=Form(author.page, "/close").fields
    )
    assert response.location == f"{LIST}?status=open&page=2"
    for address in (f"{LIST}?page=x&status=gone&question=nothing", f"{LIST}?page=99999999999"):
        assert author.client.get(address).status_code == 200


@pytest.mark.parametrize("role", ["guest", "learner", "instructor"])
def test_for_everybody_else_there_is_no_list_and_nothing_to_close(
    role: str,
    visitor: Visitor,
    new_visitor: Callable[[], Visitor],
    sign_up_as: Callable[..., Visitor],
    database: Database,
):
    send_report(visitor, "SECRET REPORT")
    other = new_visitor() if role == "guest" else sign_up_as(role)
    token = Form(other.open("/questions/even"), "/report").fields["csrf_token"]
    with database.read() as session:
        number = session.scalar(sa.select(question_report.c.id))
    assert other.client.get(LIST).status_code == 404
    for action in ("close", "reopen"):
        response = other.client.post(f"{LIST}/{number}/{action}", data={"csrf_token": token})
        assert response.status_code == 404
    with database.read() as session:
        assert session.scalar(sa.select(question_report.c.closed_at)) is None
    assert "SECRET REPORT" not in other.open("/questions/even")


def test_a_report_that_is_not_there_can_not_be_closed(author: Visitor):
    token = re.search(r'name="csrf-token" content="([^"]+)"', author.open(LIST))
    assert token
    for action in ("close", "reopen"):
        response = author.client.post(f"{LIST}/7/{action}", data={"csrf_token": token[1]})
        assert response.status_code == 404
