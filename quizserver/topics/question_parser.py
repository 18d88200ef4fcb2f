"""Parses a page's text into fields with lines and columns: title, sections, task lists, blocks.

Decodes only; what is wrong with a question is found in ``question_checks``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from quizserver.topics.markdown import (
    ITEM_LINE,
    QUOTE_LINE,
    FencedBlock,
    Heading,
    ItemLine,
    LineKind,
    ScannedMarkdown,
    SectionName,
    expand_tabs,
    find_headings,
    indent_of,
    is_thematic_break,
    scan_item_body,
    scan_markdown,
    section_name,
    split_feedback,
    split_ids,
    starts_list_item,
)

_HEADING = re.compile(r"^ {0,3}#{1,6}(?:\s|$)")
_BOX = re.compile(r"^\[(?P<box>[^\[\]]{0,3})\](?P<space>\s|$)?(?P<rest>.*)$", re.DOTALL)
# What was meant to be an option: no marker, no space after it, or a dash or dot that is no marker.
STRAY_BOX = re.compile(
    r"^ {0,3}(?:[-*+]|\d{1,9}[.)]|[\u2010-\u2015\u2212\u2022\u2023\u00b7]\s?)?"
    r"(?=(\[[ xX]?\])(?:\s|$))"
)


@dataclass(frozen=True, slots=True)
class ListItem:
    """One item of a list, as it is written.

    ``box`` is what stands between the brackets (None: no brackets); ``spaced`` whether white space
    follows them. ``line`` and ``column`` are where the brackets (or the text) begin.
    """

    line: int
    column: int
    box: str | None
    spaced: bool
    body: tuple[ItemLine, ...]
    feedback: tuple[ItemLine, ...] | None
    ids: tuple[tuple[str, int, int], ...]  # (what {#…} holds, line, column)
    nested_list: tuple[int, int] | None  # a task list inside the item
    stray_box: tuple[int, int] | None  # a box without a list marker

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

    items: tuple[ListItem, ...]
    loose_quotes: tuple[ItemLine, ...]
    end_index: int  # index of the first line after the list

    @property
    def is_task_list(self) -> bool:
        return any(item.is_task for item in self.items)


def parse_list(source: ScannedMarkdown, first: int, end: int) -> ItemList:
    """The list that begins at line index ``first``; it ends before line index ``end``."""
    margin = indent_of(source.lines[first]) + 2
    items: list[ListItem] = []
    loose_quotes: list[ItemLine] = []
    index = first
    while index < end:
        next_index = _next_item(source, index, end, margin)
        if next_index is None:
            break
        index = next_index
        if indent_of(source.lines[index]) < margin and QUOTE_LINE.match(source.lines[index]):
            while index < end and source.lines[index].strip() and not _has_item_at(source, index):
                loose_quotes.append(ItemLine(index + 1, source.lines[index]))
                index += 1
            continue
        item_end = _item_end(source, index, end, margin)
        items.append(_parse_item(source, index, item_end, margin))
        index = item_end
    return ItemList(tuple(items), tuple(loose_quotes), index)


def _next_item(source: ScannedMarkdown, index: int, end: int, margin: int) -> int | None:
    """The next item or unindented blockquote of the same list, over blank lines and comments."""
    while index < end and _is_blank(source, index):
        index += 1
    if index >= end:
        return None
    line = source.lines[index]
    if _has_item_at(source, index) and indent_of(line) < margin:
        return index
    return index if QUOTE_LINE.match(line) and source.kinds[index] is LineKind.PROSE else None


def _has_item_at(source: ScannedMarkdown, index: int) -> bool:
    line = source.lines[index]
    fenced = any(fence.first_line == index + 1 for fence in source.fences)
    prose = source.kinds[index] is LineKind.PROSE or fenced
    return prose and ITEM_LINE.match(expand_tabs(line)) is not None and not is_thematic_break(line)


def _is_blank(source: ScannedMarkdown, index: int) -> bool:
    return source.kinds[index] is LineKind.COMMENT or not source.lines[index].strip()


def _item_end(source: ScannedMarkdown, first: int, end: int, margin: int) -> int:
    """The index after the last line of the item that begins at ``first``."""
    last = first
    index = first + 1
    in_code = source.kinds[first] is LineKind.CODE
    while index < end:
        line = source.lines[index]
        code = source.kinds[index] is LineKind.CODE
        opens = code and any(fence.first_line == index + 1 for fence in source.fences)
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


def _parse_item(source: ScannedMarkdown, first: int, end_index: int, margin: int) -> ListItem:
    raw = source.lines[first]
    match = ITEM_LINE.match(expand_tabs(raw))
    rest = (match["rest"] or "") if match else raw
    column = len(raw) - len(rest) + 1
    box = _BOX.match(rest)
    # A link such as [x](…) or [x][y] at the start of an item is no box.
    if box and box["space"] is None and box["rest"][:1] in ("(", "[", ":"):
        box = None
    text = box["rest"] if box else rest
    body = [
        ItemLine(first + 1, text.strip()),
        *_dedented_lines(source, first + 1, end_index, margin),
    ]
    body, feedback = split_feedback(body)
    body, ids = split_ids(source, body)
    return ListItem(
        line=first + 1,
        column=column,
        box=box["box"] if box else None,
        spaced=bool(box and box["space"] is not None),
        body=tuple(body),
        feedback=None if feedback is None else tuple(feedback),
        ids=tuple(ids),
        nested_list=_find_nested_list(source, body),
        stray_box=_find_stray_box(source, body) or _find_stray_in_feedback(source, feedback or ()),
    )


def _dedented_lines(
    source: ScannedMarkdown, first: int, end_index: int, margin: int
) -> list[ItemLine]:
    numbered_lines = [
        (index + 1, expand_tabs(source.lines[index])) for index in range(first, end_index)
    ]
    visible_lines = [
        (n, line) for n, line in numbered_lines if source.kinds[n - 1] is not LineKind.COMMENT
    ]
    indents = [
        indent_of(line) for _, line in visible_lines if line.strip() and indent_of(line) >= margin
    ]
    cut = min(indents, default=margin)
    return [ItemLine(n, line[min(cut, indent_of(line)) :]) for n, line in visible_lines]


def _find_nested_list(source: ScannedMarkdown, body: Sequence[ItemLine]) -> tuple[int, int] | None:
    for line, kind in zip(body[1:], scan_item_body(body).kinds[1:], strict=True):
        match = ITEM_LINE.match(line.text) if kind is LineKind.PROSE else None
        box = _BOX.match(match["rest"] or "") if match else None
        if box and box["space"] is not None and box["box"].strip().lower() in ("", "x"):
            return line.number, source.lines[line.number - 1].index("[") + 1
    return None


def _find_stray_in_feedback(
    source: ScannedMarkdown, feedback: Sequence[ItemLine]
) -> tuple[int, int] | None:
    """A box in a line that goes on a quotation without a > of its own."""
    for line in feedback:
        raw = source.lines[line.number - 1]
        if STRAY_BOX.match(raw):
            return line.number, raw.index("[") + 1
    return None


def _find_stray_box(source: ScannedMarkdown, body: Sequence[ItemLine]) -> tuple[int, int] | None:
    for line, kind in zip(body[1:], scan_item_body(body).kinds[1:], strict=True):
        if kind is LineKind.PROSE and STRAY_BOX.match(line.text):
            return line.number, source.lines[line.number - 1].index("[") + 1
    return None


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a question. ``text`` keeps one line for each line of the file it covers."""

    name: SectionName
    heading: Heading | None
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The YAML of the front matter; it begins at line 2. ``closed`` is False without its end."""

    yaml: str
    closed: bool


@dataclass(frozen=True, slots=True)
class QuestionFields:
    source: ScannedMarkdown
    front: FrontMatter | None
    title: Heading | None
    sections: tuple[Section, ...]  # the stem is first
    task_lists: tuple[ItemList, ...]


@dataclass(frozen=True, slots=True)
class EmbeddedBlock:
    """A ``question`` or ``simulation`` block of a lesson; its content begins at ``line`` + 1."""

    kind: str
    content: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class LessonFields:
    source: ScannedMarkdown
    front: FrontMatter | None
    title: Heading | None
    parts: tuple[str | EmbeddedBlock, ...]
    misplaced_blocks: tuple[FencedBlock, ...]  # embedded blocks inside a list or a quotation


def extract_front_matter(source: ScannedMarkdown) -> FrontMatter | None:
    """The front matter of a scanned text, without its fences."""
    if source.front_closed is None:
        return None
    count = source.kinds.count(LineKind.FRONT)
    last = count - 1 if source.front_closed else count
    return FrontMatter("\n".join(source.lines[1:last]), source.front_closed)


def parse_question_fields(
    text: str, *, definition_lines: frozenset[int] = frozenset()
) -> QuestionFields:
    """The fields of a question's file. ``taken`` are lines (from 1) to leave out. Never raises."""
    source = without_lines(scan_markdown(text), definition_lines)
    heading_list = find_headings(source)
    title = _find_title(source, heading_list)
    starts = _section_starts(heading_list, title)
    stem_end = starts[0][1].line - 1 if starts else len(source.lines)
    stem, sections_after, task_lists = _parse_stem(source, title, stem_end)
    sections = [stem, *sections_after, *_cut_sections(source, starts)]
    front = extract_front_matter(source)
    return QuestionFields(source, front, title, tuple(sections), tuple(task_lists))


