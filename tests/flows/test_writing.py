"""Writing in the browser: who may, what learners see of it, and that no text is ever lost."""

from __future__ import annotations

import io
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from quizserver.db.session import Database
from quizserver.db.tables import draft, file_version, person
from quizserver.settings import Settings
from tests.flows.browser_client import Form, Visitor

EDITED = "# How many sides has a trigon?\n\n- [ ] Two {#two}\n- [x] Three {#three}\n"
EDITOR = "/write/numbers/sides.md"
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 64


@pytest.fixture
def store(app: Flask, settings: Settings) -> Iterator[Database]:
    database = Database(settings.data_url)
    yield database
    database.dispose()


@pytest.fixture
def join(store: Database, new_visitor: Callable[[], Visitor]) -> Callable[..., Visitor]:
    """Somebody with an account of the role."""

    def joined(role: str, email: str | None = None) -> Visitor:
        visitor = new_visitor()
        address = email or f"{role}@example.org"
        visitor.sign_up(address)
        with store.write() as session:
            session.execute(sa.update(person).where(person.c.email == address).values(role=role))
        return visitor

    return joined


@pytest.fixture
def author(join: Callable[..., Visitor]) -> Visitor:
    return join("author")


def write(visitor: Visitor, text: str, action: str = "save", url: str = EDITOR) -> str:
    """Opens the editor, types a text and presses a button."""
    visitor.open(url)
    return visitor.send(url, text=text, do=action)


def typed(page: str) -> str:
    """What the textarea of an editor holds, as a browser reads it."""
    found = re.search(r'<textarea id="source"[^>]*>\n?(.*?)</textarea>', page, re.DOTALL)
    assert found
    return unescape(found[1])


def versions(store: Database) -> list[tuple[str, str, str | None]]:
    columns = file_version.c.source, file_version.c.origin, file_version.c.email
    with store.read() as session:
        return [tuple(row) for row in session.execute(sa.select(*columns).order_by("id"))]


ADDRESSES = [
    "/write",
    EDITOR,
    f"{EDITOR}/conflict",
    f"{EDITOR}/history",
    f"{EDITOR}/history/1",
    f"{EDITOR}/delete",
]
DEEDS = [
    "/write/topics",
    "/write/numbers/files",
    "/write/numbers/images",
    EDITOR,
    f"{EDITOR}/check",
    f"{EDITOR}/conflict",
    f"{EDITOR}/discard",
    f"{EDITOR}/history/1",
    f"{EDITOR}/delete",
]


@pytest.mark.parametrize("role", ["guest", "learner", "instructor"])
def test_for_everybody_else_there_are_no_such_pages(
    role: str, new_visitor: Callable[[], Visitor], join: Callable[..., Visitor], content: Path
):
    visitor = new_visitor() if role == "guest" else join(role)
    page = visitor.open("/")
    assert "/write" not in page
    token = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert token
    before = (content / "numbers/sides.md").read_text()
    for address in ADDRESSES:
        assert visitor.client.get(address).status_code == 404, address
    for address in DEEDS:
        data = {"csrf_token": token[1], "text": "# Mine", "do": "publish"}
        assert visitor.client.post(address, data=data).status_code == 404, address
    assert (content / "numbers/sides.md").read_text() == before


def test_an_author_finds_every_page_from_the_navigation(author: Visitor):
    assert 'href="/write"' in author.open("/")
    author.open("/write")
    assert author.status == 200
    for name in ("lesson.md", "sides.md", "even.md"):
        assert f'href="/write/numbers/{name}"' in author.page
    assert typed(author.open(EDITOR)).startswith("# How many sides has a triangle?")


def test_the_page_beside_the_text_shows_the_key_and_the_feedback(author: Visitor):
    author.open("/write/numbers/even.md")
    assert "FEEDBACK-TWO" in author.page
    assert author.page.count("key-option key-right") == 2
    assert author.page.count("key-option key-wrong") == 1
    assert "HINT-ONE" in author.page


