"""New topics and questions begin as drafts."""

from __future__ import annotations

from pathlib import Path

from tests.flows.authoring.editor_visits import source_text
from tests.flows.browser_client import Visitor


def test_a_new_question_begins_as_a_draft_that_passes_the_checker(
    author: Visitor, visitor: Visitor, content: Path
):
    author.open("/write")
    author.send("/write/numbers/files", name="third-way")
    assert author.status == 200
    assert "No problems" in author.text
    assert not (content / "numbers/third-way.md").exists()
    text = source_text(author.page)
    author.send("/write/numbers/third-way.md", text=text, do="publish")
    assert (content / "numbers/third-way.md").read_text() == text
    visitor.open("/questions/third-way")
    assert visitor.status == 200


def test_a_new_topic_is_a_folder_once_its_lesson_is_published(
    author: Visitor, visitor: Visitor, content: Path
):
    author.open("/write")
    author.send("/write/topics", folder="fresh-start", title="Fresh *start*")
    assert "No problems" in author.text
    assert not (content / "fresh-start").exists()
    author.send("/lesson.md", text=source_text(author.page), do="publish")
    assert "Fresh *start*" in visitor.open("/topics/fresh-start")
