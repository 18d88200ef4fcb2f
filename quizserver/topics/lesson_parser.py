"""A lesson's text to its fields: the title, and the prose between embedded blocks."""

from __future__ import annotations

from dataclasses import dataclass

from quizserver.topics.line_kinds import FencedBlock
from quizserver.topics.markdown import Heading, MarkdownSlice, MarkdownSource, SourceLine


@dataclass(frozen=True, slots=True)
class EmbeddedBlock:
    """A ``question`` or ``simulation`` block of a lesson; its content begins at ``line`` + 1."""

    kind: str
    content: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class LessonFields:
    """What a lesson's file is made of."""

    source: MarkdownSource
    title: Heading | None
    parts: tuple[MarkdownSlice | EmbeddedBlock, ...]  # prose is first and last
    misplaced_blocks: tuple[FencedBlock, ...]  # embedded blocks inside a list or a quotation

    @property
    def blocks(self) -> tuple[EmbeddedBlock, ...]:
        return tuple(part for part in self.parts if isinstance(part, EmbeddedBlock))


def parse_lesson_fields(source: MarkdownSource) -> LessonFields:
    """The fields of a scanned lesson. Never raises."""
    title = next((heading for heading in source.headings if heading.level == 1), None)
    embedded_blocks = [fence for fence in source.fences if fence.embedded_kind]
    parts: list[MarkdownSlice | EmbeddedBlock] = []
    start = source.front_matter_length
    for fence in embedded_blocks:
        if fence.column == 1:
            parts.append(_prose_between(source, title, start, fence.first_line - 1))
            parts.append(_embedded_block(source, fence))
            start = fence.last_line
    parts.append(_prose_between(source, title, start, len(source.body)))
    misplaced_blocks = tuple(fence for fence in embedded_blocks if fence.column > 1)
    return LessonFields(source, title, tuple(parts), misplaced_blocks)


def _embedded_block(source: MarkdownSource, fence: FencedBlock) -> EmbeddedBlock:
    end = fence.last_line - 1 if fence.closed else fence.last_line
    content = "\n".join(source.body[fence.first_line : end])
    return EmbeddedBlock(fence.embedded_kind or "", content, fence.first_line, fence.column)


def _prose_between(
    source: MarkdownSource, title: Heading | None, start: int, end: int
) -> MarkdownSlice:
    """The lines from index ``start`` up to index ``end``, those of the title blanked."""
    title_lines = range(title.line, title.last_line + 1) if title else range(0)
    return MarkdownSlice.from_lines(
        SourceLine(number, "" if number in title_lines else line, kind)
        for number, (line, kind) in enumerate(
            zip(source.body[start:end], source.kinds[start:end], strict=True), start + 1
        )
    )
