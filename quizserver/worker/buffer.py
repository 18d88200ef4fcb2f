"""Buffers what a training process has written until its worker has stored it."""

from __future__ import annotations

import gzip
import hashlib
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable

import numpy as np

from quizserver.kernel.recipe import source_version
from quizserver.runs.model import Batch, Run
from quizserver.runs.plans import PlanScope, PlanSummary
from quizserver.runs.requests import (
    PARTS,
    CurveRequest,
    MapRequest,
    PlanRequest,
    VerificationRequest,
)
from quizserver.runs.results import merge_cells
from quizserver.worker.protocol import (
    CellsMessage,
    DoneMessage,
    ErrorMessage,
    Floats,
    LoadedMessage,
    Message,
    MessageDecoder,
    PlanMessage,
    PointsMessage,
    ProtocolError,
    ShareMessage,
)
from quizserver.worker.summary import hash_points, summarise_points

UNPLANNED = "This experiment can only be trained by the server."
TOO_LARGE = "With so many seeds at this setting, it is too much work for a browser."

FLUSH = 0.08  # seconds for which points are gathered into one batch; the first goes at once


class RunBuffer(ABC):
    """Decodes the messages of one run and gathers their points into batches.

    A run that an earlier worker lost keeps its points. Equal seeds give equal points, so each kind
    of buffer skips what is stored already, and no watcher sees a point twice. ``mark`` begins each
    frame of the training process.
    """

    def __init__(self, run: Run, mark: bytes = b"") -> None:
        self.ended = False
        self.sentence: str | None = None
        self.error: ErrorMessage | None = None
        self.problem: str | None = None
        self.is_arm: bool | None = None
        self.has_diverged = False
        self.outputs_sha256: str | None = None
        self.received = 0
        self._heard_at = time.monotonic()
        self._decoder = MessageDecoder(run.request, mark)
        self._seq = run.last_seq
        self._flushed_at = 0.0

    @property
    @abstractmethod
    def has_pending(self) -> bool:
        """Whether there are points that no batch holds yet."""

    @property
    @abstractmethod
    def _is_complete(self) -> bool:
        """Whether everything that the request asks for has come."""

    @abstractmethod
    def _add_message(self, message: Message) -> None:
        """Adds the points of a message, which is of the kind that the request asks for."""

    @abstractmethod
    def _take_pending(self) -> tuple[int, str, bytes]:
        """(count, summary, data) of the pending points, which are pending no longer."""

    def add_bytes(self, data: bytes) -> None:
        """Adds what was read from the pipe; no bytes are its end."""
        if not data:
            self.ended = True
            return
        try:
            for message in self._decoder.decode_bytes(data):
                if isinstance(message, DoneMessage):
                    if not self._is_complete:
                        raise ProtocolError("it ended before it had given everything")
                    self.sentence = message.sentence
                    self.ended = True
                    return
                if isinstance(message, ErrorMessage):
                    self.error = message
                    self.ended = True
                    return
                if isinstance(message, LoadedMessage):
                    self.is_arm = message.is_arm
                else:
                    self._heard_at = time.monotonic()
                    self._add_message(message)
        except ProtocolError as error:
            self.problem = f"The simulation can't be used: {error}."
            self.ended = True

    @property
    def has_begun(self) -> bool:
        """Whether the simulation was read: it said so, or gave something."""
        return self.is_arm is not None or self.received > 0

    def silent_seconds(self) -> float:
        """For how long nothing new came."""
        return time.monotonic() - self._heard_at

    def is_due(self, now: float) -> bool:
        """Whether the pending points should be stored now."""
        if not self.has_pending:
            return False
        return self._seq == 0 or now - self._flushed_at >= FLUSH

    def next_batch(self, now: float) -> Batch:
        """The pending points as the next batch."""
        count, summary, data = self._take_pending()
        self._seq += 1
        self._flushed_at = now
        return Batch(self._seq, count, summary, data)


