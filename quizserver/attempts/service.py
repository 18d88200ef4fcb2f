"""Builds the view of a question for one visitor: its form, or the result once it is answered."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial

from quizserver.attempts import reveals_store, store, views
from quizserver.attempts.form_tokens import FormTokens
from quizserver.attempts.model import NO_PROGRESS, Attempt, LearnerProgress
from quizserver.attempts.reveals import ClassRule, Reveal, resolve_rule
from quizserver.attempts.shown_evidence import NotedEvidence, ShownEvidence, evidence_note
from quizserver.attempts.tried import hidden_settings, may_draw, offered_arms
from quizserver.attempts.tried_views import hints_after, tried_view
from quizserver.attempts.views import LinkView, QuestionState, QuestionView
from quizserver.db.session import Database
from quizserver.evidence.record import Finding
from quizserver.lab_views.bench_builder import BenchBuilder, DeferredBench
from quizserver.lab_views.evidence import OptionEvidence
from quizserver.lab_views.topic_evidence import (
    described_figure,
    read_topic_evidence,
)
from quizserver.topics.model import Question, Topic
from quizserver.topics.question import earlier_version, graded_version_of
from quizserver.translation import gettext
from quizserver.web.fragments import FragmentKey
from quizserver.web.urls import UrlBuilder


@dataclass(frozen=True, slots=True)
class EmbeddedQuestion:
    """A question in a lesson: its view is built where its fragment, if it has one, is not kept."""

    id: str
    fragment: FragmentKey | None
    view: Callable[[], QuestionView]


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
            if _names_rule(attempts, reveal):
                class_rules = reveals_store.class_rules(session, person_id, question.topic)
                rule = resolve_rule(question.reveal, class_rules)
        return QuestionState(
            visitor=visitor,
            attempts=attempts,
            reveal=reveal,
            has_reported=has_reported,
            rule=rule,
        )

    def learner_states(
        self, questions: Collection[Question], visitor: str, progress: LearnerProgress
    ) -> dict[str, QuestionState]:
        """As ``learner_state``, of several questions by id; ``progress`` is the learner's."""
        person_id = self.learner_id()
        if person_id is None:
            return {question.id: QuestionState(visitor=visitor) for question in questions}
        states = {}
        rules_by_topic: dict[str, list[ClassRule]] = {}
        with self.database.read() as session:
            attempts_by_question = store.attempts_by_question(
                session, person_id, [question.id for question in questions]
            )
            for question in questions:
                # What was answered since the progress was read is not in its reveals either.
                standing = progress.standings.get(question.id)
                known = standing.attempts if standing is not None else 0
                attempts = attempts_by_question[question.id][:known]
                reveal = progress.reveals.get(question.id)
                rule = None
                if _names_rule(attempts, reveal):
                    if question.topic not in rules_by_topic:
                        rules_by_topic[question.topic] = reveals_store.class_rules(
                            session, person_id, question.topic
                        )
                    rule = resolve_rule(question.reveal, rules_by_topic[question.topic])
                states[question.id] = QuestionState(
                    visitor=visitor, attempts=attempts, reveal=reveal, rule=rule
                )
        return states

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
        noted: NotedEvidence | None = None,
    ) -> QuestionView:
        """The view of a question of ``topic``; ``embedded`` in a lesson it has no bench.

        ``noted`` is the evidence of the present text where that was looked at already.
        """
        previous, following = (None, None) if embedded else neighbour_links(topic, question, url)
        base_view = QuestionView(
            id=question.id,
            topic=topic.id,
            topic_title=topic.title,
            title=question.title,
            stem_html=question.stem_html,
            multiple=question.multiple,
            figure_svg=None,
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
            return self._with_tried(topic, question, state, base_view, url)
        return self._with_result(topic, question, state, base_view, url, noted)

    def embedded_question(
        self, topic: Topic, question: Question, state: QuestionState, url: UrlBuilder
    ) -> EmbeddedQuestion:
        """The question in a lesson, which has no bench."""
        view = partial(self.question_view, topic, question, state, url, embedded=True)
        if not _is_common(question, state):
            return EmbeddedQuestion(question.id, None, view)
        noted = NotedEvidence.read(topic, question)
        common = _common_fragment(topic, question, state, noted)
        return EmbeddedQuestion(question.id, common.part("embedded"), partial(view, noted=noted))

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
            figure_svg=described_figure(question),
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
    ) -> QuestionView:
        answered = self._answered_version(question, state)
        shown = self._tried_evidence(topic, question, answered, state)
        bench = None
        if question.simulation is not None and shown.arms and not base_view.embedded:
            chosen = state.attempts[-1].chosen
            own_arms = [claim.arm for claim in question.claims if claim.option in chosen]
            bench = self.benches.defer_bench(
                topic,
                question.simulation,
                url,
                arm=next((arm for arm in own_arms if arm in shown.arms), None),
                described=question.described_curve,
                visible_arms=shown.arms,
            )
        return replace(
            self._with_answer(
                answered, shown, evidence_note(shown.evidence, topic, answered), bench, base_view
            ),
            options=views.chosen_options(answered, state, shown.fragment),
            tried=tried_view(
                answered,
                state.attempts,
                reveal_url=url("attempts.reveal", question=question.id),
                rule=state.rule,
                edited=answered is not question,
            ),
            experiment_url=_experiment_url(question, url) if shown.arms else None,
        )

    def _with_result(
        self,
        topic: Topic,
        question: Question,
        state: QuestionState,
        base_view: QuestionView,
        url: UrlBuilder,
        noted: NotedEvidence | None,
    ) -> QuestionView:
        answered = self._answered_version(question, state)
        if noted is None or answered is not question:
            noted = NotedEvidence.read(topic, answered)
        shown = ShownEvidence(answered, answered, noted.evidence)
        bench = None
        if answered.simulation is not None and not base_view.embedded:
            bench = self.benches.defer_bench(
                topic,
                answered.simulation,
                url,
                arm=_misjudged_arm(answered, state),
                described=answered.described_curve,
                main_arms={claim.arm for claim in answered.claims if claim.option is not None},
            )
        common = None
        if bench is not None and _is_common(question, state):
            common = _common_fragment(topic, question, state, noted).around(bench.fragment)
        return replace(
            self._with_answer(answered, shown, noted.note, bench, base_view),
            options=views.answered_options(answered, state, shown.fragment),
            extra_fragment=shown.fragment(None),
            common_fragment=common,
            result=views.result_view(answered, state, edited=answered is not question),
            experiment_url=_experiment_url(answered, url)
            if answered.simulation is not None
            else None,
            evidence_note=noted.note or _bench_note(answered, bench, base_view.embedded),
        )

    def _with_answer(
        self,
        answered: Question,
        shown: ShownEvidence,
        note: str | None,
        bench: DeferredBench | None,
        base_view: QuestionView,
    ) -> QuestionView:
        """What the tried and the revealed page share: the text ``answered``, and its evidence."""
        return replace(
            base_view,
            answering=False,
            stem_html=answered.stem_html,
            multiple=answered.multiple,
            bench=bench,
            # A bench has the described curve in its chart.
            figure_svg=described_figure(shown.question) if bench is None else None,
            evidence=shown.by_option,
            evidence_note=note,
        )

    def _tried_evidence(
        self, topic: Topic, question: Question, answered: Question, state: QuestionState
    ) -> ShownEvidence:
        """What a tried question shows: of the chosen options, what tells of no other one."""
        evidence = read_topic_evidence(topic)
        chosen = state.attempts[-1].chosen
        name, arms = question.simulation, frozenset[str]()
        may_draw_finding = _draw_nothing
        description = self.benches.describe_simulation(topic, name) if name is not None else None
        if description is not None:
            arms = offered_arms(question, chosen, description, evidence)
            hidden = hidden_settings(question, chosen, description, evidence)
            if evidence is not None:
                may_draw_finding = partial(may_draw, evidence, hidden=hidden)
        return ShownEvidence(
            question,
            answered,
            evidence,
            chosen=frozenset(chosen),
            may_draw=may_draw_finding,
            arms=arms,
            description=description,
        )

    def shown_setting(
        self, topic: Topic, question: Question, state: QuestionState, number: int
    ) -> OptionEvidence | None:
        """The evidence of one setting as the learner may see it, with its curves; None without."""
        if state.stage == "open":
            return None
        answered = self._answered_version(question, state)
        if state.stage == "tried":
            shown = self._tried_evidence(topic, question, answered, state)
        else:
            shown = ShownEvidence(answered, answered, read_topic_evidence(topic))
        settings = (view for group in shown.by_option().values() for view in group)
        return next((view for view in settings if view.number == number and view.is_drawn), None)

    def _answered_version(self, question: Question, state: QuestionState) -> Question:
        """The question in the text under which the latest attempt was made.

        The present one where that asks and grades the same, with its claims and its explanation;
        also where the answer was shown without any attempt.
        """
        version = state.attempts[-1].version if state.attempts else question.version
        if version == question.version:
            return question
        with self.database.read() as session:
            source = store.read_version_source(session, question.id, version)
        if source is None or graded_version_of(question.path, source) == question.graded_version:
            return question
        return earlier_version(question, source) or question


