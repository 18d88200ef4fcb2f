"""Texts of templates: English as it stands in them, other languages from their catalogs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from quizserver.translation import (
    ENGLISH,
    N_,
    Language,
    current_language,
    gettext,
    ngettext,
    npgettext,
    pgettext,
    speaking,
)
from quizserver.web.languages import install_languages

TEMPLATES = [
    "{% trans %}A text,\n   over two <em>lines</em>.{% endtrans %}",
    "{% trans %}100 % of {{ title }} and %(title)s{% endtrans %}",
    "{% trans name=title|upper, n=count + 1 %}{{ name }}: {{ n }}, {{ name }}{% endtrans %}",
    "{% trans num=count %}{{ num }} run of {{ title }}{% pluralize %}{{ num }} runs{% endtrans %}",
    "{% trans n=count, title %}{{ n }} run{% pluralize %}{{ n }} 5 % {{ title }}{% endtrans %}",
    "{% trans n=half(count) %}half{% pluralize %}{{ n }} halves{% endtrans %}",
    '{% trans "of a curve" %}flat{% endtrans %}',
    '{% trans "x" n=count %}a{% pluralize %}b{% endtrans %}',
    "{% macro m(a) %}{% trans %}in a macro {{ a }}{% endtrans %}{% endmacro %}{{ m(html) }}",
    '{{ _("called %(x)s", x=html) }} {{ ngettext("%(num)s run", "%(num)s runs", count) }}',
    '{{ gettext("<b>bold</b>") }} {{ pgettext("of a curve", "flat") }}',
]


@pytest.fixture
def render() -> Callable[[str, dict[str, object]], str]:
    app = Flask("texts", root_path="nowhere")
    install_languages(app, Path("nowhere"))
    app.jinja_env.undefined = StrictUndefined
    return _renderer(app.jinja_env.overlay(autoescape=True))


@pytest.fixture
def render_by_jinja() -> Callable[[str, dict[str, object]], str]:
    """As the extension of Jinja renders it, which calls gettext for every text."""
    environment = Environment(autoescape=True, extensions=["jinja2.ext.i18n"])
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        lambda message: current_language().texts.gettext(message),
        lambda *messages: current_language().texts.ngettext(*messages),
        newstyle=True,
        pgettext=lambda *messages: current_language().texts.pgettext(*messages),
        npgettext=lambda *messages: current_language().texts.npgettext(*messages),
    )
    return _renderer(environment)


def _renderer(environment: Environment) -> Callable[[str, dict[str, object]], str]:
    return lambda source, variables: environment.from_string(source).render(
        half=lambda number: number // 2, **variables
    )


@pytest.mark.parametrize("source", TEMPLATES)
@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_a_text_is_the_same_in_place_as_from_jinjas_own_extension(
    render: Callable[..., str], render_by_jinja: Callable[..., str], source: str, count: int
):
    variables = {"title": "<T> 5 %", "count": count, "html": Markup("<i>5 %</i>")}
    english = render(source, variables)
    assert english == render_by_jinja(source, variables)
    with speaking(Language("xx", _Shouting())):
        shouted = render(source, variables)
        assert shouted == render_by_jinja(source, variables)
    assert shouted != english
    assert render(source, variables) == english


class _Shouting(type(ENGLISH.texts)):  # type: ignore[misc]
    """A language whose texts end in a mark, and whose plural begins at 0."""

    def gettext(self, message: str) -> str:
        return f"{message}!"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"{msgid1 if n < 2 else msgid2}!"

    def pgettext(self, context: str, message: str) -> str:
        return f"{message}, {context}!"

    def npgettext(self, context: str, msgid1: str, msgid2: str, n: int) -> str:
        return f"{msgid1 if n < 2 else msgid2}, {context}!"


def test_modules_get_english_outside_of_requests_and_other_languages_where_they_are_chosen():
    assert gettext("100 %") == "100 %"
    assert gettext("%(a)s of 100 %%", a=3) == "3 of 100 %"
    assert [ngettext("%(num)s run", "%(num)s runs", n) for n in (0, 1, 2)] == [
        "0 runs", "1 run", "2 runs",
    ]  # fmt: skip
    assert ngettext("%(a)s run", "%(a)s runs", 2, a="two") == "two runs"
    assert pgettext("of a curve", "flat") == "flat"
    assert npgettext("of a curve", "%(num)s dip", "%(num)s dips", 1) == "1 dip"
    assert N_("kept") == "kept"
    with speaking(Language("xx", _Shouting())):
        assert gettext("kept") == "kept!"
        assert ngettext("%(num)s run", "%(num)s runs", 0) == "0 run!"
        assert pgettext("of a curve", "flat") == "flat, of a curve!"
    assert current_language() is ENGLISH
