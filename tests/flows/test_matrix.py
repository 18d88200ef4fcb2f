"""The matrix of a class and the work behind its cells, from answers given through the pages."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from quizserver.accounts import store as people
from quizserver.attempts import experiments_store as experiments
from quizserver.attempts.model import Attempt
from quizserver.classes import join_store as joining
from quizserver.classes import members_store as members
from quizserver.classes import store as classes
from quizserver.classes.matrix.learner_work import attempt_work
from quizserver.db.session import Database
from quizserver.db.tables import attempt, person, question_version
from quizserver.settings import Settings
from tests.flows.browser_client import Visitor

pytestmark = pytest.mark.one_database

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
WORDS = "correct horse"


class School:
    """An instructor's browser, and learners who join and answer."""

    def __init__(self, database: Database, new: Callable[[], Visitor]) -> None:
        self.database, self._new = database, new
        self.teacher = self._account("teacher@example.org", "instructor")
        with database.write() as session:
            room = classes.create_class(session, "Nets", self.id("teacher@example.org"), NOW)
            classes.set_class_topics(session, room.id, [("numbers", None)])
        self.url = f"/classes/{room.id}"
        self.room = room.id

    def learner(self, email: str, name: str = "") -> Visitor:
        visitor = self._account(email, "learner")
        with self.database.write() as session:
            joining.join_class(session, self.room, self.id(email), name, NOW)
        return visitor

    def id(self, email: str) -> int:
        with self.database.read() as session:
            return session.execute(
                sa.select(person.c.id).where(person.c.email == email)
            ).scalar_one()

    def see(self, rest: str) -> Visitor:
        self.teacher.open(f"{self.url}/{rest}")
        return self.teacher

    def json(self, rest: str) -> Any:
        return json.loads(self.see(rest).page)

    def csv(self, rest: str) -> list[dict[str, str]]:
        text = self.see(rest).page
        assert text.startswith("\ufeff")
        return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))

    def _account(self, email: str, role: str) -> Visitor:
        visitor = self._new()
        visitor.sign_up(email, WORDS)
        with self.database.write() as session:
            session.execute(sa.update(person).where(person.c.email == email).values(role=role))
        return visitor


@pytest.fixture
def school(app: Flask, settings: Settings, new_visitor: Callable[[], Visitor]) -> Iterator[School]:
    database = Database(settings.data_url)
    yield School(database, new_visitor)
    database.dispose()


@pytest.fixture
def busy(school: School) -> School:
    """Ana was right at once and wrong later; Bo three times wrong, then right; Cy did nothing."""
    ana = school.learner("ana@example.org", "Ana")
    ana.answer("even", "two", "four")
    ana.answer("even", "three")
    ana.answer("sides", "two")
    bo = school.learner("bo@example.org")
    for _ in range(3):
        bo.answer("even", "three")
    bo.answer("even", "two", "four")
    school.learner("cy@example.org", "=Cy")
    return school


def cell(page: str, who: int, question: str) -> str:
    """A cell's words for those who see it, and for those who hear it."""
    link = re.search(
        f'href="learners/{who}/questions/{question}" aria-label="([^"]*)">([^<]*)<', page
    )
    return " = ".join(link.groups()[::-1]) if link else "–"


@pytest.mark.parametrize(
    ("show", "ana", "bo"),
    [
        ("first", "✓ 2 = right, 2 attempts", "✗ 4 = wrong, 4 attempts"),
        ("best", "✓ 2 = right, 2 attempts", "✓ 4 = right, 4 attempts"),
        ("latest", "✗ 2 = wrong, 2 attempts", "✓ 4 = right, 4 attempts"),
    ],
)
def test_a_cell_says_right_or_wrong_and_how_many_in_words(
    busy: School, show: str, ana: str, bo: str
):
    page = busy.see(f"matrix?show={show}").page
    assert cell(page, busy.id("ana@example.org"), "even") == ana
    assert cell(page, busy.id("bo@example.org"), "even") == bo
    assert cell(page, busy.id("cy@example.org"), "even") == "–"
    assert "=Cy" in busy.teacher.text


