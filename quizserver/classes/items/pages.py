"""The item analysis of a class, one question of it, and what to teach tomorrow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from flask import Blueprint, Response, abort, render_template, request

from quizserver.accounts.current_user import CurrentUser
from quizserver.classes import store as classes
from quizserver.classes.columns import QuestionColumn, missing_topics, question_columns
from quizserver.classes.counted_store import count_learners
from quizserver.classes.guards import ClassGuards
from quizserver.classes.items import export, store
from quizserver.classes.items.analysis import Analysis, AnalysisCache
from quizserver.classes.items.answer_tables import Simulations
from quizserver.classes.items.item_view import item_view
from quizserver.classes.items.single_flight import ReportProgress, SingleFlight, StillRunning
from quizserver.classes.items.teach_view import claimed_findings, teach_view
from quizserver.classes.items.views import (
    FIGURES,
    SET_FIGURES,
    SORT_NAMES,
    item_rows,
    set_lines,
    sort_item_rows,
    statistic_help,
)
from quizserver.classes.model import Class, ClassTopic
from quizserver.classes.statistics.answers import ItemKey, WhichAttempt
from quizserver.classes.statistics.definitions import DEFINITIONS
from quizserver.classes.statistics.teach import KeyDoubt, find_key_doubts
from quizserver.db.session import Database
from quizserver.evidence.record import Evidence, Finding
from quizserver.lab_views.topic_evidence import evidence_by_option, read_topic_evidence
from quizserver.topics.library import Library
from quizserver.topics.model import Question, Snapshot
from quizserver.web.downloads import attachment_response

QUICK_CELLS = 30_000
"""Up to this many cells are read while the browser waits; for more there is a waiting page."""
PATIENCE_SECONDS = 0.3
"""Time after which the waiting page is shown."""
QUESTION_FIGURES = (*FIGURES, "options", "time", "ran")


@dataclass(frozen=True, slots=True)
class _ItemsData:
    """The analysis of a class, with the content it is about.

    ``questions`` and ``findings`` are by question, in the class's order, ``evidence`` by topic.
    """

    class_: Class
    columns: Sequence[QuestionColumn]
    missing_topics: Sequence[ClassTopic]
    questions: Mapping[str, Question]
    evidence: Mapping[str, Evidence | None]
    findings: Mapping[str, Sequence[Finding]]
    doubts: Sequence[KeyDoubt]
    analysis: Analysis
    which: WhichAttempt

    def doubted_questions(self) -> set[str]:
        return {doubt.question for doubt in self.doubts}


class _StillReading(Exception):  # noqa: N818 - not an error: the page comes in a moment
    def __init__(self, class_: Class, progress: float) -> None:
        self.class_, self.progress = class_, progress


def create_items_blueprint(
    *, database: Database, library: Library, current: CurrentUser, executor: Executor
) -> Blueprint:
    """The blueprint of item analysis.

    ``executor`` reads big classes while waiting pages show the progress.
    """
    pages = ItemsPages(
        database,
        library,
        ClassGuards(database=database, current=current),
        AnalysisCache(),
        SingleFlight[Analysis](executor),
    )
    blueprint = Blueprint("items", __name__, url_prefix="/classes/<int:class_id>")
    blueprint.register_error_handler(_StillReading, _show_waiting_page)
    blueprint.add_url_rule("/items", "items", pages.show_items)
    blueprint.add_url_rule("/items/<question>", "question", pages.show_item)
    blueprint.add_url_rule("/teach", "teach", pages.show_teach)
    blueprint.add_url_rule("/items.csv", "as_csv", pages.download_csv)
    blueprint.add_url_rule("/items.json", "as_json", pages.download_json)
    return blueprint


@dataclass(frozen=True, slots=True)
class ItemsPages:
    """The views of item analysis and its downloads."""

    database: Database
    library: Library
    guards: ClassGuards
    analysis_cache: AnalysisCache
    single_flight: SingleFlight[Analysis]

    def show_items(self, class_id: int) -> str:
        data = self._load_items_data(class_id)
        sort, descending = _parse_sort(request.args.get("sort", ""))
        table = item_rows(
            data.columns, data.analysis.statistics_of(data.which), data.doubted_questions()
        )
        return render_template(
            "classes/items.html",
            class_=data.class_,
            rows=sort_item_rows(table, sort, descending=descending),
            set_rows=set_lines(data.columns, data.analysis, data.which),
            missing_topics=data.missing_topics,
            learners=data.analysis.learner_count,
            attempt_choice=data.which,
            sort=sort,
            descending=descending,
            statistics=FIGURES,
            set_statistics=SET_FIGURES,
            definitions=[statistic_help(name) for name in DEFINITIONS],
        )

    def show_item(self, class_id: int, question: str) -> str:
        data = self._load_items_data(class_id)
        content_question = data.questions.get(question)
        if content_question is None:
            abort(404)
        index = list(data.questions).index(question)
        return render_template(
            "classes/items_question.html",
            class_=data.class_,
            question=content_question,
            column=data.columns[index],
            previous_column=data.columns[index - 1] if index else None,
            next_column=data.columns[index + 1] if index + 1 < len(data.columns) else None,
            statistics=item_view(
                content_question,
                data.analysis.statistics_of(data.which)[index],
                evidence_by_option(data.evidence[content_question.topic], content_question),
                data.doubts,
            ),
            attempt_choice=data.which,
            definitions={name: statistic_help(name) for name in QUESTION_FIGURES},
        )

    def show_teach(self, class_id: int) -> str:
        data = self._load_items_data(class_id)
        teach = teach_view(
            data.analysis, data.questions, data.findings, data.evidence, datetime.now(UTC)
        )
        with self.database.read() as session:
            names = store.member_names(session, class_id, teach.named_learners)
        return render_template(
            "classes/teach.html",
            class_=data.class_,
            teach_view=teach,
            learner_names=names,
            question_titles={column.question: column.title for column in data.columns},
            question_count=len(data.columns),
            learners=data.analysis.learner_count,
            doubted_keys=[(data.questions[doubt.question], doubt) for doubt in data.doubts],
        )

    def download_csv(self, class_id: int) -> Response:
        data = self._load_items_data(class_id, download=True)
        lines = export.items_csv(data.columns, data.analysis, data.which, data.doubted_questions())
        return attachment_response(
            lines,
            filename=f"class-{class_id}-items.csv",
            content_type="text/csv; charset=utf-8",
        )

    def download_json(self, class_id: int) -> Response:
        data = self._load_items_data(class_id, download=True)
        text = export.items_json(
            data.class_.title, data.columns, data.analysis, data.which, data.doubted_questions()
        )
        return attachment_response(
            text, filename=f"class-{class_id}-items.json", content_type="application/json"
        )

    def _load_items_data(self, class_id: int, *, download: bool = False) -> _ItemsData:
        """Raises _StillReading when a page would have to wait long; downloads always wait."""
        class_, snapshot = self.guards.require_managed_class(class_id), self.library.snapshot()
        with self.database.read() as session:
            topics = classes.class_topics(session, class_id)
            learner_count = count_learners(session, [class_id]).get(class_id, 0)
        columns = question_columns(topics, snapshot)
        questions = {column.question: snapshot.questions[column.question] for column in columns}
        which: WhichAttempt = "latest" if request.args.get("which") == "latest" else "first"
        may_wait = download or learner_count * len(questions) <= QUICK_CELLS
        item_keys = tuple(ItemKey.from_question(question) for question in questions.values())
        simulations = {question.id: _simulation_key(question) for question in questions.values()}
        analysis = self.single_flight.run_or_wait(
            (class_id, item_keys),
            partial(self._analyse_class, class_id, item_keys, simulations, which),
            None if may_wait else PATIENCE_SECONDS,
        )
        if isinstance(analysis, StillRunning):
            raise _StillReading(class_, analysis.progress)
        evidence = _evidence_by_topic(columns, snapshot)
        findings = {
            question.id: claimed_findings(question, evidence[question.topic])
            for question in questions.values()
        }
        return _ItemsData(
            class_=class_,
            columns=columns,
            missing_topics=missing_topics(topics, snapshot),
            questions=questions,
            evidence=evidence,
            findings=findings,
            doubts=_find_doubts(analysis, which, findings),
            analysis=analysis,
            which=which,
        )

    def _analyse_class(
        self,
        class_id: int,
        item_keys: tuple[ItemKey, ...],
        simulations: Simulations,
        which: WhichAttempt,
        report: ReportProgress,
    ) -> Analysis:
        with self.database.read() as session:
            analysis = self.analysis_cache.get_analysis(
                session, class_id, item_keys, simulations, report
            )
        analysis.statistics_of(which)  # computed here, not while the page is rendered
        return analysis


def _show_waiting_page(error: _StillReading) -> Response:
    page = render_template(
        "classes/items_waiting.html", class_=error.class_, progress=error.progress
    )
    return Response(page, headers={"Refresh": "1"})


def _evidence_by_topic(
    columns: Sequence[QuestionColumn], snapshot: Snapshot
) -> dict[str, Evidence | None]:
    topics = dict.fromkeys(column.topic for column in columns)
    return {topic: read_topic_evidence(snapshot.topics[topic]) for topic in topics}


def _find_doubts(
    analysis: Analysis, which: WhichAttempt, findings: Mapping[str, Sequence[Finding]]
) -> tuple[KeyDoubt, ...]:
    all_findings = [finding for of_question in findings.values() for finding in of_question]
    return find_key_doubts(analysis.statistics_of(which), all_findings)


def _simulation_key(question: Question) -> tuple[str, str] | None:
    return (question.topic, question.simulation) if question.simulation is not None else None


def _parse_sort(text: str) -> tuple[str, bool]:
    """The column that an address sorts by, and whether in descending order."""
    name = text.removeprefix("-")
    return (name, text.startswith("-")) if name in SORT_NAMES else ("number", False)
