"""Writes GIFT. Texts stay markdown and are tagged ``[markdown]``, which Moodle knows."""

from __future__ import annotations

import re
from collections.abc import Sequence

from quizserver.topics.formats.export_question import ExportedQuestion
from quizserver.topics.formats.model import OptionData
from quizserver.topics.formats.moodle.conventions import (
    ALL_OR_NOTHING,
    INEXACT_WEIGHTS,
    weight_share,
)
from quizserver.topics.formula_spans import find_formulas

_FORMAT_OR_WEIGHT = re.compile(r"%|\[(?:html|markdown|plain|moodle)\]", re.IGNORECASE)


def write_gift(questions: Sequence[ExportedQuestion]) -> bytes:
    """Writes all questions as one text, with a category for each topic."""
    parts: list[str] = []
    topic = None
    for exported in questions:
        if exported.question.topic != topic:
            topic = exported.question.topic
            parts.append(f"$CATEGORY: $course$/top/{topic}")
        parts.append(_write_question(exported))
    return ("\n\n".join(parts) + "\n").encode("utf-8", "replace")


def _write_question(exported: ExportedQuestion) -> str:
    data = exported.data
    _note_omissions(exported)
    comment = "".join(
        [
            f"[id:{exported.question.id}]",
            *(f" [tag:{_escape_comment_value(tag)}]" for tag in data.tags),
        ]
    )
    weight = weight_share(sum(option.right for option in data.options))
    answers = [f"\t{_write_answer(option, weight, data.multiple)}" for option in data.options]
    general = exported.general_feedback("## References")
    if general:
        answers.append(f"\t####{_write_text(general)}")
    lines = [
        f"// {comment}",
        f"::{_escape_gift(exported.question.title)}::[markdown]{_escape_gift(exported.prompt)}{{",
        *answers,
        "}",
    ]
    return "\n".join(lines)


def _note_omissions(exported: ExportedQuestion) -> None:
    data = exported.data
    if data.multiple:
        exported.add_omission(ALL_OR_NOTHING)
    if sum(option.right for option in data.options) > 10:
        exported.add_omission(INEXACT_WEIGHTS)
    if data.hints:
        exported.add_omission("its hints")
    if not data.shuffle:
        exported.add_omission("that its options keep their order")
    if any(reference.attribute == "src" for reference in exported.parsed.links):
        exported.add_omission("its images: the text names them, the file cannot hold them")
    source = exported.parsed.fields.source
    if "$" in source.text and any(find_formulas(source.text, source.prose)):
        exported.add_omission(
            "its formulas: they stay between dollar signs, which Moodle shows as they are"
        )


def _write_answer(option: OptionData, weight: str, multiple: bool) -> str:
    if multiple:
        sign = f"~%{weight}%" if option.right else "~%-100%"
    elif option.right:
        sign = "="
    else:
        sign = "~"
    feedback = f"#{_write_text(option.feedback)}" if option.feedback else ""
    return f"{sign}{_write_text(option.text)}{feedback}"


def _write_text(markdown: str) -> str:
    """Escapes a text, and names its format where it begins like a format or a weight."""
    prefix = "[markdown]" if _FORMAT_OR_WEIGHT.match(markdown.strip()) else ""
    return prefix + _escape_gift(markdown.strip("\n"))


def _escape_gift(text: str) -> str:
    return re.sub(r"[\\:#={}~]", r"\\\g<0>", text).replace("\n", "\\n")


def _escape_comment_value(tag: str) -> str:
    return re.sub(r"[\\\]:#={}~]", r"\\\g<0>", tag)