def _names_rule(attempts: Sequence[Attempt], reveal: Reveal | None) -> bool:
    """Whether the page names the class whose rule it is: where the rule makes it what it is."""
    return bool(attempts) and (reveal is None or reveal.why == "rule")


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


def _is_common(question: Question, state: QuestionState) -> bool:
    """Whether the page shows all there is of the present text, as everybody with this answer sees
    it."""
    if state.is_answering or state.stage != "revealed":
        return False
    return state.attempts[-1].version == question.version


def _common_fragment(
    topic: Topic, question: Question, state: QuestionState, noted: NotedEvidence
) -> FragmentKey:
    """The key of what is shown of an answer once everything is.

    Nothing in it is the learner's but what they chose, in which order they see it, and whether it
    was their first try: it is kept for all of whom this is the same.
    """
    attempt = state.attempts[-1]
    name = (
        "answered",
        question.id,
        tuple(views.ordered_option_ids(question, state.visitor)),
        frozenset(attempt.chosen),
        attempt.number == 1,
        views.rule_note(state),
        noted.note,
    )
    return FragmentKey(name, (question, topic, noted.evidence))


def _misjudged_arm(question: Question, state: QuestionState) -> str | None:
    """The arm that the bench shows first: of an option that was judged wrongly, else of a right
    one; None where no claim is about such an option."""
    chosen = set(state.attempts[-1].chosen)
    misjudged = chosen ^ set(question.right_ids)
    for options in (misjudged, question.right_ids):
        for option in views.ordered_option_ids(question, state.visitor):
            if option in options:
                arm = next((c.arm for c in question.claims if c.option == option), None)
                if arm is not None:
                    return arm
    return None


def _draw_nothing(_finding: Finding) -> bool:
    """Without a description, nobody knows which settings tell of other options."""
    return False


def _bench_note(question: Question, bench: DeferredBench | None, embedded: bool) -> str | None:
    if question.simulation is None or bench is not None or embedded:
        return None
    return gettext("The lab bench is not ready. Reload the page in a moment.")


def _experiment_url(question: Question, url: UrlBuilder) -> str:
    return url("attempts.question", question=question.id, _anchor="bench")


def _hints_url(question: Question, state: QuestionState, hints: int, url: UrlBuilder) -> str:
    retry_argument = {"again": "1"} if state.attempts else {}
    return url("attempts.question", question=question.id, hints=hints, **retry_argument)


def _again_url(question: Question, url: UrlBuilder, embedded: bool) -> str:
    if embedded:
        anchor = f"q-{question.id}-title"
        return url("progress.topic", topic=question.topic, again=question.id, _anchor=anchor)
    return url("attempts.question", question=question.id, again=1)
