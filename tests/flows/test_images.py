"""Images beside a topic's files are sent once the learner may see a page that shows them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from tests.flows.browser_client import Visitor

pytestmark = pytest.mark.one_database

QUESTION = """\
# Which of these curves is the network's?

![Four curves](curves.png)

- [x] The ![first](img/option%20one.png) {#first}
  > ![It falls late](late.png)
- [ ] The second {#second}

## Hint

[Larger](hint.png)

## Explanation

![Why](it%27s%20(why).png)
"""
BEFORE = ("curves.png", "img/option one.png", "hint.png", "lesson.png")
AFTER = ("late.png", "it's (why).png")
NEVER = ("draft.png", "Curves.png")
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def image_folder(app: Flask, content: Path) -> Path:
    folder = content / "numbers"
    (folder / "img").mkdir()
    for name in (*BEFORE, *AFTER, *NEVER):
        (folder / name).write_bytes(PNG)
    (folder / "curves.md").write_text(QUESTION)
    lesson = folder / "lesson.md"
    lesson.write_text(f"{lesson.read_text()}\n![Numbers](lesson.png)\n")
    app.extensions["quizserver-library"].refresh()
    return folder


def visible_images(visitor: Visitor) -> set[str]:
    """The images that the server sends to this visitor, of all there are."""
    names = set()
    for name in (*BEFORE, *AFTER, *NEVER):
        with visitor.client.get(f"/topics/numbers/files/{name}") as answer:
            assert answer.status_code == 404 or (answer.status_code, answer.data) == (200, PNG)
            if answer.status_code == 200:
                names.add(name)
    return names


@pytest.mark.usefixtures("image_folder")
def test_an_image_in_the_feedback_is_sent_once_the_answer_is_shown(
    visitor: Visitor, new_visitor: Callable[[], Visitor]
) -> None:
    assert visible_images(visitor) == set(BEFORE)
    visitor.answer("even", "two")
    assert visible_images(visitor) == set(BEFORE), "another question's answer opens nothing here"
    visitor.answer("curves", "second")
    assert "late.png" not in visitor.page
    assert visible_images(visitor) == set(BEFORE), "a wrong answer shows no feedback"
    visitor.answer("curves", "first")
    assert "late.png" in visitor.page
    assert visible_images(visitor) == {*BEFORE, *AFTER}
    assert visible_images(new_visitor()) == set(BEFORE)


@pytest.mark.usefixtures("image_folder")
@pytest.mark.parametrize("role", ["author", "instructor", "admin"])
def test_staff_see_every_image(
    visitor: Visitor, give_role_to_all: Callable[[str], None], role: str
) -> None:
    visitor.sign_up("staff@example.org")
    assert visible_images(visitor) == set(BEFORE)
    give_role_to_all(role)
    assert visible_images(visitor) == {*BEFORE, *AFTER, *NEVER}


def test_an_image_is_sent_as_soon_as_a_published_page_shows_it(
    visitor: Visitor, image_folder: Path, app: Flask
) -> None:
    assert "draft.png" not in visible_images(visitor)
    file = image_folder / "sides.md"
    file.write_text(file.read_text().replace("\n\n", "\n\n![A draft](draft.png)\n\n", 1))
    app.extensions["quizserver-library"].refresh()
    assert visible_images(visitor) == {*BEFORE, "draft.png"}
