"""Writes Moodle XML: texts as HTML, with their images in base64."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

from quizserver.topics.formats.escape import replace_unwritable
from quizserver.topics.formats.export_question import ExportedQuestion
from quizserver.topics.formats.model import OptionData
from quizserver.topics.formats.moodle.conventions import (
    ALL_OR_NOTHING,
    INEXACT_WEIGHTS,
    weight_share,
)


def write_moodle(questions: Sequence[ExportedQuestion]) -> bytes:
    """Writes all questions as one ``<quiz>``, with a category for each topic."""
    parts = ['<?xml version="1.0" encoding="UTF-8"?>', "<quiz>"]
    topic = None
    for exported in questions:
        if exported.question.topic != topic:
            topic = exported.question.topic
            path = escape(f"$course$/top/{topic}")
            parts.append(
                f'<question type="category"><category><text>{path}</text></category></question>'
            )
        parts.append(_write_question(exported))
    return ("\n".join([*parts, "</quiz>"]) + "\n").encode("utf-8")


def _write_question(exported: ExportedQuestion) -> str:
    data = exported.data
    if data.multiple:
        exported.add_omission(ALL_OR_NOTHING)
    general = exported.general_feedback("### References")
    weight = weight_share(sum(option.right for option in data.options))
    if sum(option.right for option in data.options) > 10:
        exported.add_omission(INEXACT_WEIGHTS)
    tags = "".join(f"<tag><text>{_escape_xml(tag)}</text></tag>" for tag in data.tags)
    lines = [
        '<question type="multichoice">',
        f"  <name><text>{_escape_xml(exported.question.title)}</text></name>",
        f"  {_write_text(exported, 'questiontext', exported.prompt)}",
        f"  {_write_text(exported, 'generalfeedback', general)}",
        "  <defaultgrade>1</defaultgrade>",
        "  <penalty>0.3333333</penalty>",
        "  <hidden>0</hidden>",
        f"  <idnumber>{_escape_xml(exported.question.id)}</idnumber>",
        f"  <single>{'false' if data.multiple else 'true'}</single>",
        f"  <shuffleanswers>{'true' if data.shuffle else 'false'}</shuffleanswers>",
        "  <answernumbering>none</answernumbering>",
        *(f"  {_write_answer(exported, option, weight)}" for option in data.options),
        *(f"  {_write_text(exported, 'hint', hint)}" for hint in data.hints),
        *([f"  <tags>{tags}</tags>"] if tags else []),
        "</question>",
    ]
    return "\n".join(lines)


def _write_answer(exported: ExportedQuestion, option: OptionData, weight: str) -> str:
    wrong_fraction = "-100" if exported.data.multiple else "0"
    fraction = weight if option.right else wrong_fraction
    inner = _text_with_files(exported, option.text) + _write_text(
        exported, "feedback", option.feedback
    )
    return f'<answer fraction="{fraction}" format="html">{inner}</answer>'


def _write_text(exported: ExportedQuestion, name: str, markdown: str) -> str:
    return f'<{name} format="html">{_text_with_files(exported, markdown)}</{name}>'


def _text_with_files(exported: ExportedQuestion, markdown: str) -> str:
    """A ``<text>`` with the HTML, and a ``<file>`` for each image in it."""
    rendered = exported.render_html(markdown, "@@PLUGINFILE@@/") if markdown.strip() else ""
    files = "".join(
        f'<file name="{_escape_xml(image.path)}" path="/" encoding="base64">'
        f"{base64.b64encode(image.data).decode()}</file>"
        for image in exported.images.values()
        if f'"@@PLUGINFILE@@/{image.path}"' in rendered
    )
    safe = replace_unwritable(rendered).replace("]]>", "]]]]><![CDATA[>")
    return f"<text><![CDATA[{safe}]]></text>{files}" if safe else "<text></text>"


def _escape_xml(text: str) -> str:
    return escape(replace_unwritable(text))