class PointsBuffer(RunBuffer):
    """Gathers the points of curves."""

    def __init__(self, run: Run, request: CurveRequest, mark: bytes = b"") -> None:
        super().__init__(run, mark)
        self._request = request
        self._points_to_skip = run.points_done
        self._pending: list[tuple[Floats, list[Floats]]] = []
        self._digest = hashlib.sha256()

    @property
    def has_pending(self) -> bool:
        return bool(self._pending)

    @property
    def _is_complete(self) -> bool:
        return self.received == self._request.points

    def _add_message(self, message: Message) -> None:
        assert isinstance(message, PointsMessage)
        x = np.asarray(message.x)
        self.received += len(x)
        self.has_diverged |= not all(np.isfinite(s).all() for s in message.series.values())
        hash_points(self._digest, [np.asarray(series) for series in message.series.values()])
        if self._is_complete:
            self.outputs_sha256 = self._digest.hexdigest()
        skip = min(self._points_to_skip, len(x))
        self._points_to_skip -= skip
        if skip < len(x):
            values = [np.asarray(series)[:, skip:] for series in message.series.values()]
            self._pending.append((x[skip:], values))

    def _take_pending(self) -> tuple[int, str, bytes]:
        x = np.concatenate([xs for xs, _ in self._pending])
        values = np.concatenate([np.stack(series) for _, series in self._pending], axis=2)
        self._pending.clear()
        summary = summarise_points(x, dict(zip(self._request.series, values, strict=True)))
        return len(x), summary, np.ascontiguousarray(values, dtype="<f8").tobytes()


class CellsBuffer(RunBuffer):
    """Gathers the cells of a map."""

    def __init__(self, run: Run, stored_cells: Iterable[int], mark: bytes = b"") -> None:
        super().__init__(run, mark)
        self._cell_count = run.request.points
        self._received_cells = set(stored_cells)
        self._pending: dict[int, int] = {}

    @property
    def has_pending(self) -> bool:
        return bool(self._pending)

    @property
    def _is_complete(self) -> bool:
        return len(self._received_cells) == self._cell_count

    def _add_message(self, message: Message) -> None:
        assert isinstance(message, CellsMessage)
        self.received += len(message.cells)
        for cell, count in zip(message.cells, message.counts, strict=True):
            if cell not in self._received_cells:
                self._received_cells.add(cell)
                self._pending[cell] = count

    def _take_pending(self) -> tuple[int, str, bytes]:
        summary = {"cells": list(self._pending), "counts": list(self._pending.values())}
        count = len(self._pending)
        self._pending.clear()
        return count, json.dumps(summary, separators=(",", ":")), b""


class ShareBuffer(RunBuffer):
    """Adds up the thousandths of a verification; the batch with the last one has the evidence."""

    def __init__(self, run: Run, mark: bytes = b"") -> None:
        super().__init__(run, mark)
        self._batched = run.points_done
        self._done = run.points_done
        self._evidence = b""

    @property
    def has_pending(self) -> bool:
        return self._done > self._batched

    @property
    def _is_complete(self) -> bool:
        return self._done == PARTS

    def _add_message(self, message: Message) -> None:
        assert isinstance(message, ShareMessage)
        self.received = message.done
        # An earlier worker may have come further before it was lost.
        if message.done > self._done:
            self._done = message.done
            self._evidence = message.evidence

    def _take_pending(self) -> tuple[int, str, bytes]:
        count, evidence = self._done - self._batched, self._evidence
        self._batched = self._done
        self._evidence = b""
        return count, "{}", evidence


class PlanBuffer(RunBuffer):
    """Holds the one message of a plan; its image is compressed once, for all who ask for it."""

    def __init__(self, run: Run, mark: bytes = b"") -> None:
        super().__init__(run, mark)
        self._is_stored = bool(run.points_done)
        self._message: PlanMessage | None = None

    @property
    def has_pending(self) -> bool:
        return self._message is not None

    @property
    def _is_complete(self) -> bool:
        return self.received == 1

    def _add_message(self, message: Message) -> None:
        assert isinstance(message, PlanMessage)
        self.received += 1
        if self.received > 1:
            raise ProtocolError("it gave more than one plan")
        self._message = None if self._is_stored else message

    def _take_pending(self) -> tuple[int, str, bytes]:
        message = self._message
        assert message is not None
        self._message = None
        if message.image:
            data = gzip.compress(message.image, mtime=0)
            summary = PlanSummary(
                PlanScope(message.depends_on), hashlib.sha256(data).hexdigest(), source_version()
            )
            return 1, summary.to_json(), data
        # What no plan can hold is none for other seeds either.
        scope = PlanScope(message.depends_on, seeds=message.is_too_large)
        refusal = TOO_LARGE if message.is_too_large else UNPLANNED
        return 1, PlanSummary(scope, refusal=refusal, detail=message.reason).to_json(), b""


def create_buffer(
    run: Run, stored_batches: Iterable[Batch] = (), *, mark: bytes = b""
) -> RunBuffer:
    """The buffer for the kind of request; ``stored_batches`` are the run's, read for a map only."""
    match run.request:
        case CurveRequest() as request:
            return PointsBuffer(run, request, mark)
        case MapRequest():
            return CellsBuffer(run, merge_cells(stored_batches)[0], mark)
        case VerificationRequest():
            return ShareBuffer(run, mark)
        case PlanRequest():
            return PlanBuffer(run, mark)
