"""A draft is seen by its author alone, and no text of one is ever lost."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from quizserver.db.session import Database
from quizserver.db.tables import draft, person
from tests.flows.authoring.editor_visits import EDITED, EDITOR, check_live, save_text, source_text
from tests.flows.browser_client import Form, Visitor


def test_the_page_beside_the_text_shows_the_key_and_the_feedback(author: Visitor):
    author.open("/write/numbers/even.md")
    assert "FEEDBACK-TWO" in author.page
    assert author.page.count("key-option key-right") == 2
    assert author.page.count("key-option key-wrong") == 1
    assert "HINT-ONE" in author.page


def test_a_draft_is_invisible_to_learners_until_it_is_published(
    author: Visitor, visitor: Visitor, content: Path, database: Database
):
    save_text(author, EDITED)
    assert "trigon" in source_text(author.open(EDITOR))
    assert "trigon" not in (content / "numbers/sides.md").read_text()
    assert "triangle" in visitor.open("/questions/sides")
    assert "trigon" not in visitor.page
    save_text(author, EDITED, "publish")
    assert "Published" in author.page
    assert (content / "numbers/sides.md").read_text() == EDITED
    assert "trigon" in visitor.open("/questions/sides"), "live at once, without a wait"
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(draft)) == 0


def test_only_the_typed_lines_change(author: Visitor, content: Path):
    file = content / "numbers/sides.md"
    file.write_bytes(b"# Odd   spacing\r\n\r\n*  [x] Yes\r\n* [ ]  No")
    file.chmod(0o640)
    save_text(author, "# Odd   spacing\r\n\r\n*  [x] Yes\r\n* [ ]  No", "publish")
    assert "nothing to publish" in author.text
    save_text(author, "# Odd   spacing\r\n\r\n*  [x] Yes\r\n* [ ]  Never", "publish")
    assert "Published" in author.page
    assert file.read_bytes() == b"# Odd   spacing\r\n\r\n*  [x] Yes\r\n* [ ]  Never"
    assert file.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in file.parent.iterdir()) == [
        "even.md",
        "lesson.md",
        "sides.md",
    ], "nothing temporary is left"


def test_a_text_that_comes_after_the_session_ended_is_given_back(
    author: Visitor, database: Database, content: Path
):
    """Without scripts nothing else holds it any more."""
    before = (content / "numbers/sides.md").read_text()
    page = author.open(EDITOR)
    fields = Form(page, EDITOR).fields | {"text": "# <b>Late</b>\n", "do": "publish"}
    with database.write() as session:
        session.execute(sa.update(person).values(role="learner"))
    author.post(EDITOR, fields)
    assert author.status == 404
    assert "# &lt;b&gt;Late&lt;/b&gt;" in author.page, "no role any more"
    author.client.delete_cookie("session")
    author.post(EDITOR, fields)
    assert author.status == 400
    assert "# &lt;b&gt;Late&lt;/b&gt;" in author.page, "nobody any more"
    assert (content / "numbers/sides.md").read_text() == before


@pytest.mark.parametrize("fault", ["not-text", "link"])
def test_a_text_for_a_file_that_can_not_be_opened_any_more_is_given_back(
    author: Visitor, content: Path, tmp_path: Path, fault: str
):
    fields = Form(author.open(EDITOR), EDITOR).fields | {"text": "# Mine\n", "do": "save"}
    file = content / "numbers/sides.md"
    if fault == "link":
        file.rename(tmp_path / "sides.md")
        file.symlink_to(tmp_path / "sides.md")
    else:
        file.write_bytes(b"# \xff\n")
    author.post(EDITOR, fields)
    assert author.status == (404 if fault == "link" else 409)
    assert "# Mine" in author.page
    assert ("is a link" if fault == "link" else "not UTF-8") in author.text


def test_a_draft_is_discarded_only_when_it_is_the_one_that_was_shown(
    author: Visitor, content: Path
):
    save_text(author, EDITED)
    author.open(f"{EDITOR}/discard")
    assert "trigon" in author.text, "what would be lost is shown"
    shown_fields = Form(author.page, f"{EDITOR}/discard").fields
    newer = EDITED.replace("trigon", "trilateral")
    save_text(author, newer)
    author.post(f"{EDITOR}/discard", shown_fields)
    assert "changed meanwhile" in author.text
    assert source_text(author.open(EDITOR)) == newer
    author.open(f"{EDITOR}/discard")
    author.send(f"{EDITOR}/discard")
    assert "triangle" in source_text(author.open(EDITOR))


def test_what_could_not_be_served_is_not_published_and_the_draft_stays(
    author: Visitor, content: Path
):
    before = (content / "numbers/sides.md").read_text()
    broken = EDITED.replace("[x]", "[ ]")
    save_text(author, broken, "publish")
    assert author.status == 422
    assert "No option is marked as right" in author.text
    assert 'data-line="3"' in author.page
    assert (content / "numbers/sides.md").read_text() == before
    assert source_text(author.open(EDITOR)) == broken


def test_a_warning_is_shown_and_counted_apart_and_the_page_is_published(
    author: Visitor, content: Path
):
    warned = EDITED.replace("Three", "`Three`")
    result = check_live(author, warned)
    assert [problem["severity"] for problem in result["problems"]] == ["warning"]
    assert 'data-brief="! 1 warning"' in result["problems_html"]
    assert "Warnings keep nothing from being published" in result["problems_html"]
    save_text(author, warned, "publish")
    assert "Published, with 1 warning: learners see it from now on." in author.text
    assert (content / "numbers/sides.md").read_text() == warned
    assert re.search(
        r'class="mark-warn"><span aria-hidden="true">!</span> 1 warning<', author.open("/write")
    )


def test_checking_without_scripts_shows_the_problems_of_the_typed_text(author: Visitor):
    save_text(author, EDITED.replace("[x]", "[ ]"), "check")
    assert author.status == 200
    assert "No option is marked as right" in author.text


def test_while_typing_the_draft_is_saved_and_checked_as_the_command_line_checks(
    author: Visitor, content: Path
):
    from quizserver.topics.content_checks import check_content

    broken = EDITED.replace("[x]", "[ ]") + "\n![](no.png)\n"
    result = check_live(author, broken)
    assert result["saved"]
    assert source_text(author.open(EDITOR)) == broken
    (content / "numbers/sides.md").write_text(broken)
    diagnostics = check_content(content / "numbers/sides.md", content=content, claim_checker=None)
    assert [(p["line"], p["column"], p["code"]) for p in result["problems"]] == [
        (p.line, p.column, p.code) for p in diagnostics
    ]


def test_a_draft_of_two_tabs_is_not_overwritten_unseen(author: Visitor):
    first = author.open(EDITOR)
    form = Form(first, EDITOR)
    save_text(author, "# One tab\n\n- [x] a\n- [ ] b\n")
    author.post(EDITOR, form.fields | {"text": "# Other tab\n\n- [x] a\n- [ ] b\n"})
    assert author.status == 409
    assert "One tab" in author.page, "what is stored is shown"
    assert "# Other tab" in source_text(author.page), "and what was typed is still there"
    author.send(EDITOR, text="# Other tab\n\n- [x] a\n- [ ] b\n", do="save")
    assert "# Other tab" in source_text(author.open(EDITOR))


def test_a_folder_that_can_not_be_written_to_keeps_the_draft_and_says_so(
    author: Visitor, content: Path, monkeypatch: pytest.MonkeyPatch
):
    def raise_disk_full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    save_text(author, EDITED)
    monkeypatch.setattr(os, "fsync", raise_disk_full)
    author.open(EDITOR)
    author.send(EDITOR, text=EDITED, do="publish")
    assert author.status == 409
    assert "No space left on device" in author.text
    monkeypatch.undo()
    assert source_text(author.open(EDITOR)) == EDITED
    assert "triangle" in (content / "numbers/sides.md").read_text()


def test_a_saved_draft_outlives_an_hour_of_other_things(author: Visitor, content: Path):
    save_text(author, EDITED)
    os.utime(content / "numbers/sides.md", (time.time() - 3600, time.time()))
    assert source_text(author.open(EDITOR)) == EDITED
    assert "Draft" in author.text


def test_json_that_is_nested_too_deeply_is_a_bad_request(author: Visitor):
    token = re.search(r'name="csrf-token" content="([^"]+)"', author.open(EDITOR))
    response = author.client.post(
        f"{EDITOR}/check",
        data='{"text": ' + "[" * 100_000,
        content_type="application/json",
        headers={"X-CSRFToken": token[1]},
    )
    assert response.status_code == 400
