"""A lesson's fields to the model: prose, embedded questions and simulations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from quizserver.topics.front_matter import (
    CheckedYaml,
    LessonFrontMatter,
    SimulationEntry,
    check_front_matter,
    check_yaml,
)
from quizserver.topics.inline_markup import Link, check_inline_markup, find_links
from quizserver.topics.links import LESSON_PREFIX
from quizserver.topics.markdown import (
    LabelDefinition,
    LineKind,
    find_definitions,
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
)
from quizserver.topics.question_parser import EmbeddedBlock, LessonFields, parse_lesson_fields
from quizserver.topics.render import plain_text, render_markdown, render_parts
from quizserver.topics.sanitise import RewriteUrl

_FOOTNOTE_MARK = re.compile(r"\[\^[^\]\s]+\]")


@dataclass(frozen=True, slots=True)
class SimulationUse:
    """A ``simulation`` block and where its content stands."""

    block: EmbeddedBlock
    entry: CheckedYaml[SimulationEntry]


@dataclass(frozen=True, slots=True)
class ParsedLesson:
    """A lesson's file, judged but not rendered. ``usable`` says whether it can be served."""

    path: str
    text: str
    fields: LessonFields
    definitions: tuple[LabelDefinition, ...]
    front: CheckedYaml[LessonFrontMatter]
    question_blocks: tuple[EmbeddedBlock, ...]
    simulation_uses: tuple[SimulationUse, ...]
    links: tuple[Link, ...]
    diagnostics: tuple[Diagnostic, ...]

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
    """Judge the text of the lesson at ``path``. Never raises."""
    definitions, definition_lines = find_definitions(scan_markdown(text))
    fields = parse_lesson_fields(text, definition_lines=definition_lines)
    front = check_front_matter(fields.front, LessonFrontMatter)
    embedded_blocks = [part for part in fields.parts if isinstance(part, EmbeddedBlock)]
    question_blocks = tuple(block for block in embedded_blocks if block.kind == "question")
    simulation_uses = tuple(
        SimulationUse(block, check_yaml(block.content, SimulationEntry, line=block.line + 1))
        for block in embedded_blocks
        if block.kind == "simulation"
    )
    diagnostics = [
        *front.diagnostics,
        *_check_lesson(fields, front),
        *check_inline_markup(text, definitions),
    ]
    for use in simulation_uses:
        # A block that cannot be read is left out; the lesson around it is served all the same.
        diagnostics.extend(replace(diagnostic, fatal=False) for diagnostic in use.entry.diagnostics)
    diagnostics.sort(key=lambda diagnostic: (diagnostic.line, diagnostic.column))
    links = tuple(find_links(text, definitions))
    return ParsedLesson(
        path,
        text,
        fields,
        definitions,
        front,
        question_blocks,
        simulation_uses,
        links,
        tuple(diagnostics),
    )


def render_lesson(
    parsed: ParsedLesson, *, topic: str, title: str, rewrite: RewriteUrl
) -> RenderedLesson:
    """Render a usable draft; ``title`` is for a lesson that has none of its own."""
    front = parsed.front.model or LessonFrontMatter()
    prose = [part for part in parsed.fields.parts if isinstance(part, str)]
    if parsed.definitions:
        prose[-1] += "\n\n" + used_definitions("\n".join(prose), parsed.definitions)
    html_parts = iter(render_parts(prose, prefix=LESSON_PREFIX, rewrite=rewrite))
    entry_by_block = {id(use.block): use.entry.model for use in parsed.simulation_uses}
    blocks: list[LessonBlock] = []
    for part in parsed.fields.parts:
        if isinstance(part, str):
            html = next(html_parts)
            if html.strip():
                blocks.append(HtmlBlock(html))
        elif part.kind == "question":
            blocks.append(QuestionBlock(part.content.strip()))
        else:
            model = entry_by_block[id(part)]
            if model is not None:
                blocks.append(SimulationBlock(model.simulation, model.arm, dict(model.knobs)))
    lesson = Lesson(topic, _lesson_title(parsed, title), tuple(blocks), parsed.path)
    question_ids = tuple(block.question for block in blocks if isinstance(block, QuestionBlock))
    return RenderedLesson(
        lesson, front.summary or _first_paragraph(prose), front.order, question_ids
    )


def _lesson_title(parsed: ParsedLesson, default: str) -> str:
    front = parsed.front.model
    if front and front.title:
        return front.title
    heading = parsed.fields.title
    return plain_text(_render_unlinked(heading.text)) or default if heading else default


def _render_unlinked(text: str) -> str:
    return render_markdown(text, prefix="", rewrite=lambda _name, _url: None)


def _first_paragraph(prose: list[str]) -> str:
    for paragraph in "\n".join(prose).split("\n\n"):
        text = paragraph.strip()
        if text and text[0] not in "#`~|<>!-*+[$":
            return plain_text(_render_unlinked(_FOOTNOTE_MARK.sub("", text)))
    return ""


def _check_lesson(
    fields: LessonFields, front: CheckedYaml[LessonFrontMatter]
) -> Iterator[Diagnostic]:
    if not (fields.title and fields.title.text) and not (front.model and front.model.title):
        source = fields.source
        line = min(source.kinds.count(LineKind.FRONT) + 1, len(source.lines))
        hint = "Begin with a line such as: # The strange loss"
        yield Diagnostic(line, 1, "no-title", "This lesson has no title.", hint)
    for fence in fields.source.fences:
        if not fence.closed:
            message = "The code block that begins here has no end."
            hint = "Close it with the same fence on a line of its own."
            yield Diagnostic(fence.first_line, fence.column, "open-fence", message, hint, True)
    for fence in fields.misplaced_blocks:
        message = "This block is inside a list or a quotation, where nothing can be embedded."
        hint = "Let it begin at the left."
        yield Diagnostic(fence.first_line, fence.column, "misplaced-block", message, hint)
