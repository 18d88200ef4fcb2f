"""Finds a task list among lines and takes its items apart. Decodes only; judges nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from quizserver.topics.list_lines import (
    ITEM,
    QUOTE,
    Line,
    expand,
    is_rule,
    scan_body,
    take_feedback,
    take_ids,
)
from quizserver.topics.scan import Kind, Scan, indent_of

_HEADING = re.compile(r"^ {0,3}#{1,6}(?:\s|$)")
_BOX = re.compile(r"^\[(?P<box>[^\[\]]{0,3})\](?P<space>\s|$)?(?P<rest>.*)$", re.DOTALL)
# What was meant to be an option: no marker, no space after it, or a dash or dot that is no marker.
STRAY = re.compile(
    r"^ {0,3}(?:[-*+]|\d{1,9}[.)]|[\u2010-\u2015\u2212\u2022\u2023\u00b7]\s?)?"
    r"(?=(\[[ xX]?\])(?:\s|$))"
)


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a list, as it is written.

    ``box`` is what stands between the brackets (None: no brackets); ``spaced`` whether white space
    follows them. ``line`` and ``column`` are where the brackets (or the text) begin.
    """

    line: int
    column: int
    box: str | None
    spaced: bool
    body: tuple[Line, ...]
    feedback: tuple[Line, ...] | None
    ids: tuple[tuple[str, int, int], ...]  # (what {#…} holds, line, column)
    nested: tuple[int, int] | None  # a task list inside the item
    stray: tuple[int, int] | None  # a box without a list marker

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.body).strip("\n")

    @property
    def feedback_text(self) -> str | None:
        if self.feedback is None:
            return None
        return "\n".join(line.text for line in self.feedback).strip("\n")

    @property
    def is_task(self) -> bool:
        """Whether this is (nearly) ``[ ]`` or ``[x]``."""
        return self.box is not None and self.box.strip().lower() in ("", "x")


@dataclass(frozen=True, slots=True)
class ItemList:
    """Items that stand together, and blockquotes between them that are not indented."""

    items: tuple[Item, ...]
    loose: tuple[Line, ...]
    end: int  # index of the first line after the list

    @property
    def is_task_list(self) -> bool:
        return any(item.is_task for item in self.items)


def read_list(source: Scan, first: int, end: int) -> ItemList:
    """The list that begins at line index ``first``; it ends before line index ``end``."""
    margin = indent_of(source.lines[first]) + 2
    items: list[Item] = []
    loose: list[Line] = []
    index = first
    while index < end:
        found = _next(source, index, end, margin)
        if found is None:
            break
        index = found
        if indent_of(source.lines[index]) < margin and QUOTE.match(source.lines[index]):
            while index < end and source.lines[index].strip() and not _item_at(source, index):
                loose.append(Line(index + 1, source.lines[index]))
                index += 1
            continue
        after = _item_end(source, index, end, margin)
        items.append(_item(source, index, after, margin))
        index = after
    return ItemList(tuple(items), tuple(loose), index)


def _next(source: Scan, index: int, end: int, margin: int) -> int | None:
    """The next item or unindented blockquote of the same list, over blank lines and comments."""
    while index < end and _blank(source, index):
        index += 1
    if index >= end:
        return None
    line = source.lines[index]
    if _item_at(source, index) and indent_of(line) < margin:
        return index
    return index if QUOTE.match(line) and source.kinds[index] is Kind.PROSE else None


def _item_at(source: Scan, index: int) -> bool:
    line = source.lines[index]
    fenced = any(fence.first == index + 1 for fence in source.fences)
    prose = source.kinds[index] is Kind.PROSE or fenced
    return prose and ITEM.match(expand(line)) is not None and not is_rule(line)


def _blank(source: Scan, index: int) -> bool:
    return source.kinds[index] is Kind.COMMENT or not source.lines[index].strip()


def _item_end(source: Scan, first: int, end: int, margin: int) -> int:
    """The index after the last line of the item that begins at ``first``."""
    last = first
    index = first + 1
    in_code = source.kinds[first] is Kind.CODE
    while index < end:
        line = source.lines[index]
        code = source.kinds[index] is Kind.CODE
        opens = code and any(fence.first == index + 1 for fence in source.fences)
        if code and in_code and not opens:
            last = index
        elif _blank(source, index):
            in_code = False
            index += 1
            continue
        elif indent_of(line) >= margin:
            last = index
        elif code or _item_at(source, index) or _ends_paragraph(line):
            break
        elif index - 1 == last and not in_code:
            last = index  # a paragraph goes on without indentation
        else:
            break
        in_code = code
        index += 1
    return last + 1


def _ends_paragraph(line: str) -> bool:
    return bool(_HEADING.match(line) or is_rule(line) or QUOTE.match(line))


def _item(source: Scan, first: int, after: int, margin: int) -> Item:
    raw = source.lines[first]
    match = ITEM.match(expand(raw))
    rest = (match["rest"] or "") if match else raw
    column = len(raw) - len(rest) + 1
    box = _BOX.match(rest)
    # A link such as [x](…) or [x][y] at the start of an item is no box.
    if box and box["space"] is None and box["rest"][:1] in ("(", "[", ":"):
        box = None
    text = box["rest"] if box else rest
    body = [Line(first + 1, text.strip()), *_dedented(source, first + 1, after, margin)]
    body, feedback = take_feedback(body)
    body, ids = take_ids(source, body)
    return Item(
        line=first + 1,
        column=column,
        box=box["box"] if box else None,
        spaced=bool(box and box["space"] is not None),
        body=tuple(body),
        feedback=None if feedback is None else tuple(feedback),
        ids=tuple(ids),
        nested=_nested(source, body),
        stray=_stray(source, body) or _stray_in_feedback(source, feedback or ()),
    )


def _dedented(source: Scan, first: int, after: int, margin: int) -> list[Line]:
    rows = [(index + 1, expand(source.lines[index])) for index in range(first, after)]
    shown = [(n, line) for n, line in rows if source.kinds[n - 1] is not Kind.COMMENT]
    indents = [indent_of(line) for _, line in shown if line.strip() and indent_of(line) >= margin]
    cut = min(indents, default=margin)
    return [Line(n, line[min(cut, indent_of(line)) :]) for n, line in shown]


def _nested(source: Scan, body: Sequence[Line]) -> tuple[int, int] | None:
    for line, kind in zip(body[1:], scan_body(body).kinds[1:], strict=True):
        match = ITEM.match(line.text) if kind is Kind.PROSE else None
        box = _BOX.match(match["rest"] or "") if match else None
        if box and box["space"] is not None and box["box"].strip().lower() in ("", "x"):
            return line.number, source.lines[line.number - 1].index("[") + 1
    return None


def _stray_in_feedback(source: Scan, feedback: Sequence[Line]) -> tuple[int, int] | None:
    """A box in a line that goes on a quotation without a > of its own."""
    for line in feedback:
        raw = source.lines[line.number - 1]
        if STRAY.match(raw):
            return line.number, raw.index("[") + 1
    return None


def _stray(source: Scan, body: Sequence[Line]) -> tuple[int, int] | None:
    for line, kind in zip(body[1:], scan_body(body).kinds[1:], strict=True):
        if kind is Kind.PROSE and STRAY.match(line.text):
            return line.number, source.lines[line.number - 1].index("[") + 1
    return None
