"""The blocks of a markdown text: quotations, lists, code, headings, tables, HTML, paragraphs.

Follows the algorithm of CommonMark's specification and of GitHub's extensions to it: every line
first goes on with the blocks that are open, then may open others, and what is left of it is text.
Fenced code and comments are where ``mark_fences_and_comments`` finds them, as for the checks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import pairwise

from quizserver.topics.html_tags import html_block_end, starts_html_block
from quizserver.topics.line_kinds import FencedBlock, LineKind, mark_fences_and_comments

DEEPEST_BLOCK = 60
"""How many quotations, lists and items may be open; deeper ones are text."""

_PREFIX = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+[ \t>]*)*")
_ATX = re.compile(r"(#{1,6})(?:[ \t]+(.*))?$")
_SETEXT = re.compile(r"(?:=+|-+)[ \t]*$")
_RULE = re.compile(r"([-*_])(?:[ \t]*\1){2,}[ \t]*$")
_MARKER = re.compile(r"(?P<bullet>[-*+])(?=[ \t]|$)|(?P<number>\d{1,9})(?P<end>[.)])(?=[ \t]|$)")
_FOOTNOTE = re.compile(r"\[\^(?P<label>[^\]\s]+)\]:[ \t]*")
_FENCE = re.compile(r"(?P<box>\[[^\[\]]{0,3}\][ \t]+)?(?P<fence>`{3,}|~{3,})(?P<info>.*)$")
_DEFINITION = re.compile(
    r"[ ]{0,3}\[(?P<label>(?:[^\[\]\\]|\\.)+)\]:[ \t]*+\n?[ \t]*+"
    r"(?P<url><[^<>\n]*>|(?!<)\S+)"
    r"(?:(?:[ \t]++\n?[ \t]*+|\n[ \t]*+)(?P<title>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|"
    r"\((?:[^()\\]|\\.)*\))[ \t]*(?=\n|$)|[ \t]*(?=\n|$))",
    re.DOTALL,
)
_TABLE_RULE = re.compile(r"\|?[ \t]*+:?-++:?[ \t]*+(?:\|[ \t]*+:?-++:?[ \t]*+)*(?:\|[ \t]*+)?$")
_PIPE = re.compile(r"\\.|\|", re.DOTALL)


class BlockKind(Enum):
    DOCUMENT = auto()
    QUOTE = auto()
    LIST = auto()
    ITEM = auto()
    FOOTNOTE = auto()
    PARAGRAPH = auto()
    HEADING = auto()
    RULE = auto()
    FENCED_CODE = auto()
    INDENTED_CODE = auto()
    HTML = auto()
    TABLE = auto()


@dataclass(slots=True)
class Block:
    """A block with the blocks in it, or its lines without the margins of the blocks around it."""

    kind: BlockKind
    first: int  # index of its first line
    last: int  # index of the last line that is not blank
    children: list[Block] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    margin: int = 0  # of an item: the columns before its content
    level: int = 0  # of a heading
    info: str = ""  # of a fence; the label of a footnote
    marker: str = ""  # of a list: its bullet, or what stands behind its numbers
    start: int | None = None  # of a list: its first number, None for bullets
    html_end: str | None = None  # of HTML: what its last line holds; None for a blank line

    @property
    def is_loose(self) -> bool:
        """Whether blank lines stand between the items of a list, or between the blocks of one."""
        return _has_gap(self.children) or any(_has_gap(item.children) for item in self.children)


@dataclass(frozen=True, slots=True)
class LinkDefinition:
    """``[label]: url "title"``."""

    label: str
    url: str
    title: str


def _has_gap(blocks: Sequence[Block]) -> bool:
    return any(following.first > block.last + 1 for block, following in pairwise(blocks))


def parse_blocks(lines: Sequence[str]) -> Block:
    """The blocks of a text. Never raises."""
    kinds = [LineKind.PROSE] * len(lines)
    fences = mark_fences_and_comments(list(lines), kinds, 0)
    return _BlockParser(lines, kinds, fences).parse()


def take_definitions(paragraph: Block) -> Iterator[LinkDefinition]:
    """The definitions of links that a paragraph begins with, which are taken out of its lines."""
    if not paragraph.lines or not paragraph.lines[0].startswith("["):
        return
    text = "\n".join(paragraph.lines)
    start = 0
    while match := _DEFINITION.match(text, start):
        if match["label"].strip():
            url, title = match["url"], match["title"] or ""
            url = url[1:-1] if url.startswith("<") else url
            yield LinkDefinition(match["label"], url, title[1:-1])
        else:
            break
        start = match.end() + 1
        if start >= len(text):
            break
    paragraph.lines = text[start:].split("\n") if start < len(text) else []


def table_cells(row: str) -> list[str]:
    """The cells of a table's row, with the pipes that a backslash kept."""
    row = row.strip()
    cuts = [match.start() for match in _PIPE.finditer(row) if match[0] == "|"]
    bounds = [-1, *cuts, len(row)]
    cells = [row[start + 1 : end] for start, end in pairwise(bounds)]
    if row.startswith("|"):
        cells = cells[1:]
    if cuts and cuts[-1] == len(row) - 1 and cells:
        cells = cells[:-1]
    return [cell.strip().replace("\\|", "|") for cell in cells]


