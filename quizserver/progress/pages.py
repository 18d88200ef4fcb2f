"""Home, the page of a topic, and a learner's progress."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from flask import Blueprint, abort, render_template, request, url_for

from quizserver.accounts.current_user import CurrentUser
from quizserver.attempts.access import AccessPolicy, questions_on_simulation
from quizserver.attempts.model import NO_PROGRESS
from quizserver.attempts.service import EmbeddedQuestion, QuestionService
from quizserver.attempts.views import QuestionState
from quizserver.lab_views.bench_builder import BenchBuilder
from quizserver.progress.lesson_blocks import BlockView, view_lesson_blocks
from quizserver.progress.views import (
    question_line,
    recent_lines,
    resume_link,
    sum_progress,
    topic_card,
)
from quizserver.topics.library import Library
from quizserver.topics.model import Question, QuestionBlock, SimulationBlock, Topic


@dataclass(frozen=True, slots=True)
class ProgressPages:
    """The views of home, topics and progress."""

    library: Library
    question_service: QuestionService
    access: AccessPolicy
    benches: BenchBuilder
    current: CurrentUser

    def show_home(self) -> str:
        snapshot = self.library.snapshot()
        progress = self.question_service.learner_progress()
        return render_template(
            "progress/home.html",
            topics=[topic_card(topic, progress, url_for) for topic in snapshot.topics.values()],
            resume_link=resume_link(snapshot, progress, url_for),
            has_answers=bool(progress.standings),
        )

    def show_topic(self, topic: str) -> str:
        snapshot = self.library.snapshot()
        served_topic = snapshot.topics.get(topic)
        if served_topic is None:
            abort(404)
        shown = {question.id: question for question in served_topic.questions}
        for block in served_topic.lesson.blocks if served_topic.lesson else ():
            if isinstance(block, QuestionBlock) and block.question in snapshot.questions:
                shown[block.question] = snapshot.questions[block.question]
        progress = self.question_service.learner_progress()
        states = self.question_service.learner_states(
            shown.values(), self.current.visitor_token(), progress
        )
        blocks = view_lesson_blocks(
            served_topic,
            snapshot,
            view_question=lambda question: self._embedded_question(
                snapshot.topics[question.topic], question, states[question.id]
            ),
            view_bench=lambda block: self._embedded_bench(served_topic, block, progress.reveals),
        )
        return render_template(
            "progress/topic.html",
            topic=served_topic,
            blocks=list(blocks),
            questions=[question_line(q, progress, url_for) for q in served_topic.questions],
            problems=snapshot.diagnostics_in_folder(topic) if self.current.may_write() else (),
        )

    def show_progress(self) -> str:
        snapshot = self.library.snapshot()
        progress = self.question_service.learner_progress()
        cards = [topic_card(topic, progress, url_for) for topic in snapshot.topics.values()]
        attempts = self.question_service.recent_attempts()
        return render_template(
            "progress/progress.html",
            totals=sum_progress(cards),
            topics=cards,
            recent_attempts=recent_lines(attempts, snapshot, url_for),
            resume_link=resume_link(snapshot, progress, url_for) if progress.standings else None,
        )

    def _embedded_question(
        self, topic: Topic, question: Question, state: QuestionState
    ) -> EmbeddedQuestion:
        state = replace(state, again=question.id in request.args.getlist("again"))
        return self.question_service.embedded_question(topic, question, state, url_for)

    def _embedded_bench(
        self, topic: Topic, block: SimulationBlock, revealed: Collection[str]
    ) -> BlockView:
        # Its setting may be one that tells of an option that was not chosen: it opens as a whole.
        if not self.access.opens_wholly(topic, block.simulation, revealed):
            # None where all that is known is that a question with a mistake in it may rest on it.
            question = next(iter(questions_on_simulation(topic, block.simulation)), None)
            return "locked", question and question_line(question, NO_PROGRESS, url_for)
        bench = self.benches.defer_bench(
            topic, block.simulation, url_for, arm=block.arm, knobs=block.knobs
        )
        if bench is None or not bench.is_declared:  # perhaps by an arm that has another name now
            return "missing", block.simulation
        return "bench", bench


def create_progress_blueprint(pages: ProgressPages) -> Blueprint:
    """The blueprint ``progress``: the pages that show a learner where they are."""
    blueprint = Blueprint("progress", __name__)
    blueprint.add_url_rule("/", "home", pages.show_home)
    blueprint.add_url_rule("/topics/<topic>", "topic", pages.show_topic)
    blueprint.add_url_rule("/progress", "progress", pages.show_progress)
    return blueprint
