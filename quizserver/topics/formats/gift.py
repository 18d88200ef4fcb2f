"""GIFT, Moodle's plain text format: reading it.

Follows docs.moodle.org/en/GIFT_format and, where that is silent, what Moodle's own importer does:
questions stand apart by blank lines, the first { and the first } enclose the answers, an answer
begins at = or ~, and a backslash takes the meaning off : # = { } ~ and itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from quizserver.topics.formats.categories import tag_of
from quizserver.topics.formats.compose import demoted, split_references
from quizserver.topics.formats.escape import paragraph
from quizserver.topics.formats.gift_blocks import Block, blocks, mask, unescape
from quizserver.topics.formats.headline import titled
from quizserver.topics.formats.model import Choice, Item, RefusedError
from quizserver.topics.formats.to_markdown import to_markdown
from quizserver.topics.formats.weights import Weighed, weigh
from quizserver.topics.model import Problem

_GAP = "\uf8f0"  # stands for the blank of a missing word while its text is converted
_TAG = re.compile(
    r"</?(?:p|br|b|i|em|strong|code|pre|img|a|ul|ol|li|sub|sup|span|div|table)\b", re.I
)
_FORMAT = re.compile(r"\[(html|markdown|plain|moodle)\]", re.IGNORECASE)
_WEIGHT = re.compile(r"%(-*\d{1,3}(?:\.\d*)?)%")


def read_gift(name: str, text: str) -> Iterator[Item | Problem]:
    """Every question of a GIFT text; for what is none of ours, the problem says why."""
    category = ""
    for block in blocks(text):
        whole = "\n".join(block.lines).strip()
        if whole.startswith("$CATEGORY:"):
            first, _, rest = whole.partition("\n")
            category = first.removeprefix("$CATEGORY:").strip()
            whole = rest.strip()
        if not whole:
            continue
        try:
            item = _question(whole, block, category)
        except RefusedError as error:
            yield Problem(name, block.line, 1, error.code, error.message, error.hint)
            continue
        if item is not None:
            yield item


def _question(text: str, block: Block, category: str) -> Item | None:
    title = ""
    masked = mask(text)
    if masked.startswith("::") and "::" in masked[2:]:
        end = masked.index("::", 2)
        title = unescape(text[2:end])
        text = text[end + 2 :].strip()
        masked = mask(text)
    start, end = masked.find("{"), masked.find("}")
    if start < 0 and end < 0:
        message = "This text has no answers: it is a description, or an unfinished question."
        raise RefusedError("no-answers", message, "Add answers between { and }.")
    if start < 0 or end < start:
        message = "The braces around the answers do not match."
        hint = "Write { before the answers and } behind them; \\{ and \\} in a text."
        raise RefusedError("brace-mismatch", message, hint)
    if re.search(r"[{}]", masked[end + 1 :]):
        message = "This question has answers in two places, or an unescaped brace."
        hint = "Leave a blank line between questions; write \\{ and \\} for braces in a text."
        raise RefusedError("brace-mismatch", message, hint)
    around = (text[:start], text[end + 1 :])
    return _item(title, around, text[start + 1 : end], block, category)


def _item(title: str, around: tuple[str, str], answers: str, block: Block, category: str) -> Item:
    chosen = _FORMAT.match(around[0].strip())
    default = chosen[1].lower() if chosen else "moodle"
    gap = _GAP if around[1].strip() else ""
    question = _shown(gap.join(around), default).replace(_GAP, "\\_" * 5)
    masked = mask(answers)
    cut = masked.rfind("####")
    general = _shown(answers[cut + 4 :], default) if cut >= 0 else ""
    answers = (answers[:cut] if cut >= 0 else answers).strip()
    choices, notes, shuffle = _choices(answers, default)
    heading, question = titled(" ".join(title.split()), question)
    explanation, references = split_references(general)
    tags = block.tags or [part for part in [tag_of(category)] if part]
    return Item(
        title=heading,
        stem=demoted(question),
        options=choices,
        line=block.line,
        explanation=demoted(explanation),
        references=references,
        tags=tuple(dict.fromkeys(" ".join(tag.split()) for tag in tags if tag.strip())),
        shuffle=shuffle,
        id=block.id,
        notes=notes,
    )


def _choices(answers: str, default: str) -> tuple[tuple[Choice, ...], tuple[str, ...], bool]:
    """The options with notes on what is lost, and whether their order may change."""
    masked = mask(answers)
    if not masked:
        raise RefusedError("essay", "This is an essay: nobody but a person can grade it.")
    if masked.startswith("#"):
        message = "This question asks for a number; questions here have options."
        raise RefusedError("numerical", message, "Offer some numbers as options.")
    true_false = re.match(r"(T|TRUE|F|FALSE)\s*(?=#|$)", masked)
    if true_false:
        return _true_false(true_false[1].startswith("T"), answers, default), (), False
    if "~" in masked:
        weighed = [_answer(part, default) for part in _split(answers)]
        if weighed and "=" not in masked:
            return (*weigh(weighed, single=False), True)
        return (*weigh(weighed, single=True), True)
    if "->" in masked:
        message = "This question asks for pairs; questions here have options."
        raise RefusedError("matching", message, "Ask about one pair, and offer partners for it.")
    message = "This question asks for a short text; questions here have options."
    raise RefusedError("short-answer", message, "Add wrong answers, each after a ~.")


def _true_false(right: bool, answers: str, default: str) -> tuple[Choice, ...]:
    wrong_text, right_text = [*[_shown(part, default) for part in _cut(answers, 3)[1:]], "", ""][:2]
    feedback = (right_text, wrong_text) if right else (wrong_text, right_text)
    return (Choice("True", right, feedback[0]), Choice("False", not right, feedback[1]))


def _split(answers: str) -> Iterator[str]:
    """The answers, each from its ``=`` or ``~`` on."""
    starts = [match.start() for match in re.finditer("[=~]", mask(answers))]
    if answers[: starts[0]].strip():
        message = "There is text before the first answer."
        raise RefusedError("text-before-answers", message, "Begin each answer with = or ~.")
    for start, end in zip(starts, [*starts[1:], len(answers)], strict=True):
        part = answers[start:end].strip()
        if part == "~" and answers[end : end + 1] == "=":
            continue  # ~= is how some programs write a right answer
        yield part


def _answer(part: str, default: str) -> Weighed:
    weight = 100.0 if part.startswith("=") else 0.0
    rest = part[1:].strip()
    written = _WEIGHT.match(rest)
    if written and part.startswith("~"):
        sign = -1 if written[1].startswith("-") else 1
        weight = sign * float(written[1].lstrip("-"))
        rest = rest[written.end() :]
    text, feedback = [*_cut(rest, 2), ""][:2]
    return Weighed(_shown(text, default), weight, _shown(feedback, default))


def _cut(text: str, most: int) -> list[str]:
    """``text`` cut at its unescaped ``#``, into ``most`` pieces at most."""
    marks = [match.start() for match in re.finditer("#", mask(text))][: most - 1]
    edges = [-1, *marks, len(text)]
    return [text[a + 1 : b] for a, b in pairwise(edges)]


def _shown(text: str, default: str) -> str:
    """A piece of the source as markdown, by the format it names, else by the question's."""
    text = text.strip()
    named = _FORMAT.match(text)
    kind = named[1].lower() if named else default
    raw = unescape(text[named.end() :] if named else text)
    if kind == "markdown":
        return raw
    if kind == "html" or (kind == "moodle" and _TAG.search(raw)):
        html = raw if kind == "html" else raw.replace("\n", "<br>")
        return to_markdown(html, lambda url: url or None)
    return paragraph(raw)