def test_a_draft_is_invisible_to_learners_until_it_is_published(
    author: Visitor, visitor: Visitor, content: Path, store: Database
):
    write(author, EDITED)
    assert "trigon" in typed(author.open(EDITOR))
    assert "trigon" not in (content / "numbers/sides.md").read_text()
    assert "triangle" in visitor.open("/questions/sides")
    assert "trigon" not in visitor.page
    write(author, EDITED, "publish")
    assert "Published" in author.page
    assert (content / "numbers/sides.md").read_text() == EDITED
    assert "trigon" in visitor.open("/questions/sides"), "live at once, without a wait"
    with store.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(draft)) == 0


def test_only_the_typed_lines_change_and_newlines_become_lf(author: Visitor, content: Path):
    file = content / "numbers/sides.md"
    file.write_bytes(b"# Odd   spacing\r\n\r\n*  [x] Yes\r\n* [ ]  No")
    file.chmod(0o640)
    write(author, "# Odd   spacing\r\n\r\n*  [x] Yes\r\n* [ ]  Never", "publish")
    assert "Published" in author.page
    assert file.read_bytes() == b"# Odd   spacing\n\n*  [x] Yes\n* [ ]  Never\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in file.parent.iterdir()) == [
        "even.md",
        "lesson.md",
        "sides.md",
    ], "nothing temporary is left"


def test_what_could_not_be_served_is_not_published_and_the_draft_stays(
    author: Visitor, content: Path
):
    before = (content / "numbers/sides.md").read_text()
    broken = EDITED.replace("[x]", "[ ]")
    write(author, broken, "publish")
    assert author.status == 422
    assert "No option is marked as right" in author.text
    assert 'data-line="3"' in author.page
    assert (content / "numbers/sides.md").read_text() == before
    assert typed(author.open(EDITOR)) == broken


def test_checking_without_scripts_shows_the_problems_of_the_typed_text(author: Visitor):
    write(author, EDITED.replace("[x]", "[ ]"), "check")
    assert author.status == 200
    assert "No option is marked as right" in author.text


def check(author: Visitor, text: str, **more: str) -> dict:
    page = author.open(EDITOR)
    token = re.search(r'name="csrf-token" content="([^"]+)"', page)
    form = Form(page, EDITOR)
    body = {"text": text, "base": form.fields["base"][0], "seen": form.fields["seen"][0]}
    response = author.client.post(
        f"{EDITOR}/check", json=body | more, headers={"X-CSRFToken": token[1]}
    )
    assert response.status_code == 200
    return response.get_json()


def test_while_typing_the_draft_is_kept_and_judged_as_the_command_line_judges(
    author: Visitor, content: Path
):
    from quizserver.topics.check import check as on_disk

    broken = EDITED.replace("[x]", "[ ]") + "\n![](no.png)\n"
    told = check(author, broken)
    assert told["saved"]
    assert typed(author.open(EDITOR)) == broken
    (content / "numbers/sides.md").write_text(broken)
    found = on_disk(content / "numbers/sides.md", content=content, catalog=None)
    assert [(p["line"], p["column"], p["code"]) for p in told["problems"]] == [
        (p.line, p.column, p.code) for p in found
    ]


def test_a_draft_of_two_tabs_is_not_overwritten_unseen(author: Visitor):
    first = author.open(EDITOR)
    form = Form(first, EDITOR)
    write(author, "# One tab\n\n- [x] a\n- [ ] b\n")
    author.post(EDITOR, form.fields | {"text": "# Other tab\n\n- [x] a\n- [ ] b\n"})
    assert author.status == 409
    assert "One tab" in author.page, "what is stored is shown"
    assert "# Other tab" in typed(author.page), "and what was typed is still there"
    author.send(EDITOR, text="# Other tab\n\n- [x] a\n- [ ] b\n", do="save")
    assert "# Other tab" in typed(author.open(EDITOR))


