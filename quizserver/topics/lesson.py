"""A lesson's file: parsed and checked from its text, then rendered as its topic's page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from html import unescape
from itertools import dropwhile, groupby

from quizserver.topics.deferred import Deferred
from quizserver.topics.front_matter import (
    CheckedYaml,
    LessonFrontMatter,
    SimulationEntry,
    check_front_matter,
    check_yaml,
)
from quizserver.topics.inline_markup import Link, check_inline_markup, parse_inline_markup
from quizserver.topics.lesson_parser import EmbeddedBlock, LessonFields, parse_lesson_fields
from quizserver.topics.links import LESSON_PREFIX
from quizserver.topics.markdown import (
    LabelDefinition,
    MarkdownSlice,
    MarkdownSource,
    join_slices,
    scan_markdown,
    used_definitions,
)
from quizserver.topics.model import (
    Diagnostic,
    HtmlBlock,
    Lesson,
    LessonBlock,
    QuestionBlock,
    SimulationBlock,
    first_problems,
)
from quizserver.topics.render import heading_text, render_parts, unlinked_text
from quizserver.topics.sanitise import RewriteUrl
from quizserver.visible_text import has_visible_character, shown_line

_FOOTNOTE_MARK = re.compile(r"\[\^[^\]\s]+\]")
_BLOCK_SIGNS = "#`~|<>!-*+[$"  # what begins with one of these may be no paragraph


@dataclass(frozen=True, slots=True)
class SimulationUse:
    """A ``simulation`` block and where its content stands."""

    block: EmbeddedBlock
    entry: CheckedYaml[SimulationEntry]


@dataclass(frozen=True, slots=True)
class ParsedLesson:
    """A lesson's file, scanned, parsed and checked, but not rendered."""

    path: str
    source: MarkdownSource
    fields: LessonFields
    front: CheckedYaml[LessonFrontMatter]
    simulation_uses: tuple[SimulationUse, ...]
    links: tuple[Link, ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def text(self) -> str:
        return self.source.text

    @property
    def definitions(self) -> tuple[LabelDefinition, ...]:
        return self.source.definitions

    @property
    def question_blocks(self) -> tuple[EmbeddedBlock, ...]:
        return tuple(block for block in self.fields.blocks if block.kind == "question")

    @property
    def is_servable(self) -> bool:
        return not any(diagnostic.fatal for diagnostic in self.diagnostics)


@dataclass(frozen=True, slots=True)
class RenderedLesson:
    """A lesson with what its topic takes from it."""

    lesson: Lesson
    summary: str
    topic_order: int | None
    question_ids: tuple[str, ...]  # the ids it embeds, in order


def parse_lesson(path: str, text: str) -> ParsedLesson:
    """Parse and check the text of the lesson at ``path``. Never raises.

    For texts that are no tangle (``quizserver.topics.tangles``).
    """
    return parse_scanned_lesson(path, scan_markdown(text))


def parse_scanned_lesson(path: str, source: MarkdownSource) -> ParsedLesson:
    """Parse and check the lesson at ``path``, after its scan. Never raises."""
    fields = parse_lesson_fields(source)
    front = check_front_matter(source, LessonFrontMatter)
    markup = parse_inline_markup(source)
    simulation_uses = tuple(
        SimulationUse(block, check_yaml(block.content, SimulationEntry, line=block.line + 1))
        for block in fields.blocks
        if block.kind == "simulation"
    )
    # A block that cannot be read is left out; the lesson around it is served all the same.
    block_problems = (
        replace(diagnostic, fatal=False)
        for use in simulation_uses
        for diagnostic in use.entry.diagnostics
    )
    diagnostics = first_problems(
        front.diagnostics, _check_lesson(fields, front), check_inline_markup(markup), block_problems
    )
    diagnostics.sort(key=lambda diagnostic: (diagnostic.line, diagnostic.column))
    return ParsedLesson(
        path=path,
        source=source,
        fields=fields,
        front=front,
        simulation_uses=simulation_uses,
        links=markup.links,
        diagnostics=tuple(diagnostics),
    )


def render_lesson(
    parsed: ParsedLesson, *, topic: str, title: str, rewrite: RewriteUrl
) -> RenderedLesson:
    """The lesson's page, whose HTML is rendered at its first use.

    ``title`` is for a lesson that has none of its own; ``rewrite`` gives links and images their
    address, at that time.
    """
    front = parsed.front.model or LessonFrontMatter()
    lesson = Lesson(
        topic, _lesson_title(parsed, title), parsed.path, defer_lesson_html(parsed, rewrite)
    )
    question_ids = tuple(block.content.strip() for block in parsed.question_blocks)
    return RenderedLesson(
        lesson,
        front.summary or _first_paragraph(_prose_with_definitions(parsed)),
        front.order,
        question_ids,
    )


def defer_lesson_html(
    parsed: ParsedLesson, rewrite: RewriteUrl
) -> Deferred[tuple[LessonBlock, ...]]:
    """The blocks of a lesson's page, to be rendered at their first use."""
    return Deferred(partial(_render_blocks, parsed, rewrite))


def _render_blocks(parsed: ParsedLesson, rewrite: RewriteUrl) -> tuple[LessonBlock, ...]:
    prose = _prose_with_definitions(parsed)
    html_parts = iter(render_parts(prose, prefix=LESSON_PREFIX, rewrite=rewrite))
    entry_by_block = {id(use.block): use.entry.model for use in parsed.simulation_uses}
    blocks: list[LessonBlock] = []
    for part in parsed.fields.parts:
        if isinstance(part, MarkdownSlice):
            html = next(html_parts)
            if html.strip():
                blocks.append(HtmlBlock(html))
        elif part.kind == "question":
            blocks.append(QuestionBlock(part.content.strip()))
        else:
            model = entry_by_block[id(part)]
            if model is not None:
                blocks.append(SimulationBlock(model.simulation, model.arm, dict(model.knobs)))
    return tuple(blocks)


def _prose_with_definitions(parsed: ParsedLesson) -> list[MarkdownSlice]:
    """The prose between the embedded blocks; the last part has the definitions that are used."""
    prose = [part for part in parsed.fields.parts if isinstance(part, MarkdownSlice)]
    text = "\n".join(part.text for part in prose)
    definitions = used_definitions(text, parsed.definitions)
    prose[-1] = join_slices([prose[-1], *(definition.content for definition in definitions)])
    return prose


def _lesson_title(parsed: ParsedLesson, default: str) -> str:
    front = parsed.front.model
    title = (front.title if front else None) or heading_text(parsed.fields.title)
    return shown_line(title, default)


def _first_paragraph(prose: Sequence[MarkdownSlice]) -> str:
    """The words of the first paragraph, without its marks of footnotes."""
    lines = [line for part in prose for line in part.lines]
    for _, group in groupby(lines, key=lambda line: line.text == ""):
        paragraph = list(dropwhile(lambda line: not line.text.strip(), group))
        if paragraph and paragraph[0].text.lstrip()[0] not in _BLOCK_SIGNS:
            paragraph[0] = replace(paragraph[0], text=paragraph[0].text.lstrip())
            texts = [_FOOTNOTE_MARK.sub("", line.text) for line in paragraph]
            return unlinked_text(MarkdownSlice.from_lines(paragraph).with_texts(texts))
    return ""


def _check_lesson(
    fields: LessonFields, front: CheckedYaml[LessonFrontMatter]
) -> Iterator[Diagnostic]:
    source = fields.source
    title = (front.model and front.model.title) or (fields.title and fields.title.text) or ""
    if not has_visible_character(unescape(title)):
        line = min(source.front_matter_length + 1, len(source.lines))
        hint = "Begin with a line such as: # The strange loss"
        yield Diagnostic(line, 1, "no-title", "This lesson has no title.", hint)
    for fence in source.fences:
        if not fence.closed:
            message = "The code block that begins here has no end."
            hint = "Close it with the same fence on a line of its own."
            yield Diagnostic(fence.first_line, fence.column, "open-fence", message, hint, True)
    for fence in fields.misplaced_blocks:
        message = "This block is inside a list or a quotation, where nothing can be embedded."
        hint = "Let it begin at the left."
        yield Diagnostic(fence.first_line, fence.column, "misplaced-block", message, hint)
