"""Moodle's automatic format: text whose newlines are line breaks, and which may hold HTML.

It is what a GIFT text has that names no format.
"""

from __future__ import annotations

import html as entities
import re

from quizserver.topics.formats.bank_formulas import (
    escape_text_with_formulas,
    join_formula_lines,
    separate_formulas,
)
from quizserver.topics.formats.embedded_images import ImageRelocator
from quizserver.topics.formats.escape import escape_line_start
from quizserver.topics.formats.html_to_markdown import html_to_markdown
from quizserver.topics.formats.html_tree import BLOCK_TAGS, MATHML_TAGS
from quizserver.topics.sanitise import ALLOWED_TAGS, word_set

_TAG_OR_DECLARATION = re.compile(
    r"<(?:(?P<close>/?)(?:(?:m|mml|math):)?(?P<name>[A-Za-z][A-Za-z0-9]*)"
    r"(?P<attributes>(?:\s[^<>]*)?/?)>|(?=[!?/A-Za-z]))"
)
_VOID = word_set("br hr img col")
# What is no element of a page here, but of what its author sees in Moodle.
_STYLING = word_set(
    "acronym article big button center dir fieldset font footer header label legend main nav nobr "
    "section strike tt wbr"
)
_DISPLAYED = ALLOWED_TAGS | MATHML_TAGS | _STYLING | {"tbody"}
_BLOCKS = "|".join(sorted(BLOCK_TAGS))
_BEFORE_BLOCK = re.compile(rf"[ \t]*\n\s*(?=</?(?:{_BLOCKS})\b)", re.IGNORECASE)
_AFTER_BLOCK = re.compile(rf"(</?(?:{_BLOCKS})\b[^<>]*>)[ \t]*\n\s*", re.IGNORECASE)
_PREFORMATTED = re.compile(r"(<pre\b.*?</pre>)", re.IGNORECASE | re.DOTALL)
_REFERENCE = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def auto_format_to_markdown(text: str, relocate: ImageRelocator) -> str:
    """Converts a text in Moodle's automatic format to markdown.

    A tag without a partner (``the <p> element``), one that no page shows (``<head>``) and an
    element without content are characters of the text, so that no word is lost. Raises
    UnsupportedQuestionError as ``html_to_markdown`` does.
    """
    text = text.strip()
    html, has_tags = _escape_literal_tags(text)
    if has_tags:
        return html_to_markdown(_break_lines(join_formula_lines(html)), relocate)
    plain = _REFERENCE.sub(lambda reference: entities.unescape(reference[0]), text)
    return _escape_paragraphs(plain)


def _escape_literal_tags(text: str) -> tuple[str, bool]:
    """The text with those tags escaped that were meant as text, and whether others remain."""
    tags = list(_TAG_OR_DECLARATION.finditer(text))
    if not tags:
        return text, False
    opened = {tag["name"].lower() for tag in tags if tag["name"] and not tag["close"]}
    closed = {tag["name"].lower() for tag in tags if tag["name"] and tag["close"]}
    elements = _DISPLAYED & (_VOID | {"mspace", "wbr", "none"} | (opened & closed))
    pieces, end, has_tags = [], 0, False
    for index, tag in enumerate(tags):
        name = (tag["name"] or "").lower()
        is_element = name in elements and not _is_empty_pair(tags, index)
        has_tags = has_tags or is_element
        pieces += [text[end : tag.start()], "<" if is_element else "&lt;"]
        end = tag.start() + 1
    return "".join([*pieces, text[end:]]), has_tags


def _is_empty_pair(tags: list[re.Match[str]], index: int) -> bool:
    """Whether a tag begins or ends an element with neither content nor attributes."""
    for first, second in ((index, index + 1), (index - 1, index)):
        if first >= 0 and second < len(tags):
            opening, closing = tags[first], tags[second]
            if (
                opening.end() == closing.start()
                and opening["name"]
                and closing["name"] == opening["name"]
                and not opening["close"]
                and closing["close"]
                and not opening["attributes"]
                and opening["name"].lower() not in MATHML_TAGS
            ):
                return True
    return False


def _break_lines(html: str) -> str:
    """Newlines as line breaks, but for those at the edges of blocks and in preformatted text."""
    pieces = _PREFORMATTED.split(html)
    for index in range(0, len(pieces), 2):
        piece = pieces[index].strip("\n") if len(pieces) > 1 else pieces[index]
        piece = _AFTER_BLOCK.sub(r"\1", _BEFORE_BLOCK.sub(" ", piece))
        pieces[index] = piece.replace("\n", "<br>")
    return "".join(pieces)


def _escape_paragraphs(text: str) -> str:
    blocks = re.split(r"\n[ \t]*\n", text.strip("\n"))
    paragraphs = [
        "<br>\n".join(
            escape_line_start(line.strip())
            for line in separate_formulas(escape_text_with_formulas(block)).split("\n")
        )
        for block in blocks
    ]
    return "\n\n".join(paragraphs).strip()
