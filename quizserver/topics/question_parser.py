"""A question's text to its fields: front matter, title, sections and task lists.

Only takes it apart; what is wrong with a question is found in ``question_checks``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quizserver.topics.line_kinds import LineKind, is_thematic_break
from quizserver.topics.markdown import (
    Heading,
    MarkdownSlice,
    MarkdownSource,
    SectionName,
    SourceLine,
    section_name,
)
from quizserver.topics.task_lists import ItemList, has_list_at, is_option_at, parse_list


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a question. ``line`` is where its content begins."""

    name: SectionName
    heading: Heading | None
    content: MarkdownSlice
    line: int

    @property
    def text(self) -> str:
        return self.content.text


@dataclass(frozen=True, slots=True)
class QuestionFields:
    """What a question's file is made of."""

    source: MarkdownSource
    title: Heading | None
    sections: tuple[Section, ...]  # the stem is first
    task_lists: tuple[ItemList, ...]


def parse_question_fields(source: MarkdownSource) -> QuestionFields:
    """The fields of a scanned question. Never raises."""
    title = _find_title(source)
    starts = _section_starts(source.headings, title)
    stem_end = starts[0][1].line - 1 if starts else len(source.body)
    stem, text_after_options, task_lists = _parse_stem(source, title, stem_end)
    sections = (stem, *text_after_options, *_cut_sections(source, starts))
    return QuestionFields(source, title, sections, tuple(task_lists))


def _find_title(source: MarkdownSource) -> Heading | None:
    """The first heading of the first level, if it stands above the options and all sections.

    Below them, a heading may give the key away.
    """
    for heading in source.headings:
        if section_name(heading.text) is not None:
            return None
        if heading.level == 1:
            lines_above = range(heading.line - 1)
            return None if any(is_option_at(source, index) for index in lines_above) else heading
    return None


def _section_starts(
    headings: Sequence[Heading], title: Heading | None
) -> list[tuple[SectionName, Heading]]:
    """Which headings begin a section.

    A deeper heading belongs to the section above it, except that Answer and References always
    begin their own, so that no slip of a level shows them early; for the same reason a deeper
    Hint inside an answer stays part of that answer.
    """
    starts: list[tuple[SectionName, Heading]] = []
    for heading in headings:
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
    source: MarkdownSource, starts: Sequence[tuple[SectionName, Heading]]
) -> list[Section]:
    ends = [*(heading.line - 1 for _, heading in starts[1:]), len(source.body)]
    return [
        Section(name, heading, source.slice_body(heading.last_line, end), heading.last_line + 1)
        for (name, heading), end in zip(starts, ends, strict=False)
    ]


def _parse_stem(
    source: MarkdownSource, title: Heading | None, end: int
) -> tuple[Section, list[Section], list[ItemList]]:
    """The stem, what follows the first task list, and all task lists above ``end``."""
    first = source.front_matter_length
    title_lines = range(title.line, title.last_line + 1) if title else range(0)
    lines_before: list[SourceLine] = []
    lines_after: list[SourceLine] = []
    task_lists: list[ItemList] = []
    index = first
    while index < end:
        stop = index + 1
        if has_list_at(source, index):
            items = parse_list(source, index, end)
            stop = max(items.end_index, stop)
            if items.is_task_list:
                task_lists.append(items)
                index = stop
                continue
        lines = lines_after if task_lists else lines_before
        lines.extend(
            _stem_line(source, line_index, title_lines) for line_index in range(index, stop)
        )
        index = stop
    stem = Section(SectionName.STEM, None, MarkdownSlice.from_lines(lines_before), first + 1)
    return stem, _text_after_options(lines_after), task_lists


def _stem_line(source: MarkdownSource, index: int, title_lines: range) -> SourceLine:
    """A line of the stem, blanked when it belongs to the title or to a comment."""
    kind = source.kinds[index]
    is_hidden = index + 1 in title_lines or kind is LineKind.COMMENT
    return SourceLine(index + 1, "" if is_hidden else source.body[index], kind)


def _text_after_options(lines: Sequence[SourceLine]) -> list[Section]:
    numbers = [
        line.number for line in lines if line.text.strip() and not is_thematic_break(line.text)
    ]
    if not numbers:
        return []
    content = MarkdownSlice.from_lines(lines)
    return [Section(SectionName.AFTER_OPTIONS, None, content, numbers[0])]
