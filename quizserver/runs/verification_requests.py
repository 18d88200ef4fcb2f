"""Verifying the claims of a topic in which one page has another text. Nothing here trains."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from quizserver.evidence.record import claim_keys
from quizserver.lab.fingerprint import ENGINE_VERSION, file_fingerprint
from quizserver.runs.model import RunRefusedError, RunRequest
from quizserver.topics.folder import list_folder
from quizserver.topics.model import Topic
from quizserver.topics.workspace import Workspace

PARTS = 1000
"""Into how many parts a verification's progress is divided."""

SEEDS = range(64)
"""As on the command line, so that the evidence is the same whoever made it."""


def claims_fingerprint(topic: Topic) -> str:
    """64 hex digits that change with the claims and simulations of the topic, and nothing else.

    Raises RefusedError when a simulation can't be read.
    """
    try:
        files = {name: file_fingerprint(path) for name, path in sorted(topic.simulations.items())}
    except (OSError, UnicodeDecodeError) as error:
        raise RunRefusedError(409, f"A simulation of the topic can't be read: {error}.") from None
    claims = [claim for question in topic.questions for claim in claim_keys(question)]
    text = json.dumps([ENGINE_VERSION, files, claims], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def verification_request(topic: Topic, overlay: Mapping[str, str]) -> RunRequest:
    """Asks for the verification of ``topic``, whose pages in ``overlay`` are not those on the disk.

    Raises RefusedError (422) when there is nothing to verify.
    """
    if not any(question.claims for question in topic.questions):
        raise RunRefusedError(422, "There is no claim in this topic to verify.")
    return RunRequest(
        topic=topic.id,
        simulation="",
        path=topic.folder.name,
        fingerprint=claims_fingerprint(topic),
        arm=None,
        knobs={},
        first_seed=SEEDS.start,
        replicas=len(SEEDS),
        x_label="",
        series=(),
        points=PARTS,
        overlay=overlay,
    )


def topic_with_overlay(folder: Path, overlay: Mapping[str, str]) -> Topic | None:
    """The topic in ``folder`` with the texts of ``overlay`` in place of its pages."""
    workspace = Workspace(folder.parent)
    workspace.update(list_folder(folder.parent, only_topic=folder.name))
    for path, text in overlay.items():
        workspace = workspace.with_file(path, text.encode())
    return workspace.build_snapshot().topic_in_folder(folder.name)
