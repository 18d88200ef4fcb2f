"""Reads the content of questions in ways that can be compared across formats."""

from __future__ import annotations

import html
import re

from quizserver.topics.formats.markdown_source import extract_question_data
from quizserver.topics.formats.model import QuestionData
from quizserver.topics.model import Diagnostic, Question
from quizserver.topics.question import ParsedQuestion, parse_question, render_question
from quizserver.topics.render import plain_text, render_markdown


def read_question_data(source: str, path: str = "topic/question.md") -> QuestionData:
    return extract_question_data(parse_question(path, source))


def build_question(source: str, path: str = "topic/question.md", topic: str = "topic") -> Question:
    """The rendered question of a file without problems; warnings keep nobody from reading it."""
    parsed = parse_question(path, source)
    assert not problems_of(parsed), parsed.diagnostics
    return render_question(parsed, topic=topic, rewrite=lambda _name, url: url)


def problems_of(parsed: ParsedQuestion) -> list[Diagnostic]:
    """The diagnostics without the warnings, such as how the form of generated options looks."""
    return [diagnostic for diagnostic in parsed.diagnostics if not diagnostic.is_warning]


def exact_texts(source: str) -> dict[str, object]:
    """Every text to the letter, and the key."""
    data = read_question_data(source)
    return {
        "stem": data.stem.strip(),
        "options": [
            (option.text.strip(), option.right, option.feedback.strip()) for option in data.options
        ],
        "explanation": data.explanation.strip(),
        "references": data.references.strip(),
        "title": plain_title(data),
    }


def plain_title(data: QuestionData) -> str:
    return plain_text(render_markdown(data.title, prefix="", rewrite=lambda _name, _url: None))


def visible_texts(source: str) -> dict[str, object]:
    """Every text as a reader sees it: words, code, formulas, lists and emphasis."""
    data = read_question_data(source)
    return {
        "title": plain_title(data),
        "stem": visible_html(data.stem),
        "options": [
            (visible_html(o.text), o.right, visible_html(o.feedback)) for o in data.options
        ],
        "hints": [visible_html(hint) for hint in data.hints],
        "explanation": visible_html(data.explanation),
        "references": visible_html(data.references),
        "shuffle": data.shuffle,
    }


def visible_html(markdown: str) -> str:
    """Rendered HTML without what only styles it, and with single spaces."""
    rendered = render_markdown(markdown, prefix="", rewrite=lambda _name, url: url)
    rendered = re.sub(
        r"</?span[^>]*>|</?div[^>]*>|<math[^>]*alttext=\"([^\"]*)\".*?</math>", r"\1", rendered
    )
    rendered = re.sub(
        r' (?:decoding|loading|rel|id|title|class|width|height)="[^"]*"', "", rendered
    )
    rendered = re.sub(
        r"(<li>)\s*<p>|</p>\s*(</li>|<[uo]l>)", r"\1\2", rendered
    )  # loose or tight lists
    rendered = re.sub(r"<(/?)h[1-6]>", r"<\1h>", rendered)  # levels may differ
    rendered = re.sub(r"<(/?)b>", r"<\1strong>", re.sub(r"<(/?)i>", r"<\1em>", rendered))
    rendered = re.sub(r' src="[^"]*"', "", rendered)  # an image may lie elsewhere
    rendered = re.sub(
        r'<a href="/[^"]*">(.*?)</a>', r"\1", rendered
    )  # another server has no such page
    return " ".join(
        html.unescape(re.sub(r"\s*(</?(?:p|li|ul|ol|pre|br)>)\s*", r" \1 ", rendered)).split()
    )
