"""Modules of scripts: a page preloads all of them, so that none waits for another."""

from __future__ import annotations

import gzip
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
            # What a script imports when it is needed is loaded then, and comments name types.
            f"{folder}/{name}"
            for name in re.findall(r'^(?:import|\}).* ?"\./([^"]+\.js)";$', text, re.MULTILINE)
        } - imported
        imported |= new_paths
        pending += new_paths
    assert imported == preloaded


def test_what_trains_in_a_browser_is_loaded_when_it_is_needed(client: FlaskClient) -> None:
    assert imported_modules(JS / "bench.js")
    assert [name for name in imported_modules(JS / "bench.js") if name.startswith("live-")] == []


def test_the_workers_script_alone_may_compile_modules(client: FlaskClient) -> None:
    page = client.get("/").get_data(as_text=True)
    address = re.findall(r'src="([^"]+/js/)[^"]+\.js"', page)[0]
    for name, may in (("live-worker.js", True), ("live-training.js", False)):
        with client.get(address + name) as response:
            assert ("'wasm-unsafe-eval'" in response.headers["Content-Security-Policy"]) == may
            assert "'unsafe-eval'" not in response.headers["Content-Security-Policy"]


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
    # Those that are loaded when they are needed: by import(…), and the script of a worker.
    known: set[str] = set()
    while known != entries:
        known = set(entries)
        for name in entries.union(*(imported_modules(JS / name) for name in entries)):
            entries |= set(re.findall(r'import\("\./([^"]+\.js)"\)', (JS / name).read_text()))
    for name in entries.union(*(imported_modules(JS / name) for name in entries)):
        text = (JS / name).read_text()
        entries |= set(re.findall(r'new URL\("\./([^"]+)", import\.meta\.url\)', text))
    used = entries.union(*(imported_modules(JS / name) for name in entries))
    assert used == {path.name for path in JS.glob("*.js")}


def test_scripts_and_style_sheets_travel_compressed(client: FlaskClient) -> None:
    page = client.get("/").get_data(as_text=True)
    address = re.findall(r'src="([^"]+\.js)"', page)[0]
    with client.get(address, headers={"Accept-Encoding": "identity"}) as response:
        plain, tag = response.get_data(), response.get_etag()[0]
        assert response.content_encoding is None
    for _ in range(2):
        with client.get(address, headers={"Accept-Encoding": "gzip"}) as response:
            assert response.content_encoding == "gzip"
            assert response.mimetype == "text/javascript"
            assert gzip.decompress(response.get_data()) == plain
            assert response.content_length == len(response.get_data()) < len(plain)
            assert response.get_etag()[0] != tag
            assert "Accept-Encoding" in response.vary
            assert response.cache_control.immutable
            assert response.headers["Content-Security-Policy"]
    font = re.findall(r'href="([^"]+\.css)"', page)[0].rpartition("/css/")[0] + "/vendor/"
    for path in STATIC_FOLDER.rglob("*.woff2"):
        name = path.relative_to(STATIC_FOLDER / "vendor").as_posix()
        with client.get(font + name, headers={"Accept-Encoding": "gzip"}) as response:
            assert (response.status_code, response.content_encoding) == (200, None)
