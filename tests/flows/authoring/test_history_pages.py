"""Versions of pages are listed, shown and restored; pages are deleted."""

from __future__ import annotations

import re
from pathlib import Path

from tests.flows.authoring.editor_visits import EDITED, EDITOR, save_text, source_text
from tests.flows.browser_client import Visitor


def test_the_history_says_who_and_what_and_brings_a_version_back_as_a_draft(
    author: Visitor, content: Path
):
    file = content / "numbers/sides.md"
    first = file.read_text()
    save_text(author, EDITED, "publish")
    author.open(f"{EDITOR}/history")
    assert "by author@example.org" in author.text
    assert "Found on the disk" in author.text
    number = re.findall(r"/history/(\d+)\"", author.page)[0]
    author.open(f"{EDITOR}/history/{number}")
    assert re.search(r"diff-removed.*triangle", author.page, re.DOTALL)
    assert re.search(r"diff-added.*trigon", author.page, re.DOTALL)
    author.open(f"{EDITOR}/history")
    author.send("/history/1")
    assert source_text(author.page) == first
    assert file.read_text() == EDITED, "restoring publishes nothing"
    author.send(EDITOR, text=first, do="publish")
    assert file.read_text() == first


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
    assert source_text(author.page) == text
    author.send(url, text=text, do="publish")
    assert file.read_text() == text
