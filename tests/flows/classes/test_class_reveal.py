"""A class decides when its learners are shown answers, and their pages name it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from quizserver.classes import join_store
from quizserver.classes import store as classes
from quizserver.db.tables import audit_event, class_
from tests.flows.browser_client import Form, Visitor
from tests.flows.classes.matrix_visits import NOW, MatrixVisits

AT_ONCE = "In the class Nets, every answer is followed by all there is."
TRIED = "In the class Nets, the answer is shown to those who are right or ask for it."


def choose(visits: MatrixVisits, rule: str) -> None:
    visits.open_page("settings")
    visits.teacher.send(f"{visits.url}/reveal", reveal=rule)
    assert visits.teacher.status == 200


def stored_rule(visits: MatrixVisits) -> str | None:
    with visits.database.read() as session:
        return session.scalar(sa.select(class_.c.reveal))


def test_the_settings_save_a_rule_show_it_and_the_log_has_each_change(visits: MatrixVisits):
    for rule, stored in (("at-once", "at-once"), ("at-once", "at-once"), ("tried", "tried")):
        choose(visits, rule)
        assert stored_rule(visits) == stored
        page = visits.open_page("settings").page
        assert Form(page, "/reveal").fields["reveal"] == [rule]
    choose(visits, "question")
    assert stored_rule(visits) is None
    with visits.database.read() as session:
        events = session.execute(
            sa.select(audit_event.c.actor_email, audit_event.c.about, audit_event.c.detail)
            .where(audit_event.c.action == "class-reveal-changed")
            .order_by(audit_event.c.id)
        ).all()
    assert [(e.detail["before"], e.detail["after"]) for e in events] == [
        ("question", "at-once"), ("at-once", "tried"), ("tried", "question"),
    ]  # fmt: skip
    assert {(e.actor_email, e.about) for e in events} == {("teacher@example.org", "Nets")}


@pytest.mark.parametrize("rule", ["", "never", "At-once"])
def test_another_rule_is_refused(visits: MatrixVisits, rule: str):
    visits.open_page("settings")
    visits.teacher.send(f"{visits.url}/reveal", reveal=rule)
    assert visits.teacher.status == 400
    assert stored_rule(visits) is None


def test_a_class_that_shows_answers_at_once_is_named(visits: MatrixVisits):
    choose(visits, "at-once")
    ana = visits.sign_up_learner("ana@example.org", "Ana")
    ana.answer("even", "three")
    assert "EXPLANATION" in ana.text
    assert AT_ONCE in ana.text
    ana.answer("even", "two", "four")
    learner = json.loads(visits.open_page("matrix.json").page)["learners"][0]
    assert learner["questions"]["even"] == {"attempts": 2, "first": 0, "best": 0, "latest": 0}


def test_a_class_that_wants_tries_holds_over_the_question_and_is_named(
    visits: MatrixVisits, content: Path, app: Flask
):
    path = content / "numbers" / "even.md"
    path.write_text(f"---\nreveal: at-once\n---\n{path.read_text()}")
    app.extensions["quizserver-library"].refresh()
    choose(visits, "tried")
    ana = visits.sign_up_learner("ana@example.org", "Ana")
    ana.answer("even", "three")
    assert "EXPLANATION" not in ana.page
    assert TRIED in ana.text
    ana.answer("sides", "two")
    assert TRIED in ana.text


def test_of_two_classes_the_stricter_holds(visits: MatrixVisits):
    choose(visits, "tried")
    ana = visits.sign_up_learner("ana@example.org", "Ana")
    with visits.database.write() as session:
        other = classes.create_class(session, "Other", visits.person_id("teacher@example.org"), NOW)
        classes.set_class_topics(session, other.id, [("numbers", None)])
        classes.change_reveal(session, other.id, "at-once")
        join_store.join_class(session, other.id, visits.person_id("ana@example.org"), "", NOW)
    ana.answer("even", "three")
    assert "EXPLANATION" not in ana.page
    assert TRIED in ana.text


def test_a_learner_outside_of_the_class_is_under_the_questions_own_rule(
    visits: MatrixVisits, new_visitor: object
):
    choose(visits, "at-once")
    assert callable(new_visitor)
    outside: Visitor = new_visitor()
    outside.answer("even", "three")
    assert "EXPLANATION" not in outside.page
    assert "class" not in outside.text.split("Show the answer")[1].split("Your attempts")[0]


def test_an_answer_without_a_mark_is_told_apart_in_the_matrix(visits: MatrixVisits):
    """Shown before any attempt, as a merged guest's reveal may be."""
    ana = visits.sign_up_learner("ana@example.org", "Ana")
    ana.answer("even", "three")
    with visits.database.write() as session:
        session.execute(
            sa.text("UPDATE standing SET first_mark = NULL, best_mark = NULL, latest_mark = NULL")
        )
    page = visits.open_page("matrix").page
    assert 'aria-label="no mark, 1 attempt">· 1<' in page
    window = json.loads(visits.open_page("matrix/window.json").page)
    assert window["rows"][0]["cells"][0] == [None, 1]
    ana_id = visits.person_id("ana@example.org")
    assert "· no mark · no mark · no mark 1" in visits.open_page(f"learners/{ana_id}").text
