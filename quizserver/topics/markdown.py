"""The structure of a markdown text: prose and code, list items, headings, link definitions.

Everything that looks for structure looks only where the scanner says that prose is, so that an
example inside a code block is never taken for the thing."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

# Stands for what is hidden from the searches; one for one, so that offsets stay true.
HIDDEN_CHARACTER = "\ufffc"

_FENCE = re.compile(
    r"^(?P<lead>[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*(?:\[[^\[\]]{0,3}\][ \t]+)?)"
    r"(?P<fence>`{3,}(?=[^`]*$)|~{3,})(?P<info>.*)$"
)
FRONT_MATTER_KEY = re.compile(r"^\s*[\w-]+\s*:")
_ITEM_START = re.compile(r"^ {0,3}(?:[-*+]|\d{1,9}[.)])(?:\s|$)")
_CODE_SPAN = re.compile(r"(?<![\\`])(`+)(?!`)((?:(?!\n[ \t]*\n).)+?)(?<!`)\1(?!`)", re.DOTALL)
_INLINE_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


class LineKind(Enum):
    PROSE = auto()
    CODE = auto()
    COMMENT = auto()
    FRONT = auto()


@dataclass(frozen=True, slots=True)
class FencedBlock:
    """A fenced block: its first and last line (from 1), where its fence stands, its info string."""

    first_line: int
    last_line: int
    column: int
    info: str
    closed: bool


@dataclass(frozen=True, slots=True)
class ScannedMarkdown:
    """The lines of a text and what each of them is. ``lines[i]`` is line i + 1."""

    text: str
    lines: tuple[str, ...]
    kinds: tuple[LineKind, ...]
    fences: tuple[FencedBlock, ...]
    front_closed: bool | None  # None: there is no front matter

    def fence_begins_at(self, line_number: int) -> bool:
        """Whether a fenced block begins in this line (from 1)."""
        index = bisect_left(self.fences, line_number, key=lambda fence: fence.first_line)
        return index < len(self.fences) and self.fences[index].first_line == line_number

    def prose_text(self) -> str:
        """The text, as long as before, with all that is not prose hidden (newlines stay)."""
        visible_lines = [
            line if kind is LineKind.PROSE else HIDDEN_CHARACTER * len(line)
            for line, kind in zip(self.lines, self.kinds, strict=True)
        ]
        text = "\n".join(visible_lines)
        comments_end = (
            text.rfind("-->") + 3
        )  # nothing after it can be a comment: do not search there
        return hide_matches(
            _CODE_SPAN, hide_matches(_INLINE_COMMENT, text[:comments_end]) + text[comments_end:]
        )


def hide_matches(pattern: re.Pattern[str], text: str) -> str:
    """``text`` with every match hidden, newlines kept."""
    return pattern.sub(lambda match: hidden_text(match[0]), text)


def hidden_text(text: str) -> str:
    return re.sub(r"[^\n]", HIDDEN_CHARACTER, text)


def indent_of(line: str) -> int:
    """How many columns of white space ``line`` begins with; a tab goes on to a multiple of 4."""
    width = 0
    for character in line:
        if character == "\t":
            width += 4 - width % 4
        elif character == " ":
            width += 1
        else:
            break
    return width


def scan_markdown(text: str, *, front_matter: bool = True) -> ScannedMarkdown:
    """Classify every line of ``text`` (newlines must be ``\\n``). Never raises."""
    lines = text.split("\n")
    kinds = [LineKind.PROSE] * len(lines)
    start, closed = _front_matter_length(lines) if front_matter else (0, None)
    kinds[:start] = [LineKind.FRONT] * start
    fences: list[FencedBlock] = []
    in_list = False
    index = start
    last_end = max((n for n, line in enumerate(lines) if "-->" in line), default=-1)
    while index < len(lines):
        line = lines[index]
        end = _comment_end(lines, index, last_end)
        fence = _FENCE.match(line)
        if end is not None:
            kinds[index : end + 1] = [LineKind.COMMENT] * (end + 1 - index)
            index = end + 1
        elif fence:
            last, is_closed = _fence_end(lines, index, fence["fence"])
            kinds[index : last + 1] = [LineKind.CODE] * (last + 1 - index)
            column = len(fence["lead"]) + 1
            fences.append(
                FencedBlock(index + 1, last + 1, column, fence["info"].strip(), is_closed)
            )
            index = last + 1
        else:
            if _ITEM_START.match(line):
                in_list = True
            elif line.strip() and indent_of(line) < 2:
                in_list = False
            if not in_list and _is_indented_code(lines, kinds, index, start):
                kinds[index] = LineKind.CODE
            index += 1
    return ScannedMarkdown(text, tuple(lines), tuple(kinds), tuple(fences), closed)


def _front_matter_length(lines: list[str]) -> tuple[int, bool | None]:
    """How many lines the front matter takes, its two fences included, and whether it is closed."""
    if lines[0].rstrip() != "---":
        return 0, None
    for index in range(1, len(lines)):
        if lines[index].rstrip() in ("---", "..."):
            return index + 1, True
    # A lone line of dashes is a rule, unless what follows reads like YAML.
    if len(lines) > 1 and lines[1].strip() and FRONT_MATTER_KEY.match(lines[1]):
        return len(lines), False
    return 0, None


def _comment_end(lines: list[str], index: int, last_end: int) -> int | None:
    """The last line of a comment that takes whole lines and begins here, if one does.

    No comment ends behind the line ``last_end``, so nothing is looked for there.
    """
    if not lines[index].lstrip().startswith("<!--"):
        return None
    for end in range(index, last_end + 1):
        line = lines[end]
        from_column = line.find("<!--") + 4 if end == index else 0
        end_column = line.find("-->", from_column)
        if end_column >= 0:
            return end if not line[end_column + 3 :].strip() else None
    return None


def _fence_end(lines: list[str], first: int, fence: str) -> tuple[int, bool]:
    closing = re.compile(rf"^[ \t>]*{re.escape(fence[0])}{{{len(fence)},}}[ \t]*$")
    for index in range(first + 1, len(lines)):
        if closing.match(lines[index]):
            return index, True
    return len(lines) - 1, False


def _is_indented_code(lines: list[str], kinds: list[LineKind], index: int, start: int) -> bool:
    if not lines[index].strip() or indent_of(lines[index]) < 4:
        return False
    previous = index - 1
    while previous >= start and not lines[previous].strip():
        previous -= 1
    return previous < start or previous < index - 1 or kinds[previous] is LineKind.CODE


ITEM_LINE = re.compile(r"^(?P<indent> *)(?P<marker>[-*+]|\d{1,9}[.)])(?:(?P<gap> +)(?P<rest>.*)|$)")
_RULE = re.compile(r"^ {0,3}([-*_])(?: *\1){2,} *$")
_ID = re.compile(r"[ \t]*\{#(?P<id>[^{}]*)\}[ \t]*$")
QUOTE_LINE = re.compile(r"^ {0,3}>")


@dataclass(frozen=True, slots=True)
class ItemLine:
    """A line of an item, its indentation taken off, and the line of the file it came from."""

    number: int
    text: str


def is_thematic_break(line: str) -> bool:
    """Whether this line is a thematic break, such as ``---``."""
    return _RULE.match(line) is not None


def starts_list_item(line: str) -> bool:
    """Whether a list item begins on this line, at the left (at most 3 spaces in)."""
    return (
        bool(ITEM_LINE.match(expand_tabs(line))) and indent_of(line) <= 3 and not _RULE.match(line)
    )


def split_feedback(body: Sequence[ItemLine]) -> tuple[list[ItemLine], list[ItemLine] | None]:
    """Splits blockquotes at the item's own level from its other lines."""
    source = scan_item_body(body)
    quoted_indices = _quoted_code_indices(source)
    other_lines: list[ItemLine] = []
    feedback: list[ItemLine] | None = None
    quoting = False
    for index, (line, kind) in enumerate(zip(body, source.kinds, strict=True)):
        prose = kind is LineKind.PROSE and index > 0
        quote = prose and QUOTE_LINE.match(line.text) is not None
        lazy = quoting and prose and bool(line.text.strip()) and not starts_list_item(line.text)
        if quote or lazy or index in quoted_indices:
            feedback = [] if feedback is None else feedback
            if not quoting and feedback:
                feedback.append(ItemLine(line.number, ""))
            feedback.append(ItemLine(line.number, re.sub(r"^ {0,3}> ?", "", line.text)))
            quoting = True
        else:
            other_lines.append(line)
            quoting = False
    return other_lines, feedback


