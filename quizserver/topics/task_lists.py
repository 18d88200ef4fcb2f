"""The options of a question: the items of a task list, with their boxes, ids and feedback."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from operator import attrgetter

from quizserver.topics.line_kinds import (
    CODE_KINDS,
    ITEM_LINE,
    QUOTE_LINE,
    LineKind,
    expand_tabs,
    indent_of,
    is_thematic_break,
    starts_list_item,
)
from quizserver.topics.markdown import MarkdownSlice, MarkdownSource, SourceLine
from quizserver.topics.slugs import is_id, slugify

_HEADING = re.compile(r"^ {0,3}#{1,6}(?:\s|$)")
_BOX = re.compile(r"^\[(?P<box>[^\[\]]{0,3})\](?P<space>\s|$)?(?P<rest>.*)$", re.DOTALL)
_ID = re.compile(r"\{#(?P<id>[^{}]*)\}")
_QUOTE_SIGN = re.compile(r"^ {0,3}> ?")
# What was meant to be an option: no marker, no space after it, or a dash or dot that is no marker.
STRAY_BOX = re.compile(
    r"^ {0,3}(?:[-*+]|\d{1,9}[.)]|[\u2010-\u2015\u2212\u2022\u2023\u00b7]\s?)?"
    r"(?=(\[[ xX]?\])(?:\s|$))"
)


@dataclass(frozen=True, slots=True)
class ListItem:
    """One item of a list, as it is written.

    ``box`` is what stands between the brackets (None: no brackets); ``spaced`` whether white space
    follows them. ``line`` and ``column`` are where the brackets (or the text) begin. ``body`` and
    ``feedback`` have lost the item's margin, and the latter its ``>``. ``option_id`` is the id that
    an option lasts under: the one written at its end, else one made of its text.
    """

    line: int
    column: int
    box: str | None
    spaced: bool
    is_task: bool  # whether the box is (nearly) [ ] or [x]
    is_right: bool  # whether it is (nearly) [x]
    body: MarkdownSlice
    text: str
    feedback: MarkdownSlice | None
    feedback_text: str | None
    ids: tuple[tuple[str, int, int], ...]  # (what {#…} holds, line, column)
    option_id: str
    nested_list: tuple[int, int] | None  # a task list inside the item
    stray_box: tuple[int, int] | None  # a box without a list marker


@dataclass(frozen=True, slots=True)
class ItemList:
    """Items that stand together, and blockquotes between them that are not indented."""

    items: tuple[ListItem, ...]
    loose_quotes: tuple[SourceLine, ...]
    end_index: int  # index of the first line after the list

    @property
    def is_task_list(self) -> bool:
        return any(item.is_task for item in self.items)


def has_list_at(source: MarkdownSource, index: int) -> bool:
    """Whether a list begins at line index ``index``."""
    if source.kinds[index] is not LineKind.PROSE and index + 1 not in source.fence_starts:
        return False
    return starts_list_item(source.body[index])


def is_option_at(source: MarkdownSource, index: int) -> bool:
    """Whether an item with a box begins at line index ``index``."""
    return has_list_at(source, index) and parse_list(source, index, index + 1).is_task_list


def parse_list(source: MarkdownSource, first: int, end: int) -> ItemList:
    """The list that begins at line index ``first``; it ends before line index ``end``."""
    margin = indent_of(source.body[first]) + 2
    items: list[ListItem] = []
    loose_quotes: list[SourceLine] = []
    index = first
    while index < end:
        next_index = _next_item(source, index, end, margin)
        if next_index is None:
            break
        index = next_index
        if indent_of(source.body[index]) < margin and QUOTE_LINE.match(source.body[index]):
            while index < end and source.body[index].strip() and not _has_item_at(source, index):
                loose_quotes.append(SourceLine(index + 1, source.body[index], source.kinds[index]))
                index += 1
            continue
        item_end = _item_end(source, index, end, margin)
        items.append(_parse_item(source, index, item_end, margin))
        index = item_end
    return ItemList(tuple(items), tuple(loose_quotes), index)


def _next_item(source: MarkdownSource, index: int, end: int, margin: int) -> int | None:
    """The next item or unindented blockquote of the same list, over blank lines and comments."""
    while index < end and _is_blank(source, index):
        index += 1
    if index >= end:
        return None
    line = source.body[index]
    if _has_item_at(source, index) and indent_of(line) < margin:
        return index
    return index if QUOTE_LINE.match(line) and source.kinds[index] is LineKind.PROSE else None


def _has_item_at(source: MarkdownSource, index: int) -> bool:
    line = source.body[index]
    prose = source.kinds[index] is LineKind.PROSE or index + 1 in source.fence_starts
    return prose and ITEM_LINE.match(expand_tabs(line)) is not None and not is_thematic_break(line)


def _is_blank(source: MarkdownSource, index: int) -> bool:
    return source.kinds[index] is LineKind.COMMENT or not source.body[index].strip()


def _item_end(source: MarkdownSource, first: int, end: int, margin: int) -> int:
    """The index after the last line of the item that begins at ``first``."""
    last = first
    index = first + 1
    in_code = source.kinds[first] in CODE_KINDS
    while index < end:
        line = source.body[index]
        code = source.kinds[index] in CODE_KINDS
        opens = code and index + 1 in source.fence_starts
        if code and in_code and not opens:
            last = index
        elif _is_blank(source, index):
            in_code = False
            index += 1
            continue
        elif indent_of(line) >= margin:
            last = index
        elif code or _has_item_at(source, index) or _ends_paragraph(line):
            break
        elif index - 1 == last and not in_code:
            last = index  # a paragraph goes on without indentation
        else:
            break
        in_code = code
        index += 1
    return last + 1


def _ends_paragraph(line: str) -> bool:
    return bool(_HEADING.match(line) or is_thematic_break(line) or QUOTE_LINE.match(line))


def _parse_item(source: MarkdownSource, first: int, end_index: int, margin: int) -> ListItem:
    raw = source.body[first]
    match = ITEM_LINE.match(expand_tabs(raw))
    rest = (match["rest"] or "") if match else raw
    column = len(raw) - len(rest) + 1
    box = _BOX.match(rest)
    # A link such as [x](…) or [x][y] at the start of an item is no box.
    if box and box["space"] is None and box["rest"][:1] in ("(", "[", ":"):
        box = None
    text = box["rest"] if box else rest
    letter = box["box"].strip().lower() if box else None
    all_lines = MarkdownSlice.from_lines(
        [
            SourceLine(first + 1, text.strip(), source.kinds[first]),
            *_dedented_lines(source, first + 1, end_index, margin),
        ]
    )
    lines_without_feedback, feedback = _split_feedback(source, all_lines)
    all_body_lines, ids = _split_ids(source, lines_without_feedback)
    body = all_body_lines.strip_empty_lines()
    written_id = ids[0][0] if ids else ""
    return ListItem(
        line=first + 1,
        column=column,
        box=box["box"] if box else None,
        spaced=bool(box and box["space"] is not None),
        is_task=letter in ("", "x"),
        is_right=letter == "x",
        body=body,
        text=body.text,
        feedback=feedback,
        feedback_text=None if feedback is None else feedback.strip_empty_lines().text,
        ids=ids,
        option_id=written_id if is_id(written_id) else slugify(body.text),
        nested_list=_find_nested_list(source, all_body_lines),
        stray_box=_find_stray_box(source, all_body_lines)
        or _find_stray_in_feedback(source, feedback),
    )


def _dedented_lines(
    source: MarkdownSource, first: int, end_index: int, margin: int
) -> list[SourceLine]:
    """The lines of an item but its first one, without its margin and without comments."""
    lines = [
        SourceLine(index + 1, expand_tabs(source.body[index]), source.kinds[index])
        for index in range(first, end_index)
        if source.kinds[index] is not LineKind.COMMENT
    ]
    indents = [indent_of(line.text) for line in lines if line.text.strip()]
    cut = min((indent for indent in indents if indent >= margin), default=margin)
    return [replace(line, text=line.text[min(cut, indent_of(line.text)) :]) for line in lines]


def _split_feedback(
    source: MarkdownSource, body: MarkdownSlice
) -> tuple[MarkdownSlice, MarkdownSlice | None]:
    """Splits blockquotes at the item's own level from its other lines."""
    quoted_code = _quoted_code_numbers(source, body)
    other_lines: list[SourceLine] = []
    feedback: list[SourceLine] = []
    quoting = False
    for index, line in enumerate(body.lines):
        prose = line.kind is LineKind.PROSE and index > 0
        quote = prose and QUOTE_LINE.match(line.text) is not None
        lazy = quoting and prose and bool(line.text.strip()) and not starts_list_item(line.text)
        if quote or lazy or line.number in quoted_code:
            if not quoting and feedback:
                feedback.append(SourceLine(line.number, ""))
            feedback.append(replace(line, text=_QUOTE_SIGN.sub("", line.text)))
            quoting = True
        else:
            other_lines.append(line)
            quoting = False
    return (
        MarkdownSlice.from_lines(other_lines),
        MarkdownSlice.from_lines(feedback) if feedback else None,
    )


