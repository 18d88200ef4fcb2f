"""Verifies the claims of a topic. Only training processes call it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from quizserver.confined.error_text import hide_folders
from quizserver.evidence import record
from quizserver.evidence.record import Evidence, EvidenceError
from quizserver.evidence.verify import VerifyError, verify_topic
from quizserver.lab.fingerprint import ENGINE_VERSION, file_fingerprint
from quizserver.lab.model import SimulationError, StaleRequestError
from quizserver.runs.requests import PARTS, VerificationRequest
from quizserver.runs.verification_requests import claims_fingerprint, topic_with_overlay
from quizserver.topics.model import Topic
from quizserver.worker.protocol import Emit, ShareMessage


def verify_topic_claims(folder: Path, request: VerificationRequest, emit: Emit) -> str:
    """Verifies the topic in ``folder``, emits each thousandth, the last one with the evidence.

    Maps depend on the simulations alone: where the recorded ones are of these simulations, they are
    kept rather than trained again. Raises SimulationError with a sentence for people.
    """
    topic = topic_with_overlay(folder, request.overlay)
    if topic is None or claims_fingerprint(topic) != request.fingerprint:
        raise StaleRequestError(
            "the topic's files were changed while it was waiting. Verify again."
        )
    recorded = _current_evidence(topic)
    last_share = 0

    def report_progress(done: int, total: int) -> None:
        nonlocal last_share
        share = min(PARTS - 1, PARTS * done // max(1, total))
        if share > last_share:
            last_share = share
            emit(ShareMessage(share))

    try:
        verified = verify_topic(
            topic, request.seeds, progress=report_progress, maps=recorded is None
        )
        verified = verified if recorded is None else _with_recorded_maps(verified, recorded)
        text = record.evidence_to_text(verified, folder / record.FILE_NAME)
    except (VerifyError, EvidenceError) as error:
        # A page shows nothing of the server's own folders.
        said = getattr(error.__cause__, "traceback_text", "")
        raise SimulationError(hide_folders(str(error), folder.parent), None, said) from error
    emit(ShareMessage(PARTS, text.encode()))
    agreeing = sum(finding.agrees for finding in verified.findings)
    edges = sum(finding.agrees and not finding.key_holds for finding in verified.findings)
    return f"{agreeing} of {len(verified.findings)} claims came out as the key says" + (
        f", {edges} of them on a knife's edge." if edges else "."
    )


def _current_evidence(topic: Topic) -> Evidence | None:
    """The recorded evidence, if its maps are those that training them now would give."""
    try:
        recorded = record.read_evidence(topic.folder)
    except EvidenceError:
        return None
    if recorded is None or recorded.made_with.get("engine") != ENGINE_VERSION:
        return None
    for name, path in topic.simulations.items():
        experiment = recorded.experiments.get(name)
        if experiment is None or experiment.description.fingerprint != file_fingerprint(path):
            return None
        if len(experiment.maps) != len(experiment.description.maps):
            return None
    return recorded


def _with_recorded_maps(verified: Evidence, recorded: Evidence) -> Evidence:
    experiments = {
        name: replace(experiment, maps=recorded.experiments[name].maps)
        for name, experiment in verified.experiments.items()
    }
    return replace(verified, experiments=experiments)
