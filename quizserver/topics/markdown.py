"""A markdown text after its one scan: the kinds of its lines, slices, headings, definitions.

``scan_markdown`` looks at every line of a text once. All later steps use its result: they look for
structure only where it says that prose is, so that an example inside a code block is never taken
for the thing, and they take parts of it as slices, whose lines keep their kinds and numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property

from quizserver.topics.line_kinds import (
    FencedBlock,
    LineKind,
    front_matter_length,
    hide_code,
    indent_of,
    mark_fences_and_comments,
    mark_indented_code,
    starts_list_item,
)
from quizserver.topics.source_text import LineIndex

_ATX = re.compile(r"^(?P<lead> {0,3}(?P<marks>#{1,6})(?:[ \t]+|$))(?P<text>.*)$")
# Whoever writes ##Answer means the section; no other text becomes a heading without the space.
_UNSPACED = re.compile(
    r"^(?P<lead> {0,3}(?P<marks>#{1,6}))"
    r"(?P<text>(?:hint|answer|explanation|references?)s?(?:[ \t]*\d+)?[ \t]*:?)[ \t]*#*[ \t]*$",
    re.IGNORECASE,
)
_ATTRIBUTES = re.compile(r"\{:?[ \t]*[#.][^{}]*\}")  # an id or a class
# Patterns that try white space several times over only see lines that may be such a heading.
_LONGEST_SECTION_HEADING = 120
_SETEXT = re.compile(r"^ {0,3}(=+|-+)[ \t]*$")
_SECTION = re.compile(
    r"(?P<name>hint|answer|explanation|references?)s?(?:[ \t]*#?\d+)?[ \t]*[:.]?", re.IGNORECASE
)
_REFERENCE = re.compile(
    r"^ {0,3}\[(?P<label>[^\[\]^][^\[\]]*)\]:[ \t]*<?(?P<url>[^\s<>]+)>?"
    r"(?:[ \t]+(?:\"[^\"]*\"|'[^']*'|\([^()]*\)))?[ \t]*$"
)
_FOOTNOTE = re.compile(r"^ {0,3}\[\^(?P<label>[^\]\s]+)\]:")
_USE = re.compile(r"\[(\^?[^\[\]]+)\]")


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A line of a slice: its number in the file (0: added), its text there, and what it is."""

    number: int
    text: str
    kind: LineKind = LineKind.PROSE


@dataclass(frozen=True)
class MarkdownSlice:
    """Some lines of a scanned text, perhaps without their margin: an option's body, a section."""

    lines: tuple[SourceLine, ...]

    @classmethod
    def from_lines(cls, lines: Iterable[SourceLine]) -> MarkdownSlice:
        """The lines as a text of their own.

        Fenced code and comments are what they were in the file. Which prose is indented code is
        decided again: that is relative to the margin, and a slice may have lost its own.
        """
        lines = tuple(lines)
        kinds: list[LineKind] = [
            LineKind.PROSE if line.kind is LineKind.INDENTED_CODE else line.kind for line in lines
        ]
        mark_indented_code([line.text for line in lines], kinds, 0)
        return cls(
            tuple(
                line if line.kind is kind else replace(line, kind=kind)
                for line, kind in zip(lines, kinds, strict=True)
            )
        )

    @cached_property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)

    @cached_property
    def prose(self) -> str:
        """The text, as long as before, with all that is not prose hidden (newlines stay)."""
        return hide_code((line.text for line in self.lines), (line.kind for line in self.lines))

    def with_texts(self, texts: Sequence[str]) -> MarkdownSlice:
        """The same lines, of the same kinds, with other texts."""
        return MarkdownSlice(
            tuple(replace(line, text=text) for line, text in zip(self.lines, texts, strict=True))
        )

    def strip_empty_lines(self) -> MarkdownSlice:
        """The slice without the empty lines at its beginning and its end."""
        first, end = 0, len(self.lines)
        while first < end and not self.lines[first].text:
            first += 1
        while first < end and not self.lines[end - 1].text:
            end -= 1
        return MarkdownSlice(self.lines[first:end])


def join_slices(slices: Sequence[MarkdownSlice]) -> MarkdownSlice:
    """The slices one after the other, with an empty line between each two."""
    lines = list(slices[0].lines)
    for following in slices[1:]:
        lines += [SourceLine(0, ""), *following.lines]
    return MarkdownSlice.from_lines(lines)


