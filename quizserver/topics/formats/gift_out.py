"""GIFT: writing it. Texts stay markdown and say so with ``[markdown]``, which Moodle knows."""

from __future__ import annotations

import re
from collections.abc import Sequence

from quizserver.topics.formats.model import Choice
from quizserver.topics.formats.portable import Portable
from quizserver.topics.formats.weights import share
from quizserver.topics.formulas import find_formulas

_NAMED = re.compile(r"%|\[(?:html|markdown|plain|moodle)\]", re.IGNORECASE)
ALL_OR_NOTHING = "all-or-nothing grading: some of the right options earn some of the mark there"
INEXACT = "its exact weights: Moodle knows shares of at most ten right options"


def write_gift(questions: Sequence[Portable]) -> bytes:
    """One text of all questions, a category for each topic."""
    parts: list[str] = []
    topic = None
    for each in questions:
        if each.question.topic != topic:
            topic = each.question.topic
            parts.append(f"$CATEGORY: $course$/top/{topic}")
        parts.append(_question(each))
    return ("\n\n".join(parts) + "\n").encode("utf-8", "replace")


def _question(each: Portable) -> str:
    item = each.item
    _lost(each)
    marks = "".join([f"[id:{each.question.id}]", *(f" [tag:{_mark(tag)}]" for tag in item.tags)])
    weight = share(sum(option.right for option in item.options))
    answers = [f"\t{_answer(option, weight, item.multiple)}" for option in item.options]
    general = "\n\n".join(
        text
        for text in (item.explanation, item.references and f"## References\n\n{item.references}")
        if text
    )
    if general:
        answers.append(f"\t####{_text(general)}")
    lines = [
        f"// {marks}",
        f"::{_escaped(each.question.title)}::[markdown]{_escaped(each.stem)}{{",
        *answers,
        "}",
    ]
    return "\n".join(lines)


def _lost(each: Portable) -> None:
    item = each.item
    if item.multiple:
        each.lose(ALL_OR_NOTHING)
    if sum(option.right for option in item.options) > 10:
        each.lose(INEXACT)
    if item.hints:
        each.lose("its hints")
    if not item.shuffle:
        each.lose("that its options keep their order")
    if any(reference.name == "src" for reference in each.draft.references):
        each.lose("its images: the text names them, the file cannot hold them")
    source = each.draft.fields.source
    if "$" in source.text and any(find_formulas(source.text, source.prose())):
        each.lose("its formulas: they stay between dollar signs, which Moodle shows as they are")


def _answer(option: Choice, weight: str, multiple: bool) -> str:
    if multiple:
        sign = f"~%{weight}%" if option.right else "~%-100%"
    elif option.right:
        sign = "="
    else:
        sign = "~"
    feedback = f"#{_text(option.feedback)}" if option.feedback else ""
    return f"{sign}{_text(option.text)}{feedback}"


def _text(markdown: str) -> str:
    """A text in the question's format; one that begins like a format or a weight is told apart."""
    named = "[markdown]" if _NAMED.match(markdown.strip()) else ""
    return named + _escaped(markdown.strip("\n"))


def _escaped(text: str) -> str:
    return re.sub(r"[\\:#={}~]", r"\\\g<0>", text).replace("\n", "\\n")


def _mark(tag: str) -> str:
    return re.sub(r"[\\\]:#={}~]", r"\\\g<0>", tag)
