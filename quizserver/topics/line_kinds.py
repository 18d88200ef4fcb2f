"""What each line of a markdown text is: prose, code, a comment or front matter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

# Stands for what is hidden from the searches; one for one, so that offsets stay true.
HIDDEN_CHARACTER = "\ufffc"

FRONT_MATTER_KEY = re.compile(r"^\s*[\w-]+\s*:")
ITEM_LINE = re.compile(r"^(?P<indent> *)(?P<marker>[-*+]|\d{1,9}[.)])(?:(?P<gap> +)(?P<rest>.*)|$)")
QUOTE_LINE = re.compile(r"^ {0,3}>")
_FENCE = re.compile(
    r"^(?P<lead>[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*(?:\[[^\[\]]{0,3}\][ \t]+)?)"
    r"(?P<fence>`{3,}(?=[^`]*$)|~{3,})(?P<info>.*)$"
)
_RAW_HTML = re.compile(r" {0,3}<(?P<name>pre|script|style|textarea)(?:[\s>]|$)", re.IGNORECASE)
_ITEM_START = re.compile(r"^ {0,3}(?:[-*+]|\d{1,9}[.)])(?:\s|$)")
_RULE = re.compile(r"^ {0,3}([-*_])(?: *\1){2,} *$")
_BACKTICKS_OR_BLANK = re.compile(r"(?P<backticks>`+)|\n[ \t]*(?=\n)")
_INLINE_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


class LineKind(Enum):
    PROSE = auto()
    FENCED_CODE = auto()
    INDENTED_CODE = auto()
    COMMENT = auto()
    FRONT_MATTER = auto()


CODE_KINDS = frozenset({LineKind.FENCED_CODE, LineKind.INDENTED_CODE})


@dataclass(frozen=True, slots=True)
class FencedBlock:
    """A fenced block: its first and last line (from 1), where its fence stands, its info string."""

    first_line: int
    last_line: int
    column: int
    info: str
    closed: bool

    @property
    def embedded_kind(self) -> str | None:
        """``question`` or ``simulation`` when the block embeds one in a lesson."""
        words = self.info.split()
        kind = words[0].strip("{.}").lower() if words else ""
        return kind if kind in ("question", "simulation") else None


def front_matter_length(lines: list[str]) -> tuple[int, bool | None]:
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


def mark_fences_and_comments(
    lines: list[str], kinds: list[LineKind], start: int
) -> list[FencedBlock]:
    """Set the kinds of fenced code and of comments that take whole lines; returns the former."""
    fences: list[FencedBlock] = []
    next_arrows = _next_arrows(lines)
    raw_ends = _RawHtmlEnds(lines)
    index = start
    while index < len(lines):
        comment_end = _comment_end(lines, index, next_arrows)
        raw_end = raw_ends.end_of(index)
        fence = _FENCE.match(lines[index])
        last = index
        if raw_end is not None:
            last = raw_end
        elif comment_end is not None:
            last = comment_end
            kinds[index : last + 1] = [LineKind.COMMENT] * (last + 1 - index)
        elif fence:
            last, is_closed = _fence_end(lines, index, fence)
            kinds[index : last + 1] = [LineKind.FENCED_CODE] * (last + 1 - index)
            column, info = len(fence["lead"]) + 1, fence["info"].strip()
            fences.append(FencedBlock(index + 1, last + 1, column, info, is_closed))
        index = last + 1
    return fences


class _RawHtmlEnds:
    """Where HTML ends whose lines are kept as they are, such as ``<pre>``: no fence is in it."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._last_ends: dict[str, int] = {}

    def end_of(self, index: int) -> int | None:
        """The index of the last line of such HTML that begins in this line, if it has an end."""
        start = _RAW_HTML.match(self._lines[index])
        if start is None:
            return None
        end = f"</{start['name'].lower()}>"
        if end not in self._last_ends:
            indices = range(len(self._lines) - 1, -1, -1)
            last = next((at for at in indices if end in self._lines[at].lower()), -1)
            self._last_ends[end] = last
        if self._last_ends[end] < index:
            return None
        return next(at for at in range(index, len(self._lines)) if end in self._lines[at].lower())


def _next_arrows(lines: Sequence[str]) -> list[int | None]:
    """For each line, and for the end, the index of the first line from there on with ``-->``."""
    following: int | None = None
    indices: list[int | None] = [None]
    for index in range(len(lines) - 1, -1, -1):
        following = index if "-->" in lines[index] else following
        indices.append(following)
    return indices[::-1]