def _quoted_code_indices(source: ScannedMarkdown) -> set[int]:
    """The indices of the lines of code blocks that stand inside a quotation."""
    blocks = [
        f
        for f in source.fences
        if QUOTE_LINE.match(source.lines[f.first_line - 1]) and f.first_line > 1
    ]
    return {index for fence in blocks for index in range(fence.first_line - 1, fence.last_line)}


def scan_item_body(body: Sequence[ItemLine]) -> ScannedMarkdown:
    """The lines of an item as a text of their own: which are prose, which are code."""
    return scan_markdown("\n".join(line.text for line in body), front_matter=False)


def split_ids(
    source: ScannedMarkdown, body: Sequence[ItemLine]
) -> tuple[list[ItemLine], list[tuple[str, int, int]]]:
    """The lines without the ``{#…}`` at their ends, and what these hold with line and column."""
    ids: list[tuple[str, int, int]] = []
    other_lines: list[ItemLine] = []
    for line, kind in zip(body, scan_item_body(body).kinds, strict=True):
        match = _ID.search(line.text) if kind is LineKind.PROSE else None
        if match:
            column = source.lines[line.number - 1].rindex("{#") + 1
            ids.append((match["id"], line.number, column))
            line = ItemLine(line.number, line.text[: match.start()])
        other_lines.append(line)
    return other_lines, ids


