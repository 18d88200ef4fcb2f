"""What the page on what to teach tomorrow shows. Pure: values in, views out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from quizserver.classes.items.analysis import Analysis
from quizserver.classes.items.views import Cell, cell
from quizserver.classes.statistics.pace import Silent, Stuck, silent, stuck
from quizserver.classes.statistics.teach import Misconception, Why, Worn, misconceptions, worn
from quizserver.lab.evidence import Evidence, Finding, claimed
from quizserver.topics.model import Question

SHOWN = 20
"""Names on the page; the matrix has everybody."""
WHY: Mapping[Why, str] = {
    "too-easy": "Nearly everybody has it right at first.",
    "too-hard": "Hardly anybody has it right at first: it is broken, or extremely hard.",
    "reversed": "Who does well elsewhere does badly here: look at the key.",
    "flat": "Who does well elsewhere does hardly better here.",
    "perhaps-reversed": "Who does well elsewhere does worse here, perhaps by chance.",
}


@dataclass(frozen=True, slots=True)
class Held:
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
    figure: Cell
    what: str


@dataclass(frozen=True, slots=True)
class Lessons:
    """``stuck`` and ``silent`` are the first few of ``stuck_n`` and ``silent_n``."""

    answered: int
    held: Sequence[Held]
    stuck: Sequence[Stuck]
    stuck_n: int
    silent: Sequence[Silent]
    silent_n: int
    worn: Sequence[WornLine]

    @property
    def people(self) -> set[int]:
        """Whose names the page needs."""
        return {each.learner for each in self.stuck} | {each.learner for each in self.silent}


def lessons(
    analysis: Analysis,
    questions: Mapping[str, Question],
    evidence: Mapping[str, Evidence | None],
    now: datetime,
) -> Lessons:
    """``evidence`` is by topic."""
    answers = analysis.answers
    found = misconceptions(answers.first, answers.latest, analysis.items)
    at_a_loss, quiet = stuck(answers.pace), silent(answers.pace, now)
    return Lessons(
        answered=int(answers.first.answered.any(axis=1).sum()),
        held=[_held(each, questions[each.question], evidence) for each in found],
        stuck=at_a_loss[:SHOWN],
        stuck_n=len(at_a_loss),
        silent=quiet[:SHOWN],
        silent_n=len(quiet),
        worn=[_worn(each, questions) for each in worn(analysis.statistics("first"))],
    )


def outcomes(question: Question, evidence: Evidence | None) -> list[Finding]:
    """What came out of the claims that the question makes now."""
    claims = claimed(question)
    return [
        finding
        for finding in (evidence.findings if evidence is not None else ())
        if finding.question == question.id and finding.claim in claims
    ]


def _held(one: Misconception, question: Question, evidence: Mapping[str, Evidence | None]) -> Held:
    option = next(each for each in question.options if each.id == one.held.option)
    found = evidence.get(question.topic)
    about = [each for each in outcomes(question, found) if each.option == option.id]
    return Held(
        one.question,
        question.title,
        option.id,
        option.html,
        one.held.count,
        one.held.n,
        one.first,
        _experiment(about[0], found) if about and found is not None else "",
    )


def _experiment(finding: Finding, evidence: Evidence) -> str:
    arms = evidence.experiments[finding.simulation].description.arms
    label = next((arm.label for arm in arms if arm.name == finding.arm), finding.arm)
    unit = "pairs" if finding.versus else "seeds"
    return f"{label}: {finding.verdict}, {finding.k} of {finding.n} {unit}"


def _worn(one: Worn, questions: Mapping[str, Question]) -> WornLine:
    easy = one.why in ("too-easy", "too-hard")
    what = "facility" if easy else "discrimination"
    title = questions[one.question].title
    return WornLine(one.question, title, WHY[one.why], cell(what, one.figure), what)
