"""The matrix of a class, the work behind its rows and cells, and all of it as CSV and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, abort, jsonify, render_template, request, url_for
from sqlalchemy.orm import Session

from quizserver.accounts.current_user import CurrentUser
from quizserver.attempts import store as attempts_store
from quizserver.classes import store as classes
from quizserver.classes.columns import QuestionColumn, missing_topics, question_columns
from quizserver.classes.guards import ClassGuards
from quizserver.classes.matrix import export, store
from quizserver.classes.matrix.learner_work import attempt_work, topic_work
from quizserver.classes.matrix.model import MatrixLearner
from quizserver.classes.matrix.query import ROWS_PER_PAGE, MatrixQuery, parse_matrix_query
from quizserver.classes.matrix.reader import MatrixReader
from quizserver.classes.matrix.totals_cache import TotalsCache
from quizserver.classes.matrix.views import matrix_view, page_data
from quizserver.classes.model import Class, ClassTopic
from quizserver.db.session import Database
from quizserver.topics.library import Library
from quizserver.topics.model import Question
from quizserver.topics.question import earlier_version

POLL_SECONDS = 4


def create_matrix_blueprint(
    *, database: Database, library: Library, current: CurrentUser, executor: Executor
) -> Blueprint:
    """The blueprint of what instructors see of the work in their classes.

    ``beside`` sums up anew what learners are sorted by, while pages are served.
    """
    blueprint = Blueprint("matrix", __name__)
    guards = ClassGuards(database=database, current=current)
    matrix_reader = MatrixReader(TotalsCache(database.read, executor))

    @blueprint.get("/classes/<int:class_id>/matrix")
    def matrix(class_id: int) -> str:
        class_ = guards.require_managed_class(class_id)
        with database.read() as session:
            topics = classes.class_topics(session, class_id)
            class_columns = question_columns(topics, library.snapshot())
            page = matrix_reader.read_page(
                session, class_id, class_columns, parse_matrix_query(request.args, class_columns)
            )
            cells = matrix_reader.read_cells(session, page)

        def matrix_url(arguments: dict[str, Any]) -> str:
            return url_for("matrix.matrix", class_id=class_id, **arguments)

        return render_template(
            "classes/matrix.html",
            class_=class_,
            query=page.query,
            page=matrix_view(page, cells, matrix_url),
            topics=_topic_titles(class_columns),
            missing_topics=missing_topics(topics, library.snapshot()),
            attempt_tabs=_shown_attempt_links(page.query, matrix_url),
            polling={
                "url": url_for("matrix.window", class_id=class_id, **page.query.url_arguments()),
                "seconds": POLL_SECONDS,
                "mark": page.etag,
                "questions": [column.question for column in page.columns],
            },
        )

    @blueprint.get("/classes/<int:class_id>/matrix/window.json")
    def window(class_id: int) -> Response:
        guards.require_managed_class(class_id)
        with database.read() as session:
            class_columns = question_columns(
                classes.class_topics(session, class_id), library.snapshot()
            )
            shown_learners = (
                _parse_person_ids(request.args["rows"]) if "rows" in request.args else None
            )
            page = matrix_reader.read_page(
                session,
                class_id,
                class_columns,
                parse_matrix_query(request.args, class_columns),
                shown_learners,
            )
            if request.if_none_match.contains_weak(page.etag):  # a proxy may have compressed it
                response = Response(status=304)
            else:
                response = jsonify(page_data(page, matrix_reader.read_cells(session, page)))
        response.set_etag(page.etag)
        return response

    @blueprint.get("/classes/<int:class_id>/learners/<int:person_id>")
    def learner(class_id: int, person_id: int) -> str:
        class_ = guards.require_managed_class(class_id)
        with database.read() as session:
            shown_learner = _learner_or_404(store.find_learner(session, class_id, person_id))
            class_columns = question_columns(
                classes.class_topics(session, class_id), library.snapshot()
            )
            questions = [column.question for column in class_columns]
            standings = store.standing_rows(session, person_id, questions)
            totals = store.learner_totals(session, [person_id], questions).get(person_id)
        return render_template(
            "classes/matrix_learner.html",
            class_=class_,
            learner_row=shown_learner,
            topics=topic_work(class_columns, standings),
            totals=totals,
            question_count=len(class_columns),
        )

    @blueprint.get("/classes/<int:class_id>/learners/<int:person_id>/questions/<question>")
    def attempts(class_id: int, person_id: int, question: str) -> str:
        class_ = guards.require_managed_class(class_id)
        snapshot = library.snapshot()
        with database.read() as session:
            shown_learner = _learner_or_404(store.find_learner(session, class_id, person_id))
            class_columns = question_columns(classes.class_topics(session, class_id), snapshot)
            index = next(
                (n for n, column in enumerate(class_columns) if column.question == question), None
            )
            if index is None:
                abort(404)
            present = snapshot.questions[question]
            answered = attempts_store.attempts_at_question(session, person_id, question)
            sources = store.version_sources(
                session, question, {attempt.version for attempt in answered}
            )
            run_moments = _experiment_moments(session, person_id, present)
        texts = {
            version: _parse_version(present, version, source) for version, source in sources.items()
        }
        work, ran_after = attempt_work(answered, texts, present, run_moments)
        return render_template(
            "classes/matrix_attempts.html",
            class_=class_,
            learner_row=shown_learner,
            column=class_columns[index],
            question=present,
            attempts=work,
            runs_after=ran_after,
            previous=class_columns[index - 1] if index > 0 else None,
            next=class_columns[index + 1] if index + 1 < len(class_columns) else None,
        )

    @blueprint.get("/classes/<int:class_id>/matrix.csv")
    def matrix_csv(class_id: int) -> Response:
        class_, learners, class_columns = _read_class(class_id)
        show = parse_matrix_query(request.args, class_columns).show
        lines = export.stream_matrix_csv(database.read, learners, class_columns, show)
        return _attachment_response(class_, f"matrix-{show}", "csv", lines)

    @blueprint.get("/classes/<int:class_id>/matrix.json")
    def matrix_json(class_id: int) -> Response:
        class_, learners, class_columns = _read_class(class_id)
        lines = export.stream_matrix_json(database.read, class_, learners, class_columns)
        return _attachment_response(class_, "matrix", "json", lines)

    @blueprint.get("/classes/<int:class_id>/attempts.csv")
    def attempts_csv(class_id: int) -> Response:
        class_, learners, class_columns = _read_class(class_id)
        lines = export.stream_attempts_csv(database.read, learners, class_columns)
        return _attachment_response(class_, "attempts", "csv", lines)

    @blueprint.get("/classes/<int:class_id>/attempts.json")
    def attempts_json(class_id: int) -> Response:
        class_, learners, class_columns = _read_class(class_id)
        lines = export.stream_attempts_json(database.read, class_, learners, class_columns)
        return _attachment_response(class_, "attempts", "json", lines)

    def _read_class(class_id: int) -> tuple[Class, list[MatrixLearner], tuple[QuestionColumn, ...]]:
        class_ = guards.require_managed_class(class_id)
        with database.read() as session:
            topics: list[ClassTopic] = classes.class_topics(session, class_id)
            learners = store.matrix_learners(session, class_id)
        return class_, learners, question_columns(topics, library.snapshot())

    return blueprint


def _learner_or_404(learner: MatrixLearner | None) -> MatrixLearner:
    if learner is None:
        abort(404)
    return learner


def _topic_titles(class_columns: Sequence[QuestionColumn]) -> dict[str, str]:
    """The topics that the matrix can be narrowed to, with their titles."""
    return {column.topic: column.topic_title for column in class_columns}


def _shown_attempt_links(query: MatrixQuery, matrix_url: Any) -> list[tuple[str, str, bool]]:
    """The three ways to fill a cell: label, address, whether it is the present one."""
    names = {"first": "First attempt", "best": "Best attempt", "latest": "Latest attempt"}
    return [
        (label, matrix_url(query.url_arguments(show=show)), show == query.show)
        for show, label in names.items()
    ]


def _parse_person_ids(text: str) -> list[int]:
    """The learners that a page holds, as its script says them."""
    texts = text.split(",")[:ROWS_PER_PAGE]
    return [int(name) for name in texts if name.isascii() and name.isdecimal() and len(name) < 10]


def _experiment_moments(session: Session, person_id: int, question: Question) -> list[datetime]:
    if question.simulation is None:
        return []
    return store.experiment_moments(session, person_id, question.topic, question.simulation)


def _parse_version(present: Question, version: str, source: str) -> Question | None:
    return present if version == present.version else earlier_version(present, source)


def _attachment_response(class_: Class, stem: str, suffix: str, lines: Iterator[str]) -> Response:
    types = {"csv": "text/csv", "json": "application/json"}
    response = Response(
        (line.encode() for line in lines), content_type=f"{types[suffix]}; charset=utf-8"
    )
    name = f"class-{class_.id}-{stem}-{datetime.now(UTC):%Y-%m-%d}.{suffix}"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response
