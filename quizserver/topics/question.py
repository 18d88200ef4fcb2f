"""A question's file: parsed and checked from its text, then rendered as its page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import PurePosixPath

from quizserver.topics.deferred import Deferred
from quizserver.topics.front_matter import CheckedYaml, QuestionFrontMatter, check_front_matter
from quizserver.topics.graded_text import graded_digest
from quizserver.topics.inline_markup import Link, check_inline_markup, parse_inline_markup
from quizserver.topics.links import SiteMap, resolve_link
from quizserver.topics.markdown import (
    LabelDefinition,
    MarkdownSlice,
    MarkdownSource,
    SectionName,
    join_slices,
    scan_markdown,
    used_definitions,
)
from quizserver.topics.model import (
    AnswerOption,
    Claim,
    Diagnostic,
    KnobValues,
    Question,
    QuestionHtml,
    first_problems,
)
from quizserver.topics.question_checks import check_question
from quizserver.topics.question_parser import QuestionFields, parse_question_fields
from quizserver.topics.render import heading_text, plain_text, render_slice, unwrap_paragraph
from quizserver.topics.sanitise import RewriteUrl
from quizserver.topics.slugs import hex_digest, humanise_id, is_id, slugify
from quizserver.topics.tangles import find_tangle
from quizserver.topics.task_lists import ListItem
from quizserver.visible_text import shown_line

DEFAULT_SIMULATION = "simulation"
EARLIER_VERSIONS_MAX = 512
"""Earlier texts of questions whose graded version is kept in memory."""


@dataclass(frozen=True, slots=True)
class ParsedQuestion:
    """A question's file, scanned, parsed and checked, but not rendered."""

    path: str
    source: MarkdownSource
    id: str
    id_position: tuple[int, int]
    fields: QuestionFields
    front: CheckedYaml[QuestionFrontMatter]
    links: tuple[Link, ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def text(self) -> str:
        return self.source.text

    @property
    def definitions(self) -> tuple[LabelDefinition, ...]:
        return self.source.definitions

    @property
    def options(self) -> tuple[ListItem, ...]:
        """The items of the first task list; none when there is no list."""
        return self.fields.task_lists[0].items if self.fields.task_lists else ()

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
    """Parse and check the text of the question at ``path``. Never raises.

    For texts that were parsed before, and are no tangle (``quizserver.topics.tangles``).
    """
    return parse_scanned_question(path, scan_markdown(text))


def parse_scanned_question(path: str, source: MarkdownSource) -> ParsedQuestion:
    """Parse and check the question at ``path``, after its scan. Never raises."""
    fields = parse_question_fields(source)
    front = check_front_matter(source, QuestionFrontMatter)
    markup = parse_inline_markup(source)
    diagnostics = first_problems(check_question(path, fields, front), check_inline_markup(markup))
    diagnostics.sort(key=lambda diagnostic: (diagnostic.line, diagnostic.column))
    stem = PurePosixPath(path).stem
    written_id = front.model.id if front.model else None
    return ParsedQuestion(
        path=path,
        source=source,
        id=written_id or (stem if is_id(stem) else slugify(stem)),
        id_position=front.document.position_of(("id",)) if written_id else (1, 1),
        fields=fields,
        front=front,
        links=markup.links,
        diagnostics=tuple(diagnostics),
    )


def render_question(parsed: ParsedQuestion, *, topic: str, rewrite: RewriteUrl) -> Question:
    """The question's page, whose HTML is rendered at its first use.

    ``rewrite`` gives links and images their address, at that time.
    """
    front = parsed.front.model or QuestionFrontMatter()
    return Question(
        id=parsed.id,
        topic=topic,
        title=_question_title(parsed),
        option_ids=tuple(item.option_id for item in parsed.options),
        right_ids=frozenset(item.option_id for item in parsed.options if item.is_right),
        hint_count=len(_section_contents(parsed, SectionName.HINT)),
        tags=tuple(dict.fromkeys(front.tags)),
        shuffle=front.shuffle,
        reveal=front.reveal,
        simulation=parsed.simulation,
        claims=_question_claims(parsed),
        described_curve=tuple((point[0], point[1]) for point in front.described),
        version=hex_digest(parsed.text),
        path=parsed.path,
        parsed=parsed,
        html=defer_question_html(parsed, rewrite),
        graded=Deferred(partial(_graded_version, parsed)),
    )


def _graded_version(parsed: ParsedQuestion) -> str:
    front = parsed.front.model or QuestionFrontMatter()
    return graded_digest(
        title=_question_title(parsed),
        stem=parsed.fields.sections[0].content,
        options=parsed.options,
        hints=_section_contents(parsed, SectionName.HINT),
        described=front.described,
        definitions=parsed.definitions,
    )


def defer_question_html(parsed: ParsedQuestion, rewrite: RewriteUrl) -> Deferred[QuestionHtml]:
    """The HTML of a question's page, to be rendered at its first use."""
    return Deferred(partial(_render_question_html, parsed, rewrite))


def _render_question_html(parsed: ParsedQuestion, rewrite: RewriteUrl) -> QuestionHtml:
    renderer = _QuestionRenderer(parsed, rewrite)
    explanation_names = (SectionName.AFTER_OPTIONS, SectionName.ANSWER, SectionName.UNKNOWN)
    return QuestionHtml(
        stem=renderer.render_part("stem", parsed.fields.sections[0].content),
        options=tuple(
            renderer.render_option(item, number) for number, item in enumerate(parsed.options, 1)
        ),
        hints=tuple(
            renderer.render_part(f"hint{number}", content)
            for number, content in enumerate(_section_contents(parsed, SectionName.HINT), 1)
        ),
        explanation=renderer.render_sections("answer", *explanation_names),
        references=renderer.render_sections("references", SectionName.REFERENCES),
    )


def _section_contents(parsed: ParsedQuestion, *names: SectionName) -> list[MarkdownSlice]:
    """The sections of these names that hold something, in the order of the file."""
    return [
        section.content
        for section in parsed.fields.sections
        if section.name in names and section.text.strip()
    ]


@dataclass(frozen=True, slots=True)
class _QuestionRenderer:
    """Renders the parts of a question, each with the link definitions that it uses."""

    parsed: ParsedQuestion
    rewrite: RewriteUrl

    def render_part(self, name: str, content: MarkdownSlice) -> str:
        definitions = used_definitions(content.text, self.parsed.definitions)
        content = join_slices([content, *(definition.content for definition in definitions)])
        return render_slice(content, prefix=f"q-{self.parsed.id}-{name}-", rewrite=self.rewrite)

    def render_sections(self, name: str, *names: SectionName) -> str | None:
        """The sections of these names as one part; None when there is none."""
        contents = _section_contents(self.parsed, *names)
        return self.render_part(name, join_slices(contents)) if contents else None

    def render_option(self, item: ListItem, number: int) -> AnswerOption:
        html = unwrap_paragraph(self.render_part(f"o{number}", item.body))
        feedback = item.feedback if (item.feedback_text or "").strip() else None
        feedback_html = (
            self.render_part(f"feedback{number}", feedback.strip_empty_lines())
            if feedback
            else None
        )
        return AnswerOption(
            id=item.option_id,
            html=html,
            text=plain_text(html),
            right=item.is_right,
            feedback_html=feedback_html,
            line=item.line,
        )


def earlier_version(question: Question, source: str) -> Question | None:
    """An earlier version of ``question`` from its stored text; None when it can't be served today.

    Links and images between files have no address: the files of that time may be gone.
    """
    scanned = scan_markdown(source)
    if find_tangle(scanned) is not None:
        return None
    parsed = parse_scanned_question(question.path, scanned)
    if not parsed.is_servable:
        return None
    empty_site = SiteMap()

    def rewrite_url(attribute: str, url: str) -> str | None:
        return resolve_link(empty_site, question.path, attribute, url).url

    earlier = render_question(parsed, topic=question.topic, rewrite=rewrite_url)
    return replace(earlier, id=question.id)


@lru_cache(maxsize=EARLIER_VERSIONS_MAX)
def graded_version_of(path: str, source: str) -> str | None:
    """``Question.graded_version`` of an earlier text of the question at ``path``.

    None when that can't be served today. Stored texts never change, so each is parsed once.
    """
    scanned = scan_markdown(source)
    if find_tangle(scanned) is not None:
        return None
    parsed = parse_scanned_question(path, scanned)
    return _graded_version(parsed) if parsed.is_servable else None


def _question_title(parsed: ParsedQuestion) -> str:
    front = parsed.front.model
    title = (front.title if front else None) or heading_text(parsed.fields.title)
    return shown_line(title, humanise_id(PurePosixPath(parsed.path).stem))


def _question_claims(parsed: ParsedQuestion) -> tuple[Claim, ...]:
    front = parsed.front.model
    right_by_id = {item.option_id: item.is_right for item in parsed.options}
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
