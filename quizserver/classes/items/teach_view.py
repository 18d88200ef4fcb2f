"""What the page on what to teach tomorrow shows. Pure: values in, views out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from quizserver.classes.items.analysis import Analysis
from quizserver.classes.items.views import FigureCell, figure_cell
from quizserver.classes.statistics.pace import (
    SilentLearner,
    StuckLearner,
    silent_learners,
    stuck_learners,
)
from quizserver.classes.statistics.teach import (
    Misconception,
    WornQuestion,
    WornReason,
    find_misconceptions,
    worn_questions,
)
from quizserver.evidence.record import Evidence, Finding, claim_keys
from quizserver.topics.model import Question

NAMES_SHOWN = 20
"""Names on the page; the matrix has everybody."""
WORN_WORDS: Mapping[WornReason, str] = {
    "too-easy": "Nearly everybody has it right at first.",
    "too-hard": "Hardly anybody has it right at first: it is broken, or extremely hard.",
    "reversed": "Who does well elsewhere does badly here: look at the key.",
    "flat": "Who does well elsewhere does hardly better here.",
    "perhaps-reversed": "Who does well elsewhere does worse here, perhaps by chance.",
}


@dataclass(frozen=True, slots=True)
class HeldMisconception:
    """A misconception with its words, and the experiment that answers it if there is one."""

    question: str
    title: str
    option: str
    html: str
    count: int
    n: int
    first: int
    experiment: str


@dataclass(frozen=True, slots=True)
class WornLine:
    question: str
    title: str
    words: str
    figure: FigureCell
    what: str


@dataclass(frozen=True, slots=True)
class TeachView:
    """``stuck`` and ``silent`` are the first few of ``stuck_n`` and ``silent_n``."""

    answered: int
    misconceptions: Sequence[HeldMisconception]
    stuck: Sequence[StuckLearner]
    stuck_count: int
    silent: Sequence[SilentLearner]
    silent_count: int
    worn: Sequence[WornLine]

    @property
    def named_learners(self) -> set[int]:
        """Whose names the page needs."""
        return {entry.learner for entry in self.stuck} | {entry.learner for entry in self.silent}


def teach_view(
    analysis: Analysis,
    questions: Mapping[str, Question],
    evidence: Mapping[str, Evidence | None],
    now: datetime,
) -> TeachView:
    """``evidence`` is by topic."""
    answers = analysis.answers
    most_held = find_misconceptions(answers.first, answers.latest, analysis.items)
    stuck_list, silent_list = stuck_learners(answers.pace), silent_learners(answers.pace, now)
    return TeachView(
        answered=int(answers.first.answered.any(axis=1).sum()),
        misconceptions=[
            _held_misconception(suggestion, questions[suggestion.question], evidence)
            for suggestion in most_held
        ],
        stuck=stuck_list[:NAMES_SHOWN],
        stuck_count=len(stuck_list),
        silent=silent_list[:NAMES_SHOWN],
        silent_count=len(silent_list),
        worn=[
            _worn_line(suggestion, questions)
            for suggestion in worn_questions(analysis.statistics_of("first"))
        ],
    )


def claimed_findings(question: Question, evidence: Evidence | None) -> list[Finding]:
    """What came out of the claims that the question makes now."""
    claims = claim_keys(question)
    return [
        finding
        for finding in (evidence.findings if evidence is not None else ())
        if finding.question == question.id and finding.claim_key in claims
    ]


def _held_misconception(
    misconception: Misconception, question: Question, evidence: Mapping[str, Evidence | None]
) -> HeldMisconception:
    option = next(
        candidate for candidate in question.options if candidate.id == misconception.held.option
    )
    topic_evidence = evidence.get(question.topic)
    findings = [
        candidate
        for candidate in claimed_findings(question, topic_evidence)
        if candidate.option == option.id
    ]
    return HeldMisconception(
        misconception.question,
        question.title,
        option.id,
        option.html,
        misconception.held.count,
        misconception.held.n,
        misconception.first,
        _finding_text(findings[0], topic_evidence)
        if findings and topic_evidence is not None
        else "",
    )


def _finding_text(finding: Finding, evidence: Evidence) -> str:
    arms = evidence.experiments[finding.simulation].description.arms
    label = next((arm.label for arm in arms if arm.name == finding.arm), finding.arm)
    unit = "pairs" if finding.versus else "seeds"
    return f"{label}: {finding.verdict}, {finding.k} of {finding.n} {unit}"


def _worn_line(question: WornQuestion, questions: Mapping[str, Question]) -> WornLine:
    by_facility = question.why in ("too-easy", "too-hard")
    figure_name = "facility" if by_facility else "discrimination"
    title = questions[question.question].title
    return WornLine(
        question.question,
        title,
        WORN_WORDS[question.why],
        figure_cell(figure_name, question.figure),
        figure_name,
    )
