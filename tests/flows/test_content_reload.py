"""Files changed while the server runs: a broken one keeps its last good version."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from flask import Flask

from tests.flows.browser_client import Visitor


def wait_for(visitor: Visitor, address: str, text: str, seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if text in visitor.open(address):
            return True
        time.sleep(0.1)
    return False


def test_a_changed_and_a_new_file_are_live_without_a_restart(visitor: Visitor, content: Path):
    file = content / "numbers" / "sides.md"
    file.write_text(file.read_text().replace("triangle", "trilateral"))
    assert wait_for(visitor, "/questions/sides", "trilateral")
    (content / "numbers" / "new.md").write_text("# Brand new\n\n- [x] Yes\n- [ ] No\n")
    assert wait_for(visitor, "/questions/new", "Brand new")


def test_a_broken_file_keeps_its_last_good_version_and_authors_see_the_problem(
    visitor: Visitor,
    new_visitor: Callable[[], Visitor],
    content: Path,
    give_role_to_all: Callable[[str], None],
):
    author = new_visitor()
    author.sign_up("author@example.org")
    give_role_to_all("author")
    file = content / "numbers" / "sides.md"
    file.write_text(file.read_text().replace("[x]", "[ ]"))
    assert wait_for(author, "/questions/sides", "Fix these files")
    assert "numbers/sides.md:3:" in author.page
    assert wait_for(author, "/topics/numbers", "numbers/sides.md:3:")
    visitor.open("/questions/sides")
    assert "How many sides" in visitor.page
    assert "Fix these files" not in visitor.page
    assert "numbers/sides.md" not in visitor.open("/topics/numbers")
    file.write_text(file.read_text().replace("- [ ] Three", "- [x] Three"))
    deadline = time.monotonic() + 20
    while "Fix these files" in author.open("/questions/sides"):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_log_of_the_server_names_the_problem(content: Path, app: Flask, caplog):
    (content / "numbers" / "sides.md").write_text("# No options\n")
    app.extensions["quizserver-library"].refresh()
    assert "numbers/sides.md:1" in caplog.text


def test_a_bench_of_a_lesson_waits_for_a_question_that_cannot_be_read(
    visitor: Visitor, content: Path, app: Flask
):
    """It may be the key of that question, which nobody knows yet."""
    folder = content / "numbers"
    (folder / "other.py").write_text("simulation = None\n")
    (folder / "broken.md").write_text("---\nclaims: [\n---\n# Which?\n\n- [x] This\n- [ ] That\n")
    lesson = folder / "lesson.md"
    lesson.write_text(f"{lesson.read_text()}\n```simulation\nsimulation: other\n```\n")
    app.extensions["quizserver-library"].refresh()
    visitor.open("/topics/numbers")
    assert visitor.status == 200
    assert "It opens with the answer to the question it belongs to" in visitor.text