def _heading_text(text: str) -> str:
    """The text behind a heading's signs without those at its end, which a space parts from it."""
    text = text.strip()
    without_signs = text.rstrip("#")
    is_end = not without_signs or without_signs[-1] in " \t"
    return without_signs.rstrip() if is_end else text


def _indent(line: str, position: int) -> int:
    """The spaces at ``position``."""
    return len(line) - position - len(line[position:].lstrip(" "))


def _expand_prefix(line: str) -> str:
    """The line with those tabs as spaces that decide to which block it belongs."""
    if "\t" not in line:
        return line
    match = _PREFIX.match(line)
    end = match.end() if match else 0
    return line[:end].expandtabs(4) + line[end:]


class _BlockParser:
    def __init__(
        self, lines: Sequence[str], kinds: Sequence[LineKind], fences: Sequence[FencedBlock]
    ) -> None:
        self._raw_lines = lines
        self._lines = [_expand_prefix(line) for line in lines]
        self._kinds = kinds
        self._fences = {fence.first_line - 1: fence for fence in fences}
        self._document = Block(BlockKind.DOCUMENT, 0, 0)
        self._open = [self._document]  # each in the one before
        self._last_ends: dict[str, int] = {}  # the last line that holds an end of HTML

    def parse(self) -> Block:
        index = 0
        while index < len(self._lines):
            index = self._add_line(index)
        return self._document

    def _add_line(self, index: int) -> int:
        """Adds the line to the blocks; returns the index of the next line to be added."""
        line = self._lines[index]
        depth, position = self._match_open_blocks(line, index)
        comes_apart = index in self._fences or self._kinds[index] is LineKind.COMMENT
        leaf = self._open[depth - 1]
        if self._kinds[index] is LineKind.COMMENT and leaf.kind is BlockKind.HTML:
            return self._comment_end(index)
        is_html = leaf.kind is BlockKind.HTML and index not in self._fences
        if is_html or (leaf.kind is BlockKind.INDENTED_CODE and not comes_apart):
            self._add_raw_line(leaf, line[position:], index)
            return index + 1
        if self._kinds[index] is LineKind.COMMENT and index not in self._fences:
            return self._skip_comment(index, depth)
        is_new = False
        while True:
            indent = _indent(line, position)
            rest = line[position + indent :]
            is_blank = not rest.strip()
            if index in self._fences and (fence := _FENCE.match(rest)):
                return self._add_fence(index, depth, indent, fence)
            if is_blank or (index in self._fences and not rest):
                break
            if indent >= 4:
                if self._open[-1].kind is not BlockKind.PARAGRAPH:
                    self._open_block(BlockKind.INDENTED_CODE, index, depth)
                    self._add_raw_line(self._open[-1], line[position:], index)
                    return index + 1
                break
            if self._add_one_line_block(rest, index, depth):
                return index + 1
            if starts_html_block(rest, in_paragraph=self._open[-1].kind is BlockKind.PARAGRAPH):
                end = html_block_end(rest)
                if end is None or self._has_end(end, index):
                    block = self._open_block(BlockKind.HTML, index, depth)
                    block.html_end = end
                    self._add_raw_line(block, line[position:], index)
                    return index + 1
            opened = self._open_container(line, position, index, depth)
            if opened is None:
                break
            position = opened
            depth = len(self._open)
            is_new = True
        self._add_text(line[position:], index, depth, is_new=is_new)
        return index + 1

    def _match_open_blocks(self, line: str, index: int) -> tuple[int, int]:
        """How many of the open blocks the line goes on with, and where its rest begins."""
        position = 0
        depth = 1
        while depth < len(self._open):
            block = self._open[depth]
            indent = _indent(line, position)
            is_blank = position + indent >= len(line.rstrip())
            if block.kind is BlockKind.QUOTE:
                if indent > 3 or line[position + indent : position + indent + 1] != ">":
                    break
                position += indent + 1
                position += line[position : position + 1] == " "
                for outer in self._open[: depth + 1]:
                    outer.last = index
            elif block.kind in (BlockKind.ITEM, BlockKind.FOOTNOTE):
                if is_blank:
                    if not block.children:
                        break
                    position = min(position + block.margin, position + indent)
                elif indent >= block.margin:
                    position += block.margin
                else:
                    break
            elif block.kind is BlockKind.INDENTED_CODE:
                if indent < 4 and not is_blank:
                    break
            elif is_blank and (
                block.kind in (BlockKind.PARAGRAPH, BlockKind.TABLE)
                or (block.kind is BlockKind.HTML and block.html_end is None)
            ):
                break
            depth += 1
        return depth, position

    def _close(self, depth: int) -> None:
        """Closes all open blocks but the first ``depth``."""
        del self._open[depth:]

    def _open_block(self, kind: BlockKind, index: int, depth: int) -> Block:
        """A new block inside the innermost of the first ``depth`` open blocks that can hold it."""
        while self._open[depth - 1].kind not in (
            BlockKind.DOCUMENT,
            BlockKind.QUOTE,
            BlockKind.ITEM,
            BlockKind.FOOTNOTE,
        ) and not (kind is BlockKind.ITEM and self._open[depth - 1].kind is BlockKind.LIST):
            depth -= 1
        self._close(depth)
        block = Block(kind, index, index)
        self._open[-1].children.append(block)
        self._open.append(block)
        for outer in self._open:
            outer.last = index
        return block

    def _add_raw_line(self, block: Block, text: str, index: int) -> None:
        """Adds a line to code or HTML."""
        self._close(self._open.index(block) + 1)
        if block.kind is BlockKind.INDENTED_CODE:
            text = text[4:] if text[:4].isspace() or not text.strip() else text
        block.lines.append(text)
        if text.strip():
            for outer in self._open:
                outer.last = index
        if block.html_end is not None and block.html_end in text.lower():
            self._open.pop()

    def _has_end(self, end: str, index: int) -> bool:
        """Whether a line from ``index`` on holds the end of an HTML block."""
        if end not in self._last_ends:
            lines_with_end = (
                at
                for at in range(len(self._raw_lines) - 1, -1, -1)
                if end in self._raw_lines[at].lower()
            )
            self._last_ends[end] = next(lines_with_end, -1)
        return self._last_ends[end] >= index

    def _comment_end(self, index: int) -> int:
        """The index behind the last line of the comment that begins in this line."""
        end = index + 1
        while "-->" not in self._raw_lines[end - 1] and end < len(self._raw_lines):
            end += 1
        return end

    def _skip_comment(self, index: int, depth: int) -> int:
        end = self._comment_end(index)
        is_in_text = self._open[-1].kind is BlockKind.PARAGRAPH and depth == len(self._open)
        if is_in_text and _indent(self._lines[index], 0) >= 4:
            return end
        block = self._open_block(BlockKind.HTML, index, depth)
        self._open.pop()
        for outer in (*self._open, block):
            outer.last = end - 1
        return end

    def _add_fence(self, index: int, depth: int, indent: int, match: re.Match[str]) -> int:
        fence = self._fences[index]
        if match["box"]:
            self._add_text(match["box"], index, depth, is_new=False)
        block = self._open_block(BlockKind.FENCED_CODE, index, depth)
        block.info = match["info"].strip()
        self._open.pop()
        last = fence.last_line - 1
        end = last if fence.closed and last > index else last + 1
        block.lines = [self._code_line(self._raw_lines[at], indent) for at in range(index + 1, end)]
        for outer in (*self._open, block):
            outer.last = last
        return last + 1

    def _code_line(self, line: str, indent: int) -> str:
        """A line of fenced code without the margins of the open blocks and of its fence."""
        line = _expand_prefix(line) if line[:1] in "\t>" else line
        position = 0
        for block in self._open:
            space = _indent(line, position)
            if (
                block.kind is BlockKind.QUOTE
                and line[position + space : position + space + 1] == ">"
            ):
                position += space + 1
                position += line[position : position + 1] == " "
            elif block.kind in (BlockKind.ITEM, BlockKind.FOOTNOTE):
                position += min(space, block.margin)
        return line[position + min(_indent(line, position), indent) :]

    def _add_one_line_block(self, rest: str, index: int, depth: int) -> bool:
        """Adds a heading or a rule, if the line is one."""
        if heading := _ATX.match(rest):
            block = self._open_block(BlockKind.HEADING, index, depth)
            block.level = len(heading[1])
            block.lines = [_heading_text(heading[2] or "")]
            self._open.pop()
            return True
        paragraph = self._open[depth - 1]
        is_paragraph = paragraph.kind is BlockKind.PARAGRAPH
        if is_paragraph and _SETEXT.match(rest) and _has_text(paragraph):
            paragraph.kind = BlockKind.HEADING
            paragraph.level = 1 if rest.startswith("=") else 2
            self._close(depth)
            for outer in self._open:
                outer.last = index
            self._open.pop()
            return True
        if _RULE.match(rest):
            self._open_block(BlockKind.RULE, index, depth)
            self._open.pop()
            return True
        return False

    def _open_container(self, line: str, position: int, index: int, depth: int) -> int | None:
        """Opens a quotation, item or footnote that begins here; where its content begins."""
        if len(self._open) >= DEEPEST_BLOCK:
            return None
        indent = _indent(line, position)
        start = position + indent
        if line[start] == ">":
            self._open_block(BlockKind.QUOTE, index, depth)
            return start + 1 + (line[start + 1 : start + 2] == " ")
        if footnote := _FOOTNOTE.match(line, start):
            block = self._open_block(BlockKind.FOOTNOTE, index, depth)
            block.info, block.margin = footnote["label"], 4
            return footnote.end()
        marker = _MARKER.match(line, start)
        if marker is None:
            return None
        rest = line[marker.end() :]
        if (self._open[depth - 1].kind is BlockKind.PARAGRAPH and index not in self._fences) and (
            not rest.strip() or marker["number"] not in (None, "1")
        ):
            return None
        gap = len(rest) - len(rest.lstrip(" "))
        gap = 1 if gap > 4 or not rest.strip() else gap
        sign = marker["bullet"] or marker["end"]
        items = self._open[depth - 1]
        if items.kind is not BlockKind.LIST or items.marker != sign:
            items = self._open_block(BlockKind.LIST, index, depth)
            items.marker = sign
            items.start = int(marker["number"]) if marker["number"] else None
            depth = len(self._open)
        item = self._open_block(BlockKind.ITEM, index, depth)
        item.margin = marker.end() - position + gap
        return min(marker.end() + gap, len(line))

    def _add_text(self, text: str, index: int, depth: int, *, is_new: bool) -> None:
        """Adds what is left of a line when no block begins in it."""
        if not text.strip():
            self._close(depth)
            return
        tip = self._open[-1]
        is_lazy = not is_new and depth < len(self._open)
        if tip.kind is BlockKind.PARAGRAPH and (is_lazy or depth == len(self._open)):
            if not is_lazy and self._begin_table(tip, text, index):
                return
            tip.lines.append(text.lstrip(" \t"))
        elif tip.kind is BlockKind.TABLE and depth == len(self._open):
            tip.lines.append(text)
        else:
            tip = self._open_block(BlockKind.PARAGRAPH, index, depth)
            tip.lines.append(text.lstrip(" \t"))
        for outer in self._open:
            outer.last = index

    def _begin_table(self, paragraph: Block, text: str, index: int) -> bool:
        """Makes the last line of a paragraph the head of a table whose second line is ``text``."""
        head, rule = paragraph.lines[-1], text.strip()
        if "|" not in head + rule or not _TABLE_RULE.match(rule):
            return False
        if len(table_cells(head)) != len(table_cells(rule)):
            return False
        paragraph.lines.pop()
        depth = len(self._open)
        if not paragraph.lines:
            self._open[-2].children.pop()
        table = self._open_block(BlockKind.TABLE, index, depth)
        table.first = index - 1
        table.lines = [head, rule]
        return True


def _has_text(paragraph: Block) -> bool:
    """Whether a paragraph is more than definitions of links."""
    copy = Block(BlockKind.PARAGRAPH, 0, 0, lines=list(paragraph.lines))
    for _ in take_definitions(copy):
        pass
    return bool(copy.lines)
