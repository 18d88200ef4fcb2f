"""What an author is told of a count that stands on a knife's edge."""

from __future__ import annotations

from quizserver.evidence.record import Evidence, Finding
from quizserver.topics.model import Claim, Diagnostic, Question, Topic

ADVICE = "Choose a setting, a number or a shape for which rounding does not decide."
NO_KEY = "No mark may rest on it."


def edge_sentence(finding: Finding) -> str | None:
    """Both counts of a finding that stands on a knife's edge, in words; None for any other."""
    if finding.nudged is None or not finding.on_edge:
        return None
    unit = "seeds" if finding.versus is None else "pairs"
    changed = finding.nudged.changed
    return (
        f"stands on a knife's edge: {finding.k} of {finding.n} {unit} show it, and "
        f"{finding.nudged.k} when draws change in their last place; "
        f"{changed} {unit[:-1] if changed == 1 else unit} then come{'s' * (changed == 1)} out "
        "the other way"
    )


def find_edges(topic: Topic, evidence: Evidence) -> list[Diagnostic]:
    """A problem at each claim of an option whose count stands on a knife's edge.

    Of a claim of no option it is a warning: the page may lean on it, the key does not.
    ``evidence`` is of the topic's claims as they are.
    """
    diagnostics = []
    for question in topic.questions:
        findings = [finding for finding in evidence.findings if finding.question == question.id]
        for claim, finding in zip(question.claims, findings, strict=True):
            sentence = edge_sentence(finding)
            if sentence is not None:
                diagnostics.append(_edge_diagnostic(question, claim, sentence))
    return diagnostics


def _edge_diagnostic(question: Question, claim: Claim, sentence: str) -> Diagnostic:
    is_key = claim.option is not None
    of = f' of the option "{claim.option}"' if is_key else ""
    return Diagnostic(
        line=claim.line,
        column=1,
        code="knifes-edge",
        message=f"This claim{of} {sentence}.",
        hint=f"{NO_KEY} {ADVICE}" if is_key else ADVICE,
        path=question.path,
        severity="error" if is_key else "warning",
    )
