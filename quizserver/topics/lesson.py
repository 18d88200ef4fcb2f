"""A lesson's fields to the model: prose, embedded questions and simulations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from quizserver.topics.definitions import Definition, find_definitions, needed
from quizserver.topics.front_matter import (
    Checked,
    LessonFront,
    SimulationFront,
    check_front,
    check_yaml,
)
from quizserver.topics.links import LESSON_PREFIX
from quizserver.topics.model import (
    HtmlBlock,
    Lesson,
    LessonBlock,
    QuestionBlock,
    SimulationBlock,
)
from quizserver.topics.parse import Embedded, LessonFields, parse_lesson
from quizserver.topics.references import Reference, reference_flaws, references
from quizserver.topics.render import plain, render, render_parts
from quizserver.topics.sanitise import Rewrite
from quizserver.topics.scan import Kind, scan
from quizserver.topics.text import Flaw

_FOOTNOTE_MARK = re.compile(r"\[\^[^\]\s]+\]")


@dataclass(frozen=True, slots=True)
class SimulationUse:
    """A ``simulation`` block and where its content stands."""

    block: Embedded
    checked: Checked[SimulationFront]


@dataclass(frozen=True, slots=True)
class LessonDraft:
    """A lesson's file, judged but not rendered. ``usable`` says whether it can be served."""

    path: str
    text: str
    fields: LessonFields
    definitions: tuple[Definition, ...]
    front: Checked[LessonFront]
    questions: tuple[Embedded, ...]
    simulations: tuple[SimulationUse, ...]
    references: tuple[Reference, ...]
    flaws: tuple[Flaw, ...]

    @property
    def usable(self) -> bool:
        return not any(flaw.fatal for flaw in self.flaws)


@dataclass(frozen=True, slots=True)
class BuiltLesson:
    """A lesson with what its topic takes from it."""

    lesson: Lesson
    summary: str
    order: int | None
    questions: tuple[str, ...]  # the ids it embeds, in order


def draft_lesson(path: str, text: str) -> LessonDraft:
    """Judge the text of the lesson at ``path``. Never raises."""
    definitions, taken = find_definitions(scan(text))
    fields = parse_lesson(text, taken=taken)
    front = check_front(fields.front, LessonFront)
    embedded = [part for part in fields.parts if isinstance(part, Embedded)]
    questions = tuple(block for block in embedded if block.kind == "question")
    simulations = tuple(
        SimulationUse(block, check_yaml(block.content, SimulationFront, line=block.line + 1))
        for block in embedded
        if block.kind == "simulation"
    )
    flaws = [*front.flaws, *_flaws(fields, front), *reference_flaws(text, definitions)]
    for use in simulations:
        # A block that cannot be read is left out; the lesson around it is served all the same.
        flaws.extend(Flaw(f.line, f.column, f.code, f.message, f.hint) for f in use.checked.flaws)
    flaws.sort(key=lambda flaw: (flaw.line, flaw.column))
    found = tuple(references(text, definitions))
    return LessonDraft(
        path, text, fields, definitions, front, questions, simulations, found, tuple(flaws)
    )


def build_lesson(draft: LessonDraft, *, topic: str, title: str, rewrite: Rewrite) -> BuiltLesson:
    """Render a usable draft; ``title`` is for a lesson that has none of its own."""
    front = draft.front.model or LessonFront()
    prose = [part for part in draft.fields.parts if isinstance(part, str)]
    if draft.definitions:
        prose[-1] += "\n\n" + needed("\n".join(prose), draft.definitions)
    shown = iter(render_parts(prose, prefix=LESSON_PREFIX, rewrite=rewrite))
    models = {id(use.block): use.checked.model for use in draft.simulations}
    blocks: list[LessonBlock] = []
    for part in draft.fields.parts:
        if isinstance(part, str):
            html = next(shown)
            if html.strip():
                blocks.append(HtmlBlock(html))
        elif part.kind == "question":
            blocks.append(QuestionBlock(part.content.strip()))
        else:
            model = models[id(part)]
            if model is not None:
                blocks.append(SimulationBlock(model.simulation, model.arm, dict(model.knobs)))
    lesson = Lesson(topic, _title(draft, title), tuple(blocks), draft.path)
    ids = tuple(block.question for block in blocks if isinstance(block, QuestionBlock))
    return BuiltLesson(lesson, front.summary or _first_paragraph(prose), front.order, ids)


def _title(draft: LessonDraft, default: str) -> str:
    front = draft.front.model
    if front and front.title:
        return front.title
    heading = draft.fields.title
    return plain(_quick(heading.text)) or default if heading else default


def _quick(text: str) -> str:
    return render(text, prefix="", rewrite=lambda _name, _url: None)


def _first_paragraph(prose: list[str]) -> str:
    for paragraph in "\n".join(prose).split("\n\n"):
        text = paragraph.strip()
        if text and text[0] not in "#`~|<>!-*+[$":
            return plain(_quick(_FOOTNOTE_MARK.sub("", text)))
    return ""


def _flaws(fields: LessonFields, front: Checked[LessonFront]) -> Iterator[Flaw]:
    if not (fields.title and fields.title.text) and not (front.model and front.model.title):
        source = fields.source
        line = min(source.kinds.count(Kind.FRONT) + 1, len(source.lines))
        hint = "Begin with a line such as: # The strange loss"
        yield Flaw(line, 1, "no-title", "This lesson has no title.", hint)
    for fence in fields.source.fences:
        if not fence.closed:
            message = "The code block that begins here has no end."
            hint = "Close it with the same fence on a line of its own."
            yield Flaw(fence.first, fence.column, "open-fence", message, hint, True)
    for fence in fields.misplaced:
        message = "This block is inside a list or a quotation, where nothing can be embedded."
        hint = "Let it begin at the left."
        yield Flaw(fence.first, fence.column, "misplaced-block", message, hint)
