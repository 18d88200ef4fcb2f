"""Builds the view of a question for one visitor: its form, or the result once it is answered."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from quizserver.attempts import reveals_store, store, views
from quizserver.attempts.form_tokens import FormTokens
from quizserver.attempts.model import NO_PROGRESS, Attempt, LearnerProgress
from quizserver.attempts.reveals import resolve_rule
from quizserver.attempts.tried import hidden_settings, may_draw, offered_arms
from quizserver.attempts.tried_views import hints_after, tried_view
from quizserver.attempts.views import LinkView, QuestionState, QuestionView
from quizserver.db.session import Database
from quizserver.evidence.record import Evidence, Finding
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

    def learner_state(self, question: Question, visitor: str) -> QuestionState:
        """The state of a question for the learner, whose form nothing was entered into."""
        person_id = self.learner_id()
        if person_id is None:
            return QuestionState(visitor=visitor)
        with self.database.read() as session:
            attempts, reveal, has_reported = store.work_at_question(session, person_id, question.id)
            rule = None
            # Pages name the class whose rule it is, where the rule makes them what they are.
            if attempts and (reveal is None or reveal.why == "rule"):
                class_rules = reveals_store.class_rules(session, person_id, question.topic)
                rule = resolve_rule(question.reveal, class_rules)
        return QuestionState(
            visitor=visitor,
            attempts=attempts,
            reveal=reveal,
            has_reported=has_reported,
            rule=rule,
        )

    def recent_attempts(self) -> list[Attempt]:
        """The learner's latest attempts at any question, newest first."""
        person_id = self.learner_id()
        if person_id is None:
            return []
        with self.database.read() as session:
            return store.recent_attempts(session, person_id)

    def learner_progress(self) -> LearnerProgress:
        """The learner's standings, and which answers were shown to them."""
        person_id = self.learner_id()
        if person_id is None:
            return NO_PROGRESS
        with self.database.read() as session:
            return store.read_progress(session, person_id)

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
            embedded=embedded,
            counts=state.stage != "revealed",
        )
        if state.is_answering:
            return self._with_form(question, state, base_view, url)
        if state.stage == "tried":
            return self._with_tried(topic, question, state, base_view, url, embedded=embedded)
        return self._with_result(topic, question, state, base_view, url, embedded=embedded)

    def _with_form(
        self, question: Question, state: QuestionState, base_view: QuestionView, url: UrlBuilder
    ) -> QuestionView:
        # What a wrong answer has shown stays in sight.
        seen = hints_after(question, state.attempts) if state.stage == "tried" else 0
        hints_shown = min(max(state.hints_requested, seen), question.hint_count)
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

    def _with_tried(
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
        chosen = state.attempts[-1].chosen
        name, bench, arms = question.simulation, None, frozenset[str]()
        description = self.benches.describe_simulation(topic, name) if name is not None else None
        may_draw_finding = _draw_nothing
        if description is not None:
            arms = offered_arms(question, chosen, description)
            hidden = hidden_settings(question, chosen, description)
            if evidence is not None:
                may_draw_finding = partial(may_draw, evidence, hidden=hidden)
        if name is not None and arms and not embedded:
            own_arms = [claim.arm for claim in question.claims if claim.option in chosen]
            bench = self.benches.build_bench(
                topic,
                name,
                url,
                arm=next((arm for arm in own_arms if arm in arms), None),
                described=question.described_curve,
                visible_arms=arms,
            )
        return replace(
            base_view,
            answering=False,
            stem_html=answered.stem_html,
            multiple=answered.multiple,
            tried=tried_view(
                answered,
                state.attempts,
                [o for o in views.ordered_options(answered, state.visitor) if o.id in chosen],
                evidence_by_option(evidence, question, options=chosen, may_draw=may_draw_finding),
                reveal_url=url("attempts.reveal", question=question.id),
                rule=state.rule,
                edited=answered is not question,
            ),
            bench=bench,
            experiment_url=url("attempts.question", question=question.id, _anchor="bench")
            if arms
            else None,
            evidence_note=_evidence_note(evidence, topic, answered),
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


def _draw_nothing(_finding: Finding) -> bool:
    """Without a description, nobody knows which settings tell of other options."""
    return False


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
