"""The pages of item analysis show the numbers of the stored answers, to instructors alone."""

from __future__ import annotations

import csv
import io
import json
import re
import statistics
import threading
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient

from quizserver.accounts import sessions_store
from quizserver.accounts import store as account_store
from quizserver.accounts.current_user import ACCOUNT_KEY
from quizserver.accounts.sessions import new_token
from quizserver.classes import members_store as members
from quizserver.classes import store as classes
from quizserver.classes.demo.names import INSTRUCTOR_EMAIL, MODEL_TEXT
from quizserver.classes.items import analysis, loader, pages
from quizserver.cli import main
from quizserver.db.session import Database
from quizserver.db.tables import attempt
from quizserver.evidence.record import Finding
from quizserver.settings import Settings
from tests.classes.items.answer_setup import add_answer, add_learner, create_class_with_topics
from tests.flows.browser_client import Visitor, collapse_white_space
from tests.statements import recorded_statements

pytestmark = pytest.mark.one_database

KEYS = {"even": {"two", "four"}, "sides": {"three"}}


@pytest.fixture
def demo_output(settings: Settings, database_url: str) -> str:
    """A class of 60 invented learners; what the command printed."""
    result = CliRunner().invoke(
        main,
        [
            *("demo", "--learners", "60", "--data", str(settings.data)),
            *("--content", str(settings.content)),
        ],
        env={"QUIZSERVER_DATABASE_URL": database_url},
    )
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def teacher(app: Flask, database: Database, demo_output: str) -> FlaskClient:
    return sign_in(app, database, INSTRUCTOR_EMAIL)


@pytest.fixture
def empty_class(app: Flask, database: Database) -> FlaskClient:
    """The instructor of class 1, which has questions and no learners."""
    with database.write() as session:
        create_class_with_topics(session)
    return sign_in(app, database, "teacher@example.org")


def sign_in(app: Flask, database: Database, email: str) -> FlaskClient:
    client = app.test_client()
    with database.write() as session:
        person = account_store.person_by_email(session, email)
        assert person is not None
        token = new_token()
        sessions_store.open_session(session, person.id, token, "", datetime.now(UTC))
    with client.session_transaction() as session:
        session[ACCOUNT_KEY] = token
    return client


def read_text(client: FlaskClient, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, address
    return unescape(collapse_white_space(response.get_data(as_text=True)))


def read_csv(client: FlaskClient, query: str = "") -> list[dict[str, str]]:
    content = client.get(f"/classes/1/items.csv{query}").get_data(as_text=True)
    assert content.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(content[1:])))


@pytest.fixture
def first_attempts(database: Database, demo_output: str) -> dict[str, dict[int, Any]]:
    """Every first attempt by question and learner."""
    with database.read() as session:
        rows = session.execute(sa.select(attempt).where(attempt.c.number == 1)).all()
    attempts_by_question: dict[str, dict[int, Any]] = {question: {} for question in KEYS}
    for row in rows:
        attempts_by_question[row.question][row.person_id] = row
    return attempts_by_question


def test_the_numbers_are_those_of_the_answers(teacher: FlaskClient, first_attempts: dict[str, Any]):
    """Worked out again from the rows, with other code: plain sums, and Python's own statistics."""
    lines = {line["question"]: line for line in read_csv(teacher)}
    page = read_text(teacher, "/classes/1/items")
    for question, other in (("even", "sides"), ("sides", "even")):
        marks = [row.mark for row in first_attempts[question].values()]
        both = sorted(first_attempts[question].keys() & first_attempts[other].keys())
        # With one other question the rest is its mark, less a constant.
        x = [first_attempts[question][person_id].mark for person_id in both]
        y = [first_attempts[other][person_id].mark for person_id in both]
        seconds = [row.seconds for row in first_attempts[question].values()]
        facility = 100 * sum(marks) / len(marks)
        expected = {
            "learners": len(marks),
            "facility": round(facility, 1),
            "standard_deviation": round(100 * statistics.stdev(marks), 1),
            "discrimination": round(100 * statistics.correlation(x, y), 1),
            "median_seconds": round(statistics.median(seconds)),
            "guess": round(100 / (7 if question == "even" else 3), 1),
        }
        line = lines[question]
        assert {name: float(line[name]) for name in expected} == pytest.approx(expected, abs=0.11)
        table_row = re.search(f'items/{question}"[^§]*?</tr>', page)
        assert table_row is not None
        for name in ("facility", "standard_deviation", "discrimination", "efficiency", "weight"):
            figure_text = f"{float(line[name]):.1f}".replace("-", "−")
            assert f'<td class="number">{figure_text}' in table_row.group(0), (question, name)


