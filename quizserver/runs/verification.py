"""Verifying the claims of a topic in which one page has another text. Nothing here trains."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from quizserver.lab.evidence import claimed
from quizserver.lab.fingerprint import ENGINE_VERSION, fingerprint
from quizserver.runs.model import Order, RefusedError
from quizserver.topics.folder import list_folder
from quizserver.topics.model import Topic
from quizserver.topics.shelf import Shelf

PARTS = 1000
"""Into how many parts a verification's progress is divided."""

SEEDS = range(64)
"""As on the command line, so that the evidence is the same whoever made it."""


def mark(topic: Topic) -> str:
    """64 hex digits that change with the claims and simulations of the topic, and nothing else.

    Raises RefusedError when a simulation can't be read.
    """
    try:
        files = {name: fingerprint(path) for name, path in sorted(topic.simulations.items())}
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedError(409, f"A simulation of the topic can't be read: {error}.") from None
    claims = [claim for question in topic.questions for claim in claimed(question)]
    said = json.dumps([ENGINE_VERSION, files, claims], separators=(",", ":"))
    return hashlib.sha256(said.encode()).hexdigest()


def order(topic: Topic, overlay: Mapping[str, str]) -> Order:
    """Asks for the verification of ``topic``, whose pages in ``overlay`` are not those on the disk.

    Raises RefusedError (422) when there is nothing to verify.
    """
    if not any(question.claims for question in topic.questions):
        raise RefusedError(422, "There is no claim in this topic to verify.")
    return Order(
        topic=topic.id,
        simulation="",
        path=topic.folder.name,
        fingerprint=mark(topic),
        arm=None,
        knobs={},
        first_seed=SEEDS.start,
        replicas=len(SEEDS),
        x_label="",
        series=(),
        points=PARTS,
        overlay=overlay,
    )


def topic_with(folder: Path, overlay: Mapping[str, str]) -> Topic | None:
    """The topic in ``folder`` with the texts of ``overlay`` in place of its pages."""
    shelf = Shelf(folder.parent)
    shelf.fill(list_folder(folder.parent, only=folder.name))
    for path, text in overlay.items():
        shelf = shelf.trying(path, text.encode())
    topics = shelf.snapshot().topics.values()
    return next((topic for topic in topics if topic.folder.name == folder.name), None)