def _find_title(source: ScannedMarkdown, heading_list: list[Heading]) -> Heading | None:
    """The first heading of the first level, if it stands above the options and all sections.

    Below them, a heading may tell the key.
    """
    for heading in heading_list:
        if section_name(heading.text) is not None:
            return None
        if heading.level == 1:
            above = range(heading.line - 1)
            return None if any(_is_option_at(source, index) for index in above) else heading
    return None


def _is_option_at(source: ScannedMarkdown, index: int) -> bool:
    return _has_list_at(source, index) and parse_list(source, index, index + 1).is_task_list


def _section_starts(
    heading_list: list[Heading], title: Heading | None
) -> list[tuple[SectionName, Heading]]:
    """Which headings begin a section.

    A deeper heading belongs to the section above it, except that Answer and References always
    begin their own, so that no slip of a level shows them early; for the same reason a deeper
    Hint inside an answer stays part of that answer.
    """
    starts: list[tuple[SectionName, Heading]] = []
    for heading in heading_list:
        if heading is title:
            continue
        name = section_name(heading.text)
        level = starts[-1][1].level if starts else 6
        open_to_hints = not starts or starts[-1][0] is SectionName.HINT
        hint = name is SectionName.HINT and (heading.level <= level or open_to_hints)
        if name in (SectionName.ANSWER, SectionName.REFERENCES) or (name is not None and hint):
            starts.append((name, heading))
        elif name is None and heading.level <= min(2, level):
            starts.append((SectionName.UNKNOWN, heading))
    return starts


