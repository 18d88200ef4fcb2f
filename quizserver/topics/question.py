"""A question's fields to the model: judges them, and tells every flaw with its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from quizserver.topics.front_matter import CheckedYaml, QuestionFrontMatter, check_front_matter
from quizserver.topics.inline_markup import Link, check_inline_markup, find_links
from quizserver.topics.links import SiteMap, resolve_link
from quizserver.topics.markdown import (
    LabelDefinition,
    SectionName,
    find_definitions,
    scan_markdown,
    used_definitions,
)
from quizserver.topics.model import AnswerOption, Claim, Diagnostic, KnobValues, Question
from quizserver.topics.question_checks import check_question, option_id
from quizserver.topics.question_parser import ListItem, QuestionFields, parse_question_fields
from quizserver.topics.render import plain_text, render_markdown, unwrap_paragraph
from quizserver.topics.sanitise import RewriteUrl
from quizserver.topics.slugs import hex_digest, humanise_id, is_id, slugify

DEFAULT_SIMULATION = "simulation"


@dataclass(frozen=True, slots=True)
class ParsedQuestion:
    """A question's file, judged but not rendered. ``usable`` says whether it can be served."""

    path: str
    text: str
    id: str
    id_position: tuple[int, int]
    fields: QuestionFields
    definitions: tuple[LabelDefinition, ...]
    front: CheckedYaml[QuestionFrontMatter]
    option_ids: tuple[str, ...]
    links: tuple[Link, ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def is_servable(self) -> bool:
        return not any(diagnostic.fatal for diagnostic in self.diagnostics)

    @property
    def simulation(self) -> str | None:
        """The name of the simulation that the question's claims are about."""
        front = self.front.model
        if front is None:
            return None
        return front.simulation or (DEFAULT_SIMULATION if front.claims else None)


def parse_question(path: str, text: str) -> ParsedQuestion:
    """Judge the text of the question at ``path``. Never raises."""
    definitions, definition_lines = find_definitions(scan_markdown(text))
    fields = parse_question_fields(text, definition_lines=definition_lines)
    front = check_front_matter(fields.front, QuestionFrontMatter)
    items = fields.task_lists[0].items if fields.task_lists else ()
    option_ids = tuple(option_id(item) for item in items)
    stem = PurePosixPath(path).stem
    written_id = front.model.id if front.model else None
    id_position = front.document.position_of(("id",)) if written_id else (1, 1)
    question_id = written_id or (stem if is_id(stem) else slugify(stem))
    diagnostics = [
        *check_question(path, fields, front, option_ids),
        *check_inline_markup(text, definitions),
    ]
    diagnostics.sort(key=lambda diagnostic: (diagnostic.line, diagnostic.column))
    return ParsedQuestion(
        path=path,
        text=text,
        id=question_id,
        id_position=id_position,
        fields=fields,
        definitions=definitions,
        front=front,
        option_ids=option_ids,
        links=tuple(find_links(text, definitions)),
        diagnostics=tuple(diagnostics),
    )


def render_question(parsed: ParsedQuestion, *, topic: str, rewrite: RewriteUrl) -> Question:
    """Render a usable draft. ``rewrite`` gives links and images their address."""
    front = parsed.front.model or QuestionFrontMatter()
    fields = parsed.fields

    def render_section(section: str, text: str) -> str:
        with_definitions = "\n\n".join([text, used_definitions(text, parsed.definitions)])
        return render_markdown(
            with_definitions, prefix=f"q-{parsed.id}-{section}-", rewrite=rewrite
        )

    def section_texts(*names: SectionName) -> list[str]:
        return [
            section.text
            for section in fields.sections
            if section.name in names and section.text.strip()
        ]

    items = fields.task_lists[0].items
    options = tuple(
        _render_option(
            item,
            option_id,
            render_section(f"o{n}", item.text),
            _render_feedback(item, n, render_section),
        )
        for n, (item, option_id) in enumerate(zip(items, parsed.option_ids, strict=True), 1)
    )
    explanation_texts = section_texts(
        SectionName.AFTER_OPTIONS, SectionName.ANSWER, SectionName.UNKNOWN
    )
    reference_texts = section_texts(SectionName.REFERENCES)
    return Question(
        id=parsed.id,
        topic=topic,
        title=_question_title(parsed),
        stem_html=render_section("stem", fields.sections[0].text),
        options=options,
        hints_html=tuple(
            render_section(f"hint{n}", text)
            for n, text in enumerate(section_texts(SectionName.HINT), 1)
        ),
        explanation_html=render_section("answer", "\n\n".join(explanation_texts))
        if explanation_texts
        else None,
        references_html=render_section("references", "\n\n".join(reference_texts))
        if reference_texts
        else None,
        tags=tuple(dict.fromkeys(front.tags)),
        shuffle=front.shuffle,
        simulation=parsed.simulation,
        claims=_question_claims(parsed, options),
        described_curve=tuple((point[0], point[1]) for point in front.described),
        version=hex_digest(parsed.text),
        source=parsed.text,
        path=parsed.path,
    )


def earlier_version(question: Question, source: str) -> Question | None:
    """An earlier version of ``question`` from its kept text; None when it can't be read any more.

    Links and images between files point to nothing: the files of that day may be gone.
    """
    parsed = parse_question(question.path, source)
    if not parsed.is_servable:
        return None
    empty_site = SiteMap()

    def rewrite_url(attribute: str, url: str) -> str | None:
        return resolve_link(empty_site, question.path, attribute, url).url

    earlier = render_question(parsed, topic=question.topic, rewrite=rewrite_url)
    return replace(earlier, id=question.id)


def _question_title(parsed: ParsedQuestion) -> str:
    front = parsed.front.model
    if front and front.title:
        return front.title
    heading = parsed.fields.title
    heading_text = heading.text if heading else ""
    plain_title = (
        plain_text(render_markdown(heading_text, prefix="", rewrite=lambda _name, _url: None))
        if heading_text
        else ""
    )
    return plain_title or humanise_id(PurePosixPath(parsed.path).stem)


def _render_option(
    item: ListItem, identifier: str, html: str, feedback: str | None
) -> AnswerOption:
    is_right = item.box is not None and item.box.strip().lower() == "x"
    option_html = unwrap_paragraph(html)
    return AnswerOption(
        identifier, option_html, plain_text(option_html), is_right, feedback, item.line
    )


def _render_feedback(item: ListItem, number: int, render_section: object) -> str | None:
    text = item.feedback_text
    if not text or not text.strip() or not callable(render_section):
        return None
    return str(render_section(f"feedback{number}", text))


def _question_claims(parsed: ParsedQuestion, options: Sequence[AnswerOption]) -> tuple[Claim, ...]:
    front = parsed.front.model
    right_by_id = {option.id: option.right for option in options}
    return tuple(
        Claim(
            option=claim.option,
            arm=claim.arm,
            shape=claim.shape,
            quantifier=claim.quantifier,
            at_least=claim.at_least,
            over=tuple(KnobValues(knob, tuple(values)) for knob, values in claim.over.items()),
            expected=claim.expect
            or (
                "supported" if claim.option is None or right_by_id.get(claim.option) else "refuted"
            ),
            line=parsed.front.document.position_of(("claims", index))[0],
            versus=claim.versus,
            series=claim.series,
            value=claim.value,
        )
        for index, claim in enumerate(front.claims if front else ())
    )
