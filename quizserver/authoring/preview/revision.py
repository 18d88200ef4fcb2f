"""A short text that changes whenever what the pages are made of does, and across restarts."""

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
            # Any saved file, an image or the evidence too, makes new topics; claims that were
            # compared once more and found to be the same do not.
            unchanged = last is not None and (
                snapshot.topics is last.topics and snapshot.diagnostics == last.diagnostics
            )
            if not unchanged:
                self._number += 1
                self._last = snapshot
            return f"{self._process_token}-{self._number}"