def test_options_are_counted_as_they_were_chosen(
    teacher: FlaskClient, first_attempts: dict[str, Any]
):
    document = json.loads(teacher.get("/classes/1/items.json").get_data())
    for question in document["questions"]:
        rows = first_attempts[question["question"]].values()
        page = read_text(teacher, f"/classes/1/items/{question['question']}")
        for option in question["options"]:
            count = sum(option["option"] in row.chosen for row in rows)
            assert option["count"] == count
            assert option["right"] == (option["option"] in KEYS[question["question"]])
            assert f"{count} of {len(rows)} · " in page
            for third in ("strongest_third_percent", "weakest_third_percent"):
                assert f"{option[third]:.0f} %</text>" in page or option[third] % 1 == 0.5


def test_json_and_csv_say_the_same(teacher: FlaskClient):
    document = json.loads(teacher.get("/classes/1/items.json?which=latest").get_data())
    lines = read_csv(teacher, "?which=latest")
    assert [question["question"] for question in document["questions"]] == [
        line["question"] for line in lines
    ]
    for question, line in zip(document["questions"], lines, strict=True):
        assert line["attempts"] == document["attempts"] == "latest"
        for name in ("facility", "weight", "median_seconds", "tried_again", "ran_experiment"):
            assert float(line[name]) == question[name]


def test_latest_attempts_come_with_a_warning_and_other_numbers(teacher: FlaskClient):
    first, latest = (
        read_text(teacher, "/classes/1/items"),
        read_text(teacher, "/classes/1/items?which=latest"),
    )
    assert "These are latest attempts." not in first
    assert "These are latest attempts." in latest
    for before, after in zip(read_csv(teacher), read_csv(teacher, "?which=latest"), strict=True):
        assert float(after["facility"]) > float(before["facility"]), "who tries again gets better"
    assert "which=latest" in re.findall('href="([^"]*items/even[^"]*)"', latest)[0]


def test_the_table_is_sorted_by_links(teacher: FlaskClient):
    def question_order(query: str) -> list[str]:
        page = read_text(teacher, f"/classes/1/items{query}")
        return re.findall(r'<a href="/classes/1/items/(\w+)[?"]', page)

    lowest, highest = sorted(read_csv(teacher), key=lambda line: float(line["facility"]))
    assert question_order("?sort=facility") == [lowest["question"], highest["question"]]
    assert question_order("?sort=-facility") == [highest["question"], lowest["question"]]
    assert question_order("?sort=nonsense") == question_order("")
    page = read_text(teacher, "/classes/1/items?sort=facility")
    assert 'aria-sort="ascending"' in page
    assert "sort=-facility" in page, "the same link turns it round"


def test_every_figure_has_its_definition_one_click_away(teacher: FlaskClient):
    page = read_text(teacher, "/classes/1/items")
    links = set(re.findall('href="#(about-[a-z_]+)"', page))
    assert len(links) > 12
    for link in links:
        assert f'id="{link}"' in page
    assert page.count("<math") >= 17


def test_who_left_and_who_teaches_counts_no_more(
    teacher: FlaskClient, database: Database, first_attempts: dict[str, Any]
):
    before = int(read_csv(teacher)[0]["learners"])
    with database.write() as session:
        for person_id in list(first_attempts["even"])[:5]:
            members.remove_learner(session, 1, person_id, datetime.now(UTC))
    assert int(read_csv(teacher)[0]["learners"]) == before - 5


