"""The matrix and the attempts as downloads have the numbers of the page."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from quizserver.classes.matrix import export
from quizserver.db.tables import person
from tests.flows.classes.matrix_visits import MatrixVisits, cell_text

pytestmark = pytest.mark.one_database


@pytest.mark.parametrize("show", ["first", "best", "latest"])
def test_the_exports_have_the_numbers_of_the_page(answered: MatrixVisits, show: str):
    page = answered.open_page(f"matrix?show={show}").page
    lines = {line["email"]: line for line in answered.read_csv(f"matrix.csv?show={show}")}
    learners = {
        learner["email"]: learner for learner in answered.read_json("matrix.json")["learners"]
    }
    assert lines.keys() == learners.keys() == {f"{n}@example.org" for n in ("ana", "bo", "cy")}
    rights = re.findall(r"<span data-right>(\d+)</span>", page)
    for email, learner in learners.items():
        line = lines[email]
        index = [
            learner["email"] for learner in answered.read_json("matrix.json")["learners"]
        ].index(email)
        assert rights[index] == line[f"right_{show}"] == str(learner["right"][show])
        for question in ("even", "sides"):
            shown = cell_text(page, answered.person_id(email), question)
            mark, times = line[f"{question} {show}"], line[f"{question} attempts"]
            cell = learner["questions"].get(question)
            if cell is None:
                assert (shown, mark, times) == ("–", "", "")
                continue
            assert shown.startswith(f"{'✓' if mark == '1' else '✗'} {times} ")
            assert (cell[show], cell["attempts"]) == (int(mark), int(times))
    assert lines["cy@example.org"]["name"] == "'=Cy"


def test_every_attempt_is_in_the_download_of_attempts(answered: MatrixVisits):
    lines, attempts = (
        answered.read_csv("attempts.csv"),
        answered.read_json("attempts.json")["attempts"],
    )
    assert [(entry["email"], entry["question"], entry["number"]) for entry in attempts] == [
        ("ana@example.org", "even", 1),
        ("ana@example.org", "even", 2),
        ("ana@example.org", "sides", 1),
        *(("bo@example.org", "even", number) for number in (1, 2, 3, 4)),
    ]
    assert [int(line["right"]) for line in lines] == [entry["right"] for entry in attempts]
    assert [line["chosen"].split() for line in lines] == [entry["chosen"] for entry in attempts]
    assert attempts[0]["chosen"] == ["four", "two"]
    assert sorted(attempts[0]["shown"]) == ["four", "three", "two"]
    assert attempts[0]["seconds"] is not None


@contextmanager
def failing_statement(number: int) -> Iterator[list[str]]:
    """The statement with this number, from 1, and all after it find no database; those sent."""
    sent: list[str] = []

    def count_statement(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)
        if len(sent) >= number:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR
            raise error

    sa.event.listen(Engine, "before_cursor_execute", count_statement)
    try:
        yield sent
    finally:
        sa.event.remove(Engine, "before_cursor_execute", count_statement)


@pytest.mark.parametrize(
    ("address", "reads"),
    [
        ("{class_url}/matrix.csv", 7),
        ("{class_url}/matrix.json", 10),
        ("{class_url}/attempts.csv", 7),
        ("{class_url}/attempts.json", 7),
        ("{class_url}/items.csv", 5),
        ("{class_url}/items.json", 5),
        ("/account/data.json", 4),
        ("/admin/log/log.csv", 2),
    ],
)
def test_a_download_is_whole_or_an_error_whichever_read_fails(
    answered: MatrixVisits, monkeypatch: pytest.MonkeyPatch, address: str, reads: int
):
    """A database that goes away in the middle must not leave a shorter file that looks whole."""
    monkeypatch.setattr(export, "LEARNERS_PER_CHUNK", 1)
    with answered.database.write() as session:
        is_teacher = person.c.email == "teacher@example.org"
        session.execute(sa.update(person).where(is_teacher).values(role="admin"))
    client = answered.teacher.client
    url = address.format(class_url=answered.url)
    with failing_statement(10**6) as sent:
        whole = client.get(url)
    assert whole.status_code == 200
    assert len(sent) >= reads
    for number in range(1, len(sent) + 1):
        with failing_statement(number) as sent_again:
            response = client.get(url)
        if len(sent_again) < number:  # what was read once is not read again
            assert (response.status_code, len(response.data)) == (200, len(whole.data))
            continue
        assert response.status_code == 503, sent_again[-1]
        assert "attachment" not in response.headers.get("Content-Disposition", "")
