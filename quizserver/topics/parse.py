"""Text to fields and positions: title, sections, task lists, embedded blocks. Judges nothing."""

from __future__ import annotations

from dataclasses import dataclass

from quizserver.topics.headings import Heading, Name, headings, section_name
from quizserver.topics.list_lines import is_rule, item_starts
from quizserver.topics.options import ItemList, read_list
from quizserver.topics.scan import Fence, Kind, Scan, scan


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a question. ``text`` keeps one line for each line of the file it covers."""

    name: Name
    heading: Heading | None
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Front:
    """The YAML of the front matter; it begins at line 2. ``closed`` is False without its end."""

    yaml: str
    closed: bool


@dataclass(frozen=True, slots=True)
class QuestionFields:
    source: Scan
    front: Front | None
    title: Heading | None
    sections: tuple[Section, ...]  # the stem is first
    task_lists: tuple[ItemList, ...]


@dataclass(frozen=True, slots=True)
class Embedded:
    """A ``question`` or ``simulation`` block of a lesson; its content begins at ``line`` + 1."""

    kind: str
    content: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class LessonFields:
    source: Scan
    front: Front | None
    title: Heading | None
    parts: tuple[str | Embedded, ...]
    misplaced: tuple[Fence, ...]  # embedded blocks inside a list or a quotation


def front_matter(source: Scan) -> Front | None:
    """The front matter of a scanned text, without its fences."""
    if source.front_closed is None:
        return None
    count = source.kinds.count(Kind.FRONT)
    last = count - 1 if source.front_closed else count
    return Front("\n".join(source.lines[1:last]), source.front_closed)


def parse_question(text: str, *, taken: frozenset[int] = frozenset()) -> QuestionFields:
    """The fields of a question's file. ``taken`` are lines (from 1) to leave out. Never raises."""
    source = without(scan(text), taken)
    found = headings(source)
    title = _title(source, found)
    starts = _section_starts(found, title)
    stem_end = starts[0][1].line - 1 if starts else len(source.lines)
    stem, after, task_lists = _read_stem(source, title, stem_end)
    sections = [stem, *after, *_sections(source, starts)]
    front = front_matter(source)
    return QuestionFields(source, front, title, tuple(sections), tuple(task_lists))


def _title(source: Scan, found: list[Heading]) -> Heading | None:
    """The first heading of the first level, if it stands above the options and all sections.

    Below them, a heading may tell the key.
    """
    for heading in found:
        if section_name(heading.text) is not None:
            return None
        if heading.level == 1:
            above = range(heading.line - 1)
            return None if any(_is_option(source, index) for index in above) else heading
    return None


def _is_option(source: Scan, index: int) -> bool:
    return _list_at(source, index) and read_list(source, index, index + 1).is_task_list


def _section_starts(found: list[Heading], title: Heading | None) -> list[tuple[Name, Heading]]:
    """Which headings begin a section.

    A deeper heading belongs to the section above it, except that Answer and References always
    begin their own, so that no slip of a level shows them early; for the same reason a deeper
    Hint inside an answer stays part of that answer.
    """
    starts: list[tuple[Name, Heading]] = []
    for heading in found:
        if heading is title:
            continue
        name = section_name(heading.text)
        level = starts[-1][1].level if starts else 6
        open_to_hints = not starts or starts[-1][0] is Name.HINT
        hint = name is Name.HINT and (heading.level <= level or open_to_hints)
        if name in (Name.ANSWER, Name.REFERENCES) or (name is not None and hint):
            starts.append((name, heading))
        elif name is None and heading.level <= min(2, level):
            starts.append((Name.UNKNOWN, heading))
    return starts


def _sections(source: Scan, starts: list[tuple[Name, Heading]]) -> list[Section]:
    ends = [*(heading.line - 1 for _, heading in starts[1:]), len(source.lines)]
    return [
        Section(name, heading, "\n".join(source.lines[heading.last : end]), heading.last + 1)
        for (name, heading), end in zip(starts, ends, strict=False)
    ]


def _read_stem(
    source: Scan, title: Heading | None, end: int
) -> tuple[Section, list[Section], list[ItemList]]:
    """The stem, what follows the first task list, and all task lists above ``end``."""
    skipped = range(title.line - 1, title.last) if title and title.line <= end else range(0)
    first = source.kinds.count(Kind.FRONT)
    before: list[str] = []
    after: list[tuple[int, str]] = []
    task_lists: list[ItemList] = []
    index = first
    while index < end:
        if _list_at(source, index):
            items = read_list(source, index, end)
            if items.is_task_list:
                task_lists.append(items)
                index = items.end
                continue
            stop = items.end
        else:
            stop = index + 1
        for row in range(index, max(stop, index + 1)):
            hide = row in skipped or source.kinds[row] is Kind.COMMENT
            line = "" if hide else source.lines[row]
            if task_lists:
                after.append((row + 1, line))
            else:
                before.append(line)
        index = max(stop, index + 1)
    stem = Section(Name.STEM, None, "\n".join(before), first + 1)
    rest = [(n, line) for n, line in after if line.strip() and not is_rule(line)]
    if not rest:
        return stem, [], task_lists
    tail = Section(Name.AFTER_OPTIONS, None, "\n".join(line for _, line in after), rest[0][0])
    return stem, [tail], task_lists


def _list_at(source: Scan, index: int) -> bool:
    if source.kinds[index] is not Kind.PROSE and not source.fence_begins(index + 1):
        return False
    return item_starts(source.lines[index])


def without(source: Scan, taken: frozenset[int]) -> Scan:
    """``source`` with the ``taken`` lines (from 1) blanked, their numbers kept."""
    if not taken:
        return source
    lines = tuple("" if n in taken else line for n, line in enumerate(source.lines, 1))
    return Scan(source.text, lines, source.kinds, source.fences, source.front_closed)


def embedded_kind(fence: Fence) -> str | None:
    """``question`` or ``simulation`` when the fenced block embeds one, in a lesson."""
    words = fence.info.split()
    kind = words[0].strip("{.}").lower() if words else ""
    return kind if kind in ("question", "simulation") else None


def parse_lesson(text: str, *, taken: frozenset[int] = frozenset()) -> LessonFields:
    """The fields of a lesson's file: its prose, cut where blocks are embedded. Never raises."""
    source = without(scan(text), taken)
    title = next((heading for heading in headings(source) if heading.level == 1), None)
    parts: list[str | Embedded] = []
    misplaced: list[Fence] = []
    start = source.kinds.count(Kind.FRONT)
    for fence in source.fences:
        kind = embedded_kind(fence)
        if kind is None:
            continue
        if fence.column > 1:
            misplaced.append(fence)
            continue
        parts.append(_prose(source, title, start, fence.first - 1))
        inner = source.lines[fence.first : fence.last - 1 if fence.closed else fence.last]
        parts.append(Embedded(kind, "\n".join(inner), fence.first, fence.column))
        start = fence.last
    parts.append(_prose(source, title, start, len(source.lines)))
    return LessonFields(source, front_matter(source), title, tuple(parts), tuple(misplaced))


def _prose(source: Scan, title: Heading | None, start: int, end: int) -> str:
    skipped = range(title.line - 1, title.last) if title else range(0)
    kept = ["" if row in skipped else source.lines[row] for row in range(start, end)]
    return "\n".join(kept)
