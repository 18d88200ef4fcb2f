"""Which lines of a markdown text are prose, and which are code, comments or front matter.

Everything that looks for structure (headings, task lists, links, formulas) looks only where this
scanner says that prose is, so that an example inside a code block is never taken for the thing.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from enum import Enum, auto

# Stands for what is hidden from the searches; one for one, so that offsets stay true.
HIDDEN = "\ufffc"

_FENCE = re.compile(
    r"^(?P<lead>[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*(?:\[[^\[\]]{0,3}\][ \t]+)?)"
    r"(?P<fence>`{3,}(?=[^`]*$)|~{3,})(?P<info>.*)$"
)
FRONT_KEY = re.compile(r"^\s*[\w-]+\s*:")
_LIST_ITEM = re.compile(r"^ {0,3}(?:[-*+]|\d{1,9}[.)])(?:\s|$)")
_CODE_SPAN = re.compile(r"(?<![\\`])(`+)(?!`)((?:(?!\n[ \t]*\n).)+?)(?<!`)\1(?!`)", re.DOTALL)
_INLINE_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


class Kind(Enum):
    PROSE = auto()
    CODE = auto()
    COMMENT = auto()
    FRONT = auto()


@dataclass(frozen=True, slots=True)
class Fence:
    """A fenced block: its first and last line (from 1), where its fence stands, its info string."""

    first: int
    last: int
    column: int
    info: str
    closed: bool


@dataclass(frozen=True, slots=True)
class Scan:
    """The lines of a text and what each of them is. ``lines[i]`` is line i + 1."""

    text: str
    lines: tuple[str, ...]
    kinds: tuple[Kind, ...]
    fences: tuple[Fence, ...]
    front_closed: bool | None  # None: there is no front matter

    def fence_begins(self, number: int) -> bool:
        """Whether a fenced block begins in this line (from 1)."""
        at = bisect_left(self.fences, number, key=lambda fence: fence.first)
        return at < len(self.fences) and self.fences[at].first == number

    def prose(self) -> str:
        """The text, as long as before, with all that is not prose hidden (newlines stay)."""
        shown = [
            line if kind is Kind.PROSE else HIDDEN * len(line)
            for line, kind in zip(self.lines, self.kinds, strict=True)
        ]
        text = "\n".join(shown)
        last = text.rfind("-->") + 3  # nothing after it can be a comment: do not search there
        return hide(_CODE_SPAN, hide(_INLINE_COMMENT, text[:last]) + text[last:])


def hide(pattern: re.Pattern[str], text: str) -> str:
    """``text`` with every match hidden, newlines kept."""
    return pattern.sub(lambda match: hidden(match[0]), text)


def hidden(text: str) -> str:
    return re.sub(r"[^\n]", HIDDEN, text)


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


def scan(text: str, *, front_matter: bool = True) -> Scan:
    """Classify every line of ``text`` (newlines must be ``\\n``). Never raises."""
    lines = text.split("\n")
    kinds = [Kind.PROSE] * len(lines)
    start, closed = _front_matter(lines) if front_matter else (0, None)
    kinds[:start] = [Kind.FRONT] * start
    fences: list[Fence] = []
    in_list = False
    index = start
    last_end = max((n for n, line in enumerate(lines) if "-->" in line), default=-1)
    while index < len(lines):
        line = lines[index]
        end = _comment_end(lines, index, last_end)
        fence = _FENCE.match(line)
        if end is not None:
            kinds[index : end + 1] = [Kind.COMMENT] * (end + 1 - index)
            index = end + 1
        elif fence:
            last, is_closed = _fence_end(lines, index, fence["fence"])
            kinds[index : last + 1] = [Kind.CODE] * (last + 1 - index)
            column = len(fence["lead"]) + 1
            fences.append(Fence(index + 1, last + 1, column, fence["info"].strip(), is_closed))
            index = last + 1
        else:
            if _LIST_ITEM.match(line):
                in_list = True
            elif line.strip() and indent_of(line) < 2:
                in_list = False
            if not in_list and _indented_code(lines, kinds, index, start):
                kinds[index] = Kind.CODE
            index += 1
    return Scan(text, tuple(lines), tuple(kinds), tuple(fences), closed)


def _front_matter(lines: list[str]) -> tuple[int, bool | None]:
    """How many lines the front matter takes, its two fences included, and whether it is closed."""
    if lines[0].rstrip() != "---":
        return 0, None
    for index in range(1, len(lines)):
        if lines[index].rstrip() in ("---", "..."):
            return index + 1, True
    # A lone line of dashes is a rule, unless what follows reads like YAML.
    if len(lines) > 1 and lines[1].strip() and FRONT_KEY.match(lines[1]):
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
        at = line.find("-->", from_column)
        if at >= 0:
            return end if not line[at + 3 :].strip() else None
    return None


def _fence_end(lines: list[str], first: int, fence: str) -> tuple[int, bool]:
    closing = re.compile(rf"^[ \t>]*{re.escape(fence[0])}{{{len(fence)},}}[ \t]*$")
    for index in range(first + 1, len(lines)):
        if closing.match(lines[index]):
            return index, True
    return len(lines) - 1, False


def _indented_code(lines: list[str], kinds: list[Kind], index: int, start: int) -> bool:
    if not lines[index].strip() or indent_of(lines[index]) < 4:
        return False
    before = index - 1
    while before >= start and not lines[before].strip():
        before -= 1
    return before < start or before < index - 1 or kinds[before] is Kind.CODE
