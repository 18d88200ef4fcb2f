"""What authors write, as frozen values: topics, lessons, questions, options and claims.

Everything here is plain data. HTML fields hold sanitised HTML, safe to put into a page as it is;
that of a whole page is made when it is used first, as most pages are not in most hours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from quizserver.topics.deferred import Deferred

if TYPE_CHECKING:
    from quizserver.topics.question import ParsedQuestion

Quantifier = Literal["could", "will"]
ExpectedVerdict = Literal["supported", "refuted"]
Severity = Literal["error", "warning"]
RevealRule = Literal["tried", "at-once"]
"""When a learner is shown the answer: once they are right or ask for it, or after any answer."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """Something wrong at a place in a file, with a hint how its author can fix it.

    ``line`` and ``column`` count from 1; ``code`` is a short stable name such as
    ``no-right-option``. ``fatal``: the file cannot be served as it stands; two diagnostics that
    differ in this alone are the same. ``path`` is relative to the content folder with forward
    slashes, and empty while a text is checked by itself. A ``severity`` of "warning" is of what may
    well be meant so: it is shown and counted apart, and keeps nothing from being served.
    """

    line: int
    column: int
    code: str
    message: str
    hint: str = ""
    fatal: bool = field(default=False, compare=False)
    path: str = ""
    severity: Severity = "error"

    @property
    def is_warning(self) -> bool:
        return self.severity == "warning"

    def at_path(self, path: str) -> Diagnostic:
        """The same diagnostic, of the file at ``path``."""
        return replace(self, path=path)

    def to_json(self) -> dict[str, str | int]:
        """The seven keys that ``check``, ``import`` and ``export`` report with ``--json``."""
        return {
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "severity": self.severity,
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
        }

    @property
    def folder(self) -> str:
        """The name of the topic's folder; "." for the content folder itself."""
        return self.path.split("/")[0]

    def __str__(self) -> str:
        kind = "warning: " if self.is_warning else ""
        return f"{self.path}:{self.line}:{self.column}: {kind}{self.message} {self.hint}".rstrip()


@dataclass(frozen=True, slots=True)
class ProblemCount:
    """How many diagnostics there are of each severity; false when there is none."""

    problems: int = 0
    warnings: int = 0

    def __bool__(self) -> bool:
        return bool(self.problems or self.warnings)

    def __str__(self) -> str:
        """``2 problems and 1 warning``; ``no problems`` when there is none."""
        counted = ((self.problems, "problem"), (self.warnings, "warning"))
        texts = [f"{n} {word}{'' if n == 1 else 's'}" for n, word in counted if n]
        return " and ".join(texts) or "no problems"

    @property
    def tone(self) -> Literal["bad", "warn", "good"]:
        """How pages mark it."""
        return "bad" if self.problems else "warn" if self.warnings else "good"

    @property
    def sign(self) -> str:
        return {"bad": "✗", "warn": "!", "good": "✓"}[self.tone]


def count_problems(diagnostics: Iterable[Diagnostic]) -> ProblemCount:
    severities = [diagnostic.severity for diagnostic in diagnostics]
    return ProblemCount(severities.count("error"), severities.count("warning"))


MOST_PROBLEMS = 200