def expand_tabs(line: str) -> str:
    """``line`` with the tabs of its indentation, and the one after a list marker, as spaces."""
    lead = line[: len(line) - len(line.lstrip(" \t"))]
    rest = re.sub(r"^([-*+]|\d{1,9}[.)])\t", r"\1 ", line[len(lead) :])
    return lead.expandtabs(4) + rest


_ATX = re.compile(
    r"^(?P<lead> {0,3}(?P<marks>#{1,6})(?:[ \t]+|$))(?P<text>.*?)(?:[ \t]+#+)?[ \t]*$"
)
# Whoever writes ##Answer means the section; no other text becomes a heading without the space.
_UNSPACED = re.compile(
    r"^(?P<lead> {0,3}(?P<marks>#{1,6}))"
    r"(?P<text>(?:hint|answer|explanation|references?)s?(?:[ \t]*\d+)?[ \t]*:?)[ \t]*#*[ \t]*$",
    re.IGNORECASE,
)
_ATTRIBUTES = re.compile(r"[ \t]*\{:?[ \t]*[#.][^{}]*\}$")  # an id or a class
_SETEXT = re.compile(r"^ {0,3}(=+|-+)[ \t]*$")
_SECTION = re.compile(
    r"(?P<name>hint|answer|explanation|references?)s?(?:[ \t]*#?\d+)?[ \t]*[:.]?", re.IGNORECASE
)


class SectionName(Enum):
    """What a section of a question is; only stem and hints may be seen before an answer."""

    STEM = "stem"
    HINT = "hint"
    ANSWER = "answer"
    REFERENCES = "references"
    UNKNOWN = "unknown"
    AFTER_OPTIONS = "after options"


SECTION_NAMES = ("Hint", "Answer", "Explanation", "References")


@dataclass(frozen=True, slots=True)
class Heading:
    level: int
    text: str
    line: int
    column: int
    last_line: int  # its last line: one more than ``line`` when underlined


def find_headings(source: ScannedMarkdown) -> list[Heading]:
    """Every heading outside code and lists, in order."""
    heading_list: list[Heading] = []
    for index, line in enumerate(source.lines):
        if source.kinds[index] is not LineKind.PROSE:
            continue
        match = _ATX.match(line) or _UNSPACED.match(line)
        if match:
            column = len(match["lead"]) + 1
            level = len(match["marks"])
            heading_list.append(
                Heading(
                    level, _ATTRIBUTES.sub("", match["text"].strip()), index + 1, column, index + 1
                )
            )
        elif _is_underlined(source, index):
            level = 1 if source.lines[index + 1].lstrip().startswith("=") else 2
            column = len(line) - len(line.lstrip()) + 1
            heading_list.append(Heading(level, line.strip(), index + 1, column, index + 2))
    return heading_list


