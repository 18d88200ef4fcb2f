"""Moodle XML: writing it. Texts are HTML, images lie inside in base64."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from html import escape

from quizserver.topics.formats.gift_out import ALL_OR_NOTHING, INEXACT
from quizserver.topics.formats.model import Choice
from quizserver.topics.formats.portable import Portable
from quizserver.topics.formats.weights import share

_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def write_moodle(questions: Sequence[Portable]) -> bytes:
    """One ``<quiz>`` of all questions, a category for each topic."""
    parts = ['<?xml version="1.0" encoding="UTF-8"?>', "<quiz>"]
    topic = None
    for each in questions:
        if each.question.topic != topic:
            topic = each.question.topic
            path = escape(f"$course$/top/{topic}")
            parts.append(
                f'<question type="category"><category><text>{path}</text></category></question>'
            )
        parts.append(_question(each))
    return ("\n".join([*parts, "</quiz>"]) + "\n").encode("utf-8")


def _question(each: Portable) -> str:
    item = each.item
    if item.multiple:
        each.lose(ALL_OR_NOTHING)
    general = each.item.explanation
    if item.references:
        general = f"{general}\n\n### References\n\n{item.references}".strip()
    weight = share(sum(option.right for option in item.options))
    if sum(option.right for option in item.options) > 10:
        each.lose(INEXACT)
    tags = "".join(f"<tag><text>{_plain(tag)}</text></tag>" for tag in item.tags)
    lines = [
        '<question type="multichoice">',
        f"  <name><text>{_plain(each.question.title)}</text></name>",
        f"  {_text(each, 'questiontext', each.stem)}",
        f"  {_text(each, 'generalfeedback', general)}",
        "  <defaultgrade>1</defaultgrade>",
        "  <penalty>0.3333333</penalty>",
        "  <hidden>0</hidden>",
        f"  <idnumber>{_plain(each.question.id)}</idnumber>",
        f"  <single>{'false' if item.multiple else 'true'}</single>",
        f"  <shuffleanswers>{'true' if item.shuffle else 'false'}</shuffleanswers>",
        "  <answernumbering>none</answernumbering>",
        *(f"  {_answer(each, option, weight)}" for option in item.options),
        *(f"  {_text(each, 'hint', hint)}" for hint in item.hints),
        *([f"  <tags>{tags}</tags>"] if tags else []),
        "</question>",
    ]
    return "\n".join(lines)


def _answer(each: Portable, option: Choice, weight: str) -> str:
    wrong = "-100" if each.item.multiple else "0"
    fraction = weight if option.right else wrong
    inner = _inner(each, option.text) + _text(each, "feedback", option.feedback)
    return f'<answer fraction="{fraction}" format="html">{inner}</answer>'


def _text(each: Portable, name: str, markdown: str) -> str:
    return f'<{name} format="html">{_inner(each, markdown)}</{name}>'


def _inner(each: Portable, markdown: str) -> str:
    """``<text>`` with its HTML, and ``<file>`` for each image in it."""
    shown = each.html(markdown, "@@PLUGINFILE@@/") if markdown.strip() else ""
    files = "".join(
        f'<file name="{_plain(picture.path)}" path="/" encoding="base64">'
        f"{base64.b64encode(picture.data).decode()}</file>"
        for picture in each.pictures.values()
        if f'"@@PLUGINFILE@@/{picture.path}"' in shown
    )
    safe = _UNWRITABLE.sub("\ufffd", shown).replace("]]>", "]]]]><![CDATA[>")
    return f"<text><![CDATA[{safe}]]></text>{files}" if safe else "<text></text>"


def _plain(text: str) -> str:
    return escape(_UNWRITABLE.sub("\ufffd", text))
