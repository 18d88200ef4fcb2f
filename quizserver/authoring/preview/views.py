"""Views of topics and questions in the preview, with the key and the evidence. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from quizserver.evidence.edges import edge_sentence
from quizserver.evidence.record import Evidence, EvidenceError, read_evidence
from quizserver.lab_views.bench_builder import DeferredBench
from quizserver.lab_views.evidence import OptionEvidence
from quizserver.lab_views.topic_evidence import described_figure, evidence_by_option
from quizserver.topics.model import Claim, ProblemCount, Question, Snapshot, Topic, count_problems

Tone = Literal["good", "warn", "bad", "none"]


@dataclass(frozen=True, slots=True)
class EvidenceState:
    """How the evidence of a topic or a question stands; ``command`` records it again."""

    tone: Tone
    sign: str
    sentence: str
    command: str | None = None


@dataclass(frozen=True, slots=True)
class RecordedEvidence:
    """A topic's recorded evidence: None when there is none, or, with ``error``, unreadable."""

    evidence: Evidence | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class KeyedOption:
    """An option with its key. ``disagreement`` says where the evidence does not bear it."""

    id: str
    html: str
    right: bool
    feedback_html: str | None
    claims: Sequence[str]
    evidence: Sequence[OptionEvidence]
    disagreement: str | None


@dataclass(frozen=True, slots=True)
class KeyedQuestion:
    """Everything there is of a question: the key, the feedback, the hints and the evidence."""

    id: str
    path: str
    is_last_good: bool
    topic: str
    topic_title: str
    title: str
    stem_html: str
    figure_svg: Markup | None
    multiple: bool
    shuffle: bool
    tags: Sequence[str]
    options: Sequence[KeyedOption]
    hints_html: Sequence[str]
    explanation_html: str | None
    references_html: str | None
    extra_evidence: Sequence[OptionEvidence]
    state: EvidenceState
    bench: DeferredBench | None = None
    bench_pending: bool = False


@dataclass(frozen=True, slots=True)
class PreviewTopicRow:
    folder: str
    title: str
    questions: int
    count: ProblemCount
    state: EvidenceState


def load_recorded_evidence(topic: Topic) -> RecordedEvidence:
    try:
        return RecordedEvidence(read_evidence(topic.folder))
    except EvidenceError as error:
        return RecordedEvidence(None, str(error))


def keyed_question(
    topic: Topic,
    question: Question,
    recorded: RecordedEvidence,
    *,
    is_last_good: bool,
    verify_command: str,
) -> KeyedQuestion:
    """The question with its key; ``verify_command`` records the topic's evidence."""
    evidence = recorded.evidence
    option_evidence = evidence_by_option(evidence, question)
    return KeyedQuestion(
        id=question.id,
        path=question.path,
        is_last_good=is_last_good,
        topic=topic.id,
        topic_title=topic.title,
        title=question.title,
        stem_html=question.stem_html,
        figure_svg=described_figure(question),
        multiple=question.multiple,
        shuffle=question.shuffle,
        tags=question.tags,
        options=[
            KeyedOption(
                option.id,
                option.html,
                option.right,
                option.feedback_html,
                [_claim_text(c) for c in question.claims if c.option == option.id],
                option_evidence.get(option.id, ()),
                _disagreement_text(evidence, question.id, option.id),
            )
            for option in question.options
        ],
        hints_html=question.hints_html,
        explanation_html=question.explanation_html,
        references_html=question.references_html,
        extra_evidence=option_evidence.get(None, ()),
        state=evidence_state(topic, recorded, question.id, verify_command),
    )