def test_everything_works_by_links_and_one_form(busy: School):
    page = busy.see("matrix?search=example&show=first").page
    assert page.count("<tr data-person") == 3
    by_attempts = re.search(r'href="([^"]*sort=-attempts[^"]*)"', page)
    assert by_attempts is not None
    page = busy.teacher.open(by_attempts.group(1).replace("&amp;", "&"))
    assert re.findall(r'data-person="(\d+)"', page)[0] == str(busy.id("bo@example.org"))
    assert 'aria-sort="descending"' in page
    assert 'name="show" value="first"' in page, "the form keeps what else the address says"
    busy.see("matrix?state=new")
    assert busy.teacher.page.count("<tr data-person") == 1
    assert "No learner of this class matches" in busy.see("matrix?search=nobody").text


def test_a_page_of_learners_is_asked_for_by_its_number(busy: School):
    with busy.database.write() as session:
        for number in range(120):
            made = people.ensure_guest(session, people.new_visitor_token())
            people.register_account(session, made.id, f"{number}@example.org", "x")
            joining.join_class(session, busy.room, made.id, f"Z{number:03}", NOW)
    busy.see("matrix?sort=-right&page=2&show=first")
    assert "Page of 3" in busy.teacher.text
    fields = re.findall(r'name="(\w+)" value="([^"]*)"', busy.teacher.page.split("matrix-page")[1])
    kept = dict(fields[: [name for name, _ in fields].index("page") + 1])
    assert kept == {"show": "first", "sort": "-right", "page": "2"}
    busy.see("matrix?sort=-right&show=first&page=3")
    assert "101–123 of 123 learners" in busy.teacher.text


def test_learners_of_one_name_are_told_apart_on_a_phone_too(busy: School):
    busy.learner("other@example.org", "Ana")
    page = busy.see("matrix").page
    alike = re.findall(r'matrix-alike">([^<]+)<', page)
    assert alike == ["ana@example.org", "other@example.org"]


def test_an_empty_class_says_what_to_do(school: School):
    assert "Nobody is in the matrix yet" in school.see("matrix").text
    with school.database.write() as session:
        classes.set_class_topics(session, school.room, [])
    assert "Choose its topics" in school.see("matrix").text
    with school.database.write() as session:
        classes.set_class_topics(session, school.room, [("taken-away", None), ("numbers", None)])
    school.learner("ana@example.org")
    assert "taken-away" in school.see("matrix").text, "a topic that is gone is told"


def test_the_page_asks_for_what_is_new_and_is_told_when_nothing_is(busy: School):
    client = busy.teacher.client
    page = busy.see("matrix").page
    told = re.search(r'data-matrix="([^"]*)"', page)
    assert told is not None
    live = json.loads(told.group(1).replace("&#34;", '"').replace("&amp;", "&"))
    ids = ",".join(re.findall(r'data-person="(\d+)"', page))
    unchanged = client.get(live["url"], query_string={"rows": ids}, headers=match(live["mark"]))
    assert (unchanged.status_code, unchanged.data) == (304, b"")
    dee = busy.learner("dee@example.org", "Dee")
    dee.answer("sides", "three")
    bo = Visitor(client.application.test_client())
    bo.sign_in("bo@example.org", WORDS)
    bo.answer("sides", "two")
    news = client.get(live["url"], query_string={"rows": ids}, headers=match(live["mark"]))
    assert news.status_code == 200
    assert news.json["moved"], "somebody joined"
    row = next(each for each in news.json["rows"] if each["id"] == busy.id("bo@example.org"))
    assert row["cells"] == [[1, 4], [0, 1]]
    assert row["attempts"] == 5
    again = client.get(live["url"], query_string={"rows": ids}, headers=match(news.get_etag()[0]))
    assert again.status_code == 304


def test_behind_a_cell_is_what_was_seen_and_chosen(busy: School):
    bo = Visitor(busy.teacher.client.application.test_client())
    bo.sign_in("bo@example.org", WORDS)
    order = bo.order("even")
    page = busy.see(f"learners/{busy.id('bo@example.org')}/questions/even").page
    attempts = page.split('<section class="attempt"')[1:]
    assert len(attempts) == 4
    words = {"two": "Two", "three": "Three", "four": "Four"}
    text = re.sub(r"<[^>]+>", " ", attempts[0].split('<ol class="seen"')[1])
    places = [text.index(words[name]) for name in order]
    assert places == sorted(places), "in the order in which they were shown"
    assert len(re.findall("chosen, wrong", attempts[0])) == 1
    assert len(re.findall("right, not chosen", attempts[0])) == 2
    assert len(re.findall("chosen, right", attempts[3])) == 2
    assert "0 of 2" in attempts[0], "hints"
    assert "s</dd>" in attempts[0], "how long it took"


