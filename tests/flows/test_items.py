"""The pages of item analysis say what the answers in the database say, to the instructor alone."""

from __future__ import annotations

import csv
import io
import json
import re
import statistics
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient

from quizserver.accounts import store as people
from quizserver.classes import members_store as members
from quizserver.classes import store as classes
from quizserver.classes.demo.names import INSTRUCTOR_EMAIL, MODEL_TEXT
from quizserver.classes.items import analysis, loader, pages
from quizserver.cli import main
from quizserver.db.session import Database
from quizserver.db.tables import attempt
from quizserver.evidence.record import Finding
from quizserver.settings import Settings
from tests.classes.items.rooms import answer, learner, new_room
from tests.flows.browser_client import Visitor

pytestmark = pytest.mark.one_database

KEYS = {"even": {"two", "four"}, "sides": {"three"}}


@pytest.fixture
def demo(settings: Settings, database_url: str) -> str:
    """A class of 60 invented learners; what the command printed."""
    made = CliRunner().invoke(
        main,
        [
            *("demo", "--learners", "60", "--data", str(settings.data)),
            *("--content", str(settings.content)),
        ],
        env={"QUIZSERVER_DATABASE_URL": database_url},
    )
    assert made.exit_code == 0, made.output
    return made.output


@pytest.fixture
def teacher(app: Flask, database: Database, demo: str) -> FlaskClient:
    return signed_in(app, database, INSTRUCTOR_EMAIL)


@pytest.fixture
def empty(app: Flask, database: Database) -> FlaskClient:
    """The instructor of class 1, which has questions and no learners."""
    with database.write() as session:
        new_room(session)
    return signed_in(app, database, "teacher@example.org")


def signed_in(app: Flask, database: Database, email: str) -> FlaskClient:
    client = app.test_client()
    with database.read() as session:
        person = people.person_by_email(session, email)
    assert person is not None
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = person.get_id(), True
    return client


def text(client: FlaskClient, address: str) -> str:
    given = client.get(address)
    assert given.status_code == 200, address
    return unescape(given.get_data(as_text=True))


def table(client: FlaskClient, query: str = "") -> list[dict[str, str]]:
    words = client.get(f"/classes/1/items.csv{query}").get_data(as_text=True)
    assert words.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(words[1:])))


@pytest.fixture
def marks(database: Database, demo: str) -> dict[str, dict[int, Any]]:
    """Every first attempt by question and learner."""
    with database.read() as session:
        rows = session.execute(sa.select(attempt).where(attempt.c.number == 1)).all()
    found: dict[str, dict[int, Any]] = {question: {} for question in KEYS}
    for row in rows:
        found[row.question][row.person_id] = row
    return found


def test_the_numbers_are_those_of_the_answers(teacher: FlaskClient, marks: dict[str, Any]):
    """Worked out again from the rows, with other code: plain sums, and Python's own statistics."""
    lines = {line["question"]: line for line in table(teacher)}
    page = text(teacher, "/classes/1/items")
    for question, other in (("even", "sides"), ("sides", "even")):
        mine = [row.mark for row in marks[question].values()]
        both = sorted(marks[question].keys() & marks[other].keys())
        # With one other question the rest is its mark, less a constant.
        x = [marks[question][who].mark for who in both]
        y = [marks[other][who].mark for who in both]
        seconds = [row.seconds for row in marks[question].values()]
        facility = 100 * sum(mine) / len(mine)
        expected = {
            "learners": len(mine),
            "facility": round(facility, 1),
            "standard_deviation": round(100 * statistics.stdev(mine), 1),
            "discrimination": round(100 * statistics.correlation(x, y), 1),
            "median_seconds": round(statistics.median(seconds)),
            "guess": round(100 / (7 if question == "even" else 3), 1),
        }
        line = lines[question]
        assert {name: float(line[name]) for name in expected} == pytest.approx(expected, abs=0.11)
        cells = re.search(f'items/{question}"[^§]*?</tr>', page)
        assert cells is not None
        for name in ("facility", "standard_deviation", "discrimination", "efficiency", "weight"):
            shown = f"{float(line[name]):.1f}".replace("-", "−")
            assert f'<td class="number">{shown}' in cells.group(0), (question, name)


