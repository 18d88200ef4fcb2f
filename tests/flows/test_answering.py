"""A learner answers questions over HTTP: the form, the result, hints, retries and progress."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from quizserver.app import create_app
from quizserver.settings import Settings
from tests.flows.browser_client import Form, Visitor
from tests.statements import recorded_statements

KEY_WORDS = ("FEEDBACK", "EXPLANATION", "REFERENCES", "HINT-")


def test_a_visitor_answers_at_once_without_an_account(visitor: Visitor):
    visitor.open("/questions/even")
    assert Form(visitor.page, "/answer").choices != []
    visitor.answer("even", "two", "four")
    assert visitor.status == 200
    assert "Right at the first try" in visitor.text
    for word in ("FEEDBACK-TWO", "FEEDBACK-THREE", "EXPLANATION", "REFERENCES"):
        assert word in visitor.text


def test_a_wrong_answer_gets_the_numbers_of_missed_and_wrong_options(visitor: Visitor):
    visitor.answer("even", "two", "three")
    assert "left out one right option and chose one wrong option" in visitor.text
    for word in (*KEY_WORDS[:3], "Missed", "Chosen, but wrong", "Four"):
        assert word not in visitor.page, word
    visitor.send("/questions/even/reveal")
    assert "left out one right option and chose one wrong option" in visitor.text
    assert "Missed: this one is right" in visitor.text
    assert "Chosen, but wrong" in visitor.text


@pytest.mark.parametrize("address", ["/questions/even", "/topics/numbers", "/", "/progress"])
def test_the_key_is_nowhere_before_an_answer_is_in(visitor: Visitor, address: str):
    visitor.open(address)
    assert visitor.status == 200
    for word in KEY_WORDS:
        assert word not in visitor.page
    form = Form(visitor.page, "/answer")
    # Every option's markup is the same but for its id and its words.
    assert "checked" not in visitor.page
    assert "right" not in " ".join(form.fields)


def test_a_page_before_answering_is_the_same_size_whatever_the_key_is(
    visitor: Visitor, new_visitor: Callable[[], Visitor], content: Path, app: Flask
):
    def page_without_codes() -> str:
        text = visitor.open("/questions/sides")
        return re.sub(r'"[^"]{12,}"', "", text)

    before = page_without_codes()
    file = content / "numbers" / "sides.md"
    file.write_text(file.read_text().replace("[x]", "[ ]").replace("[ ] Four", "[x] Four"))
    app.extensions["quizserver-library"].refresh()
    assert len(page_without_codes()) == len(before)


def test_nothing_else_gives_the_key_away_before_an_answer(visitor: Visitor):
    visitor.open("/questions/even")
    for address in (
        "/topics/numbers/files/even.md",
        "/topics/numbers/files/../numbers/even.md",
        "/account/data.json",
        "/healthz",
        "/simulations/numbers/simulation",
    ):
        body = visitor.open(address)
        assert not any(word in body for word in KEY_WORDS), address


def test_hints_come_one_at_a_time_and_on_request_only(visitor: Visitor):
    assert "HINT-ONE" not in visitor.open("/questions/even")
    first = visitor.open("/questions/even?hints=1")
    assert "HINT-ONE" in first
    assert "HINT-TWO" not in first
    assert "HINT-TWO" in visitor.open("/questions/even?hints=2")
    visitor.open("/questions/even?hints=99")
    assert visitor.status == 200


def test_a_hint_without_scripts_keeps_what_was_ticked_and_stores_nothing(visitor: Visitor):
    visitor.open("/questions/even")
    visitor.send("/questions/even/answer", option=["two"], hint="1")
    assert visitor.status == 200
    assert "HINT-ONE" in visitor.page
    assert "HINT-TWO" not in visitor.page
    assert "EXPLANATION" not in visitor.page
    assert Form(visitor.page, "/answer").fields["option"] == ["two"]
    visitor.send("/questions/even/answer", hint="1")
    assert "HINT-TWO" in visitor.page
    assert visitor.client.get("/account/data.json").json.get("attempts", []) == []


def test_the_number_of_hints_seen_is_stored_with_the_attempt(visitor: Visitor):
    visitor.open("/questions/even?hints=2")
    visitor.send("/questions/even/answer", option=["two"])
    attempt = visitor.client.get("/account/data.json").json["attempts"][0]
    assert attempt["hints_seen"] == 2


def test_an_empty_submission_returns_the_form_with_what_to_do(visitor: Visitor):
    visitor.answer("even")
    assert visitor.status == 422
    assert "Choose an answer first" in visitor.text
    assert Form(visitor.page, "/answer").choices
    assert visitor.client.get("/account/data.json").json.get("attempts", []) == []


def test_one_right_option_means_radio_buttons_and_two_answers_are_refused(visitor: Visitor):
    assert 'type="radio"' in visitor.open("/questions/sides")
    assert 'type="checkbox"' not in visitor.page
    visitor.send("/questions/sides/answer", option=["two", "three"])
    assert visitor.status == 422
    assert 'type="checkbox"' in visitor.open("/questions/even")
    assert "Select all that apply" in visitor.text


def test_the_same_form_sent_twice_is_one_attempt(visitor: Visitor):
    visitor.open("/questions/even")
    first_page = visitor.page
    visitor.send("/questions/even/answer", option=["two"])
    visitor.page = first_page
    visitor.send("/questions/even/answer", option=["two"])
    assert visitor.status == 200
    assert len(visitor.client.get("/account/data.json").json["attempts"]) == 1


def test_another_choice_from_an_old_tab_changes_nothing_and_gets_a_message(visitor: Visitor):
    visitor.open("/questions/even")
    old_tab = visitor.page
    visitor.send("/questions/even/answer", option=["three"])
    visitor.page = old_tab
    visitor.send("/questions/even/answer", option=["two", "four"])
    assert visitor.status == 409
    assert "answered already" in visitor.text
    (attempt,) = visitor.client.get("/account/data.json").json["attempts"]
    assert attempt["chosen"] == ["three"]


def test_a_choice_made_before_signing_in_elsewhere_is_still_marked(
    visitor: Visitor, new_visitor: Callable[[], Visitor]
):
    """The form of the old session is refused with the form of the new one, never with an error
    page that has to be left without the choice."""
    ana = new_visitor()
    ana.sign_up("ana@example.org")
    visitor.open("/questions/even")
    old_form = visitor.page
    visitor.sign_in("ana@example.org")
    visitor.page = old_form
    visitor.send("/questions/even/answer", option=["two", "four"])
    assert visitor.status == 400
    assert "You signed in or out meanwhile" in visitor.text
    assert sorted(Form(visitor.page, "/answer").fields["option"]) == ["four", "two"]
    visitor.send("/questions/even/answer")
    assert "Right at the first try" in visitor.text
    assert Form(visitor.open("/questions/even?again=1"), "/answer").fields["number"] == ["2"]


def test_trying_again_keeps_the_first_attempt_apart(visitor: Visitor):
    visitor.answer("even", "three")
    visitor.answer("even", "two", "four")
    attempts = visitor.client.get("/account/data.json").json["attempts"]
    assert [(a["number"], a["right"]) for a in attempts] == [(1, False), (2, True)]
    visitor.open("/progress")
    assert "Right at first try 0 of 1" in visitor.text
    assert "Attempts 2" in visitor.text


def test_each_visitor_has_an_own_order_of_options_that_stays(
    visitor: Visitor, new_visitor: Callable[[], Visitor]
):
    assert visitor.order("even") == visitor.order("even")
    orders = {tuple(new_visitor().order("even")) for _ in range(40)}
    assert len(orders) > 1


def test_the_order_of_the_options_shown_is_stored(visitor: Visitor):
    order = visitor.order("even")
    visitor.answer("even", "two")
    assert visitor.client.get("/account/data.json").json["attempts"][0]["shown"] == order


def test_an_answer_to_an_edited_question_asks_to_read_it_again(
    visitor: Visitor, content: Path, app: Flask
):
    visitor.open("/questions/even")
    file = content / "numbers" / "even.md"
    file.write_text(file.read_text().replace("Pick the", "Choose the"))
    app.extensions["quizserver-library"].refresh()
    visitor.send("/questions/even/answer", option=["two", "four"])
    assert visitor.status == 422
    assert "edited since you opened it" in visitor.text
    assert "Choose the even numbers" in visitor.text
    visitor.send("/questions/even/answer")
    assert "Right at the first try" in visitor.text, "the choice was kept in the form"


def test_editing_the_key_does_not_rewrite_recorded_answers(
    visitor: Visitor, content: Path, app: Flask
):
    visitor.answer("even", "two", "four")
    file = content / "numbers" / "even.md"
    file.write_text(file.read_text().replace("[x] Four", "[ ] Four"))
    app.extensions["quizserver-library"].refresh()
    visitor.open("/questions/even")
    assert "The question has been edited since" in visitor.text
    assert visitor.client.get("/account/data.json").json["attempts"][0]["right"] is True


def test_an_option_reworded_later_is_shown_as_it_was_answered(
    visitor: Visitor, content: Path, app: Flask
):
    (content / "numbers" / "plain.md").write_text("# Pick\n\n- [x] Momentum\n- [ ] Rate\n")
    app.extensions["quizserver-library"].refresh()
    visitor.answer("plain", "momentum")
    (content / "numbers" / "plain.md").write_text("# Pick\n\n- [x] Momentum 0.9\n- [ ] Rate\n")
    app.extensions["quizserver-library"].refresh()
    visitor.open("/questions/plain")
    assert "this is the text that you answered" in visitor.text
    assert "Rightly chosen" in visitor.text
    assert "Momentum 0.9" not in visitor.text


def test_a_submission_sent_again_after_an_edit_is_still_the_same_attempt(
    visitor: Visitor, content: Path, app: Flask
):
    visitor.open("/questions/even")
    page = visitor.page
    visitor.send("/questions/even/answer", option=["two"])
    file = content / "numbers" / "even.md"
    file.write_text(file.read_text().replace("{#two}", "{#zwei}"))
    app.extensions["quizserver-library"].refresh()
    visitor.page = page
    visitor.send("/questions/even/answer", option=["two"])
    assert visitor.status == 200
    assert len(visitor.client.get("/account/data.json").json["attempts"]) == 1


def test_the_forms_code_for_its_version_is_no_digest_of_the_file(
    visitor: Visitor, new_visitor: Callable[[], Visitor], content: Path
):
    """With a digest of the text, somebody could try every key until the digest fits."""
    codes = []
    for browser in (visitor, new_visitor()):
        browser.open("/questions/sides")
        codes.append(Form(browser.page, "/answer").fields["version"][0])
    text = (content / "numbers" / "sides.md").read_bytes()
    assert not hashlib.sha256(text).hexdigest().startswith(codes[0][:8])
    assert codes[0] != codes[1]


def test_a_simulation_stays_closed_while_a_question_of_its_topic_cannot_be_parsed(
    visitor: Visitor, content: Path, app: Flask
):
    (content / "numbers" / "simulation.py").write_text("simulation = None\n")
    app.extensions["quizserver-library"].refresh()
    visitor.open("/simulations/numbers/simulation")
    assert visitor.status == 200, "no question rests on it"
    (content / "numbers" / "broken.md").write_text("# Broken\n")
    app.extensions["quizserver-library"].refresh()
    visitor.open("/simulations/numbers/simulation")
    assert visitor.status == 403


def test_an_answer_is_there_after_a_restart(visitor: Visitor, settings: Settings):
    visitor.answer("even", "two", "four")
    cookie = visitor.client.get_cookie("session")
    assert cookie is not None
    restarted_app = create_app(settings)
    client = restarted_app.test_client()
    client.set_cookie("session", cookie.value)
    assert "Right at the first try" in Visitor(client).open("/questions/even")
    restarted_app.extensions["quizserver-close"]()


def test_a_lesson_embeds_the_question_and_returns_to_it(visitor: Visitor):
    visitor.open("/topics/numbers")
    assert "<math" in visitor.page
    visitor.send("/questions/even/answer", option=["two", "four"])
    assert "A lesson about numbers" in visitor.text
    assert "EXPLANATION" in visitor.text


def test_progress_counts_answers_and_links_to_the_next_question(visitor: Visitor):
    visitor.answer("even", "two", "four")
    visitor.open("/progress")
    assert "Questions answered 1 of 2" in visitor.text
    assert "Right at first try 1 of 1" in visitor.text
    assert "Go on: How many sides" in visitor.text


@pytest.mark.parametrize(
    ("field", "value"),
    [("number", "0"), ("number", "-1"), ("number", "x"), ("number", "9" * 30), ("version", "")],
)
def test_a_tampered_form_is_refused_without_a_trace(visitor: Visitor, field: str, value: str):
    visitor.open("/questions/even")
    visitor.send("/questions/even/answer", option=["two"], **{field: value})
    assert visitor.status in {400, 409, 422}
    assert "Traceback" not in visitor.page
    assert visitor.client.get("/account/data.json").json.get("attempts", []) == []


@pytest.mark.parametrize(
    "chosen",
    [("two", "three"), ("two", "four")],
    ids=["wrong, with the classes' rules", "right, with the reveal"],
)
def test_an_answer_is_one_transaction_of_seven_statements(
    visitor: Visitor, new_visitor: Callable[[], Visitor], chosen: tuple[str, ...]
):
    new_visitor().answer("even", "two")  # whose transaction stores the text of the question
    visitor.answer("sides", "three")  # whose transaction stores the visitor
    visitor.open("/questions/even")
    form = Form(visitor.page, "/answer")
    assert form.url is not None
    with recorded_statements() as statements:
        visitor.client.post(form.url, data=form.fields | {"option": list(chosen)})
    done = [text for text in statements if not text.startswith("BEGIN")]
    assert len(done) == 7, done
    assert len(statements) - len(done) <= 1, "PostgreSQL's driver begins by itself"
    assert "Your attempts" in visitor.open("/questions/even")
