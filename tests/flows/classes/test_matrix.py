"""The matrix of a class and the work behind its cells, from answers given through the pages."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from quizserver.accounts import store as account_store
from quizserver.attempts import experiments_store as experiments
from quizserver.attempts.model import Attempt
from quizserver.classes import join_store
from quizserver.classes import members_store as members
from quizserver.classes import store as classes
from quizserver.classes.matrix.learner_work import attempt_work
from quizserver.db.tables import attempt, question_version
from tests.flows.browser_client import Visitor
from tests.flows.classes.matrix_visits import NOW, WORDS, MatrixVisits, cell_text
from tests.statements import recorded_statements

pytestmark = pytest.mark.one_database


@pytest.mark.parametrize(
    ("show", "ana", "bo"),
    [
        ("first", "✓ 2 = right, 2 attempts", "✗ 4 = wrong, 4 attempts"),
        ("best", "✓ 2 = right, 2 attempts", "✓ 4 = right, 4 attempts"),
        ("latest", "✓ 2 = right, 2 attempts", "✓ 4 = right, 4 attempts"),
    ],
)
def test_a_cell_says_right_or_wrong_and_how_many_in_words(
    answered: MatrixVisits, show: str, ana: str, bo: str
):
    page = answered.open_page(f"matrix?show={show}").page
    assert cell_text(page, answered.person_id("ana@example.org"), "even") == ana
    assert cell_text(page, answered.person_id("bo@example.org"), "even") == bo
    assert cell_text(page, answered.person_id("cy@example.org"), "even") == "–"
    assert "=Cy" in answered.teacher.text


def test_everything_works_by_links_and_one_form(answered: MatrixVisits):
    page = answered.open_page("matrix?search=example&show=first").page
    assert page.count("<tr data-person") == 3
    by_attempts = re.search(r'href="([^"]*sort=-attempts[^"]*)"', page)
    assert by_attempts is not None
    page = answered.teacher.open(by_attempts.group(1).replace("&amp;", "&"))
    assert re.findall(r'data-person="(\d+)"', page)[0] == str(answered.person_id("bo@example.org"))
    assert 'aria-sort="descending"' in page
    assert 'name="show" value="first"' in page, "the form keeps what else the address says"
    answered.open_page("matrix?state=new")
    assert answered.teacher.page.count("<tr data-person") == 1
    assert "No learner of this class matches" in answered.open_page("matrix?search=nobody").text


def test_a_page_of_learners_is_asked_for_by_its_number(answered: MatrixVisits):
    with answered.database.write() as session:
        for number in range(120):
            account = account_store.ensure_guest(session, account_store.new_visitor_token())
            account_store.register_account(session, account.id, f"{number}@example.org", "x")
            join_store.join_class(session, answered.class_id, account.id, f"Z{number:03}", NOW)
    answered.open_page("matrix?sort=-right&page=2&show=first")
    assert "Page of 3" in answered.teacher.text
    fields = re.findall(
        r'name="(\w+)" value="([^"]*)"', answered.teacher.page.split("matrix-page")[1]
    )
    form_fields = dict(fields[: [name for name, _ in fields].index("page") + 1])
    assert form_fields == {"show": "first", "sort": "-right", "page": "2"}
    answered.open_page("matrix?sort=-right&show=first&page=3")
    assert "101–123 of 123 learners" in answered.teacher.text


def test_learners_of_one_name_are_distinguished_on_a_phone_too(answered: MatrixVisits):
    answered.sign_up_learner("other@example.org", "Ana")
    page = answered.open_page("matrix").page
    emails = re.findall(r'matrix-alike">([^<]+)<', page)
    assert emails == ["ana@example.org", "other@example.org"]


def test_an_empty_class_says_what_to_do(visits: MatrixVisits):
    assert "Nobody is in the matrix yet" in visits.open_page("matrix").text
    with visits.database.write() as session:
        classes.set_class_topics(session, visits.class_id, [])
    assert "Choose its topics" in visits.open_page("matrix").text
    with visits.database.write() as session:
        classes.set_class_topics(
            session, visits.class_id, [("taken-away", None), ("numbers", None)]
        )
    visits.sign_up_learner("ana@example.org")
    assert "taken-away" in visits.open_page("matrix").text, "a topic that is gone is told"


def test_the_page_polls_for_changes_and_gets_304_without_any(answered: MatrixVisits):
    client = answered.teacher.client
    page = answered.open_page("matrix").page
    match = re.search(r'data-matrix="([^"]*)"', page)
    assert match is not None
    polling = json.loads(match.group(1).replace("&#34;", '"').replace("&amp;", "&"))
    ids = ",".join(re.findall(r'data-person="(\d+)"', page))
    unchanged = client.get(
        polling["url"], query_string={"rows": ids}, headers=if_none_match(polling["mark"])
    )
    assert (unchanged.status_code, unchanged.data) == (304, b"")
    dee = answered.sign_up_learner("dee@example.org", "Dee")
    dee.answer("sides", "three")
    bo = Visitor(client.application.test_client())
    bo.sign_in("bo@example.org", WORDS)
    bo.answer("sides", "two")
    changed = client.get(
        polling["url"], query_string={"rows": ids}, headers=if_none_match(polling["mark"])
    )
    assert changed.status_code == 200
    assert changed.json["moved"], "somebody joined"
    row = next(
        row_data
        for row_data in changed.json["rows"]
        if row_data["id"] == answered.person_id("bo@example.org")
    )
    assert row["cells"] == [[1, 4], [0, 1]]
    assert row["attempts"] == 5
    unchanged_again = client.get(
        polling["url"], query_string={"rows": ids}, headers=if_none_match(changed.get_etag()[0])
    )
    assert unchanged_again.status_code == 304


def test_behind_a_cell_is_what_was_seen_and_chosen(answered: MatrixVisits):
    bo = Visitor(answered.teacher.client.application.test_client())
    bo.sign_in("bo@example.org", WORDS)
    order = bo.order("even")
    page = answered.open_page(
        f"learners/{answered.person_id('bo@example.org')}/questions/even"
    ).page
    attempts = page.split('<section class="attempt"')[1:]
    assert len(attempts) == 4
    words = {"two": "Two", "three": "Three", "four": "Four"}
    text = re.sub(r"<[^>]+>", " ", attempts[0].split('<ol class="seen"')[1])
    positions = [text.index(words[name]) for name in order]
    assert positions == sorted(positions), "in the order in which they were shown"
    assert len(re.findall("chosen, wrong", attempts[0])) == 1
    assert len(re.findall("right, not chosen", attempts[0])) == 2
    assert len(re.findall("chosen, right", attempts[3])) == 2
    assert "0 of 2" in attempts[0], "hints"
    assert "s</dd>" in attempts[0], "how long it took"


def test_an_attempt_is_shown_under_the_version_that_it_answered(
    answered: MatrixVisits, content: Path
):
    path = content / "numbers" / "even.md"
    work = f"learners/{answered.person_id('bo@example.org')}/questions/even"
    library = answered.teacher.client.application.extensions["quizserver-library"]
    path.write_text(path.read_text().replace("EXPLANATION", "Another EXPLANATION"))
    library.refresh()
    assert "edited since" not in answered.open_page(work).text, "it asks and grades the same"
    path.write_text(path.read_text().replace("Pick the even numbers.", "Pick the odd ones out."))
    library.refresh()
    page = answered.open_page(work).page
    assert "Pick the even numbers." in page
    assert "Pick the odd ones out." not in page
    assert "edited since" in answered.teacher.text


def test_a_version_that_cannot_be_parsed_does_not_hide_the_attempt(answered: MatrixVisits):
    old = {"question": "even", "version": "old", "source": "gone", "first_answered_at": NOW}
    first = sa.and_(attempt.c.number == 1, attempt.c.question == "even")
    with answered.database.write() as session:
        session.execute(sa.insert(question_version).values(**old))
        session.execute(sa.update(attempt).where(first).values(version="old"))
    text = answered.open_page(
        f"learners/{answered.person_id('bo@example.org')}/questions/even"
    ).text
    assert "can’t be read any more" in text
    assert "● chosen three" in text, "whether it was right can't be told of the option"


def test_experiments_stand_between_the_answers_around_them(answered: MatrixVisits, content: Path):
    (content / "numbers" / "simulation.py").write_text("# never imported here\n")
    even = content / "numbers" / "even.md"
    even.write_text(f"---\nsimulation: simulation\n---\n{even.read_text()}")
    answered.teacher.client.application.extensions["quizserver-library"].refresh()
    person_id = answered.person_id("bo@example.org")
    with answered.database.write() as session:
        for number in range(4):
            session.execute(
                sa.update(attempt)
                .where(attempt.c.person_id == person_id, attempt.c.number == number + 1)
                .values(answered_at=NOW + timedelta(hours=number))
            )
        for minutes in (-5, 65, 90, 999):
            moment = NOW + timedelta(minutes=minutes)
            experiments.record_experiment(session, person_id, "numbers", "simulation", moment)
        experiments.record_experiment(
            session, person_id, "elsewhere", "simulation", NOW + timedelta(minutes=70)
        )
    text = answered.open_page(f"learners/{person_id}/questions/even").text
    headings = re.findall(r"Attempt \d|Ran the experiment(?: \d times)?", text)
    assert headings == [
        "Ran the experiment",
        "Attempt 1",
        "Attempt 2",
        "Ran the experiment 2 times",
        "Attempt 3",
        "Attempt 4",
        "Ran the experiment",
    ]


def test_an_experiment_is_shown_once_before_the_attempt_that_followed_it(
    answered: MatrixVisits,
):
    present = answered.teacher.client.application.extensions["quizserver-library"].snapshot()
    question = present.questions["even"]

    def attempt(number: int, hours: int) -> Attempt:
        moment = NOW + timedelta(hours=hours)
        return Attempt("even", question.version, number, (), (), True, 1.0, 0, moment, None)

    ran = [NOW + timedelta(hours=1.5), NOW + timedelta(hours=2.5)]
    work, after = attempt_work([attempt(1, 1), attempt(2, 2)], {}, question, ran)
    assert [entry.ran for entry in work] == [[], ran[:1]]
    assert after == ran[1:]


def test_a_learner_over_the_questions_of_the_class(answered: MatrixVisits):
    text = answered.open_page(f"learners/{answered.person_id('ana@example.org')}").text
    assert "Questions answered 2 of 2" in text
    assert "Right at first try 1 of 2" in text
    assert "✓ right ✓ right ✓ right 2" in text, "what follows a right answer has no mark"


def test_nothing_of_a_person_is_seen_but_the_topics_of_the_class(
    answered: MatrixVisits, content: Path
):
    (content / "other").mkdir()
    (content / "other" / "private.md").write_text(
        "# Private?\n\n- [x] Yes {#yes}\n- [ ] No {#no}\n"
    )
    answered.teacher.client.application.extensions["quizserver-library"].refresh()
    ana = Visitor(answered.teacher.client.application.test_client())
    ana.sign_in("ana@example.org", WORDS)
    ana.answer("private", "yes")
    person_id = answered.person_id("ana@example.org")
    assert answered.open_page(f"learners/{person_id}/questions/private").status == 404
    for rest in ("matrix", f"learners/{person_id}", "matrix.csv", "matrix.json", "attempts.json"):
        assert "private" not in answered.open_page(rest).page.lower(), rest


@pytest.mark.parametrize("end_membership", ["leave_class", "remove_learner"])
def test_who_left_is_nowhere_any_more(answered: MatrixVisits, end_membership: str):
    person_id = answered.person_id("ana@example.org")
    with answered.database.write() as session:
        getattr(members, end_membership)(session, answered.class_id, person_id, NOW)
    for rest in ("matrix", "matrix.csv", "matrix.json", "attempts.csv", "attempts.json"):
        assert "ana@example.org" not in answered.open_page(rest).page, rest
    assert answered.read_json(f"matrix/window.json?rows={person_id}")["rows"] == []
    assert answered.open_page(f"learners/{person_id}").status == 404
    assert answered.open_page(f"learners/{person_id}/questions/even").status == 404


def test_a_number_that_no_row_has_is_no_page(answered: MatrixVisits):
    huge = 10**24
    assert answered.open_page(f"learners/{huge}").status == 404
    assert answered.open_page(f"learners/{huge}/questions/even").status == 404
    answered.teacher.open(f"/classes/{huge}/matrix")
    assert answered.teacher.status == 404
    assert answered.read_json(f"matrix/window.json?rows={huge},-1,x,,{2**31}")["rows"] == []


def test_the_statements_of_a_page_do_not_grow_with_the_class(answered: MatrixVisits):
    addresses = ("matrix", "matrix?sort=-right&state=stuck", "matrix/window.json")
    before = [count_statements(answered, rest) for rest in addresses]
    with answered.database.write() as session:
        for number in range(60):
            account = account_store.ensure_guest(session, account_store.new_visitor_token())
            account_store.register_account(session, account.id, f"{number}@example.org", "x")
            join_store.join_class(session, answered.class_id, account.id, "", NOW)
    assert [count_statements(answered, rest) for rest in addresses] == before
    assert max(before) <= 10


def count_statements(visits: MatrixVisits, rest: str) -> int:
    """How many a page takes that somebody has looked at before."""
    visits.open_page(rest)
    with recorded_statements("SELECT") as statements:
        assert visits.open_page(rest).status == 200
    return len(statements)


def if_none_match(mark: str) -> dict[str, str]:
    return {"If-None-Match": f'"{mark}"'}