def publish_over(author: Visitor, file: Path, theirs: str) -> None:
    """The author has a draft; somebody changes the file; the author publishes."""
    write(author, EDITED)
    file.write_text(theirs)
    author.open(EDITOR)
    author.send(EDITOR, text=EDITED, do="publish")


@pytest.mark.parametrize("choice", ["theirs", "mine", "merged"])
def test_a_file_changed_on_the_disk_is_shown_and_no_text_is_lost(
    choice: str, author: Visitor, content: Path, store: Database
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
    assert typed(author.open(EDITOR)) == expected
    if choice != "theirs":
        author.send(EDITOR, text=expected, do="publish")
        assert file.read_text() == expected
    kept = [source for source, _, _ in versions(store)]
    assert base in kept
    assert theirs in kept, "what was replaced can be brought back"


def test_changes_that_do_not_touch_are_put_together(author: Visitor, content: Path):
    file = content / "numbers/even.md"
    url = "/write/numbers/even.md"
    base = file.read_text()
    mine = base.replace("Pick the even numbers.", "Pick all even numbers.")
    write(author, mine, url=url)
    theirs = base.replace("Count in pairs.", "Count in twos.")
    file.write_text(theirs)
    author.open(f"{url}/conflict")
    assert "Both sets of changes fit together" in author.page
    both = theirs.replace("Pick the even numbers.", "Pick all even numbers.")
    form = re.search(r'<textarea id="merged"[^>]*>\n(.*?)</textarea>', author.page, re.DOTALL)
    assert form
    author.send(f"{url}/conflict", choice="merged", text=unescape(form[1]))
    author.open(url)
    author.send(url, text=typed(author.page), do="publish")
    assert file.read_text() == both


def test_marks_of_an_undecided_place_are_not_published(author: Visitor, content: Path):
    file = content / "numbers/sides.md"
    theirs = file.read_text().replace("triangle", "triangular thing")
    publish_over(author, file, theirs)
    form = re.search(r'<textarea id="merged"[^>]*>\n(.*?)</textarea>', author.page, re.DOTALL)
    assert form
    author.send(f"{EDITOR}/conflict", choice="merged", text=unescape(form[1]))
    author.open(EDITOR)
    author.send(EDITOR, text=typed(author.page), do="publish")
    assert author.status == 422
    assert "Decide between them" in author.page
    assert file.read_text() == theirs


def test_another_authors_publication_is_a_conflict_that_names_them(
    author: Visitor, join: Callable[..., Visitor], content: Path, store: Database
):
    other = join("admin", "other@example.org")
    write(author, EDITED)
    theirs = EDITED.replace("trigon", "trilateral")
    write(other, theirs, "publish")
    author.open(EDITOR)
    assert "The file was changed since you began" in author.text
    author.send(EDITOR, text=EDITED, do="publish")
    assert "other@example.org published another text" in author.text
    assert (content / "numbers/sides.md").read_text() == theirs
    author.send(f"{EDITOR}/conflict", choice="mine", text="")
    write(author, EDITED, "publish")
    assert (content / "numbers/sides.md").read_text() == EDITED
    assert [who for _, origin, who in versions(store) if origin == "browser"] == [
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
    assert typed(author.open(EDITOR)) == EDITED, "the draft is still there"


def test_a_file_deleted_on_the_disk_is_a_conflict_too(author: Visitor, content: Path):
    file = content / "numbers/sides.md"
    write(author, EDITED)
    file.unlink()
    author.open(EDITOR)
    author.send(EDITOR, text=EDITED, do="publish")
    assert "The file was deleted since you began" in author.text
    author.send(f"{EDITOR}/conflict", choice="mine", text="")
    write(author, EDITED, "publish")
    assert file.read_text() == EDITED


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


@pytest.mark.parametrize("name", ["Sides", "../x", ".hidden", "a b", "evil.py", "x/y", "ü", ""])
def test_names_that_are_no_plain_names_make_no_page(author: Visitor, content: Path, name: str):
    before = sorted(content.rglob("*"))
    author.open("/write")
    author.send("/write/numbers/files", name=name)
    assert author.status == 422
    author.open("/write")
    author.send("/write/topics", folder=name, title="x")
    assert author.status == 422
    assert sorted(content.rglob("*")) == before


@pytest.mark.parametrize(
    "path",
    [
        "numbers/simulation.py",
        "numbers/evidence.json",
        "numbers/Sides.md",
        "numbers/.sides.md",
        "..%2Fnumbers/sides.md",
        "numbers/..%2Fsides.md",
        "numbers/sides.md%00.md",
        "numbers/linked.md",
        "linked/sides.md",
    ],
)
def test_nothing_but_a_plain_page_of_a_topic_can_be_opened_or_written(
    author: Visitor, content: Path, tmp_path: Path, path: str
):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "sides.md").write_text("# Outside\n\n- [x] a\n- [ ] b\n")
    (content / "linked").symlink_to(outside)
    (content / "numbers/linked.md").symlink_to(outside / "sides.md")
    (content / "numbers/simulation.py").write_text("raise SystemExit\n")
    before = {p: p.read_bytes() for p in [*content.rglob("*"), *outside.iterdir()] if p.is_file()}
    page = author.open("/write")
    token = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert token
    assert author.client.get(f"/write/{path}").status_code in (404, 308)
    for action in ("save", "publish"):
        data = {"csrf_token": token[1], "text": EDITED, "do": action, "base": "", "seen": ""}
        assert author.client.post(f"/write/{path}", data=data).status_code == 404
    after = {p: p.read_bytes() for p in [*content.rglob("*"), *outside.iterdir()] if p.is_file()}
    assert after == before


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


def send_image(author: Visitor, data: bytes, called: str, **more: str) -> str:
    author.open(EDITOR)
    fields = {"image": (io.BytesIO(data), called), "alt": "A curve"} | more
    return author.send("/write/numbers/images", **fields)


def test_an_image_is_put_beside_the_page_and_its_reference_is_given(author: Visitor, content: Path):
    send_image(author, PNG, "My Curve (1).PNG", alt="A [steep] curve")
    assert author.status == 200
    assert (content / "numbers/my-curve-1.png").read_bytes() == PNG
    assert "![A \\[steep\\] curve](my-curve-1.png)" in author.text
    text = EDITED.replace("\n\n", "\n\n![A curve](my-curve-1.png)\n\n")
    write(author, text, "check")
    assert "No problems" in author.text


def test_an_image_is_not_overwritten_without_being_asked(author: Visitor, content: Path):
    send_image(author, PNG, "curve.png")
    send_image(author, PNG + b"1", "curve.png")
    assert author.status == 409
    assert (content / "numbers/curve.png").read_bytes() == PNG
    send_image(author, PNG + b"1", "curve.png", overwrite="1")
    assert (content / "numbers/curve.png").read_bytes() == PNG + b"1"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"import os\n", "This is no"),
        (b"<html><script>alert(1)</script></html>", "This is no"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', "&lt;script&gt;"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>', "onload"),
        (b'<!DOCTYPE svg><svg xmlns="http://www.w3.org/2000/svg"/>', "document type"),
    ],
)
def test_what_is_no_image_or_does_more_than_draw_is_refused(
    author: Visitor, content: Path, data: bytes, words: str
):
    before = sorted(content.rglob("*"))
    send_image(author, data, "x.png")
    assert author.status == 422
    assert words in author.page
    assert sorted(content.rglob("*")) == before


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, upload_kb=400)


