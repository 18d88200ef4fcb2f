"""A file that was changed meanwhile is shown, and nothing is overwritten."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest

from quizserver.db.session import Database
from tests.flows.authoring.editor_visits import (
    EDITED,
    EDITOR,
    publish_over,
    save_text,
    source_text,
    stored_versions,
)
from tests.flows.browser_client import Visitor


@pytest.mark.parametrize("choice", ["theirs", "mine", "merged"])
def test_a_file_changed_on_the_disk_is_shown_and_no_text_is_lost(
    choice: str, author: Visitor, content: Path, database: Database
):
    file = content / "numbers/sides.md"
    base = file.read_text()
    theirs = base.replace("- [ ] Four {#four}", "- [ ] Five {#five}")
    publish_over(author, file, theirs)
    assert author.client.get(f"{EDITOR}/conflict").status_code == 200
    assert "Two versions of one page" in author.page
    assert "trigon" in author.text, "what the author changed"
    assert "Five" in author.text, "what the disk has"
    assert "Four" in author.text, "what both began from"
    assert file.read_text() == theirs
    merged = EDITED + "- [ ] Five {#five}\n"
    author.send(f"{EDITOR}/conflict", choice=choice, text=merged)
    assert author.status == 200
    assert file.read_text() == theirs, "nothing is published by deciding"
    expected = {"theirs": theirs, "mine": EDITED, "merged": merged}[choice]
    assert source_text(author.open(EDITOR)) == expected
    if choice != "theirs":
        author.send(EDITOR, text=expected, do="publish")
        assert file.read_text() == expected
    stored = [source for source, _, _ in stored_versions(database)]
    assert base in stored
    assert theirs in stored, "what was replaced can be brought back"


def test_changes_that_do_not_touch_are_merged(author: Visitor, content: Path):
    file = content / "numbers/even.md"
    url = "/write/numbers/even.md"
    base = file.read_text()
    mine = base.replace("Pick the even numbers.", "Pick all even numbers.")
    save_text(author, mine, url=url)
    theirs = base.replace("Count in pairs.", "Count in twos.")
    file.write_text(theirs)
    author.open(f"{url}/conflict")
    assert "Both sets of changes fit together" in author.page
    merged = theirs.replace("Pick the even numbers.", "Pick all even numbers.")
    form = re.search(r'<textarea id="merged"[^>]*>\n(.*?)</textarea>', author.page, re.DOTALL)
    assert form
    author.send(f"{url}/conflict", choice="merged", text=unescape(form[1]))
    author.open(url)
    author.send(url, text=source_text(author.page), do="publish")
    assert file.read_text() == merged


def test_conflict_markers_are_not_published(author: Visitor, content: Path):
    file = content / "numbers/sides.md"
    theirs = file.read_text().replace("triangle", "triangular thing")
    publish_over(author, file, theirs)
    form = re.search(r'<textarea id="merged"[^>]*>\n(.*?)</textarea>', author.page, re.DOTALL)
    assert form
    author.send(f"{EDITOR}/conflict", choice="merged", text=unescape(form[1]))
    author.open(EDITOR)
    author.send(EDITOR, text=source_text(author.page), do="publish")
    assert author.status == 422
    assert "Decide between them" in author.page
    assert file.read_text() == theirs


def test_another_authors_publication_is_a_conflict_that_names_them(
    author: Visitor, sign_up_as: Callable[..., Visitor], content: Path, database: Database
):
    other = sign_up_as("admin", "other@example.org")
    save_text(author, EDITED)
    theirs = EDITED.replace("trigon", "trilateral")
    save_text(other, theirs, "publish")
    author.open(EDITOR)
    assert "The file was changed since you began" in author.text
    author.send(EDITOR, text=EDITED, do="publish")
    assert "other@example.org published another text" in author.text
    assert (content / "numbers/sides.md").read_text() == theirs
    author.send(f"{EDITOR}/conflict", choice="mine", text="")
    save_text(author, EDITED, "publish")
    assert (content / "numbers/sides.md").read_text() == EDITED
    assert [email for _, origin, email in stored_versions(database) if origin == "browser"] == [
        "other@example.org",
        "author@example.org",
    ]


def test_a_decision_about_a_file_that_changed_once_more_is_asked_again(
    author: Visitor, content: Path
):
    file = content / "numbers/sides.md"
    publish_over(author, file, EDITED.replace("trigon", "first change"))
    file.write_text(EDITED.replace("trigon", "second change"))
    author.send(f"{EDITOR}/conflict", choice="theirs", text="")
    assert author.status == 409
    assert "second change" in author.page
    assert source_text(author.open(EDITOR)) == EDITED, "the draft is still there"


def test_a_file_deleted_on_the_disk_is_a_conflict_too(author: Visitor, content: Path):
    file = content / "numbers/sides.md"
    save_text(author, EDITED)
    file.unlink()
    author.open(EDITOR)
    author.send(EDITOR, text=EDITED, do="publish")
    assert "The file was deleted since you began" in author.text
    author.send(f"{EDITOR}/conflict", choice="mine", text="")
    save_text(author, EDITED, "publish")
    assert file.read_text() == EDITED
