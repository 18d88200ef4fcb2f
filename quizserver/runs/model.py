"""A run, its batches and its progress, and the refusal of a run. Plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from quizserver.runs.requests import RunRequest

State = Literal["queued", "running", "done", "failed", "stopped"]
ACTIVE: frozenset[State] = frozenset({"queued", "running"})


class RunRefusedError(Exception):
    """A run is refused: the HTTP status, a sentence for people, and the field at fault.

    ``detail`` is for authors alone; ``own_runs`` are those of the visitor that are in the way.
    """

    def __init__(
        self,
        status: int,
        message: str,
        field: str | None = None,
        *,
        retry_after: int | None = None,
        detail: str = "",
        own_runs: Sequence[Run] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.field = field
        self.retry_after = retry_after
        self.detail = detail
        self.own_runs = own_runs


@dataclass(frozen=True, slots=True)
class Run:
    """A run and its state when it was read. Times are seconds since 1970.

    ``attempt`` counts how often a worker claimed it: a worker's writes carry the number of its own
    attempt and are refused once another worker has claimed the run. ``error`` is a sentence for
    learners; ``error_detail``, what the author's code said, is for authors alone.
    ``outputs_sha256`` is the digest of the values of all replicas, of curves that have ended.
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
    error_detail: str | None = None
    outputs_sha256: str | None = None

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    def elapsed_seconds(self, now: float) -> float | None:
        """Seconds of training so far, or in all once it has ended; None before it began."""
        if self.started_at is None:
            return None
        return max(0.0, (self.finished_at or now) - self.started_at)

    def seconds_left(self, now: float) -> float | None:
        """Seconds until the end at the pace so far; None before the first point."""
        if not self.active:
            return 0.0
        elapsed = self.elapsed_seconds(now)
        if elapsed is None or not self.points_done:
            return None
        return elapsed / self.points_done * (self.points_total - self.points_done)


class NotHeldError(Exception):
    """The run can't be claimed by this worker, which does not hold the files that it needs."""

    def __init__(self, run: Run) -> None:
        super().__init__(f"run {run.id} needs other files")
        self.run = run


@dataclass(frozen=True, slots=True)
class Batch:
    """Points that are stored together.

    Of curves, ``summary`` is the JSON text that charts draw and ``data`` has the values of every
    replica (float64, little-endian; series, replica, point). Of a map, ``summary`` has the numbers
    of the cells and their counts, and ``data`` is empty. Of a verification, ``count`` is in
    thousandths of the training, and ``data`` of the last batch is the evidence. Of a plan,
    ``summary`` is the JSON of a ``PlanSummary``, and ``data`` the image (gzip), empty where there
    is none.
    """

    seq: int
    count: int
    summary: str
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class RunSubmission:
    """The run of a request, and whether it is new, was joined, or was found finished."""

    run: Run
    how: Literal["new", "joined", "found"]


@dataclass(frozen=True, slots=True)
class RunProgress:
    """A run, how many are queued before it (0 if it is not queued), its batches since a cursor."""

    run: Run
    waiting: int
    batches: tuple[Batch, ...]


class Heartbeat(NamedTuple):
    """The latest heartbeat of a run: in which attempt, and when by that worker's own clock."""

    attempt: int
    heartbeat_at: float
