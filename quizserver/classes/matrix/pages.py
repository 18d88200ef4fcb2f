"""The matrix of a class, the work behind its rows and cells, and all of it as CSV and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, abort, jsonify, render_template, request, url_for
from sqlalchemy.orm import Session

from quizserver.accounts.current import Current
from quizserver.attempts import store as attempts_store
from quizserver.classes import store as classes
from quizserver.classes.columns import Column, columns, gone_topics
from quizserver.classes.guards import Guards
from quizserver.classes.matrix import export, store
from quizserver.classes.matrix.board import Board
from quizserver.classes.matrix.model import Learner
from quizserver.classes.matrix.ranks import Ranks
from quizserver.classes.matrix.view import ROWS, View, read
from quizserver.classes.matrix.views import matrix_view, told
from quizserver.classes.matrix.work import attempts_of, topics_of
from quizserver.classes.model import Class, ClassTopic
from quizserver.db.session import Database
from quizserver.topics.library import Library
from quizserver.topics.model import Question
from quizserver.topics.question import reread

POLL_SECONDS = 4


def pages(*, database: Database, library: Library, current: Current, beside: Executor) -> Blueprint:
    """The blueprint of what instructors see of the work in their classes.

    ``beside`` sums up anew what learners are sorted by, while pages are served.
    """
    blueprint = Blueprint("matrix", __name__)
    guards = Guards(database=database, current=current)
    board = Board(Ranks(database.read, beside))

    @blueprint.get("/classes/<int:class_id>/matrix")
    def matrix(class_id: int) -> str:
        room = guards.instructor_of(class_id)
        with database.read() as session:
            topics = classes.topics(session, class_id)
            here = columns(topics, library.snapshot())
            frame = board.frame(session, class_id, here, read(request.args, here))
            cells = board.cells(session, frame)

        def address(arguments: dict[str, Any]) -> str:
            return url_for("matrix.matrix", class_id=class_id, **arguments)

        return render_template(
            "classes/matrix.html",
            room=room,
            view=frame.view,
            matrix=matrix_view(frame, cells, address),
            topics=_topics(here),
            gone=gone_topics(topics, library.snapshot()),
            shows=_shows(frame.view, address),
            live={
                "url": url_for("matrix.window", class_id=class_id, **frame.view.address()),
                "seconds": POLL_SECONDS,
                "mark": frame.mark,
                "questions": [column.question for column in frame.columns],
            },
        )

    @blueprint.get("/classes/<int:class_id>/matrix/window.json")
    def window(class_id: int) -> Response:
        guards.instructor_of(class_id)
        with database.read() as session:
            here = columns(classes.topics(session, class_id), library.snapshot())
            kept = _ids(request.args["rows"]) if "rows" in request.args else None
            frame = board.frame(session, class_id, here, read(request.args, here), kept)
            if request.if_none_match.contains_weak(frame.mark):  # a proxy may have compressed it
                response = Response(status=304)
            else:
                response = jsonify(told(frame, board.cells(session, frame)))
        response.set_etag(frame.mark)
        return response

    @blueprint.get("/classes/<int:class_id>/learners/<int:person_id>")
    def learner(class_id: int, person_id: int) -> str:
        room = guards.instructor_of(class_id)
        with database.read() as session:
            found = _learner(store.learner(session, class_id, person_id))
            here = columns(classes.topics(session, class_id), library.snapshot())
            questions = [column.question for column in here]
            standings = store.cells_of(session, person_id, questions)
            totals = store.totals(session, [person_id], questions).get(person_id)
        return render_template(
            "classes/matrix_learner.html",
            room=room,
            who=found,
            topics=topics_of(here, standings),
            totals=totals,
            of=len(here),
        )

    @blueprint.get("/classes/<int:class_id>/learners/<int:person_id>/questions/<question>")
    def attempts(class_id: int, person_id: int, question: str) -> str:
        room = guards.instructor_of(class_id)
        snapshot = library.snapshot()
        with database.read() as session:
            found = _learner(store.learner(session, class_id, person_id))
            here = columns(classes.topics(session, class_id), snapshot)
            place = next((n for n, each in enumerate(here) if each.question == question), None)
            if place is None:
                abort(404)
            present = snapshot.questions[question]
            kept = attempts_store.of_question(session, person_id, question)
            sources = store.versions(session, question, {attempt.version for attempt in kept})
            ran = _ran(session, person_id, present)
        texts = {v: _text(present, v, source) for v, source in sources.items()}
        work, after = attempts_of(kept, texts, present, ran)
        return render_template(
            "classes/matrix_attempts.html",
            room=room,
            who=found,
            column=here[place],
            question=present,
            attempts=work,
            ran_after=after,
            previous=here[place - 1] if place > 0 else None,
            next=here[place + 1] if place + 1 < len(here) else None,
        )

    @blueprint.get("/classes/<int:class_id>/matrix.csv")
    def matrix_csv(class_id: int) -> Response:
        room, learners, here = _everything(class_id)
        show = read(request.args, here).show
        lines = export.matrix_csv(database.read, learners, here, show)
        return _download(room, f"matrix-{show}", "csv", lines)

    @blueprint.get("/classes/<int:class_id>/matrix.json")
    def matrix_json(class_id: int) -> Response:
        room, learners, here = _everything(class_id)
        lines = export.matrix_json(database.read, room, learners, here)
        return _download(room, "matrix", "json", lines)

    @blueprint.get("/classes/<int:class_id>/attempts.csv")
    def attempts_csv(class_id: int) -> Response:
        room, learners, here = _everything(class_id)
        lines = export.attempts_csv(database.read, learners, here)
        return _download(room, "attempts", "csv", lines)

    @blueprint.get("/classes/<int:class_id>/attempts.json")
    def attempts_json(class_id: int) -> Response:
        room, learners, here = _everything(class_id)
        lines = export.attempts_json(database.read, room, learners, here)
        return _download(room, "attempts", "json", lines)

    def _everything(class_id: int) -> tuple[Class, list[Learner], tuple[Column, ...]]:
        room = guards.instructor_of(class_id)
        with database.read() as session:
            topics: list[ClassTopic] = classes.topics(session, class_id)
            learners = store.learners(session, class_id)
        return room, learners, columns(topics, library.snapshot())

    return blueprint


def _learner(found: Learner | None) -> Learner:
    if found is None:
        abort(404)
    return found


def _topics(here: Sequence[Column]) -> dict[str, str]:
    """The topics that the matrix can be narrowed to, with their titles."""
    return {column.topic: column.topic_title for column in here}


def _shows(view: View, address: Any) -> list[tuple[str, str, bool]]:
    """The three ways to fill a cell: label, address, whether it is the present one."""
    names = {"first": "First attempt", "best": "Best attempt", "latest": "Latest attempt"}
    return [
        (label, address(view.address(show=show)), show == view.show)
        for show, label in names.items()
    ]


def _ids(text: str) -> list[int]:
    """The learners that a page holds, as its script says them."""
    names = text.split(",")[:ROWS]
    return [int(name) for name in names if name.isascii() and name.isdecimal() and len(name) < 10]


def _ran(session: Session, person_id: int, question: Question) -> list[datetime]:
    if question.simulation is None:
        return []
    return store.experiments(session, person_id, question.topic, question.simulation)


def _text(present: Question, version: str, source: str) -> Question | None:
    return present if version == present.version else reread(present, source)


def _download(room: Class, what: str, kind: str, lines: Iterator[str]) -> Response:
    types = {"csv": "text/csv", "json": "application/json"}
    response = Response(
        (line.encode() for line in lines), content_type=f"{types[kind]}; charset=utf-8"
    )
    name = f"class-{room.id}-{what}-{datetime.now(UTC):%Y-%m-%d}.{kind}"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response
