"""The settings of a class: title, join code, topics with due moments; and its deletion."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from quizserver.classes import store as classes
from quizserver.settings import Settings
from tests.flows.browser_client import Visitor
from tests.flows.classes.class_visits import (
    csrf_token,
    join_class,
    join_code,
)


def test_topics_are_in_the_instructors_order_with_due_dates_in_a_named_time_zone(
    teacher: Visitor, ana: Visitor
):
    teacher.open("/classes/1/settings?zone=Asia/Kolkata")
    teacher.send("/classes/1/topics", due="2027-03-01T23:59")
    assert 'value="2027-03-01T23:59"' in teacher.page
    assert "UTC+05:30" in teacher.text
    join_class(ana, join_code(teacher))
    assert "Due 1 March 2027, 18:29 UTC" in ana.text
    assert 'datetime="2027-03-01T18:29:00+00:00"' in ana.page
    teacher.open("/classes/1/settings?zone=UTC")
    assert 'value="2027-03-01T18:29"' in teacher.page, "other clocks, the same moment"


def test_another_time_zone_is_used_and_moments_in_the_old_one_are_saved(teacher: Visitor):
    teacher.open("/classes/1/settings?zone=UTC")
    moment = "2027-03-01T12:00"
    teacher.send("/classes/1/topics", due=moment, do="clocks", clocks="Asia/Tokyo")
    assert 'value="2027-03-01T21:00"' in teacher.page
    teacher.send("/classes/1/topics", do="clocks", clocks="Mars/Olympus")
    assert 'value="2027-03-01T21:00"' in teacher.page, "there are no such clocks"
    teacher.send("/classes/1/topics", zone="Mars/Olympus")
    assert "Choose a time zone from the list." in teacher.text


def test_two_instructors_who_change_the_topics_overwrite_nothing_unknowingly(
    teacher: Visitor, sign_up_instructor: Callable[[str], Visitor]
):
    kim = sign_up_instructor("kim@example.org")
    teacher.open("/classes/1/roster")
    teacher.send("/classes/1/instructors", email="kim@example.org")
    kim.open("/classes/1/settings?zone=UTC")
    teacher.open("/classes/1/settings?zone=UTC")
    teacher.send("/classes/1/topics", due="2027-03-01T12:00")
    kim.send("/classes/1/topics", due="2027-04-01T12:00")
    assert kim.status == 422
    assert "Numbers, gently (due 1 March 2027, 12:00 UTC)" in kim.text
    assert 'value="2027-04-01T12:00"' in kim.page, "what was typed is still there"
    assert 'value="2027-03-01T12:00"' in teacher.open("/classes/1/settings")
    kim.send("/classes/1/topics")
    assert kim.status == 200
    assert 'value="2027-04-01T12:00"' in teacher.open("/classes/1/settings")


def test_a_form_without_its_fields_changes_neither_code_nor_topics(teacher: Visitor):
    before = join_code(teacher)
    teacher.open("/classes/1/settings")
    fields = {"csrf_token": csrf_token(teacher)}
    for nonsense in ({}, {"do": "nonsense"}):
        teacher.post("/classes/1/code", fields | nonsense)
        assert teacher.status == 400
        teacher.post("/classes/1/topics", fields | nonsense)
        assert teacher.status == 422
    assert join_code(teacher) == before
    assert "Numbers, gently" in teacher.page


def test_a_form_sent_to_a_class_that_was_deleted_meanwhile_gets_404(
    teacher: Visitor, monkeypatch: pytest.MonkeyPatch
):
    """Between the look at who may and the change itself."""
    teacher.open("/classes/1/settings")
    fields = {"csrf_token": csrf_token(teacher)}
    lock_class = classes.lock_class

    def delete_then_lock(session: Session, class_id: int) -> None:
        classes.delete_class(session, class_id)
        lock_class(session, class_id)

    monkeypatch.setattr("quizserver.classes.store.lock_class", delete_then_lock)
    monkeypatch.setattr("quizserver.classes.members_store.lock_class", delete_then_lock)
    for address in ("topics", "roster/1/remove", "roster/1/take-back"):
        teacher.post(f"/classes/1/{address}", fields)
        assert teacher.status == 404, address
        assert "There is no such page" in teacher.text


def test_an_invalid_due_moment_changes_nothing_and_says_so(teacher: Visitor):
    teacher.open("/classes/1/settings")
    teacher.send("/classes/1/topics", due="soon")
    assert teacher.status == 422
    assert 'value="soon"' in teacher.page
    assert "2027-03-01T23:59" in teacher.text


def test_a_topic_past_its_due_moment_is_said_to_be_and_stays_open(teacher: Visitor, ana: Visitor):
    teacher.open("/classes/1/settings")
    teacher.send("/classes/1/topics", due="2020-03-01T23:59")
    join_class(ana, join_code(teacher))
    assert "Was due 1 March 2020" in ana.text
    assert "You can still answer" in ana.text
    ana.answer("even", "two", "four")
    ana.answer("sides", "three")
    assert "Was due" not in (ana.open("/classes/1") and ana.text)


def test_the_learners_page_leads_to_the_next_question_of_the_class(teacher: Visitor, ana: Visitor):
    join_class(ana, join_code(teacher))
    assert "Start: Which one is even?" in ana.text
    ana.answer("even", "three")
    assert "Go on: How many sides" in (ana.open("/classes/1") and ana.text)
    ana.answer("sides", "three")
    assert "Go on: Which one is even?" in (ana.open("/classes/1") and ana.text), "not right yet"
    ana.answer("even", "two", "four")
    assert "Every question of this class is answered rightly" in (
        ana.open("/classes/1") and ana.text
    )


def test_a_missing_topic_is_named_to_instructors_and_learners(
    teacher: Visitor, ana: Visitor, app: Flask, settings: Settings
):
    join_class(ana, join_code(teacher))
    ana.answer("sides", "three")
    (settings.content / "numbers").rename(settings.content.parent / "away")
    app.extensions["quizserver-library"].refresh()
    assert "not in the content now" in (teacher.open("/classes/1") and teacher.text)
    assert "1 question that is not in the content now" in (
        teacher.open("/classes/1/settings") and teacher.text
    )
    assert "This topic is not on the server now" in (ana.open("/classes/1") and ana.text)


def test_a_class_is_deleted_by_its_title_and_the_answers_stay(teacher: Visitor, ana: Visitor):
    join_class(ana, join_code(teacher))
    ana.answer("sides", "three")
    teacher.open("/classes/1/delete")
    assert "its roster with 2 memberships" in teacher.text
    teacher.send("/classes/1/delete", title="Something")
    assert teacher.status == 422
    teacher.send("/classes/1/delete", title="Nets")
    assert "The class Nets is deleted" in teacher.text
    ana.open("/classes/1")
    assert ana.status == 404
    assert len(ana.client.get("/account/data.json").json["attempts"]) == 1
    (event,) = teacher.client.get("/account/data.json").json["log"][:1]
    assert (event["action"], event["about"]) == ("class-deleted", "Nets")
    assert event["detail"]["members"] == 2


def test_a_title_needs_visible_characters(teacher: Visitor):
    for title in (
        "",
        "   ",
        "x" * 201,
        "safe\u202egpj.exe",
        "\u200d",
        "a\u200bb",
        "\u3164",
    ):
        teacher.open("/classes/1/settings")
        teacher.send("/classes/1/title", title=title)
        assert teacher.status == 422, title
    assert "Nets" in teacher.open("/classes/1")


@pytest.mark.parametrize("title", ["می\u200cخواهم", "👩\u200d💻 Nets", "क्\u200dष"])
def test_a_title_may_join_its_letters_as_its_script_does(teacher: Visitor, title: str):
    teacher.open("/classes/1/settings")
    teacher.send("/classes/1/title", title=title)
    assert title in teacher.page


def test_markup_in_a_title_or_a_name_is_text(teacher: Visitor, ana: Visitor):
    teacher.open("/classes/1/settings")
    teacher.send("/classes/1/title", title="<b>Nets</b>")
    join_class(ana, join_code(teacher), "<script>x</script>")
    for page in (ana.open("/classes/1"), teacher.open("/classes/1/roster")):
        assert "<b>Nets" not in page
        assert "<script>x" not in page
    assert "&lt;script&gt;x" in teacher.page