def _quoted_code_numbers(source: MarkdownSource, body: MarkdownSlice) -> set[int]:
    """The numbers of the lines of fenced blocks that begin inside a quotation."""
    quote_numbers = {line.number for line in body.lines[1:] if QUOTE_LINE.match(line.text)}
    if not quote_numbers:
        return set()
    first = bisect_left(source.fences, body.lines[0].number, key=attrgetter("first_line"))
    end = bisect_right(source.fences, body.lines[-1].number, key=attrgetter("first_line"))
    return {
        number
        for fence in source.fences[first:end]
        if fence.first_line in quote_numbers
        for number in range(fence.first_line, fence.last_line + 1)
    }


def _split_ids(
    source: MarkdownSource, body: MarkdownSlice
) -> tuple[MarkdownSlice, tuple[tuple[str, int, int], ...]]:
    """The lines without the ``{#…}`` at their ends, and what these hold with line and column."""
    ids: list[tuple[str, int, int]] = []
    other_lines: list[SourceLine] = []
    for line in body.lines:
        text = line.text.rstrip(" \t")
        start = text.rfind("{#") if line.kind is LineKind.PROSE else -1
        match = _ID.fullmatch(text, start) if start >= 0 else None
        if match:
            column = source.body[line.number - 1].rindex("{#") + 1
            ids.append((match["id"], line.number, column))
            line = replace(line, text=text[:start].rstrip(" \t"))
        other_lines.append(line)
    return MarkdownSlice.from_lines(other_lines), tuple(ids)


