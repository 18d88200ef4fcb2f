"""Trains the claims of a topic for a verification. Only training processes call it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from quizserver.lab import evidence
from quizserver.lab.evidence import Evidence, EvidenceError
from quizserver.lab.fingerprint import ENGINE_VERSION, fingerprint
from quizserver.lab.model import SimulationError
from quizserver.lab.verify import VerifyError, verify
from quizserver.runs.child import OnShare
from quizserver.runs.model import Order
from quizserver.runs.verification import PARTS, mark, topic_with
from quizserver.topics.model import Topic


def prove(folder: Path, order: Order, on_share: OnShare) -> str:
    """Verifies the order's topic, tells of each thousandth, and gives the evidence with the last.

    Maps rest on the simulations alone: where the recorded ones are of these simulations, they are
    kept rather than trained again. Raises SimulationError with a sentence for people.
    """
    topic = topic_with(folder, order.overlay or {})
    if topic is None or mark(topic) != order.fingerprint:
        raise SimulationError("the topic's files were changed while it was waiting. Verify again.")
    recorded = _recorded(topic)
    told = 0

    def progress(done: int, total: int) -> None:
        nonlocal told
        share = min(PARTS - 1, PARTS * done // max(1, total))
        if share > told:
            told = share
            on_share(share, b"")

    try:
        found = verify(topic, order.seeds, progress=progress, maps=recorded is None)
        found = found if recorded is None else _with_maps(found, recorded)
        text = evidence.to_text(found, folder / evidence.FILE_NAME)
    except (VerifyError, EvidenceError) as error:
        # Of the server's own folders a page tells nothing.
        raise SimulationError(str(error).replace(f"{folder.parent}/", "")) from error
    on_share(PARTS, text.encode())
    agree = sum(finding.agrees for finding in found.findings)
    return f"{agree} of {len(found.findings)} claims came out as the key says."


def _recorded(topic: Topic) -> Evidence | None:
    """The recorded evidence, if its maps are those that training them now would give."""
    try:
        found = evidence.read(topic.folder)
    except EvidenceError:
        return None
    if found is None or found.made_with.get("engine") != ENGINE_VERSION:
        return None
    for name, path in topic.simulations.items():
        experiment = found.experiments.get(name)
        if experiment is None or experiment.description.fingerprint != fingerprint(path):
            return None
        if len(experiment.maps) != len(experiment.description.maps):
            return None
    return found


def _with_maps(found: Evidence, recorded: Evidence) -> Evidence:
    experiments = {
        name: replace(experiment, maps=recorded.experiments[name].maps)
        for name, experiment in found.experiments.items()
    }
    return replace(found, experiments=experiments)
