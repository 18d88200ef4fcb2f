"""What an author does in the editor in these tests, and what its page holds."""

from __future__ import annotations

import io
import re
from html import unescape
from pathlib import Path

import sqlalchemy as sa

from quizserver.db.session import Database
from quizserver.db.tables import file_version
from tests.flows.browser_client import Form, Visitor

EDITED = "# How many sides has a trigon?\n\n- [ ] Two {#two}\n- [x] Three {#three}\n"
EDITOR = "/write/numbers/sides.md"
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 64


def save_text(visitor: Visitor, text: str, action: str = "save", url: str = EDITOR) -> str:
    """Opens the editor, types a text and presses a button."""
    visitor.open(url)
    return visitor.send(url, text=text, do=action)


def source_text(page: str) -> str:
    """What the textarea of an editor holds, as a browser reads it."""
    textarea = re.search(r'<textarea id="source"[^>]*>\n?(.*?)</textarea>', page, re.DOTALL)
    assert textarea
    return unescape(textarea[1])


def stored_versions(database: Database) -> list[tuple[str, str, str | None]]:
    columns = file_version.c.source, file_version.c.origin, file_version.c.email
    with database.read() as session:
        return [tuple(row) for row in session.execute(sa.select(*columns).order_by("id"))]


def check_live(author: Visitor, text: str, **fields: str) -> dict:
    page = author.open(EDITOR)
    token = re.search(r'name="csrf-token" content="([^"]+)"', page)
    form = Form(page, EDITOR)
    body = {"text": text, "base": form.fields["base"][0], "seen": form.fields["seen"][0]}
    response = author.client.post(
        f"{EDITOR}/check", json=body | fields, headers={"X-CSRFToken": token[1]}
    )
    assert response.status_code == 200
    return response.get_json()


def publish_over(author: Visitor, file: Path, theirs: str) -> None:
    """The author has a draft; somebody changes the file; the author publishes."""
    save_text(author, EDITED)
    file.write_text(theirs)
    author.open(EDITOR)
    author.send(EDITOR, text=EDITED, do="publish")


def send_image(author: Visitor, data: bytes, file_name: str, **more_fields: str) -> str:
    author.open(EDITOR)
    fields = {"image": (io.BytesIO(data), file_name), "alt": "A curve"} | more_fields
    return author.send("/write/numbers/images", **fields)


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
