"""What the pages for authors show: the key, the feedback and the evidence are theirs to see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from markupsafe import Markup

from quizserver.attempts.desk import recorded
from quizserver.attempts.views import figure
from quizserver.authoring.files import PlaceError, place
from quizserver.authoring.store import DraftLine
from quizserver.lab.evidence import Evidence, Finding
from quizserver.topics.assets import is_image
from quizserver.topics.folder import is_lesson, is_page
from quizserver.topics.lesson import BuiltLesson
from quizserver.topics.model import HtmlBlock, Option, Question, QuestionBlock, Snapshot, Topic
from quizserver.topics.trial import Trial

Url = Callable[..., str]
_SIGNS = {"supported": "✓", "refuted": "✗", "mixed": "~"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the experiments say of one claim; ``but`` is what the key says where it differs."""

    word: str
    sign: str
    text: str
    but: str | None


@dataclass(frozen=True, slots=True)
class VerdictRow:
    question: str
    option: str
    claimed: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class OptionPage:
    html: str
    right: bool
    feedback_html: str | None
    verdicts: Sequence[Verdict] = ()


@dataclass(frozen=True, slots=True)
class QuestionPage:
    """A question with everything that a learner sees before and after answering."""

    title: str
    figure_svg: Markup | None
    stem_html: str
    multiple: bool
    options: Sequence[OptionPage]
    hints: Sequence[str]
    explanation_html: str | None
    references_html: str | None
    verdicts: Sequence[Verdict]
    claims: int
    note: str | None
    kind: Literal["question"] = "question"


@dataclass(frozen=True, slots=True)
class LessonPage:
    """A lesson; what it embeds is named, not shown."""

    title: str
    blocks: Sequence[tuple[str, str]]
    kind: Literal["lesson"] = "lesson"


@dataclass(frozen=True, slots=True)
class DraftRow:
    mine: bool
    email: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class PageRow:
    """One page of a topic. ``url`` is None when it can't be edited here, and ``why`` says why."""

    name: str
    title: str
    kind: str
    url: str | None
    why: str | None
    live: bool
    problems: int
    drafts: Sequence[DraftRow]


@dataclass(frozen=True, slots=True)
class TopicRow:
    folder: str
    title: str
    address: str | None
    rows: Sequence[PageRow]
    images: Sequence[str] = ()
    simulations: Sequence[str] = ()


def page_view(trial: Trial) -> QuestionPage | LessonPage | None:
    """The rendered page, None when the text could not be served."""
    if trial.page is None:
        return None
    if isinstance(trial.page, BuiltLesson):
        return LessonPage(trial.page.lesson.title, [_block(b) for b in trial.page.lesson.blocks])
    return _question(trial.page, trial.topic)


def _block(block: object) -> tuple[str, str]:
    if isinstance(block, HtmlBlock):
        return "html", block.html
    if isinstance(block, QuestionBlock):
        return "question", block.question
    arm = getattr(block, "arm", None)
    return "simulation", f"{getattr(block, 'simulation', '')}{f', arm {arm}' if arm else ''}"


def _question(question: Question, topic: Topic | None) -> QuestionPage:
    evidence = recorded(topic) if topic is not None and question.claims else None
    note = None
    if question.claims and topic is not None:
        note = "Nothing is recorded of these claims yet. Verify them."
        if evidence is not None:
            note = evidence.stale(topic, question.id)
    shown = evidence if note is None else None
    return QuestionPage(
        title=question.title,
        figure_svg=figure(question),
        stem_html=question.stem_html,
        multiple=question.multiple,
        options=[_option(option, question.id, shown) for option in question.options],
        hints=question.hints_html,
        explanation_html=question.explanation_html,
        references_html=question.references_html,
        verdicts=_verdicts(shown, question.id, None),
        claims=len(question.claims),
        note=note,
    )


def _option(option: Option, question: str, evidence: Evidence | None) -> OptionPage:
    verdicts = _verdicts(evidence, question, option.id)
    return OptionPage(option.html, option.right, option.feedback_html, verdicts)


def _verdicts(evidence: Evidence | None, question: str, option: str | None) -> list[Verdict]:
    findings = evidence.findings if evidence is not None else ()
    return [verdict(f) for f in findings if f.question == question and f.option == option]


def verdict(finding: Finding) -> Verdict:
    where = finding.ensemble if finding.against is None else (
        f"{finding.ensemble} against {finding.against}"
    )  # fmt: skip
    return Verdict(
        word=finding.verdict,
        sign=_SIGNS[finding.verdict],
        text=f"{finding.k} of {finding.n} show {finding.shape}: {where}",
        but=None if finding.agrees else finding.expected,
    )


def verdict_rows(evidence: Evidence) -> list[VerdictRow]:
    """Every claim with what came out, as ``quizserver verify`` tells it."""
    return [
        VerdictRow(f.question, f.option or "–", f"{f.quantifier}, {f.at_least:.0%}", verdict(f))
        for f in evidence.findings
    ]


def topic_rows(
    snapshot: Snapshot,
    files: Iterable[str],
    drafts: Iterable[DraftLine],
    person_id: int,
    url: Url,
) -> list[TopicRow]:
    """Every topic with its pages and images, those that only exist as drafts included.

    ``files`` are the paths of all files of the content folder. Other authors' drafts are told of,
    and not opened.
    """
    titles = {q.path: q.title for q in snapshot.questions.values()}
    titles |= {t.lesson.path: t.lesson.title for t in snapshot.topics.values() if t.lesson}
    by_path: dict[str, list[DraftRow]] = {}
    for line in drafts:
        row = DraftRow(line.person_id == person_id, line.email, line.updated_at)
        by_path.setdefault(line.path, []).append(row)
    there = {path for path in files if path.count("/") == 1}
    pages = {path for path in there if is_page(path)}
    mine = {path for path, rows in by_path.items() if any(row.mine for row in rows)}
    served = {topic.folder.name: topic for topic in snapshot.topics.values()}
    rows = []
    for folder in sorted({path.split("/")[0] for path in pages | mine}):
        topic = served.get(folder)
        inside = sorted(p for p in pages | mine if p.split("/")[0] == folder)
        inside.sort(key=lambda path: not is_lesson(path))
        images = sorted(p.split("/")[1] for p in there if p.split("/")[0] == folder and is_image(p))
        rows.append(
            TopicRow(
                folder=folder,
                title=topic.title if topic else folder,
                address=url("progress.topic", topic=topic.id) if topic else None,
                rows=[
                    _row(p, titles.get(p), p in pages, snapshot, by_path.get(p, ()), url)
                    for p in inside
                ],
                images=images,
                simulations=sorted(topic.simulations) if topic else (),
            )
        )
    return rows


def _row(
    path: str,
    title: str | None,
    live: bool,
    snapshot: Snapshot,
    drafts: Sequence[DraftRow],
    url: Url,
) -> PageRow:
    folder, name = path.split("/")
    address, why = None, None
    try:
        place(folder, name)
        address = url("authoring.editor", topic=folder, name=name)
    except PlaceError as error:
        why = str(error)
    return PageRow(
        name=name,
        title=title or name,
        kind="lesson" if is_lesson(path) else "question",
        url=address,
        why=why,
        live=live,
        problems=sum(problem.path == path for problem in snapshot.problems),
        drafts=drafts,
    )
