"""Builds the view of a question for one visitor: its form, or the result once it is answered."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from quizserver.attempts import store, views
from quizserver.attempts.form_tokens import FormTokens
from quizserver.attempts.model import Attempt, Standing
from quizserver.attempts.views import LinkView, QuestionState, QuestionView
from quizserver.db.session import Database
from quizserver.evidence.record import Evidence
from quizserver.lab_views.bench import BenchView
from quizserver.lab_views.bench_builder import BenchBuilder
from quizserver.lab_views.topic_evidence import (
    described_figure,
    evidence_by_option,
    read_topic_evidence,
)
from quizserver.topics.model import Question, Topic
from quizserver.topics.question import earlier_version, graded_version_of
from quizserver.web.urls import UrlBuilder


@dataclass(frozen=True, slots=True)
class QuestionService:
    """``learner_id()`` is the person who made this request, None when nothing is stored of them."""

    database: Database
    benches: BenchBuilder
    tokens: FormTokens
    learner_id: Callable[[], int | None]

    def learner_attempts(self, question: str) -> list[Attempt]:
        """The learner's attempts at a question, first to latest."""
        person_id = self.learner_id()
        if person_id is None:
            return []
        with self.database.read() as session:
            return store.attempts_at_question(session, person_id, question)

    def recent_attempts(self) -> list[Attempt]:
        """The learner's latest attempts at any question, newest first."""
        person_id = self.learner_id()
        if person_id is None:
            return []
        with self.database.read() as session:
            return store.recent_attempts(session, person_id)

    def learner_standings(self) -> dict[str, Standing]:
        """The learner's standings by question id."""
        person_id = self.learner_id()
        if person_id is None:
            return {}
        with self.database.read() as session:
            return store.read_standings(session, person_id)

    def question_view(
        self,
        topic: Topic,
        question: Question,
        state: QuestionState,
        url: UrlBuilder,
        *,
        embedded: bool = False,
    ) -> QuestionView:
        """The view of a question of ``topic``; ``embedded`` in a lesson it has no bench."""
        previous, following = neighbour_links(topic, question, url)
        base_view = QuestionView(
            id=question.id,
            topic=topic.id,
            topic_title=topic.title,
            title=question.title,
            stem_html=question.stem_html,
            multiple=question.multiple,
            figure_svg=described_figure(question),
            version_code=self.tokens.version_code(question, state.visitor),
            number=len(state.attempts) + 1,
            previous=previous,
            next=following,
            again_url=_again_url(question, url, embedded),
            history=state.attempts,
        )
        if state.is_answering:
            return self._with_form(question, state, base_view, url)
        return self._with_result(topic, question, state, base_view, url, embedded=embedded)

    def _with_form(
        self, question: Question, state: QuestionState, base_view: QuestionView, url: UrlBuilder
    ) -> QuestionView:
        hints_shown = min(state.hints_requested, question.hint_count)
        opened_token = state.opened_token
        if opened_token is None:
            opened_token = self.tokens.sign_opened_at(
                state.visitor, question.id, base_view.number, time.time()
            )
        return replace(
            base_view,
            answering=True,
            opened_token=opened_token,
            options=views.open_options(question, state),
            hints=question.hints_html[:hints_shown],
            hints_left=question.hint_count - hints_shown,
            more_hints_url=_hints_url(question, state, hints_shown + 1, url),
            error=state.error,
        )

    def _with_result(
        self,
        topic: Topic,
        question: Question,
        state: QuestionState,
        base_view: QuestionView,
        url: UrlBuilder,
        *,
        embedded: bool,
    ) -> QuestionView:
        evidence = read_topic_evidence(topic)
        answered = self._answered_version(question, state)
        bench = None
        if answered.simulation is not None and not embedded:
            bench = self.benches.build_bench(
                topic, answered.simulation, url, described=answered.described_curve
            )
        evidence_views = evidence_by_option(evidence, answered)
        return replace(
            base_view,
            answering=False,
            options=views.answered_options(answered, state, evidence_views),
            extra_evidence=evidence_views.get(None, ()),
            stem_html=answered.stem_html,
            multiple=answered.multiple,
            result=views.result_view(answered, state, edited=answered is not question),
            bench=bench,
            evidence_note=_evidence_note(evidence, topic, answered)
            or _bench_note(answered, bench, embedded),
        )

    def _answered_version(self, question: Question, state: QuestionState) -> Question:
        """The question in the text under which the latest attempt was made.

        The present one where that asks and grades the same: with its claims and its explanation.
        """
        version = state.attempts[-1].version
        if version == question.version:
            return question
        with self.database.read() as session:
            source = store.read_version_source(session, question.id, version)
        if source is None or graded_version_of(question.path, source) == question.graded_version:
            return question
        return earlier_version(question, source) or question


def neighbour_links(
    topic: Topic, question: Question, url: UrlBuilder
) -> tuple[LinkView | None, LinkView | None]:
    """Links to the questions before and after this one in its topic."""
    ids = [sibling.id for sibling in topic.questions]
    position = ids.index(question.id) if question.id in ids else 0

    def question_link(index: int) -> LinkView | None:
        if not 0 <= index < len(topic.questions):
            return None
        other = topic.questions[index]
        return LinkView(other.title, url("attempts.question", question=other.id))

    return question_link(position - 1), question_link(position + 1)


def _evidence_note(evidence: Evidence | None, topic: Topic, question: Question) -> str | None:
    if not question.claims:
        return None
    if evidence is None:
        return "The experiments behind these options have not been recorded yet."
    return evidence.stale_reason(topic, question.id)


def _bench_note(question: Question, bench: BenchView | None, embedded: bool) -> str | None:
    if question.simulation is None or bench is not None or embedded:
        return None
    return "The lab bench is not ready. Reload the page in a moment."


def _hints_url(question: Question, state: QuestionState, hints: int, url: UrlBuilder) -> str:
    retry_argument = {"again": "1"} if state.attempts else {}
    return url("attempts.question", question=question.id, hints=hints, **retry_argument)


def _again_url(question: Question, url: UrlBuilder, embedded: bool) -> str:
    if embedded:
        anchor = f"q-{question.id}-title"
        return url("progress.topic", topic=question.topic, again=question.id, _anchor=anchor)
    return url("attempts.question", question=question.id, again=1)
