"""What a question means, so that two of them can be compared across formats."""

from __future__ import annotations

import html
import re

from quizserver.topics.formats.markdown_source import extract_question_data
from quizserver.topics.formats.model import QuestionData
from quizserver.topics.model import Question
from quizserver.topics.question import parse_question, render_question
from quizserver.topics.render import plain_text, render_markdown


def item_of(source: str, path: str = "topic/question.md") -> QuestionData:
    return extract_question_data(parse_question(path, source))


def question_of(source: str, path: str = "topic/question.md", topic: str = "topic") -> Question:
    """The question of a file that the checker accepts."""
    draft = parse_question(path, source)
    assert not draft.diagnostics, draft.diagnostics
    return render_question(draft, topic=topic, rewrite=lambda _name, url: url)


def texts(source: str) -> dict[str, object]:
    """Every text to the letter, the key, and whether the order of the options may change."""
    item = item_of(source)
    return {
        "stem": item.stem.strip(),
        "options": [
            (option.text.strip(), option.right, option.feedback.strip()) for option in item.options
        ],
        "explanation": item.explanation.strip(),
        "references": item.references.strip(),
        "title": title(item),
    }


def title(item: QuestionData) -> str:
    return plain_text(render_markdown(item.title, prefix="", rewrite=lambda _name, _url: None))


def shown(source: str) -> dict[str, object]:
    """Every text as a reader sees it: its words, code, formulas, lists and emphasis."""
    item = item_of(source)
    return {
        "title": title(item),
        "stem": seen(item.stem),
        "options": [(seen(o.text), o.right, seen(o.feedback)) for o in item.options],
        "hints": [seen(hint) for hint in item.hints],
        "explanation": seen(item.explanation),
        "references": seen(item.references),
        "shuffle": item.shuffle,
    }


def seen(markdown: str) -> str:
    """Rendered HTML without what only styles it, white space as a browser shows it."""
    page = render_markdown(markdown, prefix="", rewrite=lambda _name, url: url)
    page = re.sub(
        r"</?span[^>]*>|</?div[^>]*>|<math[^>]*alttext=\"([^\"]*)\".*?</math>", r"\1", page
    )
    page = re.sub(r' (?:decoding|loading|rel|id|title|class|width|height)="[^"]*"', "", page)
    page = re.sub(
        r"(<li>)\s*<p>|</p>\s*(</li>|<[uo]l>)", r"\1\2", page
    )  # how far apart items stand
    page = re.sub(r"<(/?)h[1-6]>", r"<\1h>", page)  # deeper than the question's own, at any depth
    page = re.sub(r"<(/?)b>", r"<\1strong>", re.sub(r"<(/?)i>", r"<\1em>", page))
    page = re.sub(r' src="[^"]*"', "", page)  # an image may lie elsewhere
    page = re.sub(r'<a href="/[^"]*">(.*?)</a>', r"\1", page)  # another server has no such page
    return " ".join(
        html.unescape(re.sub(r"\s*(</?(?:p|li|ul|ol|pre|br)>)\s*", r" \1 ", page)).split()
    )
