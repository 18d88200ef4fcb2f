"""What is translated as a whole stays so: every text in it goes through gettext."""

from __future__ import annotations

from pathlib import Path

import pytest

import quizserver
from tests.translation.code_texts import untranslated_script_sentences, untranslated_sentences
from tests.translation.converted import MODULES, SCRIPTS, TEMPLATES
from tests.translation.template_texts import unknown_messages, untranslated_texts

PACKAGE = Path(quizserver.__file__).parent
ALL_TEMPLATES = sorted((PACKAGE / "templates").rglob("*.html"))


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_no_text_of_a_template_goes_past_gettext(name: str):
    assert untranslated_texts((PACKAGE / "templates" / name).read_text("utf-8")) == []


@pytest.mark.parametrize("name", sorted(MODULES))
def test_no_sentence_of_a_module_goes_past_gettext(name: str):
    assert untranslated_sentences((PACKAGE / name).read_text("utf-8")) == []


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_no_sentence_of_a_script_goes_past_gettext(name: str):
    script = (PACKAGE / "static" / "js" / name).read_text("utf-8")
    assert untranslated_script_sentences(script) == []


@pytest.mark.parametrize("path", ALL_TEMPLATES, ids=lambda path: path.name)
def test_templates_name_the_messages_that_they_have_translated(path: Path):
    assert unknown_messages(path.read_text("utf-8")) == []
    assert unknown_messages("{{ _(title) }}{{ gettext('a' ~ b) }}") == [
        "_ in line 1", "gettext in line 1",
    ]  # fmt: skip


def test_texts_that_go_past_gettext_are_found_in_every_place():
    template = """
    {% trans %}Translated {{ n }}{% endtrans %} {{ _("Also this") }} quizserver
    {% if a %}<p class="some words">One</p>{% elif b %}Two
    {% else %}{{ "Three" if c else d }}{% endif %}
    <img alt="Four{{ n }}"> {{ field(form.name, "Five or six") }} {% set words = "Seven eight" %}
    {% macro m(text) %}<a{% if x %} aria-label="Nine"{% endif %}>{{ text }}</a>{% endmacro %}
    """
    assert [text.strip() for text in untranslated_texts(template)] == [
        "One", "Two\n    Three1", "Four1", "Nine", "Five or six", "Seven eight",
    ]  # fmt: skip
    module = '''
"""Some module."""
NOTE = N_("Translated later")
def f(n):
    """Some function."""
    if n: raise ValueError("not shown here")
    log.error("nor is this")
    counted = ngettext("%(num)s run", "%(num)s runs", n)
    return gettext("Shown, %(counted)s", counted=counted) + f"{n} runs and"
'''
    assert untranslated_sentences(module) == [" runs and"]
    script = """
    // A comment, not shown.
    show(gettext("Translated now"), ngettext("%(num)s run", "%(num)s runs", n));
    show(`${n} runs, done`); throw new Error("not shown here");
    draw({ class: "some names", title: "Some words" }, { className: `more names-${n}` });
    """
    assert untranslated_script_sentences(script) == [" runs, done", '"Some words"']
