"""Modules of scripts: a page preloads all of them, so that none waits for another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from quizserver.web.static_files import STATIC_FOLDER, imported_modules

JS = STATIC_FOLDER / "js"


@pytest.mark.parametrize("address", ["/", "/topics/numbers", "/questions/even", "/sign-in"])
def test_a_page_preloads_every_module_that_its_scripts_import(
    client: FlaskClient, address: str
) -> None:
    page = client.get(address).get_data(as_text=True)
    pending = re.findall(r'<script type="module" src="([^"]+)"', page)
    assert pending
    preloaded = set(re.findall(r'<link rel="modulepreload" href="([^"]+)"', page))
    imported = set()
    while pending:
        with client.get(pending.pop()) as response:
            assert response.status_code == 200
            text, folder = response.get_data(as_text=True), response.request.path.rpartition("/")[0]
        new_paths = {
            f"{folder}/{name}" for name in re.findall(r'"\./([^"]+\.js)"', text)
        } - imported
        imported |= new_paths
        pending += new_paths
    assert imported == preloaded


def test_indirect_imports_are_listed_once(tmp_path: Path) -> None:
    texts = {
        "a.js": 'import "./b.js";\nimport { x } from "./c.js";\n',
        "b.js": 'import * as c from "./c.js";\n// import "./no.js";\n',
        "c.js": 'import { a } from "./a.js";\nimport { d, e } from "./d.js";\n',
        "d.js": "",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    assert sorted(imported_modules(tmp_path / "a.js")) == ["b.js", "c.js", "d.js"]


def test_every_module_is_used_by_a_page() -> None:
    templates = "".join(
        path.read_text() for path in STATIC_FOLDER.parent.rglob("templates/**/*.html")
    )
    entries = set(re.findall(r"module\('([^']+)'\)", templates))
    used = entries.union(*(imported_modules(JS / name) for name in entries))
    assert used == {path.name for path in JS.glob("*.js")}
