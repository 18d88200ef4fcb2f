"""Finds a task list among lines and takes its items apart. Decodes only; judges nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from quizserver.topics.scan import Kind, Scan, indent_of, scan

_ITEM = re.compile(r"^(?P<indent> *)(?P<marker>[-*+]|\d{1,9}[.)])(?:(?P<gap> +)(?P<rest>.*)|$)")
_RULE = re.compile(r"^ {0,3}([-*_])(?: *\1){2,} *$")
_HEADING = re.compile(r"^ {0,3}#{1,6}(?:\s|$)")
_BOX = re.compile(r"^\[(?P<box>[^\[\]]{0,3})\](?P<space>\s|$)?(?P<rest>.*)$", re.DOTALL)
# What was meant to be an option: no marker, or no space after it.
_STRAY = re.compile(r"^ {0,3}(?:[-*+]|\d{1,9}[.)])?(?=(\[[ xX]?\])(?:\s|$))")
_ID = re.compile(r"[ \t]*\{#(?P<id>[^{}]*)\}[ \t]*$")
_QUOTE = re.compile(r"^ {0,3}>")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an item, its indentation taken off, and the line of the file it came from."""

    number: int
    text: str


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


def is_rule(line: str) -> bool:
    """Whether this line is a thematic break, such as ``---``."""
    return _RULE.match(line) is not None


def item_starts(line: str) -> bool:
    """Whether a list item begins on this line, at the left (at most 3 spaces in)."""
    return bool(_ITEM.match(_expand(line))) and indent_of(line) <= 3 and not _RULE.match(line)


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
        if indent_of(source.lines[index]) < margin and _QUOTE.match(source.lines[index]):
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
    return index if _QUOTE.match(line) and source.kinds[index] is Kind.PROSE else None


def _item_at(source: Scan, index: int) -> bool:
    line = source.lines[index]
    fenced = any(fence.first == index + 1 for fence in source.fences)
    prose = source.kinds[index] is Kind.PROSE or fenced
    return prose and _ITEM.match(_expand(line)) is not None and not _RULE.match(line)


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
    return bool(_HEADING.match(line) or _RULE.match(line) or _QUOTE.match(line))


def _item(source: Scan, first: int, after: int, margin: int) -> Item:
    raw = source.lines[first]
    match = _ITEM.match(_expand(raw))
    rest = (match["rest"] or "") if match else raw
    column = len(raw) - len(rest) + 1
    box = _BOX.match(rest)
    # A link such as [x](…) or [x][y] at the start of an item is no box.
    if box and box["space"] is None and box["rest"][:1] in ("(", "[", ":"):
        box = None
    text = box["rest"] if box else rest
    body = [Line(first + 1, text.strip()), *_dedented(source, first + 1, after, margin)]
    body, feedback = _take_feedback(body)
    body, ids = _take_ids(source, body)
    return Item(
        line=first + 1,
        column=column,
        box=box["box"] if box else None,
        spaced=bool(box and box["space"] is not None),
        body=tuple(body),
        feedback=None if feedback is None else tuple(feedback),
        ids=tuple(ids),
        nested=_nested(source, body),
        stray=_stray(source, body),
    )


def _dedented(source: Scan, first: int, after: int, margin: int) -> list[Line]:
    rows = [(index + 1, _expand(source.lines[index])) for index in range(first, after)]
    shown = [(n, line) for n, line in rows if source.kinds[n - 1] is not Kind.COMMENT]
    indents = [indent_of(line) for _, line in shown if line.strip() and indent_of(line) >= margin]
    cut = min(indents, default=margin)
    return [Line(n, line[min(cut, indent_of(line)) :]) for n, line in shown]


def _take_feedback(body: Sequence[Line]) -> tuple[list[Line], list[Line] | None]:
    """Splits blockquotes at the item's own level from its other lines."""
    source = _scan(body)
    in_quote = _fenced_in_quotes(source)
    rest: list[Line] = []
    feedback: list[Line] | None = None
    quoting = False
    for index, (line, kind) in enumerate(zip(body, source.kinds, strict=True)):
        prose = kind is Kind.PROSE and index > 0
        quote = prose and _QUOTE.match(line.text) is not None
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
    blocks = [f for f in source.fences if _QUOTE.match(source.lines[f.first - 1]) and f.first > 1]
    return {index for fence in blocks for index in range(fence.first - 1, fence.last)}


def _scan(body: Sequence[Line]) -> Scan:
    return scan("\n".join(line.text for line in body), front_matter=False)


def _take_ids(source: Scan, body: Sequence[Line]) -> tuple[list[Line], list[tuple[str, int, int]]]:
    ids: list[tuple[str, int, int]] = []
    rest: list[Line] = []
    for line, kind in zip(body, _scan(body).kinds, strict=True):
        match = _ID.search(line.text) if kind is Kind.PROSE else None
        if match:
            column = source.lines[line.number - 1].rindex("{#") + 1
            ids.append((match["id"], line.number, column))
            line = Line(line.number, line.text[: match.start()])
        rest.append(line)
    return rest, ids


def _nested(source: Scan, body: Sequence[Line]) -> tuple[int, int] | None:
    for line, kind in zip(body[1:], _scan(body).kinds[1:], strict=True):
        match = _ITEM.match(line.text) if kind is Kind.PROSE else None
        box = _BOX.match(match["rest"] or "") if match else None
        if box and box["space"] is not None and box["box"].strip().lower() in ("", "x"):
            return line.number, source.lines[line.number - 1].index("[") + 1
    return None


def _stray(source: Scan, body: Sequence[Line]) -> tuple[int, int] | None:
    for line, kind in zip(body[1:], _scan(body).kinds[1:], strict=True):
        if kind is Kind.PROSE and _STRAY.match(line.text):
            return line.number, source.lines[line.number - 1].index("[") + 1
    return None


def _expand(line: str) -> str:
    """``line`` with the tabs of its indentation, and the one after a list marker, as spaces."""
    lead = line[: len(line) - len(line.lstrip(" \t"))]
    rest = re.sub(r"^([-*+]|\d{1,9}[.)])\t", r"\1 ", line[len(lead) :])
    return lead.expandtabs(4) + rest
