"""What templates import without their context is made once, and with it for each page."""

from __future__ import annotations

import pytest
from flask import Flask, render_template
from jinja2 import DictLoader

from quizserver.web.shared_macros import share_macros

TEMPLATES = {
    "parts.html": "{{ note_made() }}{% macro greet(name) %}{{ greeting }} {{ name }}{% endmacro %}",
    "one.html": '{% from "parts.html" import greet %}{{ greet("Ann") }}',
    "two.html": '{% from "parts.html" import greet %}{{ greet("Bo") }}',
    "own.html": '{% from "parts.html" import greet with context %}{{ greet("Cy") }}',
}


@pytest.fixture
def made() -> list[str]:
    """How often the imported template was run."""
    return []


@pytest.fixture
def app(made: list[str]) -> Flask:
    app = Flask(__name__)
    app.jinja_loader = DictLoader(TEMPLATES)
    share_macros(app)

    @app.template_global()
    def note_made() -> str:
        made.append("made")
        return ""

    app.jinja_env.globals["greeting"] = "Hello"

    @app.context_processor
    def for_requests() -> dict[str, str]:
        return {"greeting": "Welcome"}

    return app


def test_an_imported_template_is_run_once_for_all_pages(app: Flask, made: list[str]):
    with app.test_request_context():
        pages = [render_template(name) for name in ("one.html", "two.html", "one.html")]
    assert pages == ["Hello Ann", "Hello Bo", "Hello Ann"]
    assert made == ["made"]


def test_a_template_imported_with_its_context_is_of_that_page(app: Flask, made: list[str]):
    with app.test_request_context():
        assert render_template("own.html") == render_template("own.html") == "Welcome Cy"
    assert len(made) == 2
