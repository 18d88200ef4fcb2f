"""Views of a page for its authors: with the key, the feedback and the evidence. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from quizserver.evidence.edges import edge_sentence
from quizserver.evidence.record import Evidence, Finding
from quizserver.lab_views.topic_evidence import described_figure, read_topic_evidence
from quizserver.topics.dry_run import DryRun
from quizserver.topics.lesson import RenderedLesson
from quizserver.topics.model import AnswerOption, HtmlBlock, Question, QuestionBlock, Topic

_VERDICT_SIGNS = {"supported": "✓", "refuted": "✗", "mixed": "~"}


@dataclass(frozen=True, slots=True)
class VerdictView:
    """The verdict of one claim; ``key_expects`` is the verdict that the key expects instead.

    ``edge`` says how its count stands on a knife's edge, None where it does not; ``key_holds`` is
    whether the key may rest on it.
    """

    word: str
    sign: str
    text: str
    key_expects: str | None
    edge: str | None
    key_holds: bool


@dataclass(frozen=True, slots=True)
class VerdictRow:
    question: str
    option: str
    claimed: str
    verdict: VerdictView


@dataclass(frozen=True, slots=True)
class OptionPage:
    html: str
    right: bool
    feedback_html: str | None
    verdicts: Sequence[VerdictView] = ()


@dataclass(frozen=True, slots=True)
class QuestionPage:
    """A question with all that a learner sees before and after answering."""

    title: str
    figure_svg: Markup | None
    stem_html: str
    multiple: bool
    options: Sequence[OptionPage]
    hints: Sequence[str]
    explanation_html: str | None
    references_html: str | None
    verdicts: Sequence[VerdictView]
    claims: int
    note: str | None
    kind: Literal["question"] = "question"


@dataclass(frozen=True, slots=True)
class LessonPage:
    """A lesson; what it embeds is named, not shown."""

    title: str
    blocks: Sequence[tuple[str, str]]
    kind: Literal["lesson"] = "lesson"


def page_view(dry_run: DryRun) -> QuestionPage | LessonPage | None:
    """The rendered page, None when the text could not be served."""
    if dry_run.page is None:
        return None
    if isinstance(dry_run.page, RenderedLesson):
        return LessonPage(
            dry_run.page.lesson.title, [_block_view(block) for block in dry_run.page.lesson.blocks]
        )
    return _question_page(dry_run.page, dry_run.topic)


def _block_view(block: object) -> tuple[str, str]:
    if isinstance(block, HtmlBlock):
        return "html", block.html
    if isinstance(block, QuestionBlock):
        return "question", block.question
    arm = getattr(block, "arm", None)
    return "simulation", f"{getattr(block, 'simulation', '')}{f', arm {arm}' if arm else ''}"


def _question_page(question: Question, topic: Topic | None) -> QuestionPage:
    evidence = read_topic_evidence(topic) if topic is not None and question.claims else None
    note = None
    if question.claims and topic is not None:
        note = "Nothing is recorded of these claims yet: verify them, then publish."
        if evidence is not None:
            note = evidence.stale_reason(topic, question.id)
    current_evidence = evidence if note is None else None
    return QuestionPage(
        title=question.title,
        figure_svg=described_figure(question),
        stem_html=question.stem_html,
        multiple=question.multiple,
        options=[
            _option_page(option, question.id, current_evidence) for option in question.options
        ],
        hints=question.hints_html,
        explanation_html=question.explanation_html,
        references_html=question.references_html,
        verdicts=_claim_verdicts(current_evidence, question.id, None),
        claims=len(question.claims),
        note=note,
    )


def _option_page(option: AnswerOption, question: str, evidence: Evidence | None) -> OptionPage:
    verdicts = _claim_verdicts(evidence, question, option.id)
    return OptionPage(option.html, option.right, option.feedback_html, verdicts)


def _claim_verdicts(
    evidence: Evidence | None, question: str, option: str | None
) -> list[VerdictView]:
    findings = evidence.findings if evidence is not None else ()
    return [
        verdict_view(finding)
        for finding in findings
        if finding.question == question and finding.option == option
    ]


def verdict_view(finding: Finding) -> VerdictView:
    subject = finding.ensemble if finding.against is None else (
        f"{finding.ensemble} against {finding.against}"
    )  # fmt: skip
    return VerdictView(
        word=finding.verdict,
        sign=_VERDICT_SIGNS[finding.verdict],
        text=f"{finding.k} of {finding.n} show {_shape_text(finding)}: {subject}",
        key_expects=None if finding.agrees else finding.expected,
        edge=edge_sentence(finding),
        key_holds=finding.key_holds,
    )


def _shape_text(finding: Finding) -> str:
    """The shape with the number and the series that tell two claims of one arm apart."""
    value = "" if finding.value is None else f" {finding.value:.15g}"
    return f"{finding.shape}{value}{'' if finding.series is None else f' ({finding.series})'}"


def verdict_rows(evidence: Evidence) -> list[VerdictRow]:
    """A row for each claim with its verdict, as in the table of ``quizserver verify``."""
    return [
        VerdictRow(
            finding.question,
            finding.option or "–",
            f"{finding.quantifier}, {finding.at_least:.0%}",
            verdict_view(finding),
        )
        for finding in evidence.findings
    ]
