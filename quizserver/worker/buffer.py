"""What a training process has told its worker, and what of that is not stored yet."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from quizserver.runs.model import Batch, Run
from quizserver.worker import process, protocol
from quizserver.worker.summary import summarise_points

FLUSH = 0.08  # seconds for which points are gathered into one batch; the first goes at once


@dataclass(slots=True)
class RunBuffer:
    """Gathers points, or cells, into batches; ``known`` are the cells that are stored already."""

    run: Run
    stored_cells: set[int]
    cells: dict[int, int] = field(default_factory=dict)
    share: int = 0
    evidence: bytes = b""
    x: list[npt.NDArray[np.float64]] = field(default_factory=list)
    values: list[npt.NDArray[np.float64]] = field(default_factory=list)
    ended: bool = False
    sentence: str | None = None
    error: dict[str, object] | None = None
    problem: str | None = None
    _decoder: protocol.FrameDecoder = field(default_factory=protocol.FrameDecoder)
    _seq: int = 0
    _received_points: int = 0
    _points_to_skip: int = 0
    _flushed: float = 0.0

    def __post_init__(self) -> None:
        # A run that an earlier worker lost keeps its points and cells; equal seeds give equal ones,
        # so this attempt only adds what is missing and nobody who watches sees anything twice.
        self._seq = self.run.last_seq
        self._points_to_skip = self.run.points_done

    @property
    def pending(self) -> bool:
        return bool(self.x or self.cells or self.share)

    def add_bytes(self, data: bytes) -> None:
        if not data:
            self.ended = True
            return
        try:
            for kind, header, body in self._decoder.feed(data):
                if kind == protocol.POINTS:
                    self._add_points(header, body)
                elif kind == protocol.CELLS:
                    self._add_cells(header)
                elif kind == protocol.SHARE:
                    self._add_share(header, body)
                elif kind == protocol.DONE:
                    self.sentence = str(header.get("sentence", ""))
                    self.ended = True
                else:
                    self.error = header
                    self.ended = True
        except protocol.ProtocolError as error:
            self.problem = f"The simulation can't be used: {error}."
            self.ended = True

    def _add_points(self, header: dict[str, object], body: bytes) -> None:
        request = self.run.request
        if request.overlay is not None:
            raise protocol.ProtocolError("it gave points where a verification was asked for")
        if request.plane is not None:
            raise protocol.ProtocolError("it gave points where cells of a map were asked for")
        x, values = process.read_points(header, body, request.series, request.replicas)
        self._received_points += len(x)
        if self._received_points > self.run.points_total:
            raise protocol.ProtocolError(
                f"it gave more points than the {self.run.points_total} of its description"
            )
        skip = min(self._points_to_skip, len(x))
        self._points_to_skip -= skip
        if skip < len(x):
            self.x.append(x[skip:])
            self.values.append(values[:, :, skip:])

    def _add_cells(self, header: dict[str, object]) -> None:
        if self.run.request.plane is None:
            raise protocol.ProtocolError("it gave cells of a map where points were asked for")
        cells, counts = process.read_cells(header, self.run.request.plane)
        for cell, count in zip(cells, counts, strict=True):
            if cell not in self.stored_cells:
                self.stored_cells.add(cell)
                self.cells[cell] = count

    def _add_share(self, header: dict[str, object], evidence: bytes) -> None:
        done = header.get("done")
        if self.run.request.overlay is None or not isinstance(done, int):
            raise protocol.ProtocolError("it told of a verification that was not asked for")
        if not 0 <= done <= self.run.points_total:
            raise protocol.ProtocolError(f"it told of {done} of {self.run.points_total} parts")
        # An earlier worker may have come further before it was lost.
        stored = self.run.points_done + self._received_points + self.share
        if done > stored:
            self.share += done - stored
            self.evidence = evidence

    def is_due(self, now: float) -> bool:
        """Whether the gathered points should be stored now."""
        if not self.pending:
            return False
        return self._seq == 0 or now - self._flushed >= FLUSH

    def next_batch(self, now: float) -> Batch:
        """The gathered points, or cells, as the next batch; they are no longer pending."""
        if self.cells:
            return self._cells_batch(now)
        if self.share:
            return self._share_batch(now)
        x = np.concatenate(self.x)
        values = np.concatenate(self.values, axis=2)
        self.x.clear()
        self.values.clear()
        self._seq += 1
        self._flushed = now
        series = dict(zip(self.run.request.series, values, strict=True))
        data = np.ascontiguousarray(values, dtype="<f8").tobytes()
        return Batch(self._seq, len(x), summarise_points(x, series), data)

    def _cells_batch(self, now: float) -> Batch:
        summary = {"cells": list(self.cells), "counts": list(self.cells.values())}
        self.cells.clear()
        self._seq += 1
        self._flushed = now
        return Batch(self._seq, len(summary["cells"]), json.dumps(summary, separators=(",", ":")))

    def _share_batch(self, now: float) -> Batch:
        count, evidence = self.share, self.evidence
        self._received_points += count
        self.share, self.evidence = 0, b""
        self._seq += 1
        self._flushed = now
        return Batch(self._seq, count, "{}", evidence)