def test_an_attempt_is_shown_under_the_text_that_it_answered(busy: School, content: Path):
    path = content / "numbers" / "even.md"
    path.write_text(path.read_text().replace("Pick the even numbers.", "Pick the odd ones out."))
    library = busy.teacher.client.application.extensions["quizserver-library"]
    library.refresh()
    page = busy.see(f"learners/{busy.id('bo@example.org')}/questions/even").page
    assert "Pick the even numbers." in page
    assert "Pick the odd ones out." not in page
    assert "edited since" in busy.teacher.text


def test_a_text_that_can_not_be_read_any_more_does_not_hide_the_attempt(busy: School):
    old = {"question": "even", "version": "old", "source": "gone", "first_answered_at": NOW}
    first = sa.and_(attempt.c.number == 1, attempt.c.question == "even")
    with busy.database.write() as session:
        session.execute(sa.insert(question_version).values(**old))
        session.execute(sa.update(attempt).where(first).values(version="old"))
    text = busy.see(f"learners/{busy.id('bo@example.org')}/questions/even").text
    assert "can’t be read any more" in text
    assert "● chosen three" in text, "whether it was right can't be told of the option"


def test_experiments_stand_between_the_answers_around_them(busy: School, content: Path):
    (content / "numbers" / "simulation.py").write_text("# never imported here\n")
    even = content / "numbers" / "even.md"
    even.write_text(f"---\nsimulation: simulation\n---\n{even.read_text()}")
    busy.teacher.client.application.extensions["quizserver-library"].refresh()
    who = busy.id("bo@example.org")
    with busy.database.write() as session:
        for number in range(4):
            session.execute(
                sa.update(attempt)
                .where(attempt.c.person_id == who, attempt.c.number == number + 1)
                .values(answered_at=NOW + timedelta(hours=number))
            )
        for minutes in (-5, 65, 90, 999):
            moment = NOW + timedelta(minutes=minutes)
            experiments.record_experiment(session, who, "numbers", "simulation", moment)
        experiments.record_experiment(
            session, who, "elsewhere", "simulation", NOW + timedelta(minutes=70)
        )
    text = busy.see(f"learners/{who}/questions/even").text
    told = re.findall(r"Attempt \d|Ran the experiment(?: \d times)?", text)
    assert told == [
        "Ran the experiment",
        "Attempt 1",
        "Attempt 2",
        "Ran the experiment 2 times",
        "Attempt 3",
        "Attempt 4",
        "Ran the experiment",
    ]


def test_an_experiment_is_told_once_when_a_guests_older_answers_stand_behind(busy: School):
    present = busy.teacher.client.application.extensions["quizserver-library"].snapshot()
    question = present.questions["even"]

    def attempt(number: int, hours: int) -> Attempt:
        moment = NOW + timedelta(hours=hours)
        return Attempt("even", question.version, number, (), (), True, 1.0, 0, moment, None)

    ran = [NOW + timedelta(hours=1.5), NOW + timedelta(hours=2.5)]
    work, after = attempt_work([attempt(1, 2), attempt(2, 1)], {}, question, ran)
    assert [each.ran for each in work] == [ran[:1], []]
    assert after == ran[1:]


def test_a_learner_over_the_questions_of_the_class(busy: School):
    text = busy.see(f"learners/{busy.id('ana@example.org')}").text
    assert "Questions answered 2 of 2" in text
    assert "Right at first try 1 of 2" in text
    assert "✓ right ✓ right ✗ wrong 2" in text


def test_nothing_of_a_person_is_seen_but_the_topics_of_the_class(busy: School, content: Path):
    (content / "other").mkdir()
    (content / "other" / "private.md").write_text(
        "# Private?\n\n- [x] Yes {#yes}\n- [ ] No {#no}\n"
    )
    busy.teacher.client.application.extensions["quizserver-library"].refresh()
    ana = Visitor(busy.teacher.client.application.test_client())
    ana.sign_in("ana@example.org", WORDS)
    ana.answer("private", "yes")
    who = busy.id("ana@example.org")
    assert busy.see(f"learners/{who}/questions/private").status == 404
    for rest in ("matrix", f"learners/{who}", "matrix.csv", "matrix.json", "attempts.json"):
        assert "private" not in busy.see(rest).page.lower(), rest


