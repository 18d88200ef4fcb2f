"""A question's file changes between a form and its answer: what is read and graded decides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from tests.flows.browser_client import Visitor

REST = {
    "claims": ("# Which", "---\nsimulation: simulation\nclaims: []\ntags: [new]\n---\n# Which"),
    "explanation": ("EXPLANATION", "Another EXPLANATION"),
    "feedback": ("FEEDBACK-TWO", "FEEDBACK-ANEW"),
}


@pytest.fixture
def edit(content: Path, app: Flask) -> Callable[[str, str], None]:
    """Replaces a text in the file of the question ``even``, which is served at once."""

    def replace_text(old: str, new: str) -> None:
        file = content / "numbers" / "even.md"
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))
        app.extensions["quizserver-library"].refresh()

    return replace_text


@pytest.mark.parametrize("change", REST.values(), ids=REST)
def test_an_open_form_is_taken_when_only_the_rest_of_the_file_changed(
    visitor: Visitor, edit: Callable[[str, str], None], change: tuple[str, str]
):
    visitor.open("/questions/even")
    edit(*change)
    visitor.send("/questions/even/answer", option=["two", "four"])
    assert visitor.status == 200
    assert "Right at the first try" in visitor.text


def test_an_answer_is_of_an_edited_question_only_where_that_asks_something_else(
    visitor: Visitor, edit: Callable[[str, str], None]
):
    visitor.answer("even", "two", "four")
    edit("EXPLANATION", "A better EXPLANATION")
    visitor.open("/questions/even")
    assert "A better EXPLANATION" in visitor.text
    assert "edited since" not in visitor.text
    edit("Pick the", "Choose the")
    visitor.open("/questions/even")
    assert "The question has been edited since" in visitor.text
    assert "Pick the even" in visitor.text


def test_attempts_before_and_after_such_a_change_count_as_one_question(
    visitor: Visitor, edit: Callable[[str, str], None]
):
    visitor.answer("even", "two")
    edit("EXPLANATION", "Another EXPLANATION")
    visitor.answer("even", "two", "four")
    first, second = visitor.client.get("/account/data.json").json["attempts"]
    assert first["version"] != second["version"], "each names the text that it was made under"
    assert (first["number"], second["number"]) == (1, 2)
