"""Home, the page of a topic, and a learner's progress."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request, url_for

from quizserver.accounts.current_user import CurrentUser
from quizserver.attempts import store
from quizserver.attempts.model import Standing
from quizserver.attempts.service import QuestionService, questions_on_simulation
from quizserver.attempts.views import QuestionState, QuestionView
from quizserver.db.session import Database
from quizserver.progress.lesson_blocks import BlockView, view_lesson_blocks
from quizserver.progress.views import (
    question_line,
    recent_lines,
    resume_link,
    sum_progress,
    topic_card,
)
from quizserver.topics.model import Question, SimulationBlock, Topic


def create_progress_blueprint(
    *, database: Database, question_service: QuestionService, current: CurrentUser
) -> Blueprint:
    """The blueprint of the pages that show a learner where they are."""
    blueprint = Blueprint("progress", __name__)

    @blueprint.get("/")
    def home() -> str:
        snapshot, standings = question_service.library.snapshot(), _learner_standings()
        return render_template(
            "progress/home.html",
            topics=[topic_card(topic, standings, url_for) for topic in snapshot.topics.values()],
            resume_link=resume_link(snapshot, standings, url_for),
            has_answers=bool(standings),
        )

    @blueprint.get("/topics/<topic>", endpoint="topic")
    def show_topic(topic: str) -> str:
        snapshot = question_service.library.snapshot()
        served_topic = snapshot.topics.get(topic)
        if served_topic is None:
            abort(404)
        blocks = view_lesson_blocks(
            served_topic,
            snapshot,
            view_question=_embedded_question,
            view_bench=lambda block: _embedded_bench(served_topic, block),
        )
        standings = _learner_standings()
        return render_template(
            "progress/topic.html",
            topic=served_topic,
            blocks=list(blocks),
            questions=[question_line(q, standings, url_for) for q in served_topic.questions],
            problems=question_service.topic_problems(topic) if current.may_write() else (),
        )

    @blueprint.get("/progress", endpoint="progress")
    def show_progress() -> str:
        snapshot, person_id = question_service.library.snapshot(), current.learner_id()
        standings = _learner_standings()
        attempts = []
        if person_id is not None:
            with database.read() as session:
                attempts = store.recent_attempts(session, person_id)
        cards = [topic_card(topic, standings, url_for) for topic in snapshot.topics.values()]
        return render_template(
            "progress/progress.html",
            totals=sum_progress(cards),
            topics=cards,
            recent_attempts=recent_lines(attempts, snapshot, url_for),
            resume_link=resume_link(snapshot, standings, url_for) if standings else None,
        )

    def _learner_standings() -> dict[str, Standing]:
        person_id = current.learner_id()
        if person_id is None:
            return {}
        with database.read() as session:
            return store.read_standings(session, person_id)

    def _embedded_question(question: Question) -> QuestionView:
        state = QuestionState(
            visitor=current.visitor_token(),
            attempts=question_service.learner_attempts(question.id),
            again=question.id in request.args.getlist("again"),
        )
        return question_service.question_view(question, state, url_for, embedded=True)

    def _embedded_bench(topic: Topic, block: SimulationBlock) -> BlockView:
        if not question_service.may_use(topic.id, block.simulation):
            line = question_line(questions_on_simulation(topic, block.simulation)[0], {}, url_for)
            return "locked", line
        bench = question_service.build_bench(
            topic, block.simulation, block.arm, block.knobs, url_for
        )
        return ("bench", bench) if bench is not None else ("missing", block.simulation)

    return blueprint
