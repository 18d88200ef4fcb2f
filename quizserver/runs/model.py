"""What a run is, for everyone in this room. Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from quizserver.lab.phase_maps import Plane

State = Literal["queued", "running", "done", "failed", "stopped"]
ACTIVE: frozenset[State] = frozenset({"queued", "running"})


class RunRefusedError(Exception):
    """A run that can't be had: the HTTP status, a sentence for people, and the field at fault."""

    def __init__(
        self, status: int, message: str, field: str | None = None, *, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.field = field
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What is to be trained: every knob of one simulation, and the seeds of its replicas.

    ``path`` is the simulation's file relative to the content folder, with forward slashes;
    ``knobs`` holds every knob of the simulation; ``points`` is how many values of x it will give.
    With a ``plane`` a phase map is asked for: ``points`` counts its cells, and ``first_seed`` and
    ``replicas`` are those of every cell.
    With an ``overlay`` the claims of a topic are verified, with these texts (by path) in place of
    its files: ``path`` is the topic's folder, ``fingerprint`` stands for its claims and its
    simulations, and ``points`` counts thousandths of the training.
    """

    topic: str
    simulation: str
    path: str
    fingerprint: str
    arm: str | None
    knobs: Mapping[str, float]
    first_seed: int
    replicas: int
    x_label: str
    series: tuple[str, ...]
    points: int
    plane: Plane | None = None
    overlay: Mapping[str, str] | None = None

    @property
    def seeds(self) -> range:
        return range(self.first_seed, self.first_seed + self.replicas)

    @property
    def is_long(self) -> bool:
        """Whether it may take minutes: a map or a verification, not one setting's curves."""
        return self.plane is not None or self.overlay is not None


@dataclass(frozen=True, slots=True)
class Run:
    """One run as it stands. Times are seconds since 1970.

    ``attempt`` counts how often a worker took it: a worker's writes carry its own number and are
    refused once the run was given to another one.
    """

    id: str
    request: RunRequest
    state: State
    points_done: int
    points_total: int
    last_seq: int
    attempt: int
    error: str | None
    sentence: str | None
    created_at: float
    started_at: float | None
    finished_at: float | None

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    def elapsed_seconds(self, now: float) -> float | None:
        """Seconds of training so far, or in all; None before it began."""
        if self.started_at is None:
            return None
        return max(0.0, (self.finished_at or now) - self.started_at)

    def seconds_left(self, now: float) -> float | None:
        """Seconds until the end at the pace so far; None while nothing is known of the pace."""
        if not self.active:
            return 0.0
        elapsed = self.elapsed_seconds(now)
        if elapsed is None or not self.points_done:
            return None
        return elapsed / self.points_done * (self.points_total - self.points_done)


@dataclass(frozen=True, slots=True)
class Batch:
    """Points that arrived together: ``summary`` is the JSON text that charts draw, ``data`` the
    values of every replica (float64, little-endian; series, replica, point). Of a map, cells that
    arrived together: ``summary`` holds their numbers and counts, and there is no ``data``. Of a
    verification, thousandths: ``data`` is the evidence when all is trained."""

    seq: int
    count: int
    summary: str
    data: bytes = b""