def _cut_sections(
    source: ScannedMarkdown, starts: list[tuple[SectionName, Heading]]
) -> list[Section]:
    ends = [*(heading.line - 1 for _, heading in starts[1:]), len(source.lines)]
    return [
        Section(
            name, heading, "\n".join(source.lines[heading.last_line : end]), heading.last_line + 1
        )
        for (name, heading), end in zip(starts, ends, strict=False)
    ]


def _parse_stem(
    source: ScannedMarkdown, title: Heading | None, end: int
) -> tuple[Section, list[Section], list[ItemList]]:
    """The stem, what follows the first task list, and all task lists above ``end``."""
    skipped = range(title.line - 1, title.last_line) if title and title.line <= end else range(0)
    first = source.kinds.count(LineKind.FRONT)
    lines_before: list[str] = []
    lines_after: list[tuple[int, str]] = []
    task_lists: list[ItemList] = []
    index = first
    while index < end:
        if _has_list_at(source, index):
            items = parse_list(source, index, end)
            if items.is_task_list:
                task_lists.append(items)
                index = items.end_index
                continue
            stop = items.end_index
        else:
            stop = index + 1
        for line_index in range(index, max(stop, index + 1)):
            is_hidden = line_index in skipped or source.kinds[line_index] is LineKind.COMMENT
            line = "" if is_hidden else source.lines[line_index]
            if task_lists:
                lines_after.append((line_index + 1, line))
            else:
                lines_before.append(line)
        index = max(stop, index + 1)
    stem = Section(SectionName.STEM, None, "\n".join(lines_before), first + 1)
    text_after = [
        (n, line) for n, line in lines_after if line.strip() and not is_thematic_break(line)
    ]
    if not text_after:
        return stem, [], task_lists
    tail = Section(
        SectionName.AFTER_OPTIONS,
        None,
        "\n".join(line for _, line in lines_after),
        text_after[0][0],
    )
    return stem, [tail], task_lists