def test_what_to_teach_names_the_most_held_misconceptions(teacher: FlaskClient, database: Database):
    with database.read() as session:
        rows = session.execute(sa.select(attempt).order_by(attempt.c.number)).all()
    latest = {(row.person_id, row.question): row.chosen for row in rows}
    holders: dict[tuple[str, str], int] = {}
    for (_, question), chosen in latest.items():
        for option in set(chosen) - KEYS[question]:
            holders[question, option] = holders.get((question, option), 0) + 1
    page = read_text(teacher, "/classes/1/teach")
    for (question, option), count in sorted(holders.items(), key=lambda item: -item[1])[:3]:
        assert f"items/{question}#option-{option}" in page
        assert re.search(rf"\b{count} of \d+ hold this", page)
    for kind in ("Stuck", "Silent"):
        assert f">{kind}</h2>" in page
    learner_ids = re.findall(r'href="/classes/1/learners/(\d+)"', page)
    assert learner_ids
    assert teacher.get(f"/classes/1/learners/{learner_ids[0]}").status_code == 200


def test_a_class_without_answers_has_a_page_that_says_so(
    empty_class: FlaskClient, database: Database
):
    assert "Nobody has answered yet." in read_text(empty_class, "/classes/1/items")
    assert "Nobody has joined yet." in read_text(empty_class, "/classes/1/teach")
    assert "Nobody has answered this question yet." in read_text(
        empty_class, "/classes/1/items/even"
    )
    with database.write() as session:
        add_learner(session, 1, "ana")
    assert "Nobody has answered yet." in read_text(empty_class, "/classes/1/teach")
    with database.write() as session:
        classes.set_class_topics(session, 1, [])
    for page in ("items", "teach"):
        assert "This class has no questions yet." in read_text(empty_class, f"/classes/1/{page}")
    assert read_csv(empty_class) == []


def test_too_few_answers_give_a_reason_instead_of_a_number(
    empty_class: FlaskClient, database: Database
):
    with database.write() as session:
        for number in range(4):
            person_id = add_learner(session, 1, f"l{number}")
            add_answer(session, person_id, "even", 1, ["two"], right=False, minutes=number)
    reason = "Not enough answers: 4 of the 10 that it takes."
    assert reason in read_text(empty_class, "/classes/1/items")
    assert reason in read_text(empty_class, "/classes/1/items/even")
    line = read_csv(empty_class)[0]
    assert (line["facility"], line["discrimination"]) == ("", "")
    assert reason in line["notes"]


def test_answers_from_before_a_key_was_corrected_are_named(
    empty_class: FlaskClient, database: Database
):
    with database.write() as session:
        for number in range(12):
            person_id = add_learner(session, 1, f"l{number}")
            add_answer(session, person_id, "sides", 1, ["two"], right=number < 3, minutes=1)
    words = "3 of 12 answers were graded by an earlier key"
    assert words in read_text(empty_class, "/classes/1/items")
    assert words in read_text(empty_class, "/classes/1/items/sides")
    assert words not in read_text(empty_class, "/classes/1/items/even")
    line = read_csv(empty_class)[1]
    assert words in line["notes"]
    assert float(line["facility"]) == 25, "the marks are those that the learners were told"


def test_a_missing_topic_is_named(empty_class: FlaskClient, database: Database):
    with database.write() as session:
        classes.set_class_topics(session, 1, [("numbers", None), ("taken-away", None)])
    assert "taken-away" in read_text(empty_class, "/classes/1/items")


def test_a_question_of_another_topic_is_not_found(empty_class: FlaskClient):
    assert empty_class.get("/classes/1/items/elsewhere").status_code == 404


