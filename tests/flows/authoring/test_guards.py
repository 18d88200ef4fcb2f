"""Who may edit, and what: for everyone but authors there are no such pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flows.authoring.editor_visits import EDITED, EDITOR, PNG, send_image, source_text
from tests.flows.browser_client import Form, Visitor

pytestmark = pytest.mark.one_database

PAGES = [
    "/write",
    EDITOR,
    f"{EDITOR}/conflict",
    f"{EDITOR}/history",
    f"{EDITOR}/history/1",
    f"{EDITOR}/delete",
    f"{EDITOR}/discard",
    "/write/numbers/images/dot.png",
]


FORMS = [
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
    role: str, new_visitor: Callable[[], Visitor], sign_up_as: Callable[..., Visitor], content: Path
):
    visitor = new_visitor() if role == "guest" else sign_up_as(role)
    page = visitor.open("/")
    assert "/write" not in page
    token = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert token
    before = (content / "numbers/sides.md").read_text()
    for address in PAGES:
        assert visitor.client.get(address).status_code == 404, address
    for address in FORMS:
        data = {"csrf_token": token[1], "text": "# Mine", "do": "publish"}
        assert visitor.client.post(address, data=data).status_code == 404, address
    assert (content / "numbers/sides.md").read_text() == before


def test_an_author_finds_every_page_from_the_navigation(author: Visitor):
    assert 'href="/write"' in author.open("/")
    author.open("/write")
    assert author.status == 200
    for name in ("lesson.md", "sides.md", "even.md"):
        assert f'href="/write/numbers/{name}"' in author.page
    assert source_text(author.open(EDITOR)).startswith("# How many sides has a triangle?")


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


@pytest.mark.parametrize("name", ["Sides", "../x", ".hidden", "a b", "evil.py", "x/y", "ü", ""])
def test_names_that_are_no_plain_names_make_no_page(author: Visitor, content: Path, name: str):
    before = sorted(content.rglob("*"))
    author.open("/write")
    author.send("/write/numbers/files", name=name)
    assert author.status == 422
    assert Form(author.page, "/write/numbers/files").fields["name"][0] == name, "to be corrected"
    author.open("/write")
    author.send("/write/topics", folder=name, title="x")
    assert author.status == 422
    assert sorted(content.rglob("*")) == before


def test_python_can_not_be_written_from_a_browser(author: Visitor, content: Path):
    """Whatever is asked for, no new file but markdown and images appears."""
    send_image(author, PNG, "simulation.py")
    send_image(author, PNG, "x.png", **{"as": "simulation.py"})
    send_image(author, PNG, "x.png", name="simulation.py")
    urls = ["/write/numbers/simulation.py", "/write/numbers/simulation.py.md"]
    page = author.open("/write")
    token = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert token
    for url in urls:
        data = {"csrf_token": token[1], "text": "x = 1", "do": "publish"}
        assert author.client.post(url, data=data).status_code == 404
    assert {path.suffix for path in content.rglob("*") if path.is_file()} <= {".md", ".png"}