@dataclass(frozen=True, slots=True)
class MarkdownSource:
    """A whole text with all that its one scan found.

    ``lines[i]``, ``kinds[i]`` and ``body[i]`` are of line i + 1.
    """

    text: str
    lines: tuple[str, ...]
    kinds: tuple[LineKind, ...]
    fences: tuple[FencedBlock, ...]
    fence_starts: frozenset[int]  # the numbers of the lines that fenced blocks begin in
    front_matter_length: int  # how many lines the front matter takes, its two fences included
    front_matter_closed: bool | None  # None: there is no front matter
    definitions: tuple[LabelDefinition, ...]  # link definitions and footnotes
    definition_numbers: frozenset[int]  # the numbers of the lines that they take
    body: tuple[str, ...]  # the lines, those of definitions blanked
    headings: tuple[Heading, ...]  # all outside of code and lists
    prose: str  # the text, as long as before, with all that is not prose hidden (newlines stay)
    line_index: LineIndex = field(compare=False, repr=False)

    def position_at(self, offset: int) -> tuple[int, int]:
        """The line and the column (from 1) of an offset of ``text``."""
        return self.line_index.position_at(offset)

    def slice_lines(self, first: int, end: int) -> MarkdownSlice:
        """The lines from index ``first`` up to, but not including, index ``end``."""
        return _slice(self.lines, self.kinds, first, end)

    def slice_body(self, first: int, end: int) -> MarkdownSlice:
        """The same lines with the definitions blanked, which are rendered where they are used."""
        return _slice(self.body, self.kinds, first, end)


def scan_markdown(text: str, *, front_matter: bool = True) -> MarkdownSource:
    """Scan a text (newlines must be ``\\n``). Never raises.

    The only function that looks at a text line by line: each file passes through it once.
    """
    lines = text.split("\n")
    kinds = [LineKind.PROSE] * len(lines)
    start, closed = front_matter_length(lines) if front_matter else (0, None)
    kinds[:start] = [LineKind.FRONT_MATTER] * start
    fences = mark_fences_and_comments(lines, kinds, start)
    mark_indented_code(lines, kinds, start)
    definitions = tuple(_find_definitions(lines, kinds))
    definition_numbers = frozenset(
        line.number for definition in definitions for line in definition.content.lines
    )
    body = tuple("" if n in definition_numbers else line for n, line in enumerate(lines, 1))
    return MarkdownSource(
        text=text,
        lines=tuple(lines),
        kinds=tuple(kinds),
        fences=tuple(fences),
        fence_starts=frozenset(fence.first_line for fence in fences),
        front_matter_length=start,
        front_matter_closed=closed,
        definitions=definitions,
        definition_numbers=definition_numbers,
        body=body,
        headings=tuple(_find_headings(body, kinds)),
        prose=hide_code(lines, kinds),
        line_index=LineIndex(text),
    )


def _slice(lines: Sequence[str], kinds: Sequence[LineKind], first: int, end: int) -> MarkdownSlice:
    return MarkdownSlice.from_lines(
        SourceLine(index + 1, lines[index], kinds[index]) for index in range(first, end)
    )


def scan_fragment(text: str) -> MarkdownSlice:
    """All lines of a text that is no file of its own, such as one text of an imported question."""
    source = scan_markdown(text, front_matter=False)
    return source.slice_lines(0, len(source.lines))


@dataclass(frozen=True, slots=True)
class Heading:
    level: int
    text: str
    line: int
    column: int
    last_line: int  # its last line: one more than ``line`` when underlined


def _find_headings(lines: Sequence[str], kinds: Sequence[LineKind]) -> Iterator[Heading]:
    for index, line in enumerate(lines):
        if kinds[index] is not LineKind.PROSE:
            continue
        match = _ATX.match(line)
        if match is None and len(line) <= _LONGEST_SECTION_HEADING:
            match = _UNSPACED.match(line)
        if match:
            text = _without_attributes(_without_closing_marks(match["text"]))
            column = len(match["lead"]) + 1
            yield Heading(len(match["marks"]), text, index + 1, column, index + 1)
        elif _is_underlined(lines, kinds, index):
            level = 1 if lines[index + 1].lstrip().startswith("=") else 2
            column = len(line) - len(line.lstrip()) + 1
            yield Heading(level, line.strip(), index + 1, column, index + 2)


