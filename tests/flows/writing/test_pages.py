"""Pages come, go and come back."""

from __future__ import annotations

import re
from pathlib import Path

from tests.flows.browser_client import Visitor
from tests.flows.writing.desk import EDITED, EDITOR, typed, write


def test_the_history_says_who_and_what_and_brings_a_version_back_as_a_draft(
    author: Visitor, content: Path
):
    file = content / "numbers/sides.md"
    first = file.read_text()
    write(author, EDITED, "publish")
    author.open(f"{EDITOR}/history")
    assert "by author@example.org" in author.text
    assert "Found on the disk" in author.text
    number = re.findall(r"/history/(\d+)\"", author.page)[0]
    author.open(f"{EDITOR}/history/{number}")
    assert re.search(r"diff-removed.*triangle", author.page, re.DOTALL)
    assert re.search(r"diff-added.*trigon", author.page, re.DOTALL)
    author.open(f"{EDITOR}/history")
    author.send("/history/1")
    assert typed(author.page) == first
    assert file.read_text() == EDITED, "restoring publishes nothing"
    author.send(EDITOR, text=first, do="publish")
    assert file.read_text() == first


def test_a_new_question_begins_as_a_draft_that_passes_the_checker(
    author: Visitor, visitor: Visitor, content: Path
):
    author.open("/write")
    author.send("/write/numbers/files", name="third-way")
    assert author.status == 200
    assert "No problems" in author.text
    assert not (content / "numbers/third-way.md").exists()
    text = typed(author.page)
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
    author.send("/lesson.md", text=typed(author.page), do="publish")
    assert "Fresh *start*" in visitor.open("/topics/fresh-start")


def test_a_deleted_page_is_gone_for_learners_and_can_be_brought_back(
    author: Visitor, visitor: Visitor, content: Path
):
    file = content / "numbers/even.md"
    text = file.read_text()
    url = "/write/numbers/even.md"
    author.open(f"{url}/delete")
    assert "numbers/lesson.md:5" in author.text or "numbers/lesson.md:6" in author.text
    author.send(f"{url}/delete")
    assert not file.exists()
    assert visitor.client.get("/questions/even").status_code == 404
    author.open("/write")
    assert f"{url}/history" in author.page
    author.open(f"{url}/history")
    author.send("/history/1")
    assert typed(author.page) == text
    author.send(url, text=text, do="publish")
    assert file.read_text() == text
