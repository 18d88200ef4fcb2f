"""The questions of classes with what experiments found about them, kept until something changes."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from quizserver.classes.columns import QuestionColumn, missing_topics, question_columns
from quizserver.classes.items.answer_tables import Simulations
from quizserver.classes.model import ClassTopic
from quizserver.classes.statistics.answers import ItemKey
from quizserver.evidence.record import Evidence, Finding, claim_keys
from quizserver.lab_views.topic_evidence import read_topic_evidence
from quizserver.topics.model import Question, Snapshot

KEPT_MAX = 100
"""Lists of topics whose content is kept, each about 20 KB."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassContent:
    """``questions`` and ``findings`` are by question, in the class's order, ``evidence`` by topic.

    ``items`` and ``simulations`` are what the statistics take of the questions.
    """

    columns: Sequence[QuestionColumn]
    missing_topics: Sequence[ClassTopic]
    questions: Mapping[str, Question]
    evidence: Mapping[str, Evidence | None]
    findings: Mapping[str, Sequence[Finding]]
    items: tuple[ItemKey, ...]
    simulations: Simulations


@dataclass(slots=True)
class ClassContents:
    """Makes the content of classes once for all pages. Thread-safe.

    It is made again when the content of the server, the topics of the class or the recorded
    evidence is another than before; what was made of an earlier content of the server is dropped.
    """

    _snapshot: Snapshot | None = None
    _made: dict[tuple[ClassTopic, ...], ClassContent] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def content_of(self, topics: Sequence[ClassTopic], snapshot: Snapshot) -> ClassContent:
        """The content of a class with these topics; the same object until it changes."""
        evidence = {
            topic.topic: read_topic_evidence(snapshot.topics[topic.topic])
            for topic in topics
            if topic.topic in snapshot.topics
        }
        key = tuple(topics)
        with self._lock:
            if self._snapshot is not snapshot:
                self._snapshot, self._made = snapshot, {}
            made = self._made.get(key)
            if made is None or any(made.evidence[name] is not evidence[name] for name in evidence):
                if len(self._made) >= KEPT_MAX:
                    self._made.clear()
                made = self._made[key] = _class_content(topics, snapshot, evidence)
            return made


def claimed_findings(question: Question, evidence: Evidence | None) -> list[Finding]:
    """The findings on the claims that the question makes now."""
    claims = claim_keys(question)
    return [
        finding
        for finding in (evidence.findings if evidence is not None else ())
        if finding.question == question.id and finding.claim_key in claims
    ]


def _class_content(
    topics: Sequence[ClassTopic], snapshot: Snapshot, evidence: Mapping[str, Evidence | None]
) -> ClassContent:
    columns = question_columns(topics, snapshot)
    questions = {column.question: snapshot.questions[column.question] for column in columns}
    return ClassContent(
        columns=columns,
        missing_topics=missing_topics(topics, snapshot),
        questions=questions,
        evidence=evidence,
        findings={
            question.id: claimed_findings(question, evidence[question.topic])
            for question in questions.values()
        },
        items=tuple(ItemKey.from_question(question) for question in questions.values()),
        simulations={question.id: _simulation_key(question) for question in questions.values()},
    )


def _simulation_key(question: Question) -> tuple[str, str] | None:
    return (question.topic, question.simulation) if question.simulation is not None else None