def test_options_are_counted_as_they_were_chosen(teacher: FlaskClient, marks: dict[str, Any]):
    told = json.loads(teacher.get("/classes/1/items.json").get_data())
    for question in told["questions"]:
        rows = marks[question["question"]].values()
        page = text(teacher, f"/classes/1/items/{question['question']}")
        for option in question["options"]:
            count = sum(option["option"] in row.chosen for row in rows)
            assert option["count"] == count
            assert option["right"] == (option["option"] in KEYS[question["question"]])
            assert f"{count} of {len(rows)} · " in page
            for third in ("strongest_third_percent", "weakest_third_percent"):
                assert f"{option[third]:.0f} %</text>" in page or option[third] % 1 == 0.5


def test_json_and_csv_say_the_same(teacher: FlaskClient):
    told = json.loads(teacher.get("/classes/1/items.json?which=latest").get_data())
    lines = table(teacher, "?which=latest")
    assert [each["question"] for each in told["questions"]] == [line["question"] for line in lines]
    for each, line in zip(told["questions"], lines, strict=True):
        assert line["attempts"] == told["attempts"] == "latest"
        for name in ("facility", "weight", "median_seconds", "tried_again", "ran_experiment"):
            assert float(line[name]) == each[name]


def test_latest_attempts_come_with_a_warning_and_other_numbers(teacher: FlaskClient):
    first, latest = (
        text(teacher, "/classes/1/items"),
        text(teacher, "/classes/1/items?which=latest"),
    )
    assert "These are latest attempts." not in first
    assert "These are latest attempts." in latest
    for before, after in zip(table(teacher), table(teacher, "?which=latest"), strict=True):
        assert float(after["facility"]) > float(before["facility"]), "who tries again gets better"
    assert "which=latest" in re.findall('href="([^"]*items/even[^"]*)"', latest)[0]


def test_the_table_is_sorted_by_links(teacher: FlaskClient):
    def order(query: str) -> list[str]:
        page = text(teacher, f"/classes/1/items{query}")
        return re.findall(r'<a href="/classes/1/items/(\w+)[?"]', page)

    low, high = sorted(table(teacher), key=lambda line: float(line["facility"]))
    assert order("?sort=facility") == [low["question"], high["question"]]
    assert order("?sort=-facility") == [high["question"], low["question"]]
    assert order("?sort=nonsense") == order("")
    page = text(teacher, "/classes/1/items?sort=facility")
    assert 'aria-sort="ascending"' in page
    assert "sort=-facility" in page, "the same link turns it round"


def test_every_figure_has_its_definition_one_click_away(teacher: FlaskClient):
    page = text(teacher, "/classes/1/items")
    links = set(re.findall('href="#(about-[a-z_]+)"', page))
    assert len(links) > 12
    for link in links:
        assert f'id="{link}"' in page
    assert page.count("<math") >= 17


def test_who_left_and_who_teaches_counts_no_more(
    teacher: FlaskClient, database: Database, marks: dict[str, Any]
):
    before = int(table(teacher)[0]["learners"])
    with database.write() as session:
        for who in list(marks["even"])[:5]:
            members.remove_learner(session, 1, who, datetime.now(UTC))
    assert int(table(teacher)[0]["learners"]) == before - 5


def test_what_to_teach_names_the_most_held_misconceptions(teacher: FlaskClient, database: Database):
    with database.read() as session:
        rows = session.execute(sa.select(attempt).order_by(attempt.c.number)).all()
    latest = {(row.person_id, row.question): row.chosen for row in rows}
    held: dict[tuple[str, str], int] = {}
    for (_, question), chosen in latest.items():
        for option in set(chosen) - KEYS[question]:
            held[question, option] = held.get((question, option), 0) + 1
    page = text(teacher, "/classes/1/teach")
    for (question, option), count in sorted(held.items(), key=lambda each: -each[1])[:3]:
        assert f"items/{question}#option-{option}" in page
        assert re.search(rf"\b{count} of \d+ hold this", page)
    for kind in ("Stuck", "Silent"):
        assert f">{kind}</h2>" in page
    people = re.findall(r'href="/classes/1/learners/(\d+)"', page)
    assert people
    assert teacher.get(f"/classes/1/learners/{people[0]}").status_code == 200