def test_an_image_may_be_larger_than_other_requests_but_not_larger_than_set(
    author: Visitor, visitor: Visitor, content: Path, settings: Settings
):
    size = (settings.body_kb + 10) * 1024
    send_image(author, PNG + b"0" * size, "large.png")
    assert author.status == 200
    assert (content / "numbers/large.png").stat().st_size > size
    send_image(author, PNG + b"0" * 400 * 1024, "huge.png")
    assert author.status == 422
    assert "400 KiB" in author.text
    send_image(author, PNG + b"0" * 480 * 1024, "enormous.png")
    assert author.status == 413
    assert not (content / "numbers/huge.png").exists()
    page = visitor.open("/sign-up")
    assert page
    visitor.send("/sign-up", email="x" * size, password="correct horse")
    assert visitor.status == 413, "only authors may send so much"


def test_an_image_needs_words_for_those_who_cannot_see_it(author: Visitor, content: Path):
    send_image(author, PNG, "curve.png", alt="  ")
    assert author.status == 422
    assert not (content / "numbers/curve.png").exists()


def test_python_can_not_be_written_from_a_browser(author: Visitor, content: Path):
    """Whatever is asked for, no new file but markdown and images appears."""
    send_image(author, PNG, "simulation.py")
    send_image(author, PNG, "x.png", **{"as": "simulation.py"})
    send_image(author, PNG, "x.png", name="simulation.py")
    write_to = ["/write/numbers/simulation.py", "/write/numbers/simulation.py.md"]
    page = author.open("/write")
    token = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert token
    for url in write_to:
        data = {"csrf_token": token[1], "text": "x = 1", "do": "publish"}
        assert author.client.post(url, data=data).status_code == 404
    assert {path.suffix for path in content.rglob("*") if path.is_file()} <= {".md", ".png"}


