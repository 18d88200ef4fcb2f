"""Lines of list items: where one begins, and what its author put behind it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from quizserver.topics.scan import Kind, Scan, indent_of, scan

ITEM = re.compile(r"^(?P<indent> *)(?P<marker>[-*+]|\d{1,9}[.)])(?:(?P<gap> +)(?P<rest>.*)|$)")
_RULE = re.compile(r"^ {0,3}([-*_])(?: *\1){2,} *$")
_ID = re.compile(r"[ \t]*\{#(?P<id>[^{}]*)\}[ \t]*$")
QUOTE = re.compile(r"^ {0,3}>")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an item, its indentation taken off, and the line of the file it came from."""

    number: int
    text: str


def is_rule(line: str) -> bool:
    """Whether this line is a thematic break, such as ``---``."""
    return _RULE.match(line) is not None


def item_starts(line: str) -> bool:
    """Whether a list item begins on this line, at the left (at most 3 spaces in)."""
    return bool(ITEM.match(expand(line))) and indent_of(line) <= 3 and not _RULE.match(line)


def take_feedback(body: Sequence[Line]) -> tuple[list[Line], list[Line] | None]:
    """Splits blockquotes at the item's own level from its other lines."""
    source = scan_body(body)
    in_quote = _fenced_in_quotes(source)
    rest: list[Line] = []
    feedback: list[Line] | None = None
    quoting = False
    for index, (line, kind) in enumerate(zip(body, source.kinds, strict=True)):
        prose = kind is Kind.PROSE and index > 0
        quote = prose and QUOTE.match(line.text) is not None
        lazy = quoting and prose and bool(line.text.strip()) and not item_starts(line.text)
        if quote or lazy or index in in_quote:
            feedback = [] if feedback is None else feedback
            if not quoting and feedback:
                feedback.append(Line(line.number, ""))
            feedback.append(Line(line.number, re.sub(r"^ {0,3}> ?", "", line.text)))
            quoting = True
        else:
            rest.append(line)
            quoting = False
    return rest, feedback


def _fenced_in_quotes(source: Scan) -> set[int]:
    """The indices of the lines of code blocks that stand inside a quotation."""
    blocks = [f for f in source.fences if QUOTE.match(source.lines[f.first - 1]) and f.first > 1]
    return {index for fence in blocks for index in range(fence.first - 1, fence.last)}


def scan_body(body: Sequence[Line]) -> Scan:
    """The lines of an item as a text of their own: which are prose, which are code."""
    return scan("\n".join(line.text for line in body), front_matter=False)


def take_ids(source: Scan, body: Sequence[Line]) -> tuple[list[Line], list[tuple[str, int, int]]]:
    """The lines without the ``{#…}`` at their ends, and what these hold with line and column."""
    ids: list[tuple[str, int, int]] = []
    rest: list[Line] = []
    for line, kind in zip(body, scan_body(body).kinds, strict=True):
        match = _ID.search(line.text) if kind is Kind.PROSE else None
        if match:
            column = source.lines[line.number - 1].rindex("{#") + 1
            ids.append((match["id"], line.number, column))
            line = Line(line.number, line.text[: match.start()])
        rest.append(line)
    return rest, ids


def expand(line: str) -> str:
    """``line`` with the tabs of its indentation, and the one after a list marker, as spaces."""
    lead = line[: len(line) - len(line.lstrip(" \t"))]
    rest = re.sub(r"^([-*+]|\d{1,9}[.)])\t", r"\1 ", line[len(lead) :])
    return lead.expandtabs(4) + rest