def test_a_class_without_answers_is_told_kindly(empty: FlaskClient, database: Database):
    assert "Nobody has answered yet." in text(empty, "/classes/1/items")
    assert "Nobody has joined yet." in text(empty, "/classes/1/teach")
    assert "Nobody has answered this question yet." in text(empty, "/classes/1/items/even")
    with database.write() as session:
        learner(session, 1, "ana")
    assert "Nobody has answered yet." in text(empty, "/classes/1/teach")
    with database.write() as session:
        classes.set_class_topics(session, 1, [])
    for page in ("items", "teach"):
        assert "This class has no questions yet." in text(empty, f"/classes/1/{page}")
    assert table(empty) == []


def test_too_few_answers_give_a_reason_instead_of_a_number(empty: FlaskClient, database: Database):
    with database.write() as session:
        for number in range(4):
            who = learner(session, 1, f"l{number}")
            answer(session, who, "even", 1, ["two"], right=False, minutes=number)
    reason = "Not enough answers: 4 of the 10 that it takes."
    assert reason in text(empty, "/classes/1/items")
    assert reason in text(empty, "/classes/1/items/even")
    line = table(empty)[0]
    assert (line["facility"], line["discrimination"]) == ("", "")
    assert reason in line["notes"]


def test_answers_from_before_a_key_was_put_right_are_told(empty: FlaskClient, database: Database):
    with database.write() as session:
        for number in range(12):
            who = learner(session, 1, f"l{number}")
            answer(session, who, "sides", 1, ["two"], right=number < 3, minutes=1)
    words = "3 of 12 answers were graded by an earlier key"
    assert words in text(empty, "/classes/1/items")
    assert words in text(empty, "/classes/1/items/sides")
    assert words not in text(empty, "/classes/1/items/even")
    line = table(empty)[1]
    assert words in line["notes"]
    assert float(line["facility"]) == 25, "the marks are those that the learners were told"


def test_a_topic_that_is_gone_is_told(empty: FlaskClient, database: Database):
    with database.write() as session:
        classes.set_class_topics(session, 1, [("numbers", None), ("taken-away", None)])
    assert "taken-away" in text(empty, "/classes/1/items")


def test_a_question_of_another_topic_is_not_found(empty: FlaskClient):
    assert empty.get("/classes/1/items/elsewhere").status_code == 404


def test_a_popular_wrong_option_with_a_thin_margin_casts_doubt_on_the_key(
    empty: FlaskClient, database: Database, monkeypatch: pytest.MonkeyPatch
):
    thin = Finding(
        "sides", "two", "simulation", "arm", "flat", "will", 0.75, {}, "refuted",
        k=44, n=64, low=0.575, high=0.785, verdict="mixed", ensemble="e", tried=(),
    )  # fmt: skip
    monkeypatch.setattr(
        "quizserver.classes.items.pages.claimed_findings",
        lambda question, _evidence: [thin] if question.id == "sides" else [],
    )
    with database.write() as session:
        for number in range(12):
            who = learner(session, 1, f"l{number}")
            chosen = "two" if number % 2 else "three"
            answer(session, who, "sides", 1, [chosen], right=number % 2 == 0, minutes=1)
    words = "Perhaps the key, not the class, is wrong: 6 of 12 chose this"
    for address in ("/classes/1/items/sides", "/classes/1/teach"):
        page = text(empty, address)
        assert words in page
        assert "44 of 64 (mixed; 95\xa0% interval 57 to 79\xa0%, 75\xa0% claimed)" in page
    assert "perhaps the key is wrong" in text(empty, "/classes/1/items")
    assert [line["key_doubted"] for line in table(empty)] == ["0", "1"]


