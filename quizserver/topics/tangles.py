"""How much work a text is to convert, estimated in one pass; too much of it is an author's error.

Markdown's converters take time that grows with the square of the signs in a paragraph, and much
longer for a page of nothing but signs than for one of prose. The estimate models that, so that a
page is refused for the same reason on every machine, before anything is converted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import itemgetter

from quizserver.topics.line_kinds import CODE_KINDS, LineKind
from quizserver.topics.markdown import MarkdownSource, labels_used
from quizserver.topics.model import Diagnostic

MOST_EFFORT = 6000
"""Of a page, about the paragraphs that the converter makes in a second."""

MOST_REPEATED = 64 * 1024
"""Characters of definitions that a page may repeat: the address and the title of a link stand in
the page once for each use."""

_SIGN = re.compile(r"[\[\]<>*_`~^|!{}&\\]")
_FORMULA_SIGN_EFFORT = 5
# Every list marker on a line nests one list more into the one before.
_MARKERS = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)+")
_CELLS_PER_EFFORT = 6
_TABLE_RULE = re.compile(r"[ \t>|:-]+")  # the line between the head of a table and its rows
_FENCE = re.compile(r"[ \t>]*(?:`{3}|~{3})")
_HEADING = re.compile(r" {0,3}#{1,6}|[ \t]*(?:=+|-+)[ \t]*$")


@dataclass(slots=True)
class _Paragraph:
    """Lines of prose with no blank line between them."""

    line: int
    lines: int = 0
    characters: int = 0
    signs: int = 0
    columns: int = 0  # of the table in it, in which each row has all of them, written or not
    cells: int = 0

    def add_line(self, text: str) -> None:
        self.lines += 1
        self.characters += len(text)
        self.signs += len(_SIGN.findall(text)) + _FORMULA_SIGN_EFFORT * text.count("$")
        self.signs += text.count("[") + text.count("<")  # their other ends are searched for
        markers = _MARKERS.match(text)
        self.signs += len(markers[0]) // 2 if markers else 0
        self.cells += self.columns
        if "-" in text and "|" in text and _TABLE_RULE.fullmatch(text):
            self.columns = max(self.columns, text.count("|") + 1)

    @property
    def effort(self) -> float:
        signs = self.signs + self.signs * self.characters / 800
        return 2 + self.lines + self.lines**2 / 200 + signs + self.cells / _CELLS_PER_EFFORT


def find_tangle(source: MarkdownSource) -> Diagnostic | None:
    """The problem of a text that would take too long to convert; None for all others.

    It stands where the costliest part of the text begins.
    """
    repeated = _find_repeated_definition(source)
    if repeated is not None:
        return repeated
    efforts = list(_line_efforts(source.lines, source.kinds))
    # What a lesson embeds is YAML, like front matter.
    for fence in source.fences:
        if fence.embedded_kind:
            lines = source.lines[fence.first_line : fence.last_line]
            efforts.append((fence.first_line, 10 + sum(map(len, lines)) / 8))
    total = sum(effort for _, effort in efforts)
    if total <= MOST_EFFORT:
        return None
    line, effort = max(efforts, key=itemgetter(1))
    if effort > MOST_EFFORT / 2:
        message = "From here on there are too many signs of markup in one paragraph."
        hint = "Split the paragraph with blank lines, or put it into a code block."
        return Diagnostic(line, 1, "tangle", message, hint, True)
    message = f"This page holds {total / MOST_EFFORT:.1f} times the markup that a page may hold."
    return Diagnostic(1, 1, "tangle", message, "Split it into several pages.", True)


def _find_repeated_definition(source: MarkdownSource) -> Diagnostic | None:
    """The problem of link definitions whose uses would make a small text a huge page."""
    lengths: dict[str, int] = {}
    for definition in source.definitions:
        if definition.url is not None:
            length = max(len(definition.text), lengths.get(definition.label, 0))
            lengths[definition.label] = length
    if not lengths:
        return None
    uses = Counter(labels_used(source.prose))
    # The definition itself is one, and the first use repeats nothing.
    repeats = {label: max(0, uses[label] - 2) * length for label, length in lengths.items()}
    if sum(repeats.values()) <= MOST_REPEATED:
        return None
    label = max(repeats, key=repeats.__getitem__)
    worst = next(definition for definition in source.definitions if definition.label == label)
    message = (
        f"The page repeats this link's {lengths[label]:,} characters {uses[label] - 1:,} times; "
        f"links together may repeat {MOST_REPEATED:,} characters."
    )
    hint = "Shorten its address or its title, or use it less often."
    return Diagnostic(worst.line, worst.column, "tangle", message, hint, True)


def estimate_effort(text: str) -> float:
    """The effort of a text that was not scanned yet, as if it held no code: too high, if wrong."""
    lines = text.split("\n")
    return sum(effort for _, effort in _line_efforts(lines, repeat(LineKind.PROSE, len(lines))))


def costliest_line(text: str) -> int:
    """The number of the line in which the costliest part of a text begins."""
    lines = text.split("\n")
    return max(_line_efforts(lines, repeat(LineKind.PROSE, len(lines))), key=itemgetter(1))[0]


def _line_efforts(lines: Sequence[str], kinds: Iterable[LineKind]) -> Iterator[tuple[int, float]]:
    """The parts of a text, each with its first line and the effort that it is."""
    paragraph: _Paragraph | None = None
    headings = fences = 0
    for number, (line, kind) in enumerate(zip(lines, kinds, strict=True), 1):
        is_blank = not line or line.isspace()
        if _FENCE.match(line):
            fences += 1
            yield number, 2 + fences / 200  # the rest of the page is copied for each
        if kind is LineKind.PROSE and not is_blank:
            paragraph = paragraph or _Paragraph(number)
            paragraph.add_line(line)
            if _HEADING.match(line):
                headings += 1
                yield number, 5 + headings / 250  # each id is compared with those before
            continue
        if paragraph is not None:
            yield paragraph.line, paragraph.effort
            paragraph = None
        if kind is LineKind.FRONT_MATTER:
            yield 1, len(line) / 8
        elif kind in CODE_KINDS and not is_blank:
            yield number, 0.2 + len(line) / 32
        else:
            yield number, 0.1
    if paragraph is not None:
        yield paragraph.line, paragraph.effort