def first_problems(*groups: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The problems of all groups; of many, the first ones and one that says so.

    Problems after these are not looked for, so that thousands of them take no time; any of them
    might be fatal, so the last one is.
    """
    problems = list(islice(chain(*groups), MOST_PROBLEMS + 1))
    if len(problems) > MOST_PROBLEMS:
        last = problems.pop()
        message = f"This file has more than {MOST_PROBLEMS} problems."
        hint = "Fix the others first; what follows was not looked at."
        problems.append(
            Diagnostic(last.line, last.column, "many-problems", message, hint, True, last.path)
        )
    return problems


@dataclass(frozen=True, slots=True)
class AnswerOption:
    """One item of a question's task list. ``right`` is the key: never render it before an answer.

    The fields that give the key away are left out of ``repr``: no log line or error page shows it.
    """

    id: str
    html: str
    text: str
    right: bool = field(repr=False)
    feedback_html: str | None = field(repr=False)
    line: int


@dataclass(frozen=True, slots=True)
class KnobValues:
    """The values of one knob over which a claim is quantified."""

    knob: str
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """An arm, a shape, and how many replicas must show it.

    With ``versus``, another arm, the shape compares two curves, and pairs of replicas with one seed
    must show it; with ``value``, a number, the shape compares the curve with that, in the unit of
    the series. ``series`` is the one it is about; None is the first that the simulation declares.
    ``quantifier`` "could": some setting of ``over`` (or the arm as it stands) shows the shape in at
    least ``at_least`` of all replicas; "will": every setting does. ``expected`` is what the
    author's key says: for a claim of an option, "supported" when the option is right, unless
    written out.
    """

    option: str | None
    arm: str
    shape: str
    quantifier: Quantifier
    at_least: float
    over: tuple[KnobValues, ...]
    expected: ExpectedVerdict
    line: int
    versus: str | None = None
    series: str | None = None
    value: float | None = None


@dataclass(frozen=True, slots=True)
class QuestionHtml:
    """What a question's page shows, rendered."""

    stem: str
    options: tuple[AnswerOption, ...]
    hints: tuple[str, ...]
    explanation: str | None = field(repr=False)
    references: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Question:
    """The page of a markdown file with a task list, rendered from one version of that file.

    ``parsed`` is that version: exports take its texts from there, so that it isn't scanned again.
    ``html`` is rendered when a page shows it first; all else needs no HTML, ``option_ids``,
    ``right_ids`` and ``hint_count`` among it.
    """

    id: str
    topic: str
    title: str
    option_ids: tuple[str, ...]  # in the order of the file
    right_ids: frozenset[str] = field(repr=False)
    hint_count: int
    tags: tuple[str, ...]
    shuffle: bool
    reveal: RevealRule
    simulation: str | None
    claims: tuple[Claim, ...] = field(repr=False)
    described_curve: tuple[tuple[float, float], ...]
    version: str
    path: str
    parsed: ParsedQuestion = field(repr=False, compare=False)
    html: Deferred[QuestionHtml] = field(repr=False, hash=False)
    graded: Deferred[str] = field(repr=False, hash=False, compare=False)

    @property
    def graded_version(self) -> str:
        """A digest of what a learner reads before an answer and what grades it, and of no more.

        Two versions that agree in it are the same question: a new claim or explanation changes
        ``version`` alone.
        """
        return self.graded.get()

    @property
    def stem_html(self) -> str:
        return self.html.get().stem

    @property
    def options(self) -> tuple[AnswerOption, ...]:
        return self.html.get().options

    @property
    def hints_html(self) -> tuple[str, ...]:
        return self.html.get().hints

    @property
    def explanation_html(self) -> str | None:
        return self.html.get().explanation

    @property
    def references_html(self) -> str | None:
        return self.html.get().references

    @property
    def source(self) -> str:
        """The text of the file; ``version`` is the digest of all of it."""
        return self.parsed.text

    @property
    def multiple(self) -> bool:
        """Whether several options are right, so that the page offers checkboxes."""
        return len(self.right_ids) > 1


@dataclass(frozen=True, slots=True)
class HtmlBlock:
    html: str


@dataclass(frozen=True, slots=True)
class QuestionBlock:
    question: str


@dataclass(frozen=True, slots=True)
class SimulationBlock:
    simulation: str
    arm: str | None
    knobs: Mapping[str, float]


LessonBlock = HtmlBlock | QuestionBlock | SimulationBlock


@dataclass(frozen=True, slots=True)
class Lesson:
    """A page of prose. ``html`` is rendered when the page is shown first."""

    topic: str
    title: str
    path: str
    html: Deferred[tuple[LessonBlock, ...]] = field(repr=False, hash=False)

    @property
    def blocks(self) -> tuple[LessonBlock, ...]:
        return self.html.get()


@dataclass(frozen=True, slots=True)
class Topic:
    """One folder of the content folder. ``simulations`` maps a name to its Python file."""

    id: str
    title: str
    summary: str
    lesson: Lesson | None
    questions: tuple[Question, ...]
    simulations: Mapping[str, Path]
    folder: Path


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole content folder at one moment, consistent in itself.

    ``stale_paths`` are those of files that are broken now and whose last good version is served.
    """

    topics: Mapping[str, Topic]
    questions: Mapping[str, Question]
    diagnostics: tuple[Diagnostic, ...] = field(default=())
    stale_paths: frozenset[str] = frozenset()

    def topic_in_folder(self, folder: str) -> Topic | None:
        """The topic whose folder has this name, which is not always its id."""
        topics = self.topics.values()
        return next((topic for topic in topics if topic.folder.name == folder), None)

    def diagnostics_in_folder(self, folder: str) -> list[Diagnostic]:
        """The problems of a topic's files; those of the content folder itself for "."."""
        return [problem for problem in self.diagnostics if problem.folder == folder]
