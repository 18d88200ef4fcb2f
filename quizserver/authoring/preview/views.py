"""What the preview shows of a topic and a question: the key and the evidence included. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from quizserver.evidence.record import Evidence, EvidenceError, read_evidence
from quizserver.lab_views.bench import BenchView
from quizserver.lab_views.evidence import OptionEvidence
from quizserver.lab_views.topic_evidence import described_figure, evidence_by_option
from quizserver.topics.model import Claim, Question, Snapshot, Topic

Tone = Literal["good", "warn", "bad", "none"]


@dataclass(frozen=True, slots=True)
class EvidenceState:
    """What there is to say about a topic's or a question's evidence; ``command`` mends it."""

    tone: Tone
    sign: str
    sentence: str
    command: str | None = None


@dataclass(frozen=True, slots=True)
class KeyedOption:
    """An option with its mark. ``disagrees`` tells what the evidence says against the key."""

    id: str
    html: str
    right: bool
    feedback_html: str | None
    claims: Sequence[str]
    evidence: Sequence[OptionEvidence]
    disagreement: str | None


@dataclass(frozen=True, slots=True)
class KeyedQuestion:
    """All of a question at once, nothing kept back."""

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
    bench: BenchView | None = None
    bench_pending: bool = False


@dataclass(frozen=True, slots=True)
class PreviewTopicRow:
    folder: str
    title: str
    questions: int
    problems: int
    state: EvidenceState


def keyed_question(
    topic: Topic, question: Question, *, is_last_good: bool, verify_command: str
) -> KeyedQuestion:
    """The question with its key; ``command`` is what records the topic's evidence."""
    evidence = _readable_evidence(topic)
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
        state=evidence_state(topic, question.id, verify_command),
    )


def evidence_state(topic: Topic, question_id: str | None, verify_command: str) -> EvidenceState:
    """How the evidence of a topic, or of one of its questions, stands."""
    questions = [
        candidate
        for candidate in topic.questions
        if question_id is None or candidate.id == question_id
    ]
    claims = sum(len(candidate.claims) for candidate in questions)
    if not claims:
        return EvidenceState("none", "·", "No claims, so no evidence is needed.")
    try:
        evidence = read_evidence(topic.folder)
    except EvidenceError as error:
        return EvidenceState("bad", "✗", f"The evidence can't be read: {error}", verify_command)
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
    seeds = f"seeds {evidence.first} to {evidence.last}"
    agreement = (
        "The one claim agrees" if len(findings) == 1 else f"All {len(findings)} claims agree"
    )
    return EvidenceState("good", "✓", f"{agreement} with the evidence ({seeds}).")


def preview_topic_rows(snapshot: Snapshot, verify_template: str) -> list[PreviewTopicRow]:
    """A row a folder: those that can't be served as well, as long as a file of theirs is broken.

    ``verify`` is the command that records evidence, with ``{}`` for the topic.
    """
    folders = {topic.folder.name: topic for topic in snapshot.topics.values()}
    counts: dict[str, int] = {}
    for problem in snapshot.diagnostics:
        counts[problem.folder] = counts.get(problem.folder, 0) + 1
    unserved_folders = sorted(
        {p.folder for p in snapshot.diagnostics if "/" in p.path} - set(folders)
    )
    rows = [
        PreviewTopicRow(
            folder,
            topic.title,
            len(topic.questions),
            counts.get(folder, 0),
            evidence_state(topic, None, verify_template.format(topic.id)),
        )
        for folder, topic in folders.items()
    ]
    unserved_state = EvidenceState("none", "·", "Not served.")
    return rows + [
        PreviewTopicRow(folder, folder, 0, counts[folder], unserved_state)
        for folder in unserved_folders
    ]


def _readable_evidence(topic: Topic) -> Evidence | None:
    try:
        return read_evidence(topic.folder)
    except EvidenceError:  # evidence_state tells it
        return None


def _disagreement_text(evidence: Evidence | None, question: str, option: str) -> str | None:
    finding = evidence.finding_for(question, option) if evidence is not None else None
    if finding is None or finding.agrees:
        return None
    return (
        f"The key says {finding.expected}, the evidence says {finding.verdict}: "
        f"{finding.k} of {finding.n}."
    )


def _claim_text(claim: Claim) -> str:
    against = f" against {claim.versus}" if claim.versus else ""
    value = f" {claim.value:g}" if claim.value is not None else ""
    series = f" in {claim.series}" if claim.series else ""
    sweeps = "".join(f", over {len(sweep.values)} values of {sweep.knob}" for sweep in claim.over)
    return (
        f"{claim.arm}{against}: {claim.shape}{value}{series}, {claim.quantifier} in at least "
        f"{claim.at_least:.0%}{sweeps}; expected to be {claim.expected}"
    )
