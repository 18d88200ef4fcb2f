"""Templates keep the Content-Security-Policy's promise: no inline script, no inline style."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

import pytest

import quizserver

PACKAGE = Path(quizserver.__file__).parent
TEMPLATES = sorted((PACKAGE / "templates").rglob("*.html"))
STATIC = PACKAGE / "static"
SHEETS = sorted((STATIC / "css").glob("*.css"))
SCRIPTS = sorted((STATIC / "js").glob("*.js"))

FORBIDDEN = {
    "an inline style": r"\sstyle\s*=",
    "a style element": r"<style\b",
    "a script without src": r"<script\b(?![^>]*\bsrc=)",
    "an event handler": r"<[a-z][^>]*\son[a-z]+\s*=",
    "a javascript: address": r"javascript:",
    "something from elsewhere": r"\b(?:src|href)\s*=\s*[\"']?(?:https?:)?//",
}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_template_holds(path: Path, what: str) -> None:
    assert not re.search(FORBIDDEN[what], path.read_text("utf-8"), re.IGNORECASE)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_only_what_topics_has_made_safe_is_shown_as_it_is(path: Path) -> None:
    template = path.read_text("utf-8")
    assert "autoescape" not in template
    for expression in re.findall(r"([\w.]+)\s*\|\s*safe\b", template):
        assert re.fullmatch(r"(?:[\w.]+[._]html|block|hint)", expression), expression


def test_there_are_templates_to_look_at() -> None:
    assert len(TEMPLATES) > 10


@pytest.mark.parametrize("path", SHEETS, ids=lambda p: p.name)
def test_style_sheets_ask_for_nothing_but_files_beside_them(path: Path) -> None:
    for address in re.findall(r"url\(\"?([^\")]+)\"?\)", path.read_text("utf-8")):
        assert (path.parent / address).is_file(), address


# These show what the server has rendered from its templates.
SERVER_HTML = {
    "editor.js": {"result.problems_html", "result.page_html"},
    "editor-verification.js": {"text"},
}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.name)
def test_scripts_make_text_of_text_and_keep_nothing_beyond_a_tab(path: Path) -> None:
    script = path.read_text("utf-8")
    shown = set(re.findall(r"\.(?:inner|outer)HTML\s*\+?=\s*([^;]+);", script))
    assert shown == SERVER_HTML.get(path.name, set())
    assert not re.search(
        r"\beval\(|new Function\(|document\.write|insertAdjacentHTML|createContextualFragment"
        r"|localStorage|indexedDB|document\.cookie|__proto__|javascript:",
        script,
    )
    # Only a page and its own worker speak to each other.
    speaking = {"live-map.js", "live-training.js", "live-worker.js"}
    assert ("postMessage" in script) == (path.name in speaking)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.name)
def test_scripts_import_files_beside_them(path: Path) -> None:
    """Relative, so that the hash in the address of the folder covers every module."""
    for address in re.findall(r"^import .*?from \"([^\"]+)\"", path.read_text("utf-8"), re.M):
        assert address.startswith("./")
        assert (path.parent / address).is_file(), address


# What a learner's first page does not load: it opens with an answer, or to who teaches or writes.
LATER = {
    "answered.css", "authoring.css", "bench.css", "classes.css", "items.css", "map.css",
    "matrix.css", "preview.css",
}  # fmt: skip


def test_the_style_sheets_stay_small() -> None:
    """What a first visit must load before it can show anything, and what each other page adds."""
    # Their layout is for those who read a difference: it does not count, and compresses to nothing.
    sizes = {path.name: len(re.sub(rb"\s+", b" ", path.read_bytes())) for path in SHEETS}
    assert sum(size for name, size in sizes.items() if name not in LATER) <= 33 * 1024
    for name in LATER & sizes.keys():
        assert sizes[name] <= 12 * 1024, name


def test_only_the_tokens_name_colours() -> None:
    """Light and dark are designed in one place; other sheets refer to it."""
    for path in SHEETS:
        if path.name not in {"tokens.css", "print.css"}:
            assert not re.findall(r"#[0-9a-f]{3,8}\b", path.read_text("utf-8")), path.name


def test_every_shipped_font_is_on_record() -> None:
    """Name, version, licence and hash of every file that others made."""
    record = (STATIC / "vendor" / "README.md").read_text("utf-8")
    for path in (STATIC / "vendor").rglob("*.woff2"):
        assert f"`{sha256(path.read_bytes()).hexdigest()}`" in record
        assert f"`{path.relative_to(STATIC / 'vendor').as_posix()}`" in record
        assert (path.parent / "LICENSE").is_file()