def test_the_number_of_statements_does_not_grow_with_the_class(
    app: Flask, empty: FlaskClient, database: Database
):
    asked: list[str] = []

    def note(*arguments: Any) -> None:
        asked.append(arguments[2])

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        counts = []
        for size in (3, 40):
            with database.write() as session:
                for number in range(size):
                    who = learner(session, 1, f"l{size}-{number}")
                    answer(session, who, "even", 1, ["two"], right=False, minutes=1)
                    answer(session, who, "even", 2, ["two"], right=False, minutes=2)
                    answer(session, who, "even", 3, ["two"], right=False, minutes=3)
            for address in ("items", "items/even", "teach", "items.csv"):
                asked.clear()
                text(empty, f"/classes/1/{address}")
                counts.append(len([each for each in asked if each.startswith("SELECT")]))
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    assert counts[:4] == counts[4:]
    assert max(counts) <= 13


def test_a_big_class_is_read_while_a_page_says_how_far(
    teacher: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    begun, go = threading.Event(), threading.Event()
    usual = loader.load_answers

    def slow(*arguments: Any) -> Any:
        arguments[-1](0.25)
        begun.set()
        assert go.wait(20)
        return usual(*arguments)

    monkeypatch.setattr(pages, "QUICK_CELLS", 0)
    monkeypatch.setattr(pages, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(analysis, "load_answers", slow)
    for address in ("items", "teach", "items/even?which=latest", "items"):
        given = teacher.get(f"/classes/1/{address}")
        assert given.headers["Refresh"] == "1"
        assert begun.wait(20)
    page = given.get_data(as_text=True)
    assert "25&nbsp;% so far" in page
    assert 'value="25"' in page
    go.set()
    monkeypatch.setattr(pages, "PATIENCE_SECONDS", 20)
    given = teacher.get("/classes/1/items")
    assert "Refresh" not in given.headers
    assert "The set as a whole" in given.get_data(as_text=True)


def test_what_was_read_of_other_topics_is_not_shown(
    teacher: FlaskClient, database: Database, monkeypatch: pytest.MonkeyPatch, content: Path
):
    """Somebody was told to come back, and meanwhile a question went from the content."""
    monkeypatch.setattr(pages, "QUICK_CELLS", 0)
    monkeypatch.setattr(pages, "PATIENCE_SECONDS", 0.0)
    assert "Refresh" in teacher.get("/classes/1/items").headers
    monkeypatch.setattr(pages, "PATIENCE_SECONDS", 20)
    (content / "numbers" / "sides.md").unlink()
    teacher.application.extensions["quizserver-library"].refresh()
    page = text(teacher, "/classes/1/items")
    assert "items/even" in page
    assert "items/sides" not in page


def test_a_download_of_a_big_class_is_waited_for(
    teacher: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    expected = table(teacher)
    monkeypatch.setattr(pages, "QUICK_CELLS", 0)
    monkeypatch.setattr(pages, "PATIENCE_SECONDS", 0.0)
    assert table(teacher) == expected
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
    app: Flask, teacher: FlaskClient, demo: str
):
    page = text(teacher, "/classes/1")
    assert "The learners of this class are invented" in page
    assert MODEL_TEXT in page
    assert "invented learners" in text(teacher, "/classes/1/items")


def test_the_printed_password_lets_the_instructor_in(app: Flask, demo: str):
    found = re.search(r"password (\S+)\n", demo)
    assert found is not None
    visitor = Visitor(app.test_client())
    visitor.open("/sign-in")
    visitor.send("/sign-in", email=INSTRUCTOR_EMAIL, password=found.group(1))
    assert "Demo class" in visitor.open("/classes")


def test_a_class_of_somebody_real_is_not_called_invented(empty: FlaskClient):
    assert "are invented" not in text(empty, "/classes/1")


@pytest.fixture
def database(app: Flask, settings: Settings) -> Iterator[Database]:
    """The store of the application."""
    store = Database(settings.data_url)
    yield store
    store.dispose()
