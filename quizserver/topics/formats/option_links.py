"""Moves numbered links out of options: ``[1](https://…)`` behind the right one shows the key."""

from __future__ import annotations

import re
from dataclasses import replace

from quizserver.topics.formats.model import OptionData, QuestionData
from quizserver.topics.markdown import scan_fragment

_NUMBERED_LINK = re.compile(
    r"[ \t]*(?P<link>\[(?:\\?\[)?\d{1,3}(?:\\?\])?\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*\))"
)


def move_numbered_links(question: QuestionData) -> QuestionData:
    """The question with the numbered links of its options among its references, each once.

    An option that is nothing but such links keeps them.
    """
    if not any(_NUMBERED_LINK.search(option.text) for option in question.options):
        return question
    links: dict[str, None] = {}
    options: list[OptionData] = []
    for option in question.options:
        text, moved = _split_numbered_links(option.text)
        options.append(replace(option, text=text))
        links.update(dict.fromkeys(moved))
    new_links = [link for link in links if link not in question.references]
    references = "\n\n".join(filter(None, [question.references, *new_links]))
    return replace(question, options=tuple(options), references=references)


def _split_numbered_links(text: str) -> tuple[str, list[str]]:
    """A text without its numbered links, and these; links in code are code."""
    matches = list(_NUMBERED_LINK.finditer(scan_fragment(text).prose))
    parts: list[str] = []
    links: list[str] = []
    end = 0
    for match in matches:
        parts.append(text[end : match.start()])
        links.append(text[match.start("link") : match.end()])
        end = match.end()
    shorter = "".join([*parts, text[end:]])
    shorter = "\n".join(line.rstrip() for line in shorter.split("\n")) if links else text
    return (shorter, links) if shorter.strip() else (text, [])