def test_a_popular_wrong_option_with_a_thin_margin_casts_doubt_on_the_key(
    empty_class: FlaskClient, database: Database, monkeypatch: pytest.MonkeyPatch
):
    thin = Finding(
        question="sides", option="two", simulation="simulation", arm="arm", shape="flat",
        quantifier="will", at_least=0.75, over={}, expected="refuted",
        k=44, n=64, low=0.575, high=0.785, verdict="mixed", ensemble="e", tried=(),
    )  # fmt: skip
    monkeypatch.setattr(
        "quizserver.classes.items.class_content.claimed_findings",
        lambda question, _evidence: [thin] if question.id == "sides" else [],
    )
    with database.write() as session:
        for number in range(12):
            person_id = add_learner(session, 1, f"l{number}")
            chosen = "two" if number % 2 else "three"
            add_answer(session, person_id, "sides", 1, [chosen], right=number % 2 == 0, minutes=1)
    words = "Perhaps the key, not the class, is wrong: 6 of 12 chose this"
    for address in ("/classes/1/items/sides", "/classes/1/teach"):
        page = read_text(empty_class, address)
        assert words in page
        assert "44 of 64 (mixed; 95\xa0% interval 57 to 79\xa0%, 75\xa0% claimed)" in page
    assert "perhaps the key is wrong" in read_text(empty_class, "/classes/1/items")
    assert [line["key_doubted"] for line in read_csv(empty_class)] == ["0", "1"]


def test_the_number_of_statements_does_not_grow_with_the_class(
    app: Flask, empty_class: FlaskClient, database: Database
):
    counts = []
    for size in (3, 40):
        with database.write() as session:
            for number in range(size):
                person_id = add_learner(session, 1, f"l{size}-{number}")
                add_answer(session, person_id, "even", 1, ["two"], right=False, minutes=1)
                add_answer(session, person_id, "even", 2, ["two"], right=False, minutes=2)
                add_answer(session, person_id, "even", 3, ["two"], right=False, minutes=3)
        for address in ("items", "items/even", "teach", "items.csv"):
            with recorded_statements("SELECT") as statements:
                read_text(empty_class, f"/classes/1/{address}")
            counts.append(len(statements))
    assert counts[:4] == counts[4:]
    assert max(counts) <= 10


@pytest.mark.parametrize(("address", "count"), [("items", 5), ("items/even", 5), ("teach", 6)])
def test_a_page_that_was_shown_before_asks_only_whether_something_changed(
    teacher: FlaskClient, address: str, count: int
):
    first = read_text(teacher, f"/classes/1/{address}")
    with recorded_statements("SELECT") as statements:
        assert read_text(teacher, f"/classes/1/{address}") == first
    assert len(statements) == count, statements


def test_pages_show_what_changed_since_they_were_shown(
    empty_class: FlaskClient, database: Database, content: Path
):
    """Answers may have come to another process, and content from an author's editor."""
    with database.write() as session:
        people = [add_learner(session, 1, f"l{number}") for number in range(13)]
        for person_id in people[:12]:
            add_answer(session, person_id, "even", 1, ["three"], right=False, minutes=1)
    reason = "Not enough answers: 0 of the 10 that it takes."
    assert reason in read_text(empty_class, "/classes/1/items")
    assert "12 of 12 hold this" in read_text(empty_class, "/classes/1/teach")
    with database.write() as session:
        add_answer(session, people[12], "even", 1, ["two"], right=False, minutes=2)
        for person_id in people:
            add_answer(session, person_id, "sides", 1, ["two"], right=False, minutes=3)
    page = read_text(empty_class, "/classes/1/items")
    assert reason not in page
    assert page.count('<td class="number">13</td>') == 2
    assert "12 of 13 hold this" in read_text(empty_class, "/classes/1/teach")
    assert "Hardly anybody has it right at first" in read_text(empty_class, "/classes/1/teach")
    file = content / "numbers" / "even.md"
    file.write_text(
        file.read_text("utf-8").replace("Which one is even?", "Which are odd?"), "utf-8"
    )
    empty_class.application.extensions["quizserver-library"].refresh()
    for address in ("items", "items/even", "teach"):
        page = read_text(empty_class, f"/classes/1/{address}")
        assert "Which are odd?" in page, address
        assert "Which one is even?" not in page, address
    with database.write() as session:
        classes.rename_class(session, 1, "Renamed")
    assert "Renamed" in read_text(empty_class, "/classes/1/items")


