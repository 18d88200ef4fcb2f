"""What templates compile to is kept from one start to the next."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from flask import Flask, render_template
from jinja2 import Environment

from quizserver.web.compiled_templates import keep_compiled_templates


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the templates that were compiled."""
    names: list[str] = []
    compile_template = Environment.compile

    def compile_and_note(self: Environment, source: str, name: str, *rest: object) -> object:
        names.append(name)
        return compile_template(self, source, name, *rest)  # type: ignore[call-overload]

    monkeypatch.setattr(Environment, "compile", compile_and_note)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    return names


def started_page(folder: Path) -> str:
    """The page, rendered by an application that has just started."""
    app = Flask("some_app", root_path=str(folder))
    app.jinja_options = {}
    keep_compiled_templates(app)
    with app.test_request_context():
        return render_template("page.html")


def test_a_template_is_compiled_again_when_its_text_changed(tmp_path: Path, compiled: list[str]):
    page = tmp_path / "templates" / "page.html"
    page.parent.mkdir()
    page.write_text("{{ 1 + 1 }}")
    assert [started_page(tmp_path) for _ in range(3)] == ["2", "2", "2"]
    assert compiled == ["page.html"]
    (kept,) = (page.parent / "__pycache__").iterdir()
    page.write_text("{{ 1 + 2 }}")
    assert [started_page(tmp_path) for _ in range(2)] == ["3", "3"]
    assert compiled == ["page.html"] * 2
    kept.write_bytes(b"cut off")
    assert started_page(tmp_path) == "3"


@pytest.mark.parametrize("hindrance", ["a file in its place", "no bytecode is written"])
def test_pages_come_where_nothing_can_be_kept(
    tmp_path: Path, compiled: list[str], monkeypatch: pytest.MonkeyPatch, hindrance: str
):
    page = tmp_path / "templates" / "page.html"
    page.parent.mkdir()
    page.write_text("{{ 1 + 1 }}")
    if hindrance == "a file in its place":
        (page.parent / "__pycache__").touch()
    else:
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert [started_page(tmp_path) for _ in range(2)] == ["2", "2"]
    assert compiled == ["page.html"] * 2
