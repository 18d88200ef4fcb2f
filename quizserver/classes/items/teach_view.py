"""The view of the page on what to teach tomorrow. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from quizserver.classes.items.analysis import Analysis
from quizserver.classes.items.class_content import ClassContent
from quizserver.classes.items.views import FigureCell, figure_cell
from quizserver.classes.statistics.pace import (
    Pace,
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
from quizserver.evidence.record import Evidence, Finding
from quizserver.topics.model import Question
from quizserver.translation import N_, gettext, ngettext

NAMES_SHOWN = 20
"""Names on the page; the matrix shows all."""
WORN_WORDS: Mapping[WornReason, str] = {
    "too-easy": N_("Nearly everybody has it right at first."),
    "too-hard": N_("Hardly anybody has it right at first: it is broken, or extremely hard."),
    "reversed": N_("Who does well elsewhere does badly here: look at the key."),
    "flat": N_("Who does well elsewhere does hardly better here."),
    "perhaps-reversed": N_("Who does well elsewhere does worse here, perhaps by chance."),
}


@dataclass(frozen=True, slots=True)
class HeldMisconception:
    """A misconception with the text of its option.

    ``count`` of ``n`` learners hold it in their latest attempt, ``first`` chose it in their first.
    ``experiment`` describes the finding that answers it; empty without one.
    """

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
    """A question that does not tell learners apart; ``what`` is the name of the ``figure``."""

    question: str
    title: str
    words: str
    figure: FigureCell
    what: str


@dataclass(frozen=True, slots=True)
class TeachView:
    """``stuck`` and ``silent`` are the first few of ``stuck_count`` and ``silent_count``.

    Who is silent depends on the moment, and is nobody until ``at_moment`` says it.
    """

    answered: int
    misconceptions: Sequence[HeldMisconception]
    stuck: Sequence[StuckLearner]
    stuck_count: int
    worn: Sequence[WornLine]
    silent: Sequence[SilentLearner] = ()
    silent_count: int = 0

    def at_moment(self, pace: Pace, now: datetime) -> TeachView:
        """The view with those who are silent now."""
        silent_list = silent_learners(pace, now)
        return replace(self, silent=silent_list[:NAMES_SHOWN], silent_count=len(silent_list))

    @property
    def named_learners(self) -> set[int]:
        """The ids of the learners whose names the page shows."""
        return {stuck.learner for stuck in self.stuck} | {silent.learner for silent in self.silent}


def teach_view(analysis: Analysis, content: ClassContent) -> TeachView:
    """What depends on the answers and the content alone."""
    answers, questions = analysis.answers, content.questions
    most_held = find_misconceptions(answers.first, answers.latest, analysis.items)
    stuck_list = stuck_learners(answers.pace)
    return TeachView(
        answered=int(answers.first.answered.any(axis=1).sum()),
        misconceptions=[
            _held_misconception(
                misconception,
                questions[misconception.question],
                content.findings,
                content.evidence,
            )
            for misconception in most_held
        ],
        stuck=stuck_list[:NAMES_SHOWN],
        stuck_count=len(stuck_list),
        worn=[
            _worn_line(worn, questions[worn.question])
            for worn in worn_questions(analysis.statistics_of("first"))
        ],
    )


def _held_misconception(
    misconception: Misconception,
    question: Question,
    findings: Mapping[str, Sequence[Finding]],
    evidence: Mapping[str, Evidence | None],
) -> HeldMisconception:
    option = next(option for option in question.options if option.id == misconception.held.option)
    finding = next((f for f in findings[question.id] if f.option == option.id), None)
    topic_evidence = evidence[question.topic]
    experiment = ""
    if finding is not None and topic_evidence is not None:
        experiment = _finding_text(finding, topic_evidence)
    return HeldMisconception(
        misconception.question,
        question.title,
        option.id,
        option.html,
        misconception.held.count,
        misconception.held.n,
        misconception.first,
        experiment,
    )


def _finding_text(finding: Finding, evidence: Evidence) -> str:
    arms = evidence.experiments[finding.simulation].description.arms
    label = next((arm.label for arm in arms if arm.name == finding.arm), finding.arm)
    values = {"label": label, "verdict": gettext(finding.verdict), "k": finding.k}
    if finding.versus:
        return ngettext(
            "%(label)s: %(verdict)s, %(k)s of %(num)s pairs",
            "%(label)s: %(verdict)s, %(k)s of %(num)s pairs",
            finding.n,
            **values,
        )
    return ngettext(
        "%(label)s: %(verdict)s, %(k)s of %(num)s seeds",
        "%(label)s: %(verdict)s, %(k)s of %(num)s seeds",
        finding.n,
        **values,
    )


def _worn_line(worn: WornQuestion, question: Question) -> WornLine:
    by_facility = worn.why in ("too-easy", "too-hard")
    figure_name = "facility" if by_facility else "discrimination"
    return WornLine(
        question.id,
        question.title,
        gettext(WORN_WORDS[worn.why]),
        figure_cell(figure_name, worn.figure),
        figure_name,
    )