def _is_underlined(source: ScannedMarkdown, index: int) -> bool:
    lines = source.lines
    if index + 1 >= len(lines) or not lines[index].strip() or starts_list_item(lines[index]):
        return False
    if lines[index][:4].strip(" \t") == "" or lines[index].lstrip().startswith((">", "|", "#")):
        return False
    starts_paragraph = (
        index == 0 or not lines[index - 1].strip() or source.kinds[index - 1] is not LineKind.PROSE
    )
    underline = source.kinds[index + 1] is LineKind.PROSE and _SETEXT.match(lines[index + 1])
    return starts_paragraph and bool(underline)


def section_name(text: str) -> SectionName | None:
    """What section a heading of this text begins, if one."""
    match = _SECTION.fullmatch(re.sub(r"[*_`]", "", text).strip())
    if match is None:
        return None
    word = match["name"].lower()
    if word == "hint":
        return SectionName.HINT
    return SectionName.REFERENCES if word.startswith("reference") else SectionName.ANSWER


_REFERENCE = re.compile(
    r"^ {0,3}\[(?P<label>[^\[\]^][^\[\]]*)\]:[ \t]*<?(?P<url>[^\s<>]+)>?"
    r"(?:[ \t]+(?:\"[^\"]*\"|'[^']*'|\([^()]*\)))?[ \t]*$"
)
_FOOTNOTE = re.compile(r"^ {0,3}\[\^(?P<label>[^\]\s]+)\]:")
_USE = re.compile(r"\[(\^?[^\[\]]+)\]")


@dataclass(frozen=True, slots=True)
class LabelDefinition:
    """``[label]: url`` or ``[^label]: text``; ``label`` is folded and keeps its ``^``."""

    label: str
    text: str
    line: int
    column: int
    url: str | None
    url_column: int


def fold_label(label: str) -> str:
    return " ".join(label.split()).casefold()


def find_definitions(source: ScannedMarkdown) -> tuple[tuple[LabelDefinition, ...], frozenset[int]]:
    """All definitions, and the lines (from 1) that they take."""
    definitions: list[LabelDefinition] = []
    definition_lines: set[int] = set()
    index = 0
    while index < len(source.lines):
        line = source.lines[index]
        footnote_match = _FOOTNOTE.match(line)
        link_match = None if footnote_match else _REFERENCE.match(line)
        if source.kinds[index] is not LineKind.PROSE or not (footnote_match or link_match):
            index += 1
            continue
        end = _footnote_end(source, index) if footnote_match else index + 1
        label = (
            f"^{footnote_match['label']}"
            if footnote_match
            else link_match["label"]
            if link_match
            else ""
        )
        column = line.index("[") + 1
        url = link_match["url"] if link_match else None
        url_column = link_match.start("url") + 1 if link_match else 0
        text = "\n".join(source.lines[index:end])
        definitions.append(
            LabelDefinition(fold_label(label), text, index + 1, column, url, url_column)
        )
        definition_lines.update(range(index + 1, end + 1))
        index = end
    return tuple(definitions), frozenset(definition_lines)


def _footnote_end(source: ScannedMarkdown, first: int) -> int:
    end = first + 1
    index = end
    while index < len(source.lines):
        line = source.lines[index]
        if not line.strip():
            index += 1
            continue
        lazy = index == end and not _FOOTNOTE.match(line) and not _REFERENCE.match(line)
        prose = source.kinds[index] is LineKind.PROSE and not line.lstrip().startswith("#")
        if indent_of(line) < 4 and not (lazy and prose):
            break
        index += 1
        end = index
    return end


def used_definitions(text: str, definitions: Iterable[LabelDefinition]) -> str:
    """The definitions that ``text`` uses, and those that these use, as markdown to append."""
    by_label = {definition.label: definition for definition in reversed(tuple(definitions))}
    used_by_label: dict[str, LabelDefinition] = {}
    texts_to_search = [text] if by_label else []
    while texts_to_search:
        for label in map(fold_label, _USE.findall(texts_to_search.pop())):
            if label in by_label and label not in used_by_label:
                used_by_label[label] = by_label[label]
                texts_to_search.append(by_label[label].text.partition(":")[2])
    used_in_line_order = sorted(used_by_label.values(), key=lambda definition: definition.line)
    return "\n\n".join(definition.text for definition in used_in_line_order)
