"""The item analysis of a class, one question of it, and what to teach tomorrow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Blueprint, Response, abort, render_template, request

from quizserver.accounts.current_user import CurrentUser
from quizserver.classes import members_store as members
from quizserver.classes import store as classes
from quizserver.classes.columns import QuestionColumn, missing_topics, question_columns
from quizserver.classes.guards import ClassGuards
from quizserver.classes.items import export, store
from quizserver.classes.items.analysis import Analysis, AnalysisCache
from quizserver.classes.items.answer_tables import Simulations
from quizserver.classes.items.item_view import item_view
from quizserver.classes.items.loader import ReportProgress
from quizserver.classes.items.single_flight import SingleFlight, StillRunning
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
from quizserver.evidence.record import Evidence
from quizserver.lab_views.topic_evidence import evidence_by_option, read_topic_evidence
from quizserver.topics.library import Library
from quizserver.topics.model import Question

QUICK_CELLS = 30_000
"""Cells of a class that are read while the browser waits; for more there is a page meanwhile."""
PATIENCE_SECONDS = 0.3
"""Seconds before that page."""
QUESTION_FIGURES = (*FIGURES, "options", "time", "ran")


@dataclass(frozen=True, slots=True)
class _ItemsData:
    """What a page of a class begins with; ``questions`` and ``evidence`` by question and topic."""

    class_: Class
    columns: Sequence[QuestionColumn]
    gone_topics: Sequence[ClassTopic]
    questions: Mapping[str, Question]
    evidence: Mapping[str, Evidence | None]
    analysis: Analysis
    which: WhichAttempt

    def find_doubts(self) -> tuple[KeyDoubt, ...]:
        findings = [
            finding
            for question in self.questions.values()
            for finding in claimed_findings(question, self.evidence[question.topic])
        ]
        return find_key_doubts(self.analysis.statistics_of(self.which), findings)

    def doubted_questions(self) -> set[str]:
        return {doubt.question for doubt in self.find_doubts()}


class _StillReading(Exception):  # noqa: N818 - not an error: the page comes in a moment
    def __init__(self, class_: Class, done: float) -> None:
        self.class_, self.done = class_, done


def create_items_blueprint(
    *, database: Database, library: Library, current: CurrentUser, executor: Executor
) -> Blueprint:
    """The blueprint of what the answers of a class say of its questions.

    ``beside`` reads big classes while pages say how far that is.
    """
    blueprint = Blueprint("items", __name__)
    guards = ClassGuards(database=database, current=current)
    analysis_cache, single_flight = AnalysisCache(), SingleFlight[Analysis](executor)

    def analyse_class(
        class_id: int,
        item_keys: tuple[ItemKey, ...],
        simulations: Simulations,
        which: WhichAttempt,
        report: ReportProgress,
    ) -> Analysis:
        with database.read() as session:
            analysis = analysis_cache.get_analysis(
                session, class_id, item_keys, simulations, report
            )
        analysis.statistics_of(which)
        return analysis

    def load_items_data(class_id: int, *, download: bool = False) -> _ItemsData:
        class_, snapshot = guards.require_managed_class(class_id), library.snapshot()
        with database.read() as session:
            topics = classes.class_topics(session, class_id)
            learner_count = members.count_learners(session, [class_id]).get(class_id, 0)
        class_columns = question_columns(topics, snapshot)
        questions = {
            column.question: snapshot.questions[column.question] for column in class_columns
        }
        which: WhichAttempt = "latest" if request.args.get("which") == "latest" else "first"
        item_keys = tuple(ItemKey.from_question(question) for question in questions.values())
        simulations = {question.id: _simulation_key(question) for question in questions.values()}
        may_wait = download or learner_count * len(questions) <= QUICK_CELLS
        analysis = single_flight.run_or_wait(
            (class_id, item_keys),
            lambda report: analyse_class(class_id, item_keys, simulations, which, report),
            None if may_wait else PATIENCE_SECONDS,
        )
        if isinstance(analysis, StillRunning):
            raise _StillReading(class_, analysis.progress)
        return _ItemsData(
            class_,
            class_columns,
            missing_topics(topics, snapshot),
            questions,
            {
                column.topic: read_topic_evidence(snapshot.topics[column.topic])
                for column in class_columns
            },
            analysis,
            which,
        )

    @blueprint.errorhandler(_StillReading)
    def show_waiting_page(error: _StillReading) -> Response:
        page = render_template(
            "classes/items_waiting.html", class_=error.class_, progress=error.done
        )
        return Response(page, headers={"Refresh": "1"})

    @blueprint.get("/classes/<int:class_id>/items")
    def items(class_id: int) -> str:
        data = load_items_data(class_id)
        sort, down = _parse_sort(request.args.get("sort", ""))
        item_table = item_rows(
            data.columns, data.analysis.statistics_of(data.which), data.doubted_questions()
        )
        return render_template(
            "classes/items.html",
            class_=data.class_,
            rows=sort_item_rows(item_table, sort, descending=down),
            sets=set_lines(data.columns, data.analysis, data.which),
            missing_topics=data.gone_topics,
            learners=data.analysis.learner_count,
            attempt_choice=data.which,
            sort=sort,
            down=down,
            figures=FIGURES,
            set_figures=SET_FIGURES,
            definitions=[statistic_help(name) for name in DEFINITIONS],
        )

    @blueprint.get("/classes/<int:class_id>/items/<question>")
    def question(class_id: int, question: str) -> str:
        data = load_items_data(class_id)
        content_question = data.questions.get(question)
        if content_question is None:
            abort(404)
        index = list(data.questions).index(question)
        return render_template(
            "classes/items_question.html",
            class_=data.class_,
            question=content_question,
            column=data.columns[index],
            previous=data.columns[index - 1] if index else None,
            next=data.columns[index + 1] if index + 1 < len(data.columns) else None,
            statistics=item_view(
                content_question,
                data.analysis.statistics_of(data.which)[index],
                evidence_by_option(data.evidence[content_question.topic], content_question),
                data.find_doubts(),
            ),
            attempt_choice=data.which,
            definitions={name: statistic_help(name) for name in QUESTION_FIGURES},
        )

    @blueprint.get("/classes/<int:class_id>/teach")
    def teach(class_id: int) -> str:
        data = load_items_data(class_id)
        teach_data = teach_view(data.analysis, data.questions, data.evidence, datetime.now(UTC))
        with database.read() as session:
            names = store.member_names(session, class_id, teach_data.named_learners)
        return render_template(
            "classes/teach.html",
            class_=data.class_,
            teach_view=teach_data,
            names=names,
            titles={entry.question: entry.title for entry in data.columns},
            questions=len(data.columns),
            learners=data.analysis.learner_count,
            doubts=[(data.questions[entry.question], entry) for entry in data.find_doubts()],
        )

    @blueprint.get("/classes/<int:class_id>/items.csv")
    def as_csv(class_id: int) -> Response:
        data = load_items_data(class_id, download=True)
        text = export.items_csv(data.columns, data.analysis, data.which, data.doubted_questions())
        return _attachment_response(
            "".join(text), "text/csv; charset=utf-8", f"class-{class_id}-items.csv"
        )

    @blueprint.get("/classes/<int:class_id>/items.json")
    def as_json(class_id: int) -> Response:
        data = load_items_data(class_id, download=True)
        text = export.items_json(
            data.class_.title, data.columns, data.analysis, data.which, data.doubted_questions()
        )
        return _attachment_response(text, "application/json", f"class-{class_id}-items.json")

    return blueprint


def _simulation_key(question: Question) -> tuple[str, str] | None:
    return (question.topic, question.simulation) if question.simulation is not None else None


def _parse_sort(text: str) -> tuple[str, bool]:
    """The column that an address sorts by, and whether downwards."""
    name = text.removeprefix("-")
    return (name, text.startswith("-")) if name in SORT_NAMES else ("number", False)


def _attachment_response(text: str, content_type: str, name: str) -> Response:
    response = Response(text, content_type=content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
