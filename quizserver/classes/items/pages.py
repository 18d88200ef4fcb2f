"""The item analysis of a class, one question of it, and what to teach tomorrow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Blueprint, Response, abort, render_template, request

from quizserver.accounts.current import Current
from quizserver.attempts.desk import by_option, recorded
from quizserver.classes import store as classes
from quizserver.classes.columns import Column, columns, gone_topics
from quizserver.classes.guards import Guards
from quizserver.classes.items import export, store
from quizserver.classes.items.analysis import Analyses, Analysis
from quizserver.classes.items.cells import Simulations
from quizserver.classes.items.lessons import lessons, outcomes
from quizserver.classes.items.question import question_view
from quizserver.classes.items.reading import Told
from quizserver.classes.items.shared import Shared, Waiting
from quizserver.classes.items.views import (
    FIGURES,
    SET_FIGURES,
    SORTS,
    about,
    in_order,
    rows,
    set_lines,
)
from quizserver.classes.members import store as members
from quizserver.classes.model import Class, ClassTopic
from quizserver.classes.statistics.answers import Item, Which
from quizserver.classes.statistics.definitions import DEFINITIONS
from quizserver.classes.statistics.teach import KeyDoubt, key_doubts
from quizserver.db.session import Database
from quizserver.lab.evidence import Evidence
from quizserver.topics.library import Library
from quizserver.topics.model import Question

QUICK = 30_000
"""Cells of a class that are read while the browser waits; for more there is a page meanwhile."""
PATIENCE = 0.3
"""Seconds before that page."""
OF_QUESTION = (*FIGURES, "options", "time", "ran")


@dataclass(frozen=True, slots=True)
class _Found:
    """What a page of a class begins with; ``questions`` and ``evidence`` by question and topic."""

    room: Class
    columns: Sequence[Column]
    gone: Sequence[ClassTopic]
    questions: Mapping[str, Question]
    evidence: Mapping[str, Evidence | None]
    analysis: Analysis
    which: Which

    def doubts(self) -> tuple[KeyDoubt, ...]:
        found = [
            outcome
            for question in self.questions.values()
            for outcome in outcomes(question, self.evidence[question.topic])
        ]
        return key_doubts(self.analysis.statistics(self.which), found)

    def doubted(self) -> set[str]:
        return {doubt.question for doubt in self.doubts()}


class _NotYet(Exception):  # noqa: N818 - not an error: the page comes in a moment
    def __init__(self, room: Class, done: float) -> None:
        self.room, self.done = room, done


def pages(*, database: Database, library: Library, current: Current, beside: Executor) -> Blueprint:
    """The blueprint of what the answers of a class say of its questions.

    ``beside`` reads big classes while pages say how far that is.
    """
    blueprint = Blueprint("items", __name__)
    guards = Guards(database=database, current=current)
    analyses, work = Analyses(), Shared[Analysis](beside)

    def analyse(
        class_id: int, asked: tuple[Item, ...], simulations: Simulations, which: Which, told: Told
    ) -> Analysis:
        with database.read() as session:
            analysis = analyses.of(session, class_id, asked, simulations, told)
        analysis.statistics(which)
        return analysis

    def find(class_id: int, *, download: bool = False) -> _Found:
        room, snapshot = guards.instructor_of(class_id), library.snapshot()
        with database.read() as session:
            topics = classes.topics(session, class_id)
            learners = members.sizes(session, [class_id]).get(class_id, 0)
        here = columns(topics, snapshot)
        questions = {each.question: snapshot.questions[each.question] for each in here}
        which: Which = "latest" if request.args.get("which") == "latest" else "first"
        asked = tuple(Item.of(question) for question in questions.values())
        simulations = {question.id: _simulation(question) for question in questions.values()}
        quick = download or learners * len(questions) <= QUICK
        analysis = work.ask(
            (class_id, asked),
            lambda told: analyse(class_id, asked, simulations, which, told),
            None if quick else PATIENCE,
        )
        if isinstance(analysis, Waiting):
            raise _NotYet(room, analysis.done)
        return _Found(
            room,
            here,
            gone_topics(topics, snapshot),
            questions,
            {each.topic: recorded(snapshot.topics[each.topic]) for each in here},
            analysis,
            which,
        )

    @blueprint.errorhandler(_NotYet)
    def not_yet(error: _NotYet) -> Response:
        page = render_template("classes/items_waiting.html", room=error.room, done=error.done)
        return Response(page, headers={"Refresh": "1"})

    @blueprint.get("/classes/<int:class_id>/items")
    def items(class_id: int) -> str:
        found = find(class_id)
        sort, down = _sort(request.args.get("sort", ""))
        table = rows(found.columns, found.analysis.statistics(found.which), found.doubted())
        return render_template(
            "classes/items.html",
            room=found.room,
            rows=in_order(table, sort, down=down),
            sets=set_lines(found.columns, found.analysis, found.which),
            gone=found.gone,
            learners=found.analysis.learners,
            which=found.which,
            sort=sort,
            down=down,
            figures=FIGURES,
            set_figures=SET_FIGURES,
            abouts=[about(name) for name in DEFINITIONS],
        )

    @blueprint.get("/classes/<int:class_id>/items/<question>")
    def question(class_id: int, question: str) -> str:
        found = find(class_id)
        shown = found.questions.get(question)
        if shown is None:
            abort(404)
        place = list(found.questions).index(question)
        return render_template(
            "classes/items_question.html",
            room=found.room,
            question=shown,
            column=found.columns[place],
            previous=found.columns[place - 1] if place else None,
            next=found.columns[place + 1] if place + 1 < len(found.columns) else None,
            view=question_view(
                shown,
                found.analysis.statistics(found.which)[place],
                by_option(found.evidence[shown.topic], shown),
                found.doubts(),
            ),
            which=found.which,
            abouts={name: about(name) for name in OF_QUESTION},
        )

    @blueprint.get("/classes/<int:class_id>/teach")
    def teach(class_id: int) -> str:
        found = find(class_id)
        shown = lessons(found.analysis, found.questions, found.evidence, datetime.now(UTC))
        with database.read() as session:
            names = store.names(session, class_id, shown.people)
        return render_template(
            "classes/teach.html",
            room=found.room,
            lessons=shown,
            names=names,
            titles={each.question: each.title for each in found.columns},
            questions=len(found.columns),
            learners=found.analysis.learners,
            doubts=[(found.questions[each.question], each) for each in found.doubts()],
        )

    @blueprint.get("/classes/<int:class_id>/items.csv")
    def as_csv(class_id: int) -> Response:
        found = find(class_id, download=True)
        text = export.items_csv(found.columns, found.analysis, found.which, found.doubted())
        return _file("".join(text), "text/csv; charset=utf-8", f"class-{class_id}-items.csv")

    @blueprint.get("/classes/<int:class_id>/items.json")
    def as_json(class_id: int) -> Response:
        found = find(class_id, download=True)
        text = export.items_json(
            found.room.title, found.columns, found.analysis, found.which, found.doubted()
        )
        return _file(text, "application/json", f"class-{class_id}-items.json")

    return blueprint


def _simulation(question: Question) -> tuple[str, str] | None:
    return (question.topic, question.simulation) if question.simulation is not None else None


def _sort(text: str) -> tuple[str, bool]:
    """The column that an address sorts by, and whether downwards."""
    name = text.removeprefix("-")
    return (name, text.startswith("-")) if name in SORTS else ("number", False)


def _file(text: str, kind: str, name: str) -> Response:
    response = Response(text, content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
