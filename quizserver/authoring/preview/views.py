"""What the preview shows of a topic and a question: the key and the evidence included. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from quizserver.attempts.desk import by_option
from quizserver.attempts.views import figure
from quizserver.lab.evidence import Evidence, EvidenceError, read
from quizserver.runs.bench import BenchView, OptionEvidence
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
    disagrees: str | None


@dataclass(frozen=True, slots=True)
class KeyedQuestion:
    """All of a question at once, nothing kept back."""

    id: str
    path: str
    kept: bool
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
class TopicRow:
    folder: str
    title: str
    questions: int
    problems: int
    state: EvidenceState


def keyed_question(topic: Topic, question: Question, *, kept: bool, command: str) -> KeyedQuestion:
    """The question with its key; ``command`` is what records the topic's evidence."""
    evidence = _readable(topic)
    found = by_option(evidence, question)
    return KeyedQuestion(
        id=question.id,
        path=question.path,
        kept=kept,
        topic=topic.id,
        topic_title=topic.title,
        title=question.title,
        stem_html=question.stem_html,
        figure_svg=figure(question),
        multiple=question.multiple,
        shuffle=question.shuffle,
        tags=question.tags,
        options=[
            KeyedOption(
                option.id,
                option.html,
                option.right,
                option.feedback_html,
                [_claim_words(c) for c in question.claims if c.option == option.id],
                found.get(option.id, ()),
                _disagreement(evidence, question.id, option.id),
            )
            for option in question.options
        ],
        hints_html=question.hints_html,
        explanation_html=question.explanation_html,
        references_html=question.references_html,
        extra_evidence=found.get(None, ()),
        state=evidence_state(topic, question.id, command),
    )


def evidence_state(topic: Topic, question: str | None, command: str) -> EvidenceState:
    """How the evidence of a topic, or of one of its questions, stands."""
    asked = [each for each in topic.questions if question is None or each.id == question]
    claims = sum(len(each.claims) for each in asked)
    if not claims:
        return EvidenceState("none", "·", "No claims, so no evidence is needed.")
    try:
        evidence = read(topic.folder)
    except EvidenceError as error:
        return EvidenceState("bad", "✗", f"The evidence can't be read: {error}", command)
    if evidence is None:
        return EvidenceState("warn", "~", "No evidence has been recorded yet.", command)
    stale = evidence.stale(topic, question)
    if stale is not None:
        return EvidenceState("warn", "~", f"The evidence is stale. {stale}", command)
    findings = [f for f in evidence.findings if question is None or f.question == question]
    against = sum(not finding.agrees for finding in findings)
    if against:
        sentence = f"The evidence contradicts the key in {against} of {len(findings)} claims."
        return EvidenceState("bad", "✗", sentence)
    seeds = f"seeds {evidence.first} to {evidence.last}"
    number = "The one claim agrees" if len(findings) == 1 else f"All {len(findings)} claims agree"
    return EvidenceState("good", "✓", f"{number} with the evidence ({seeds}).")


def topic_rows(snapshot: Snapshot, verify: str) -> list[TopicRow]:
    """A row a folder: those that can't be served as well, as long as a file of theirs is broken.

    ``verify`` is the command that records evidence, with ``{}`` for the topic.
    """
    folders = {topic.folder.name: topic for topic in snapshot.topics.values()}
    counts: dict[str, int] = {}
    for problem in snapshot.problems:
        folder = problem.path.split("/")[0]
        counts[folder] = counts.get(folder, 0) + 1
    lost = sorted({p.path.split("/")[0] for p in snapshot.problems if "/" in p.path} - set(folders))
    rows = [
        TopicRow(
            folder,
            topic.title,
            len(topic.questions),
            counts.get(folder, 0),
            evidence_state(topic, None, verify.format(topic.id)),
        )
        for folder, topic in folders.items()
    ]
    unserved = EvidenceState("none", "·", "Not served.")
    return rows + [TopicRow(folder, folder, 0, counts[folder], unserved) for folder in lost]


def _readable(topic: Topic) -> Evidence | None:
    try:
        return read(topic.folder)
    except EvidenceError:  # evidence_state tells it
        return None


def _disagreement(evidence: Evidence | None, question: str, option: str) -> str | None:
    finding = evidence.finding(question, option) if evidence is not None else None
    if finding is None or finding.agrees:
        return None
    return (
        f"The key says {finding.expected}, the evidence says {finding.verdict}: "
        f"{finding.k} of {finding.n}."
    )


def _claim_words(claim: Claim) -> str:
    against = f" against {claim.versus}" if claim.versus else ""
    value = f" {claim.value:g}" if claim.value is not None else ""
    series = f" in {claim.series}" if claim.series else ""
    over = "".join(f", over {len(sweep.values)} values of {sweep.knob}" for sweep in claim.over)
    return (
        f"{claim.arm}{against}: {claim.shape}{value}{series}, {claim.quantifier} in at least "
        f"{claim.at_least:.0%}{over}; expected to be {claim.expected}"
    )
