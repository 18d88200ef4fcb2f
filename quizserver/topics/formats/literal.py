"""What a bank's author meant as plain text though our markdown reads it as a sign of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping

from quizserver.topics.formulas import find_formulas
from quizserver.topics.sanitise import TAGS, words
from quizserver.topics.scan import hidden, scan

_TAG = re.compile(  # not after a backslash, and not around an address: [words](<a b.png>)
    r"(?<!\\)(?<!\]\()(?<!\]: )<"
    r"(?:(?P<close>/?)(?P<name>[A-Za-z][A-Za-z0-9-]*)(?=[\s/>])|[!?](?=\w|\[))"
)
_NEEDS_NO_END = words("br hr img")
_BREAK = re.compile(r"(?<=[^\s|]) {2,}(?=\n[ \t]*(?![-*+>#|=\[]|\d+[.)]|`{3}|~{3})\S)")
_BLOCK = re.compile(r"^(?:>|#{1,6}(?=\s|$)|([-*_])(?:[ \t]*\1){2,}[ \t]*$)")


def as_meant(text: str) -> str:
    """Markdown of a bank with the tags and dollar signs escaped that were meant as such.

    A tag that pages are cleaned of (``<head>``, ``List<String>``) would not be seen, and one
    without a partner ("the <b> tag") is the tag itself. Dollar signs before words (``$a,$b``) are
    variables and no formula. Spaces that end a line within a paragraph become the other sign of a
    line break, since editors take them off. Lines stay lines, and code stays as it is.
    """
    if not re.search(r"[<$]|  \n", text):
        return text
    prose = scan(text, front_matter=False).prose()
    signs: dict[tuple[int, int], str] = {}
    pieces, end = [], 0
    for formula in find_formulas(text, prose):
        if not formula.display and re.match(r"[^\W\d]|\{", text[formula.end : formula.end + 1]):
            signs[formula.start, formula.start + 1] = "\\$"
        else:
            pieces += [prose[end : formula.start], hidden(prose[formula.start : formula.end])]
            end = formula.end
    prose = "".join([*pieces, prose[end:]])
    signs |= {(at, at + 1): "&lt;" for at in _bare_tags(prose)}
    signs |= {match.span(): "\\" for match in _BREAK.finditer(prose)}
    return _replaced(text, signs)


def _replaced(text: str, signs: Mapping[tuple[int, int], str]) -> str:
    pieces, end = [], 0
    for (first, after), sign in sorted(signs.items()):
        pieces += [text[end:first], sign]
        end = after
    return "".join([*pieces, text[end:]])


def _bare_tags(prose: str) -> list[int]:
    tags = list(_TAG.finditer(prose))
    opened = {tag["name"].lower() for tag in tags if tag["name"] and not tag["close"]}
    closed = {tag["name"].lower() for tag in tags if tag["close"]}
    shown = TAGS & (_NEEDS_NO_END | (opened & closed))
    return [tag.start() for tag in tags if (tag["name"] or "").lower() not in shown]


def option_line(line: str) -> str:
    """The first line of an option: a ``>``, ``#`` or ``---`` it begins with is what is offered."""
    if not _BLOCK.match(line):
        return line
    return f"&gt;{line[1:]}" if line.startswith(">") else f"\\{line}"