def _find_nested_list(source: MarkdownSource, body: MarkdownSlice) -> tuple[int, int] | None:
    for line in _prose_lines_below_first(body):
        match = ITEM_LINE.match(line.text)
        box = _BOX.match(match["rest"] or "") if match else None
        if box and box["space"] is not None and box["box"].strip().lower() in ("", "x"):
            return _first_bracket(source, line)
    return None


def _find_stray_box(source: MarkdownSource, body: MarkdownSlice) -> tuple[int, int] | None:
    for line in _prose_lines_below_first(body):
        if STRAY_BOX.match(line.text):
            return _first_bracket(source, line)
    return None


def _find_stray_in_feedback(
    source: MarkdownSource, feedback: MarkdownSlice | None
) -> tuple[int, int] | None:
    """A box in a line that goes on a quotation without a > of its own."""
    for line in feedback.lines if feedback else ():
        if STRAY_BOX.match(source.body[line.number - 1]):
            return _first_bracket(source, line)
    return None


def _prose_lines_below_first(body: MarkdownSlice) -> Iterator[SourceLine]:
    return (line for line in body.lines[1:] if line.kind is LineKind.PROSE)


def _first_bracket(source: MarkdownSource, line: SourceLine) -> tuple[int, int]:
    return line.number, source.body[line.number - 1].index("[") + 1