def test_a_folder_that_can_not_be_written_to_keeps_the_draft_and_says_so(
    author: Visitor, content: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    write(author, EDITED)
    monkeypatch.setattr(os, "fsync", full)
    author.open(EDITOR)
    author.send(EDITOR, text=EDITED, do="publish")
    assert author.status == 409
    assert "No space left on device" in author.text
    monkeypatch.undo()
    assert typed(author.open(EDITOR)) == EDITED
    assert "triangle" in (content / "numbers/sides.md").read_text()


def test_a_saved_draft_outlives_an_hour_of_other_things(author: Visitor, content: Path):
    write(author, EDITED)
    os.utime(content / "numbers/sides.md", (time.time() - 3600, time.time()))
    assert typed(author.open(EDITOR)) == EDITED
    assert "Draft" in author.text


CLAIMING = """\
---
simulation: simulation
claims:
  - {option: three, arm: healthy, shape: early-drop}
  - {option: two, arm: healthy, shape: flat}
---
# How many sides has a triangle?

- [ ] Two {#two}
- [x] Three {#three}
"""


def test_a_verification_is_nothing_for_anybody_but_authors(
    author: Visitor,
    join: Callable[..., Visitor],
    visitor: Visitor,
    content: Path,
    settings: Settings,
):
    """What it tells is the key, so it is no run that can be looked at, downloaded or stopped."""
    (content / "numbers/simulation.py").write_text("raise RuntimeError('never imported here')\n")
    write(author, CLAIMING)
    author.send(f"{EDITOR}/verify") if author.open(EDITOR) else None
    assert author.status == 200
    assert "It waits for a worker" in author.text
    run_id = re.search(r"/write/verifications/([0-9a-f]{24})", author.page)
    assert run_id
    learner = join("learner")
    for who in (visitor, learner):
        who.open("/")
        token = re.search(r'name="csrf-token" content="([^"]+)"', who.page)
        assert token
        for address in ("", "/events", "?part=1"):
            assert who.client.get(f"/write/verifications/{run_id[1]}{address}").status_code == 404
        stop = who.client.post(
            f"/write/verifications/{run_id[1]}/stop", data={"csrf_token": token[1]}
        )
        assert stop.status_code == 404
    for who in (visitor, learner, author):
        for address in ("", "/events", ".csv", "?replicas=1"):
            assert who.client.get(f"/runs/{run_id[1]}{address}").status_code == 404, address
    author.open(f"/write/verifications/{run_id[1]}")
    author.send("/stop")
    assert "It was stopped" in author.text


def test_a_page_without_claims_is_not_verified_and_says_why(author: Visitor):
    author.open(EDITOR)
    author.send(f"{EDITOR}/verify")
    assert "no claim in this topic" in author.text
