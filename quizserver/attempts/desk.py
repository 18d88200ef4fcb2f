"""Puts together what one visitor may see of a question: the only place that decides it."""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence

from quizserver.attempts import clock, store, views
from quizserver.attempts.model import Attempt
from quizserver.attempts.views import AttemptLine, LinkView, QuestionView, Situation
from quizserver.db.session import Database
from quizserver.lab.catalog import Catalog
from quizserver.lab.evidence import Evidence, EvidenceError, Finding, read
from quizserver.lab.model import SimulationError
from quizserver.runs.bench import BenchView, OptionEvidence, bench_view, option_evidence
from quizserver.topics.assets import showing
from quizserver.topics.library import Library
from quizserver.topics.model import Problem, Question, Topic
from quizserver.topics.question import reread

log = logging.getLogger(__name__)

Url = Callable[..., str]


class Desk:
    """Builds views of questions and benches for whoever asks.

    ``learner_id()`` says who asks, None when nothing is kept of them yet.
    """

    def __init__(
        self,
        *,
        database: Database,
        library: Library,
        catalog: Catalog,
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

    def attempts(self, question: str) -> list[Attempt]:
        """The learner's attempts at a question, first to latest."""
        person_id = self._learner_id()
        if person_id is None:
            return []
        with self._database.read() as session:
            return store.of_question(session, person_id, question)

    def seal(self, question: Question, visitor: str) -> str:
        """What the form says of the version it shows.

        Not the version itself: that is a digest of the text with its key, and with few options
        somebody could try every key until the digest fits.
        """
        said = f"{visitor}\0{question.id}\0{question.version}".encode()
        return hmac.new(self._secret, said, "sha256").hexdigest()[:32]

    def is_seal(self, text: str, question: Question, visitor: str) -> bool:
        return hmac.compare_digest(text.encode(), self.seal(question, visitor).encode())

    def shown_at(self, text: str, question: Question, visitor: str, number: int) -> float | None:
        """The moment that a form says it was first shown, in Unix time; None without its seal."""
        return clock.moment_of(self._secret, visitor, question.id, number, text)

    def problems(self, topic: str) -> list[Problem]:
        """What is wrong with a topic's files, for authors; the last good version is served."""
        everything = self.library.snapshot().problems
        return [problem for problem in everything if problem.path.split("/")[0] == topic]

    def may_use(self, topic: str, simulation: str) -> bool:
        """Whether the learner may see and run a simulation: its curves are a question's key.

        Open when no question rests on it, or once one of those that do has been answered.
        """
        found = self.library.snapshot().topics.get(topic)
        questions = questions_of(found, simulation) if found is not None else []
        if not questions:
            # A question that can't be read may be the one that rests on it.
            files = {problem.path.rsplit("/", 1)[-1] for problem in self.problems(topic)}
            return not any(name.endswith(".md") and name != "lesson.md" for name in files)
        return self._has_answered_any([q.id for q in questions])

    def may_see(self, topic: str, image: str) -> bool:
        """Whether the learner may see an image, named relative to its topic's folder.

        Not before it is published, and not before the answer that alone shows it.
        """
        found = self.library.snapshot().topics.get(topic)
        if found is None:
            return False
        shown = showing(found, image)
        return shown.everybody or self._has_answered_any(shown.answers)

    def _has_answered_any(self, questions: Collection[str]) -> bool:
        person_id = self._learner_id() if questions else None
        if person_id is None:
            return False
        with self._database.read() as session:
            return store.has_answered_any(session, person_id, questions)

    def question_view(
        self, question: Question, situation: Situation, url: Url, *, embedded: bool = False
    ) -> QuestionView:
        """The view of a question: its form, or once answered its result with the evidence."""
        topic = self.library.snapshot().topics[question.topic]
        previous, following = neighbours(topic, question, url)
        common = QuestionView(
            id=question.id,
            topic=topic.id,
            topic_title=topic.title,
            title=question.title,
            stem_html=question.stem_html,
            multiple=question.multiple,
            tags=question.tags,
            figure_svg=views.figure(question),
            version=self.seal(question, situation.visitor),
            number=len(situation.attempts) + 1,
            previous=previous,
            next=following,
            again_url=_again_url(question, url, embedded),
        )
        if situation.answering:
            return self._open(question, situation, common, url)
        return self._answered(topic, question, situation, common, url, embedded=embedded)

    def bench(
        self,
        topic: Topic,
        simulation: str,
        arm: str | None,
        knobs: Mapping[str, float],
        url: Url,
        described: Sequence[tuple[float, float]] = (),
    ) -> BenchView | None:
        """The lab bench; None while its simulation is being read, or when it can't be used.

        The caller has asked ``may_use``.
        """
        path = topic.simulations.get(simulation)
        if path is None:
            return None
        try:
            description = self._catalog.known(path)
        except SimulationError as error:
            log.warning("%s: %s", path, error)
            return None
        if description is None:
            return None
        evidence = recorded(topic)
        return bench_view(
            topic.id,
            simulation,
            description,
            evidence,
            runs_url=url("runs.start"),
            source_url=url("runs.source", topic=topic.id, name=simulation),
            recorded_url=url("runs.recorded", topic=topic.id, name=simulation),
            stale=evidence.stale(topic) if evidence is not None else None,
            arm=arm,
            knobs=knobs,
            described=described,
            replicas_max=self._replicas_max,
        )

    def _as_answered(self, question: Question, situation: Situation) -> Question:
        """The question in the text under which the latest attempt was made."""
        version = situation.attempts[-1].version
        if version == question.version:
            return question
        with self._database.read() as session:
            source = store.source(session, question.id, version)
        return (reread(question, source) if source is not None else None) or question

    def _open(
        self, question: Question, situation: Situation, common: QuestionView, url: Url
    ) -> QuestionView:
        shown = min(situation.hints_asked, len(question.hints_html))
        since = situation.shown
        if since is None:
            now, visitor = time.time(), situation.visitor
            since = clock.seal(self._secret, visitor, question.id, common.number, now)
        return common.having(
            answering=True,
            shown=since,
            options=views.open_options(question, situation),
            hints=question.hints_html[:shown],
            hints_left=len(question.hints_html) - shown,
            more_hints_url=_hints_url(question, situation, shown + 1, url),
            error=situation.error,
            history=_history(situation),
        )

    def _answered(
        self,
        topic: Topic,
        question: Question,
        situation: Situation,
        common: QuestionView,
        url: Url,
        *,
        embedded: bool,
    ) -> QuestionView:
        evidence = recorded(topic)
        current, question = question, self._as_answered(question, situation)
        bench = None
        if question.simulation is not None and not embedded:
            bench = self.bench(topic, question.simulation, None, {}, url, question.described)
        found = by_option(evidence, question)
        return common.having(
            answering=False,
            options=views.answered_options(question, situation, found),
            extra_evidence=found.get(None, ()),
            stem_html=question.stem_html,
            multiple=question.multiple,
            result=views.result(question, situation, edited=question is not current),
            history=_history(situation),
            bench=bench,
            evidence_note=_note(evidence, topic, question)
            or _bench_note(question, bench, embedded),
        )


def recorded(topic: Topic) -> Evidence | None:
    """The topic's evidence; None when there is none or it can't be read (which is logged)."""
    try:
        return read(topic.folder)
    except EvidenceError as error:
        log.warning("%s", error)
        return None


def questions_of(topic: Topic, simulation: str) -> list[Question]:
    return [question for question in topic.questions if question.simulation == simulation]


def by_option(
    evidence: Evidence | None, question: Question
) -> dict[str | None, list[OptionEvidence]]:
    """The evidence of a question by option id: one view for each setting.

    Under None stands what was claimed of no option, such as the healthy run and the remedies.
    """
    settings: dict[tuple[str | None, str], list[Finding]] = {}
    for finding in evidence.slice(question.id).findings if evidence is not None else ():
        settings.setdefault((finding.option, finding.ensemble), []).append(finding)
    views: dict[str | None, list[OptionEvidence]] = {}
    for number, ((option, _), findings) in enumerate(settings.items()):
        assert evidence is not None
        ident = f"evidence-{question.id}-{number}"
        view = option_evidence(evidence, findings, question.described, ident)
        views.setdefault(option, []).append(view)
    return views


def neighbours(
    topic: Topic, question: Question, url: Url
) -> tuple[LinkView | None, LinkView | None]:
    """Links to the questions before and after this one in its topic."""
    ids = [each.id for each in topic.questions]
    place = ids.index(question.id) if question.id in ids else 0

    def link(index: int) -> LinkView | None:
        if not 0 <= index < len(topic.questions):
            return None
        other = topic.questions[index]
        return LinkView(other.title, url("attempts.question", question=other.id))

    return link(place - 1), link(place + 1)


def _history(situation: Situation) -> Sequence[AttemptLine]:
    return [AttemptLine(a.number, a.right, a.answered_at) for a in situation.attempts]


def _note(evidence: Evidence | None, topic: Topic, question: Question) -> str | None:
    if not question.claims:
        return None
    if evidence is None:
        return "The experiments behind these options have not been recorded yet."
    return evidence.stale(topic, question.id)


def _bench_note(question: Question, bench: BenchView | None, embedded: bool) -> str | None:
    if question.simulation is None or bench is not None or embedded:
        return None
    return "The lab bench is not ready. Reload the page in a moment."


def _hints_url(question: Question, situation: Situation, hints: int, url: Url) -> str:
    again = {"again": "1"} if situation.attempts else {}
    return url("attempts.question", question=question.id, hints=hints, **again)


def _again_url(question: Question, url: Url, embedded: bool) -> str:
    if embedded:
        anchor = f"q-{question.id}-title"
        return url("progress.topic", topic=question.topic, again=question.id, _anchor=anchor)
    return url("attempts.question", question=question.id, again=1)