def test_a_big_class_is_read_while_a_page_shows_the_progress(
    teacher: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    started, may_end = threading.Event(), threading.Event()
    load_answers = loader.load_answers

    def load_slowly(*arguments: Any) -> Any:
        arguments[-1](0.25)
        started.set()
        assert may_end.wait(20)
        return load_answers(*arguments)

    monkeypatch.setattr(pages, "QUICK_CELLS", 0)
    monkeypatch.setattr(pages, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(analysis, "load_answers", load_slowly)
    for address in ("items", "teach", "items/even?which=latest", "items"):
        response = teacher.get(f"/classes/1/{address}")
        assert response.headers["Refresh"] == "1"
        assert started.wait(20)
    page = response.get_data(as_text=True)
    assert "25&nbsp;% so far" in page
    assert 'value="25"' in page
    may_end.set()
    monkeypatch.setattr(pages, "PATIENCE_SECONDS", 20)
    response = teacher.get("/classes/1/items")
    assert "Refresh" not in response.headers
    assert "The set as a whole" in response.get_data(as_text=True)


def test_an_analysis_of_other_topics_is_not_shown(
    teacher: FlaskClient, database: Database, monkeypatch: pytest.MonkeyPatch, content: Path
):
    """Somebody was told to come back, and meanwhile a question went from the content."""
    monkeypatch.setattr(pages, "QUICK_CELLS", 0)
    monkeypatch.setattr(pages, "PATIENCE_SECONDS", 0.0)
    assert "Refresh" in teacher.get("/classes/1/items").headers
    monkeypatch.setattr(pages, "PATIENCE_SECONDS", 20)
    (content / "numbers" / "sides.md").unlink()
    teacher.application.extensions["quizserver-library"].refresh()
    page = read_text(teacher, "/classes/1/items")
    assert "items/even" in page
    assert "items/sides" not in page


def test_a_download_of_a_big_class_is_waited_for(
    teacher: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    expected = read_csv(teacher)
    monkeypatch.setattr(pages, "QUICK_CELLS", 0)
    monkeypatch.setattr(pages, "PATIENCE_SECONDS", 0.0)
    assert read_csv(teacher) == expected
    assert teacher.get("/classes/1/items.json").is_json


def test_a_reading_that_fails_is_an_error_page_and_not_an_endless_wait(
    teacher: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: Any) -> Any:
        raise sa.exc.OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(pages, "QUICK_CELLS", 0)
    monkeypatch.setattr(pages, "PATIENCE_SECONDS", 20)
    monkeypatch.setattr(analysis, "load_answers", fail)
    assert teacher.get("/classes/1/items").status_code >= 500


def test_the_demo_class_says_that_it_is_invented_and_how(
    app: Flask, teacher: FlaskClient, demo_output: str
):
    page = read_text(teacher, "/classes/1")
    assert "The learners of this class are invented" in page
    assert MODEL_TEXT in page
    assert "invented learners" in read_text(teacher, "/classes/1/items")


def test_the_printed_password_lets_the_instructor_in(app: Flask, demo_output: str):
    match = re.search(r"password (\S+)\n", demo_output)
    assert match is not None
    visitor = Visitor(app.test_client())
    visitor.open("/sign-in")
    visitor.send("/sign-in", email=INSTRUCTOR_EMAIL, password=match.group(1))
    assert "Demo class" in visitor.open("/classes")


def test_a_class_of_somebody_real_is_not_called_invented(empty_class: FlaskClient):
    assert "are invented" not in read_text(empty_class, "/classes/1")
