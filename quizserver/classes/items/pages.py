"""The item analysis of a class, one question of it, and what to teach tomorrow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from flask import (
    Blueprint,
    Response,
    abort,
    get_template_attribute,
    render_template,
    request,
    url_for,
)
from markupsafe import Markup
from sqlalchemy.orm import Session

from quizserver.accounts.current_user import CurrentUser
from quizserver.classes import store as classes
from quizserver.classes.guards import ClassGuards
from quizserver.classes.items import export, store
from quizserver.classes.items.analysis import Analysis, AnalysisCache
from quizserver.classes.items.class_content import ClassContent, ClassContents
from quizserver.classes.items.item_view import item_view
from quizserver.classes.items.single_flight import ReportProgress, SingleFlight, StillRunning
from quizserver.classes.items.teach_view import TeachView, teach_view
from quizserver.classes.items.views import (
    FIGURES,
    SET_FIGURES,
    SORT_NAMES,
    ItemRow,
    SetLine,
    item_rows,
    set_lines,
    sort_item_rows,
    statistic_help,
)
from quizserver.classes.model import Class
from quizserver.classes.statistics.answers import WhichAttempt
from quizserver.classes.statistics.definitions import DEFINITIONS
from quizserver.classes.statistics.teach import KeyDoubt, find_key_doubts
from quizserver.db.session import Database
from quizserver.lab_views.topic_evidence import evidence_by_option
from quizserver.topics.library import Library
from quizserver.translation import current_language
from quizserver.web.downloads import attachment_response

T = TypeVar("T")
QUICK_CELLS = 30_000
"""Up to this many cells are read while the browser waits; for more there is a waiting page."""
PATIENCE_SECONDS = 0.3
"""Time after which the waiting page is shown."""
QUESTION_FIGURES = (*FIGURES, "options", "time", "ran")


@dataclass(frozen=True, slots=True)
class _ItemsData:
    """The analysis of a class, with the content it is about."""

    class_: Class
    content: ClassContent
    analysis: Analysis
    which: WhichAttempt

    def keep(self, name: str, make: Callable[[], T]) -> T:
        """What ``make`` makes of the analysis and the content for this reader's language, kept for
        all until one of these changes."""
        key = (name, self.which, current_language().tag, request.script_root)
        return self.analysis.view_of(self.content, key, make)

    @property
    def doubts(self) -> Sequence[KeyDoubt]:
        return self.keep("doubts", self._find_doubts)

    def doubted_questions(self) -> set[str]:
        return {doubt.question for doubt in self.doubts}

    def _find_doubts(self) -> Sequence[KeyDoubt]:
        findings = [finding for found in self.content.findings.values() for finding in found]
        return find_key_doubts(self.analysis.statistics_of(self.which), findings)


@dataclass(frozen=True, slots=True)
class _ItemsTables:
    """The tables of the items page: its rows, the HTML of each by question, and the rest."""

    rows: Sequence[ItemRow]
    row_html: Mapping[str, Markup]
    sets: Sequence[SetLine]
    sets_html: Markup
    definitions_html: Markup


@dataclass(frozen=True, slots=True)
class _TeachParts:
    """What to teach, but for who is silent, and the HTML of its parts without names."""

    view: TeachView
    held_html: Markup
    doubts_html: Markup
    doubt_count: int
    worn_html: Markup


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
        ClassContents(),
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
    contents: ClassContents
    analysis_cache: AnalysisCache
    single_flight: SingleFlight[Analysis]

    def show_items(self, class_id: int) -> str:
        with self.database.read() as session:
            data = self._load_items_data(session, class_id)
        sort, descending = _parse_sort(request.args.get("sort", ""))
        tables = data.keep("tables", partial(_items_tables, data))
        return render_template(
            "classes/items.html",
            class_=data.class_,
            tables=tables,
            rows_html=Markup("").join(
                tables.row_html[row.question]
                for row in sort_item_rows(tables.rows, sort, descending=descending)
            ),
            missing_topics=data.content.missing_topics,
            learners=data.analysis.learner_count,
            attempt_choice=data.which,
            sort=sort,
            descending=descending,
            statistics=FIGURES,
        )

    def show_item(self, class_id: int, question: str) -> str:
        with self.database.read() as session:
            data = self._load_items_data(session, class_id)
        content, columns = data.content, data.content.columns
        content_question = content.questions.get(question)
        if content_question is None:
            abort(404)
        index = list(content.questions).index(question)
        return render_template(
            "classes/items_question.html",
            class_=data.class_,
            question=content_question,
            column=columns[index],
            previous_column=columns[index - 1] if index else None,
            next_column=columns[index + 1] if index + 1 < len(columns) else None,
            statistics=item_view(
                content_question,
                data.analysis.statistics_of(data.which)[index],
                evidence_by_option(content.evidence[content_question.topic], content_question),
                data.doubts,
            ),
            attempt_choice=data.which,
            definitions={name: statistic_help(name) for name in QUESTION_FIGURES},
        )

    def show_teach(self, class_id: int) -> str:
        with self.database.read() as session:
            data = self._load_items_data(session, class_id)
            teach = data.keep("teach", partial(_teach_parts, data))
            view = teach.view.at_moment(data.analysis.answers.pace, datetime.now(UTC))
            names = store.member_names(session, class_id, view.named_learners)
        return render_template(
            "classes/teach.html",
            class_=data.class_,
            teach=teach,
            teach_view=view,
            learner_names=names,
            question_titles={c.question: c.title for c in data.content.columns},
            question_count=len(data.content.columns),
            learners=data.analysis.learner_count,
        )

    def download_csv(self, class_id: int) -> Response:
        with self.database.read() as session:
            data = self._load_items_data(session, class_id, download=True)
        lines = export.items_csv(
            data.content.columns, data.analysis, data.which, data.doubted_questions()
        )
        return attachment_response(
            lines,
            filename=f"class-{class_id}-items.csv",
            content_type="text/csv; charset=utf-8",
        )

    def download_json(self, class_id: int) -> Response:
        with self.database.read() as session:
            data = self._load_items_data(session, class_id, download=True)
        text = export.items_json(
            data.class_.title,
            data.content.columns,
            data.analysis,
            data.which,
            data.doubted_questions(),
        )
        return attachment_response(
            text, filename=f"class-{class_id}-items.json", content_type="application/json"
        )

    def _load_items_data(
        self, session: Session, class_id: int, *, download: bool = False
    ) -> _ItemsData:
        """Raises _StillReading when a page would have to wait long; downloads always wait.

        After a wait ``session`` sees another moment of the database.
        """
        class_ = self.guards.require_managed_class(class_id, session)
        topics = classes.class_topics(session, class_id)
        counted = store.counted_learners(session, class_id)
        content = self.contents.content_of(topics, self.library.snapshot())
        which: WhichAttempt = "latest" if request.args.get("which") == "latest" else "first"
        if len(counted.ids) * len(content.items) <= QUICK_CELLS:
            analysis = self.analysis_cache.get_analysis(
                session, class_id, content.items, content.simulations, counted=counted
            )
            return _ItemsData(class_, content, analysis, which)
        session.rollback()  # others need the connection meanwhile
        big_analysis = self.single_flight.run_or_wait(
            (class_id, content.items),
            partial(self._analyse_big_class, class_id, content, which),
            None if download else PATIENCE_SECONDS,
        )
        if isinstance(big_analysis, StillRunning):
            raise _StillReading(class_, big_analysis.progress)
        return _ItemsData(class_, content, big_analysis, which)

    def _analyse_big_class(
        self, class_id: int, content: ClassContent, which: WhichAttempt, report: ReportProgress
    ) -> Analysis:
        with self.database.read() as session:
            analysis = self.analysis_cache.get_analysis(
                session, class_id, content.items, content.simulations, report
            )
        analysis.statistics_of(which)  # computed here, not while the page is rendered
        return analysis


def _show_waiting_page(error: _StillReading) -> Response:
    page = render_template(
        "classes/items_waiting.html", class_=error.class_, progress=error.progress
    )
    return Response(page, headers={"Refresh": "1"})


def _items_tables(data: _ItemsData) -> _ItemsTables:
    item_row, sets_table, definition = (
        get_template_attribute("classes/items_parts.html", name)
        for name in ("item_row", "sets_table", "definition")
    )
    columns, which = data.content.columns, data.which
    rows = item_rows(columns, data.analysis.statistics_of(which), data.doubted_questions())
    sets = set_lines(columns, data.analysis, which)
    item_url = partial(
        url_for,
        "items.question",
        class_id=data.class_.id,
        which="latest" if which == "latest" else None,
    )
    return _ItemsTables(
        rows=rows,
        row_html={row.question: item_row(row, item_url(question=row.question)) for row in rows},
        sets=sets,
        sets_html=sets_table(sets, SET_FIGURES),
        definitions_html=Markup("").join(definition(statistic_help(name)) for name in DEFINITIONS),
    )


def _teach_parts(data: _ItemsData) -> _TeachParts:
    held_misconception, key_doubt, worn_question = (
        get_template_attribute("classes/teach_parts.html", name)
        for name in ("held_misconception", "key_doubt", "worn_question")
    )
    class_id, questions = data.class_.id, data.content.questions
    view = teach_view(data.analysis, data.content)
    return _TeachParts(
        view=view,
        held_html=Markup("").join(
            held_misconception(held, class_id) for held in view.misconceptions
        ),
        doubts_html=Markup("").join(
            key_doubt(questions[doubt.question], doubt, class_id) for doubt in data.doubts
        ),
        doubt_count=len(data.doubts),
        worn_html=Markup("").join(worn_question(line, class_id) for line in view.worn),
    )


def _parse_sort(text: str) -> tuple[str, bool]:
    """The column that an address sorts by, and whether in descending order."""
    name = text.removeprefix("-")
    return (name, text.startswith("-")) if name in SORT_NAMES else ("number", False)
