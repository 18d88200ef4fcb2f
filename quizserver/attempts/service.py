"""Puts together what one visitor may see of a question: the only place that decides it."""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence

from quizserver.attempts import store, timing, views
from quizserver.attempts.model import Attempt
from quizserver.attempts.views import AttemptLine, LinkView, QuestionState, QuestionView
from quizserver.db.session import Database
from quizserver.evidence.record import Evidence, EvidenceError, Finding, read_evidence
from quizserver.lab.catalog import SimulationCatalog
from quizserver.lab.model import SimulationError
from quizserver.lab_views.bench import BenchView, OptionEvidence, bench_view, option_evidence
from quizserver.topics.assets import image_visibility
from quizserver.topics.library import Library
from quizserver.topics.model import Diagnostic, Question, Topic
from quizserver.topics.question import earlier_version

log = logging.getLogger(__name__)

UrlBuilder = Callable[..., str]


class QuestionService:
    """Builds views of questions and benches for whoever asks.

    ``learner_id()`` says who asks, None when nothing is kept of them yet.
    """

    def __init__(
        self,
        *,
        database: Database,
        library: Library,
        catalog: SimulationCatalog,
        learner_id: Callable[[], int | None],
        replicas_max: int,
        secret: str,
    ) -> None:
        self.library = library
        self._database = database
        self._catalog = catalog
        self._learner_id = learner_id
        self._replicas_max = replicas_max
        self._secret = secret.encode()

    def learner_attempts(self, question: str) -> list[Attempt]:
        """The learner's attempts at a question, first to latest."""
        person_id = self._learner_id()
        if person_id is None:
            return []
        with self._database.read() as session:
            return store.attempts_at_question(session, person_id, question)

    def version_code(self, question: Question, visitor: str) -> str:
        """What the form says of the version it shows.

        Not the version itself: that is a digest of the text with its key, and with few options
        somebody could try every key until the digest fits.
        """
        message = f"{visitor}\0{question.id}\0{question.version}".encode()
        return hmac.new(self._secret, message, "sha256").hexdigest()[:32]

    def is_version_code(self, code: str, question: Question, visitor: str) -> bool:
        return hmac.compare_digest(code.encode(), self.version_code(question, visitor).encode())

    def read_opened_at(
        self, token: str, question: Question, visitor: str, number: int
    ) -> float | None:
        """The moment that a form says it was first shown, in Unix time; None without its seal."""
        return timing.read_opened_at(self._secret, visitor, question.id, number, token)

    def topic_problems(self, topic: str) -> list[Diagnostic]:
        """What is wrong with a topic's files, for authors; the last good version is served."""
        all_problems = self.library.snapshot().diagnostics
        return [problem for problem in all_problems if problem.folder == topic]

    def may_use(self, topic: str, simulation: str) -> bool:
        """Whether the learner may see and run a simulation: its curves are a question's key.

        Open when no question rests on it, or once one of those that do has been answered.
        """
        served_topic = self.library.snapshot().topics.get(topic)
        questions = (
            questions_on_simulation(served_topic, simulation) if served_topic is not None else []
        )
        if not questions:
            # A question that can't be read may be the one that rests on it.
            file_names = {problem.path.rsplit("/", 1)[-1] for problem in self.topic_problems(topic)}
            return not any(name.endswith(".md") and name != "lesson.md" for name in file_names)
        return self._has_answered_any([q.id for q in questions])

    def may_see(self, topic: str, image: str) -> bool:
        """Whether the learner may see an image, named relative to its topic's folder.

        Not before it is published, and not before the answer that alone shows it.
        """
        served_topic = self.library.snapshot().topics.get(topic)
        if served_topic is None:
            return False
        visibility = image_visibility(served_topic, image)
        return visibility.public or self._has_answered_any(visibility.question_ids)

    def _has_answered_any(self, questions: Collection[str]) -> bool:
        person_id = self._learner_id() if questions else None
        if person_id is None:
            return False
        with self._database.read() as session:
            return store.has_answered_any(session, person_id, questions)

    def question_view(
        self, question: Question, state: QuestionState, url: UrlBuilder, *, embedded: bool = False
    ) -> QuestionView:
        """The view of a question: its form, or once answered its result with the evidence."""
        topic = self.library.snapshot().topics[question.topic]
        previous, following = neighbour_links(topic, question, url)
        base_view = QuestionView(
            id=question.id,
            topic=topic.id,
            topic_title=topic.title,
            title=question.title,
            stem_html=question.stem_html,
            multiple=question.multiple,
            tags=question.tags,
            figure_svg=views.described_figure(question),
            version_code=self.version_code(question, state.visitor),
            number=len(state.attempts) + 1,
            previous=previous,
            next=following,
            again_url=_again_url(question, url, embedded),
        )
        if state.is_answering:
            return self._with_form(question, state, base_view, url)
        return self._with_result(topic, question, state, base_view, url, embedded=embedded)

    def build_bench(
        self,
        topic: Topic,
        simulation: str,
        arm: str | None,
        knobs: Mapping[str, float],
        url: UrlBuilder,
        described: Sequence[tuple[float, float]] = (),
    ) -> BenchView | None:
        """The lab bench; None while its simulation is being read, or when it can't be used.

        The caller has asked ``may_use``.
        """
        path = topic.simulations.get(simulation)
        if path is None:
            return None
        try:
            description = self._catalog.describe_if_ready(path)
        except SimulationError as error:
            log.warning("%s: %s", path, error)
            return None
        if description is None:
            return None
        evidence = read_topic_evidence(topic)
        return bench_view(
            topic.id,
            simulation,
            description,
            evidence,
            runs_url=url("runs.start"),
            source_url=url("runs.source", topic=topic.id, name=simulation),
            recorded_url=url("runs.recorded", topic=topic.id, name=simulation),
            stale=evidence.stale_reason(topic) if evidence is not None else None,
            arm_name=arm,
            knobs=knobs,
            described=described,
            replicas_max=self._replicas_max,
        )

    def _answered_version(self, question: Question, state: QuestionState) -> Question:
        """The question in the text under which the latest attempt was made."""
        version = state.attempts[-1].version
        if version == question.version:
            return question
        with self._database.read() as session:
            source = store.read_version_source(session, question.id, version)
        return (earlier_version(question, source) if source is not None else None) or question

    def _with_form(
        self, question: Question, state: QuestionState, base_view: QuestionView, url: UrlBuilder
    ) -> QuestionView:
        hints_shown = min(state.hints_requested, len(question.hints_html))
        opened_token = state.opened_token
        if opened_token is None:
            now, visitor = time.time(), state.visitor
            opened_token = timing.sign_opened_at(
                self._secret, visitor, question.id, base_view.number, now
            )
        return base_view.with_fields(
            answering=True,
            opened_token=opened_token,
            options=views.open_options(question, state),
            hints=question.hints_html[:hints_shown],
            hints_left=len(question.hints_html) - hints_shown,
            more_hints_url=_hints_url(question, state, hints_shown + 1, url),
            error=state.error,
            history=_attempt_lines(state),
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
        current, question = question, self._answered_version(question, state)
        bench = None
        if question.simulation is not None and not embedded:
            bench = self.build_bench(
                topic, question.simulation, None, {}, url, question.described_curve
            )
        evidence_views = evidence_by_option(evidence, question)
        return base_view.with_fields(
            answering=False,
            options=views.answered_options(question, state, evidence_views),
            extra_evidence=evidence_views.get(None, ()),
            stem_html=question.stem_html,
            multiple=question.multiple,
            result=views.result_view(question, state, edited=question is not current),
            history=_attempt_lines(state),
            bench=bench,
            evidence_note=_evidence_note(evidence, topic, question)
            or _bench_note(question, bench, embedded),
        )


def read_topic_evidence(topic: Topic) -> Evidence | None:
    """The topic's evidence; None when there is none or it can't be read (which is logged)."""
    try:
        return read_evidence(topic.folder)
    except EvidenceError as error:
        log.warning("%s", error)
        return None


def questions_on_simulation(topic: Topic, simulation: str) -> list[Question]:
    return [question for question in topic.questions if question.simulation == simulation]


def evidence_by_option(
    evidence: Evidence | None, question: Question
) -> dict[str | None, list[OptionEvidence]]:
    """The evidence of a question by option id: one view for each setting.

    Under None stands what was claimed of no option, such as the healthy run and the remedies.
    """
    by_setting: dict[tuple[str | None, str], list[Finding]] = {}
    for finding in evidence.for_question(question.id).findings if evidence is not None else ():
        by_setting.setdefault((finding.option, finding.ensemble), []).append(finding)
    option_views: dict[str | None, list[OptionEvidence]] = {}
    for number, ((option, _), findings) in enumerate(by_setting.items()):
        assert evidence is not None
        ident = f"evidence-{question.id}-{number}"
        view = option_evidence(evidence, findings, question.described_curve, ident)
        option_views.setdefault(option, []).append(view)
    return option_views


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


def _attempt_lines(state: QuestionState) -> Sequence[AttemptLine]:
    return [AttemptLine(a.number, a.right, a.answered_at) for a in state.attempts]


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