def _has_list_at(source: ScannedMarkdown, index: int) -> bool:
    if source.kinds[index] is not LineKind.PROSE and not source.fence_begins_at(index + 1):
        return False
    return starts_list_item(source.lines[index])


def without_lines(source: ScannedMarkdown, line_numbers: frozenset[int]) -> ScannedMarkdown:
    """``source`` with the ``taken`` lines (from 1) blanked, their numbers kept."""
    if not line_numbers:
        return source
    lines = tuple("" if n in line_numbers else line for n, line in enumerate(source.lines, 1))
    return ScannedMarkdown(source.text, lines, source.kinds, source.fences, source.front_closed)


def embedded_kind(fence: FencedBlock) -> str | None:
    """``question`` or ``simulation`` when the fenced block embeds one, in a lesson."""
    words = fence.info.split()
    kind = words[0].strip("{.}").lower() if words else ""
    return kind if kind in ("question", "simulation") else None


def parse_lesson_fields(
    text: str, *, definition_lines: frozenset[int] = frozenset()
) -> LessonFields:
    """The fields of a lesson's file: its prose, cut where blocks are embedded. Never raises."""
    source = without_lines(scan_markdown(text), definition_lines)
    title = next((heading for heading in find_headings(source) if heading.level == 1), None)
    parts: list[str | EmbeddedBlock] = []
    misplaced_blocks: list[FencedBlock] = []
    start = source.kinds.count(LineKind.FRONT)
    for fence in source.fences:
        kind = embedded_kind(fence)
        if kind is None:
            continue
        if fence.column > 1:
            misplaced_blocks.append(fence)
            continue
        parts.append(_prose_between(source, title, start, fence.first_line - 1))
        inner = source.lines[
            fence.first_line : fence.last_line - 1 if fence.closed else fence.last_line
        ]
        parts.append(EmbeddedBlock(kind, "\n".join(inner), fence.first_line, fence.column))
        start = fence.last_line
    parts.append(_prose_between(source, title, start, len(source.lines)))
    return LessonFields(
        source, extract_front_matter(source), title, tuple(parts), tuple(misplaced_blocks)
    )


def _prose_between(source: ScannedMarkdown, title: Heading | None, start: int, end: int) -> str:
    skipped = range(title.line - 1, title.last_line) if title else range(0)
    lines = [
        "" if line_index in skipped else source.lines[line_index]
        for line_index in range(start, end)
    ]
    return "\n".join(lines)
