"""The processes of the site's other machines: which of them are alive, and whose key differs.

A row tells that a process was alive when it was written; the process may have died since. So one
that was there before this process looked first counts as alive once it has written again, and as
gone when it did not for two beats. Until then it may be either.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime

from quizserver.hosts.model import ProcessIdentity, ProcessStatement


class Peers:
    """What is known of the other machines' processes; ``observe`` takes over their rows."""

    def __init__(
        self, identity: ProcessIdentity, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._identity = identity
        self._clock = clock
        self._first_seen: dict[str, datetime] | None = None
        self._began_at = 0.0
        self.are_alone: bool | None = None
        """Whether no other machine serves the site; None while that is not known yet."""
        self.strangers: tuple[ProcessStatement, ...] = ()
        """Processes of other machines with another key, those that have run longest first."""
        self.has_wrong_key = False
        """Whether one of the strangers has run for longer than this process."""

    def observe(self, processes: Sequence[ProcessStatement], beat_seconds: float) -> None:
        """Takes over the rows of all processes that were seen lately."""
        others = [p for p in processes if p.machine != self._identity.machine]
        if self._first_seen is None:
            self._first_seen = {p.id: p.seen_at for p in others}
            self._began_at = self._clock()
        first_seen = self._first_seen
        alive = [p for p in others if p.id not in first_seen or p.seen_at > first_seen[p.id]]
        is_over = self._clock() - self._began_at > 2 * beat_seconds
        maybe_alive = alive if is_over else others
        self.are_alone = False if alive else None if maybe_alive else True
        self.strangers = tuple(
            p for p in maybe_alive if p.key_fingerprint != self._identity.key_fingerprint
        )
        own_start = next((p.started_at for p in processes if p.id == self._identity.id), None)
        self.has_wrong_key = any(
            own_start is None or (p.started_at, p.id) < (own_start, self._identity.id)
            for p in self.strangers
        )