def _comment_end(lines: list[str], index: int, next_arrows: Sequence[int | None]) -> int | None:
    """The last line of a comment that takes whole lines and begins here, if one does."""
    line = lines[index]
    if not line.lstrip().startswith("<!--"):
        return None
    end: int | None = index
    end_column = line.find("-->", line.find("<!--") + 4)
    if end_column < 0:
        end = next_arrows[index + 1]
        end_column = lines[end].find("-->") if end is not None else -1
    if end is None or lines[end][end_column + 3 :].strip():
        return None
    return end


def _fence_end(lines: list[str], first: int, fence: re.Match[str]) -> tuple[int, bool]:
    """The index of the last line of a fenced block, and whether that closes it.

    What is indented by four columns more than the block is code, as everywhere.
    """
    sign = fence["fence"][0]
    closing = re.compile(rf"^(?P<lead>[ \t>]*){re.escape(sign)}{{{len(fence['fence'])},}}[ \t]*$")
    deepest = len(fence["lead"].expandtabs(4)) + 3
    for index in range(first + 1, len(lines)):
        match = closing.match(lines[index])
        if match and len(match["lead"].expandtabs(4)) <= deepest:
            return index, True
    return len(lines) - 1, False


def mark_indented_code(lines: Sequence[str], kinds: list[LineKind], start: int) -> None:
    """Set the kind of prose that is code because it is indented, outside of lists."""
    in_list = False
    for index in range(start, len(lines)):
        line = lines[index]
        if kinds[index] is not LineKind.PROSE or not line.strip():
            continue
        if _ITEM_START.match(line):
            in_list = True
        elif (indent := indent_of(line)) < 2:
            in_list = False
        elif indent >= 4 and not in_list and _begins_code(lines, kinds, index, start):
            kinds[index] = LineKind.INDENTED_CODE


def _begins_code(lines: Sequence[str], kinds: list[LineKind], index: int, start: int) -> bool:
    """Whether the indented line ``index`` does not continue a paragraph."""
    previous = index - 1
    while previous >= start and not lines[previous].strip():
        previous -= 1
    return previous < start or previous < index - 1 or kinds[previous] in CODE_KINDS


def hide_code(lines: Iterable[str], kinds: Iterable[LineKind]) -> str:
    """The lines joined, with code, comments and front matter hidden."""
    visible_lines = [
        line if kind is LineKind.PROSE else HIDDEN_CHARACTER * len(line)
        for line, kind in zip(lines, kinds, strict=True)
    ]
    text = "\n".join(visible_lines)
    comments_end = text.rfind("-->") + 3  # nothing after it can be a comment: do not search there
    text = _hide_matches(_INLINE_COMMENT, text[:comments_end]) + text[comments_end:]
    return _hide_code_spans(text)


def _hide_code_spans(text: str) -> str:
    """The text with its code spans hidden, found in one pass over the runs of backticks.

    A run opens a span, unless a backslash stands before it, when a run of the same length follows
    in the same paragraph.
    """
    runs: list[tuple[int, int, int]] = []  # beginning, end, number of the paragraph
    paragraph = 0
    for match in _BACKTICKS_OR_BLANK.finditer(text):
        if match["backticks"]:
            runs.append((*match.span(), paragraph))
        else:
            paragraph += 1
    closing_indices: list[int | None] = []
    index_by_length: dict[tuple[int, int], int] = {}
    for index in range(len(runs) - 1, -1, -1):
        start, end, paragraph = runs[index]
        closing_indices.append(index_by_length.get((paragraph, end - start)))
        index_by_length[paragraph, end - start] = index
    closing_indices.reverse()
    parts: list[str] = []
    done = index = 0
    while index < len(runs):
        start, closing = runs[index][0], closing_indices[index]
        if closing is not None and text[start - 1 : start] != "\\":
            end = runs[closing][1]
            parts += [text[done:start], hidden_text(text[start:end])]
            done, index = end, closing
        index += 1
    return "".join([*parts, text[done:]])


def _hide_matches(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda match: hidden_text(match[0]), text)


def hidden_text(text: str) -> str:
    """A text as long as ``text`` in which nothing but its newlines can be found."""
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


def expand_tabs(line: str) -> str:
    """``line`` with the tabs of its indentation, and the one after a list marker, as spaces."""
    if "\t" not in line:
        return line  # as most are
    lead = line[: len(line) - len(line.lstrip(" \t"))]
    rest = re.sub(r"^([-*+]|\d{1,9}[.)])\t", r"\1 ", line[len(lead) :])
    return lead.expandtabs(4) + rest


def is_thematic_break(line: str) -> bool:
    """Whether this line is a thematic break, such as ``---``."""
    return _RULE.match(line) is not None


def starts_list_item(line: str) -> bool:
    """Whether a list item begins on this line, at the left (at most 3 spaces in)."""
    return (
        bool(ITEM_LINE.match(expand_tabs(line))) and indent_of(line) <= 3 and not _RULE.match(line)
    )