def evidence_state(
    topic: Topic, recorded: RecordedEvidence, question_id: str | None, verify_command: str
) -> EvidenceState:
    """How the evidence of a topic stands, or, with ``question_id``, of one of its questions."""
    questions = [
        candidate
        for candidate in topic.questions
        if question_id is None or candidate.id == question_id
    ]
    claims = sum(len(candidate.claims) for candidate in questions)
    if not claims:
        return EvidenceState("none", "·", "No claims, so no evidence is needed.")
    if recorded.error is not None:
        sentence = f"The evidence can't be read: {recorded.error}"
        return EvidenceState("bad", "✗", sentence, verify_command)
    evidence = recorded.evidence
    if evidence is None:
        return EvidenceState("warn", "~", "No evidence has been recorded yet.", verify_command)
    stale = evidence.stale_reason(topic, question_id)
    if stale is not None:
        return EvidenceState("warn", "~", f"The evidence is stale. {stale}", verify_command)
    findings = [f for f in evidence.findings if question_id is None or f.question == question_id]
    contradicting = sum(not finding.agrees for finding in findings)
    if contradicting:
        sentence = f"The evidence contradicts the key in {contradicting} of {len(findings)} claims."
        return EvidenceState("bad", "✗", sentence)
    if not evidence.tells_edges:
        sentence = "The evidence does not tell which counts stand on a knife's edge."
        return EvidenceState("warn", "~", sentence, verify_command)
    on_edge = sum(not finding.key_holds for finding in findings)
    if on_edge:
        sentence = f"The key rests on a knife's edge in {on_edge} of {len(findings)} claims."
        return EvidenceState("bad", "✗", sentence)
    seeds = f"seeds {evidence.first} to {evidence.last}"
    agreement = (
        "The one claim agrees" if len(findings) == 1 else f"All {len(findings)} claims agree"
    )
    return EvidenceState("good", "✓", f"{agreement} with the evidence ({seeds}).")


def preview_topic_rows(snapshot: Snapshot, verify_template: str) -> list[PreviewTopicRow]:
    """A row for each folder, those included that can't be served because of a broken file.

    ``verify_template`` is the command that records evidence, with ``{}`` for the topic.
    """
    folders = {topic.folder.name: topic for topic in snapshot.topics.values()}
    unserved_folders = sorted(
        {p.folder for p in snapshot.diagnostics if "/" in p.path} - set(folders)
    )
    rows = [
        PreviewTopicRow(
            folder,
            topic.title,
            len(topic.questions),
            count_problems(snapshot.diagnostics_in_folder(folder)),
            evidence_state(
                topic,
                load_recorded_evidence(topic),
                None,
                verify_template.format(topic.id),
            ),
        )
        for folder, topic in folders.items()
    ]
    unserved_state = EvidenceState("none", "·", "Not served.")
    return rows + [
        PreviewTopicRow(
            folder,
            folder,
            0,
            count_problems(snapshot.diagnostics_in_folder(folder)),
            unserved_state,
        )
        for folder in unserved_folders
    ]


def _disagreement_text(evidence: Evidence | None, question: str, option: str) -> str | None:
    """What is wrong with each claim of the option that the key can't rest on."""
    findings = evidence.findings if evidence is not None else ()
    sentences = [
        f"The claim of {finding.ensemble}, {finding.shape}, {edge_sentence(finding)}."
        if finding.agrees
        else f"The key says {finding.expected}, the evidence says {finding.verdict}: "
        f"{finding.k} of {finding.n}."
        for finding in findings
        if (finding.question, finding.option) == (question, option) and not finding.key_holds
    ]
    return " ".join(sentences) or None


def _claim_text(claim: Claim) -> str:
    against = f" against {claim.versus}" if claim.versus else ""
    value = f" {claim.value:g}" if claim.value is not None else ""
    series = f" in {claim.series}" if claim.series else ""
    sweeps = "".join(f", over {len(sweep.values)} values of {sweep.knob}" for sweep in claim.over)
    return (
        f"{claim.arm}{against}: {claim.shape}{value}{series}, {claim.quantifier} in at least "
        f"{claim.at_least:.0%}{sweeps}; expected to be {claim.expected}"
    )