@pytest.mark.parametrize("end", ["leave_class", "remove_learner"])
def test_who_left_is_nowhere_any_more(busy: School, end: str):
    who = busy.id("ana@example.org")
    with busy.database.write() as session:
        getattr(members, end)(session, busy.room, who, NOW)
    for rest in ("matrix", "matrix.csv", "matrix.json", "attempts.csv", "attempts.json"):
        assert "ana@example.org" not in busy.see(rest).page, rest
    assert busy.json(f"matrix/window.json?rows={who}")["rows"] == []
    assert busy.see(f"learners/{who}").status == 404
    assert busy.see(f"learners/{who}/questions/even").status == 404


@pytest.mark.parametrize("show", ["first", "best", "latest"])
def test_the_exports_have_the_numbers_of_the_page(busy: School, show: str):
    page = busy.see(f"matrix?show={show}").page
    lines = {line["email"]: line for line in busy.csv(f"matrix.csv?show={show}")}
    whole = {each["email"]: each for each in busy.json("matrix.json")["learners"]}
    assert lines.keys() == whole.keys() == {f"{n}@example.org" for n in ("ana", "bo", "cy")}
    rights = re.findall(r"<span data-right>(\d+)</span>", page)
    for email, told in whole.items():
        line = lines[email]
        at = [each["email"] for each in busy.json("matrix.json")["learners"]].index(email)
        assert rights[at] == line[f"right_{show}"] == str(told["right"][show])
        for question in ("even", "sides"):
            shown = cell(page, busy.id(email), question)
            mark, times = line[f"{question} {show}"], line[f"{question} attempts"]
            kept = told["questions"].get(question)
            if kept is None:
                assert (shown, mark, times) == ("–", "", "")
                continue
            assert shown.startswith(f"{'✓' if mark == '1' else '✗'} {times} ")
            assert (kept[show], kept["attempts"]) == (int(mark), int(times))
    assert lines["cy@example.org"]["name"] == "'=Cy"


def test_every_attempt_is_in_the_download_of_attempts(busy: School):
    lines, told = busy.csv("attempts.csv"), busy.json("attempts.json")["attempts"]
    assert [(each["email"], each["question"], each["number"]) for each in told] == [
        ("ana@example.org", "even", 1),
        ("ana@example.org", "even", 2),
        ("ana@example.org", "sides", 1),
        *(("bo@example.org", "even", number) for number in (1, 2, 3, 4)),
    ]
    assert [int(line["right"]) for line in lines] == [each["right"] for each in told]
    assert [line["chosen"].split() for line in lines] == [each["chosen"] for each in told]
    assert told[0]["chosen"] == ["four", "two"]
    assert sorted(told[0]["shown"]) == ["four", "three", "two"]
    assert told[0]["seconds"] is not None


def test_a_number_that_no_row_has_is_no_page(busy: School):
    huge = 10**24
    assert busy.see(f"learners/{huge}").status == 404
    assert busy.see(f"learners/{huge}/questions/even").status == 404
    busy.teacher.open(f"/classes/{huge}/matrix")
    assert busy.teacher.status == 404
    assert busy.json(f"matrix/window.json?rows={huge},-1,x,,{2**31}")["rows"] == []


def test_the_statements_of_a_page_do_not_grow_with_the_class(busy: School):
    addresses = ("matrix", "matrix?sort=-right&state=stuck", "matrix/window.json")
    before = [statements(busy, rest) for rest in addresses]
    with busy.database.write() as session:
        for number in range(60):
            made = people.ensure_guest(session, people.new_visitor_token())
            people.register_account(session, made.id, f"{number}@example.org", "x")
            joining.join_class(session, busy.room, made.id, "", NOW)
    assert [statements(busy, rest) for rest in addresses] == before
    assert max(before) <= 10


def statements(school: School, rest: str) -> int:
    """How many a page takes that somebody has looked at before."""
    school.see(rest)
    with counted() as seen:
        assert school.see(rest).status == 200
    return sum(text.startswith("SELECT") for text in seen)


@contextmanager
def counted() -> Iterator[list[str]]:
    seen: list[str] = []

    def note(*event: Any) -> None:
        seen.append(event[2])

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(sa.Engine, "before_cursor_execute", note)


def match(mark: str) -> dict[str, str]:
    return {"If-None-Match": f'"{mark}"'}
