"""Home, the page of a topic, and a learner's progress."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request, url_for

from quizserver.accounts.current import Current
from quizserver.attempts import store
from quizserver.attempts.desk import Desk, questions_of
from quizserver.attempts.model import Standing
from quizserver.attempts.views import QuestionView, Situation
from quizserver.db.session import Database
from quizserver.progress.lesson import Shown, shown_blocks
from quizserver.progress.views import (
    question_line,
    recent_lines,
    resume,
    topic_card,
    totals,
)
from quizserver.topics.model import Question, SimulationBlock, Topic


def pages(*, database: Database, desk: Desk, current: Current) -> Blueprint:
    """The blueprint of the pages that show a learner where they are."""
    blueprint = Blueprint("progress", __name__)

    @blueprint.get("/")
    def home() -> str:
        snapshot, standings = desk.library.snapshot(), _standings()
        return render_template(
            "progress/home.html",
            topics=[topic_card(topic, standings, url_for) for topic in snapshot.topics.values()],
            resume=resume(snapshot, standings, url_for),
            resumed=bool(standings),
        )

    @blueprint.get("/topics/<topic>", endpoint="topic")
    def show_topic(topic: str) -> str:
        snapshot = desk.library.snapshot()
        found = snapshot.topics.get(topic)
        if found is None:
            abort(404)
        blocks = shown_blocks(
            found, snapshot, question=_question, bench=lambda block: _bench(found, block)
        )
        standings = _standings()
        return render_template(
            "progress/topic.html",
            topic=found,
            blocks=list(blocks),
            questions=[question_line(q, standings, url_for) for q in found.questions],
            problems=desk.problems(topic) if current.writes() else (),
        )

    @blueprint.get("/progress", endpoint="progress")
    def show_progress() -> str:
        snapshot, person_id = desk.library.snapshot(), current.learner_id()
        standings = _standings()
        attempts = []
        if person_id is not None:
            with database.read() as session:
                attempts = store.recent(session, person_id)
        cards = [topic_card(topic, standings, url_for) for topic in snapshot.topics.values()]
        return render_template(
            "progress/progress.html",
            totals=totals(cards),
            topics=cards,
            recent=recent_lines(attempts, snapshot, url_for),
            resume=resume(snapshot, standings, url_for) if standings else None,
        )

    def _standings() -> dict[str, Standing]:
        person_id = current.learner_id()
        if person_id is None:
            return {}
        with database.read() as session:
            return store.standings(session, person_id)

    def _question(question: Question) -> QuestionView:
        situation = Situation(
            visitor=current.visitor(),
            attempts=desk.attempts(question.id),
            again=question.id in request.args.getlist("again"),
        )
        return desk.question_view(question, situation, url_for, embedded=True)

    def _bench(topic: Topic, block: SimulationBlock) -> Shown:
        if not desk.may_use(topic.id, block.simulation):
            line = question_line(questions_of(topic, block.simulation)[0], {}, url_for)
            return "locked", line
        bench = desk.bench(topic, block.simulation, block.arm, block.knobs, url_for)
        return ("bench", bench) if bench is not None else ("missing", block.simulation)

    return blueprint
