"""What is kept of pages is of the text, the evidence and the person that a page is about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from tests.flows.browser_client import Visitor
from tests.flows.tried_content import QUESTION, write_tried_content

pytestmark = pytest.mark.one_database


@pytest.fixture
def content(content: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_tried_content(content, monkeypatch)
    return content


def test_whoever_answered_an_earlier_text_and_whoever_the_present_one_see_their_own(
    new_visitor: Callable[[], Visitor], content: Path, app: Flask
):
    earlier, present = new_visitor(), new_visitor()
    earlier.answer("even", "three")
    path = content / "numbers" / "even.md"
    path.write_text(QUESTION.replace("Three {#three}", "Trois {#three}"))
    app.extensions["quizserver-library"].refresh()
    present.answer("even", "three")
    for _visit in range(2):
        assert "Trois" not in earlier.open("/questions/even")
        assert "Three" not in present.open("/questions/even")
    assert "Three" in earlier.page
    assert "Trois" in present.page
