"""Revisions of the content: a short text that changes with the content and at each restart."""

from __future__ import annotations

import secrets
import threading

from quizserver.topics.model import Snapshot


class RevisionCounter:
    """Numbers the snapshots that differ. Safe to use from several threads."""

    def __init__(self) -> None:
        self._process_token = secrets.token_hex(4)
        self._number = 0
        self._last: Snapshot | None = None  # held, so that nothing else gets its identity
        self._lock = threading.Lock()

    def revision_of(self, snapshot: Snapshot) -> str:
        with self._lock:
            last = self._last
            # Any saved file, be it an image or the evidence, makes new topics; comparing claims
            # again with the same result does not.
            unchanged = last is not None and (
                snapshot.topics is last.topics and snapshot.diagnostics == last.diagnostics
            )
            if not unchanged:
                self._number += 1
                self._last = snapshot
            return f"{self._process_token}-{self._number}"