def _without_closing_marks(text: str) -> str:
    """The text of a heading without the ``##`` that may close it."""
    text = text.strip()
    opened = text.rstrip("#")
    return opened.rstrip() if opened != opened.rstrip() else text


def _without_attributes(text: str) -> str:
    """The text of a heading without the id or class behind it."""
    start = text.rfind("{")
    has_attributes = start >= 0 and _ATTRIBUTES.fullmatch(text, start) is not None
    return text[:start].rstrip() if has_attributes else text


def _is_underlined(lines: Sequence[str], kinds: Sequence[LineKind], index: int) -> bool:
    if index + 1 >= len(lines) or not lines[index].strip() or starts_list_item(lines[index]):
        return False
    if lines[index][:4].strip(" \t") == "" or lines[index].lstrip().startswith((">", "|", "#")):
        return False
    starts_paragraph = (
        index == 0 or not lines[index - 1].strip() or kinds[index - 1] is not LineKind.PROSE
    )
    underline = kinds[index + 1] is LineKind.PROSE and _SETEXT.match(lines[index + 1])
    return starts_paragraph and bool(underline)


class SectionName(Enum):
    """What a section of a question is; only stem and hints may be seen before an answer."""

    STEM = "stem"
    HINT = "hint"
    ANSWER = "answer"
    REFERENCES = "references"
    UNKNOWN = "unknown"
    AFTER_OPTIONS = "after options"


SECTION_NAMES = ("Hint", "Answer", "Explanation", "References")


def section_name(text: str) -> SectionName | None:
    """What section a heading of this text begins, if one."""
    text = re.sub(r"[*_`]", "", text).strip()
    match = _SECTION.fullmatch(text) if len(text) <= _LONGEST_SECTION_HEADING else None
    if match is None:
        return None
    word = match["name"].lower()
    if word == "hint":
        return SectionName.HINT
    return SectionName.REFERENCES if word.startswith("reference") else SectionName.ANSWER


@dataclass(frozen=True, slots=True)
class LabelDefinition:
    """``[label]: url`` or ``[^label]: text``; ``label`` is folded and keeps its ``^``."""

    label: str
    content: MarkdownSlice
    line: int
    column: int
    url: str | None
    url_column: int

    @property
    def text(self) -> str:
        return self.content.text


def fold_label(label: str) -> str:
    return " ".join(label.split()).casefold()


def _find_definitions(lines: Sequence[str], kinds: Sequence[LineKind]) -> Iterator[LabelDefinition]:
    end = 0
    for index, line in enumerate(lines):
        if index < end or kinds[index] is not LineKind.PROSE:
            continue
        footnote = _FOOTNOTE.match(line)
        link = None if footnote else _REFERENCE.match(line)
        if footnote:
            end = _footnote_end(lines, kinds, index)
            label, url, url_column = f"^{footnote['label']}", None, 0
        elif link:
            end = index + 1
            label, url, url_column = link["label"], link["url"], link.start("url") + 1
        else:
            continue
        content, column = _slice(lines, kinds, index, end), line.index("[") + 1
        yield LabelDefinition(fold_label(label), content, index + 1, column, url, url_column)


def _footnote_end(lines: Sequence[str], kinds: Sequence[LineKind], first: int) -> int:
    end = first + 1
    index = end
    while index < len(lines):
        line = lines[index]
        if not line.strip():
            index += 1
            continue
        lazy = index == end and not _FOOTNOTE.match(line) and not _REFERENCE.match(line)
        prose = kinds[index] is LineKind.PROSE and not line.lstrip().startswith("#")
        if indent_of(line) < 4 and not (lazy and prose):
            break
        index += 1
        end = index
    return end


def labels_used(text: str) -> Iterator[str]:
    """Every text in brackets that may be the label of a definition, folded, as often as it is."""
    return map(fold_label, _USE.findall(text))


def used_definitions(text: str, definitions: Iterable[LabelDefinition]) -> list[LabelDefinition]:
    """The definitions that ``text`` uses, and those that these use, in the order of their lines."""
    by_label = {definition.label: definition for definition in reversed(tuple(definitions))}
    used_by_label: dict[str, LabelDefinition] = {}
    texts_to_search = [text] if by_label else []
    while texts_to_search:
        for label in labels_used(texts_to_search.pop()):
            if label in by_label and label not in used_by_label:
                used_by_label[label] = by_label[label]
                texts_to_search.append(by_label[label].text.partition(":")[2])
    return sorted(used_by_label.values(), key=lambda definition: definition.line)
