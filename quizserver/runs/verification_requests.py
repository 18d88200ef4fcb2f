"""The request to verify the claims of a topic, some of whose pages may have unsaved texts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from quizserver.confined.error_text import hide_folders
from quizserver.evidence.record import claim_keys
from quizserver.lab.fingerprint import ENGINE_VERSION, file_fingerprint
from quizserver.runs.model import RunRefusedError
from quizserver.runs.requests import VerificationRequest
from quizserver.topics.folder import is_lesson
from quizserver.topics.model import Topic
from quizserver.topics.workspace import load_workspace

SEEDS = range(64)
"""The seeds of `quizserver verify`, so that the evidence is the same however it was made."""


COUNTS_VERSION = 2
"""Raised where evidence tells more of the same claims: earlier verifications are done again.

2: the counts with nudged draws.
"""


def claims_fingerprint(topic: Topic) -> str:
    """64 hex digits that change with the claims and simulations of the topic, the engine and what
    is counted, and nothing else.

    Raises RunRefusedError (409) when a simulation can't be read.
    """
    files = _simulation_fingerprints(topic)
    # In the order of the paths: that of the lesson may be another one on another machine.
    questions = sorted(topic.questions, key=lambda question: question.path)
    claims = [claim for question in questions for claim in claim_keys(question)]
    text = json.dumps([ENGINE_VERSION, COUNTS_VERSION, files, claims], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _simulation_fingerprints(topic: Topic) -> dict[str, str]:
    """By name, in their order. Raises RunRefusedError (409) when a file can't be read."""
    try:
        return {name: file_fingerprint(path) for name, path in sorted(topic.simulations.items())}
    except (OSError, UnicodeDecodeError) as error:
        said = hide_folders(str(error), topic.folder.parent)
        raise RunRefusedError(409, f"A simulation of the topic can't be read: {said}.") from None


def verification_request(topic: Topic, overlay: Mapping[str, str]) -> VerificationRequest:
    """The request to verify ``topic``, in which the texts of ``overlay`` replace those on the disk.

    The texts of all its questions with claims go along: a worker may be on another machine.

    Raises RunRefusedError (422) when there is nothing to verify.
    """
    if not any(question.claims for question in topic.questions):
        raise RunRefusedError(422, "There is no claim in this topic to verify.")
    return VerificationRequest(
        topic=topic.id,
        path=topic.folder.name,
        fingerprint=claims_fingerprint(topic),
        first_seed=SEEDS.start,
        replicas=len(SEEDS),
        overlay={q.path: q.source for q in topic.questions if q.claims} | dict(overlay),
        files={
            f"{topic.folder.name}/{topic.simulations[name].name}": fingerprint
            for name, fingerprint in _simulation_fingerprints(topic).items()
        },
    )


def topic_with_overlay(folder: Path, overlay: Mapping[str, str]) -> Topic | None:
    """The topic in ``folder`` with the texts of ``overlay`` as its questions, and no others."""
    workspace = load_workspace(folder.parent, only_topic=folder.name)
    for path in list(workspace.files):
        if path not in overlay and not is_lesson(path):
            workspace = workspace.with_file(path, None)
    for path, text in overlay.items():
        workspace = workspace.with_file(path, text.encode())
    return workspace.build_snapshot().topic_in_folder(folder.name)
