"""The matrix of a class, the work behind its rows and cells, and all of it as CSV and JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Literal

from flask import Blueprint, Response, abort, jsonify, render_template, request, url_for
from sqlalchemy.orm import Session

from quizserver.accounts.current_user import CurrentUser
from quizserver.attempts import store as attempts_store
from quizserver.classes import store as classes
from quizserver.classes.columns import QuestionColumn, missing_topics, question_columns
from quizserver.classes.guards import ClassGuards
from quizserver.classes.matrix import export, store
from quizserver.classes.matrix.learner_work import attempt_work, topic_work
from quizserver.classes.matrix.model import MatrixLearner, ShownAttempt
from quizserver.classes.matrix.query import ROWS_PER_PAGE, MatrixQuery, parse_matrix_query
from quizserver.classes.matrix.reader import MatrixReader
from quizserver.classes.matrix.totals_cache import TotalsCache
from quizserver.classes.matrix.views import matrix_view, page_data
from quizserver.classes.model import Class
from quizserver.db.session import Database
from quizserver.topics.library import Library
from quizserver.topics.model import Question
from quizserver.topics.question import earlier_version
from quizserver.translation import gettext
from quizserver.web.downloads import attachment_response
from quizserver.web.numbers import parse_whole_number
from quizserver.web.urls import ROW_ID_MAX

POLL_SECONDS = 4


def create_matrix_blueprint(
    *, database: Database, library: Library, current: CurrentUser, executor: Executor
) -> Blueprint:
    """The blueprint of what instructors see of the work in their classes.

    ``executor`` refreshes the totals by which learners are sorted, while pages are served.
    """
    guards = ClassGuards(database=database, current=current)
    matrix_reader = MatrixReader(TotalsCache(database.read, executor))
    pages = MatrixPages(database, library, guards, matrix_reader)
    downloads = MatrixDownloads(database, library, guards)
    blueprint = Blueprint("matrix", __name__, url_prefix="/classes/<int:class_id>")
    learner_url, add_rule = "/learners/<int:person_id>", blueprint.add_url_rule
    add_rule("/matrix", "matrix", pages.show_matrix)
    add_rule("/matrix/window.json", "window", pages.read_window)
    add_rule(learner_url, "learner", pages.show_learner)
    add_rule(f"{learner_url}/questions/<question>", "attempts", pages.show_attempts)
    add_rule("/matrix.csv", "matrix_csv", downloads.download_matrix_csv)
    add_rule("/matrix.json", "matrix_json", downloads.download_matrix_json)
    add_rule("/attempts.csv", "attempts_csv", downloads.download_attempts_csv)
    add_rule("/attempts.json", "attempts_json", downloads.download_attempts_json)
    return blueprint


@dataclass(frozen=True, slots=True)
class MatrixPages:
    """The views of the matrix, of one learner and of one cell."""

    database: Database
    library: Library
    guards: ClassGuards
    matrix_reader: MatrixReader

    def show_matrix(self, class_id: int) -> str:
        class_ = self.guards.require_managed_class(class_id)
        snapshot = self.library.snapshot()
        with self.database.read() as session:
            topics = classes.class_topics(session, class_id)
            columns = question_columns(topics, snapshot)
            page = self.matrix_reader.read_page(
                session, class_id, columns, parse_matrix_query(request.args, columns)
            )
            cells = self.matrix_reader.read_cells(session, page)
        matrix_url = partial(url_for, "matrix.matrix", class_id=class_id)
        return render_template(
            "classes/matrix.html",
            class_=class_,
            query=page.query,
            matrix_view=matrix_view(page, cells, matrix_url),
            topics={column.topic: column.topic_title for column in columns},
            missing_topics=missing_topics(topics, snapshot),
            attempt_tabs=_shown_attempt_links(page.query, matrix_url),
            polling={
                "url": url_for("matrix.window", class_id=class_id, **page.query.url_arguments()),
                "seconds": POLL_SECONDS,
                "mark": page.etag,
                "questions": [column.question for column in page.columns],
            },
        )

    def read_window(self, class_id: int) -> Response:
        """The learners that a page shows, as they are now; 304 when nothing has changed."""
        self.guards.require_managed_class(class_id)
        shown_learners = _parse_person_ids(request.args["rows"]) if "rows" in request.args else None
        with self.database.read() as session:
            columns = self._read_columns(session, class_id)
            query = parse_matrix_query(request.args, columns)
            page = self.matrix_reader.read_page(session, class_id, columns, query, shown_learners)
            if request.if_none_match.contains_weak(page.etag):  # a proxy may have compressed it
                response = Response(status=304)
            else:
                response = jsonify(page_data(page, self.matrix_reader.read_cells(session, page)))
        response.set_etag(page.etag)
        return response

    def show_learner(self, class_id: int, person_id: int) -> str:
        class_ = self.guards.require_managed_class(class_id)
        with self.database.read() as session:
            learner = _require_learner(session, class_id, person_id)
            columns = self._read_columns(session, class_id)
            questions = [column.question for column in columns]
            standings = store.standing_rows(session, person_id, questions)
            totals = store.learner_totals(session, [person_id], questions).get(person_id)
        return render_template(
            "classes/matrix_learner.html",
            class_=class_,
            learner_row=learner,
            topics=topic_work(columns, standings),
            totals=totals,
            question_count=len(columns),
        )

    def show_attempts(self, class_id: int, person_id: int, question: str) -> str:
        """The attempts of one learner at one question."""
        class_ = self.guards.require_managed_class(class_id)
        snapshot = self.library.snapshot()
        with self.database.read() as session:
            learner = _require_learner(session, class_id, person_id)
            columns = question_columns(classes.class_topics(session, class_id), snapshot)
            index = _find_column(columns, question)
            if index is None:
                abort(404)
            present = snapshot.questions[question]
            attempts = attempts_store.attempts_at_question(session, person_id, question)
            sources = store.version_sources(
                session, question, {attempt.version for attempt in attempts}
            )
            run_moments = _experiment_moments(session, person_id, present)
        texts = {
            version: _parse_version(present, version, source) for version, source in sources.items()
        }
        work, ran_after = attempt_work(attempts, texts, present, run_moments)
        return render_template(
            "classes/matrix_attempts.html",
            class_=class_,
            learner_row=learner,
            column=columns[index],
            attempts=work,
            runs_after=ran_after,
            previous_column=columns[index - 1] if index > 0 else None,
            next_column=columns[index + 1] if index + 1 < len(columns) else None,
        )

    def _read_columns(self, session: Session, class_id: int) -> tuple[QuestionColumn, ...]:
        return question_columns(classes.class_topics(session, class_id), self.library.snapshot())


@dataclass(frozen=True, slots=True)
class ClassWork:
    """What a download is about: ``show`` is the attempt whose mark stands for a question."""

    class_: Class
    learners: Sequence[MatrixLearner]
    columns: Sequence[QuestionColumn]
    show: ShownAttempt


ReadParts = Callable[[Session, ClassWork], Iterable[str]]
_CONTENT_TYPES = {"csv": "text/csv", "json": "application/json"}


@dataclass(frozen=True, slots=True)
class MatrixDownloads:
    """The matrix and the attempts of a class as files."""

    database: Database
    library: Library
    guards: ClassGuards

    def download_matrix_csv(self, class_id: int) -> Response:
        def matrix_csv(session: Session, class_: ClassWork) -> Iterator[str]:
            return export.matrix_csv(session, class_.learners, class_.columns, class_.show)

        return self._download(class_id, "matrix-{show}", "csv", matrix_csv)

    def download_matrix_json(self, class_id: int) -> Response:
        def matrix_json(session: Session, class_: ClassWork) -> Iterator[str]:
            return export.matrix_json(session, class_.class_, class_.learners, class_.columns)

        return self._download(class_id, "matrix", "json", matrix_json)

    def download_attempts_csv(self, class_id: int) -> Response:
        def attempts_csv(session: Session, class_: ClassWork) -> Iterator[str]:
            return export.attempts_csv(session, class_.learners, class_.columns)

        return self._download(class_id, "attempts", "csv", attempts_csv)

    def download_attempts_json(self, class_id: int) -> Response:
        def attempts_json(session: Session, class_: ClassWork) -> Iterator[str]:
            return export.attempts_json(session, class_.class_, class_.learners, class_.columns)

        return self._download(class_id, "attempts", "json", attempts_json)

    def _download(
        self, class_id: int, name: str, suffix: Literal["csv", "json"], read_parts: ReadParts
    ) -> Response:
        """The file of ``read_parts``; the class, its learners and all of it are of one moment."""
        class_ = self.guards.require_managed_class(class_id)
        with self.database.read() as session:
            topics = classes.class_topics(session, class_id)
            columns = question_columns(topics, self.library.snapshot())
            show = parse_matrix_query(request.args, columns).show
            learners = store.matrix_learners(session, class_id)
            file_name = f"class-{class_id}-{name.format(show=show)}-{datetime.now(UTC):%Y-%m-%d}"
            return attachment_response(
                read_parts(session, ClassWork(class_, learners, columns, show)),
                filename=f"{file_name}.{suffix}",
                content_type=f"{_CONTENT_TYPES[suffix]}; charset=utf-8",
            )


def _require_learner(session: Session, class_id: int, person_id: int) -> MatrixLearner:
    learner = store.find_learner(session, class_id, person_id)
    if learner is None:
        abort(404)
    return learner


def _find_column(columns: Sequence[QuestionColumn], question: str) -> int | None:
    return next((i for i, column in enumerate(columns) if column.question == question), None)


def _shown_attempt_links(
    query: MatrixQuery, matrix_url: Callable[..., str]
) -> list[tuple[str, str, bool]]:
    """The three attempts that cells can show: label, address, whether it is the current one."""
    labels = {
        "first": gettext("First attempt"),
        "best": gettext("Best attempt"),
        "latest": gettext("Latest attempt"),
    }
    return [
        (label, matrix_url(**query.url_arguments(show=show)), show == query.show)
        for show, label in labels.items()
    ]


def _parse_person_ids(text: str) -> list[int]:
    """The ids of the learners that a page shows, as its script sends them."""
    texts = text.split(",")[:ROWS_PER_PAGE]
    numbers = [parse_whole_number(part, maximum=ROW_ID_MAX) for part in texts]
    return [number for number in numbers if number]


def _experiment_moments(session: Session, person_id: int, question: Question) -> list[datetime]:
    if question.simulation is None:
        return []
    return store.experiment_moments(session, person_id, question.topic, question.simulation)


def _parse_version(present: Question, version: str, source: str) -> Question | None:
    return present if version == present.version else earlier_version(present, source)
