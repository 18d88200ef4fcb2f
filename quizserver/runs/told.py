"""What a training process has told its worker, and what of that is not stored yet."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from quizserver.runs import child, wire
from quizserver.runs.model import Batch, Run
from quizserver.runs.summary import summarise

FLUSH = 0.08  # seconds for which points are gathered into one batch; the first goes at once


@dataclass(slots=True)
class Told:
    """Gathers points, or cells, into batches; ``known`` are the cells that are stored already."""

    run: Run
    known: set[int]
    cells: dict[int, int] = field(default_factory=dict)
    share: int = 0
    evidence: bytes = b""
    x: list[npt.NDArray[np.float64]] = field(default_factory=list)
    values: list[npt.NDArray[np.float64]] = field(default_factory=list)
    ended: bool = False
    sentence: str | None = None
    error: dict[str, object] | None = None
    problem: str | None = None
    _frames: wire.Frames = field(default_factory=wire.Frames)
    _seq: int = 0
    _given: int = 0
    _skip: int = 0
    _flushed: float = 0.0

    def __post_init__(self) -> None:
        # A run that an earlier worker lost keeps its points and cells; equal seeds give equal ones,
        # so this attempt only adds what is missing and nobody who watches sees anything twice.
        self._seq = self.run.last_seq
        self._skip = self.run.points_done

    @property
    def pending(self) -> bool:
        return bool(self.x or self.cells or self.share)

    def take(self, piece: bytes) -> None:
        if not piece:
            self.ended = True
            return
        try:
            for kind, header, body in self._frames.feed(piece):
                if kind == wire.POINTS:
                    self._points(header, body)
                elif kind == wire.CELLS:
                    self._cells(header)
                elif kind == wire.SHARE:
                    self._share(header, body)
                elif kind == wire.DONE:
                    self.sentence = str(header.get("sentence", ""))
                    self.ended = True
                else:
                    self.error = header
                    self.ended = True
        except wire.WireError as error:
            self.problem = f"The simulation can't be used: {error}."
            self.ended = True

    def _points(self, header: dict[str, object], body: bytes) -> None:
        order = self.run.order
        if order.overlay is not None:
            raise wire.WireError("it gave points where a verification was asked for")
        if order.plane is not None:
            raise wire.WireError("it gave points where cells of a map were asked for")
        x, values = child.read_points(header, body, order.series, order.replicas)
        self._given += len(x)
        if self._given > self.run.points_total:
            raise wire.WireError(
                f"it gave more points than the {self.run.points_total} of its description"
            )
        skip = min(self._skip, len(x))
        self._skip -= skip
        if skip < len(x):
            self.x.append(x[skip:])
            self.values.append(values[:, :, skip:])

    def _cells(self, header: dict[str, object]) -> None:
        if self.run.order.plane is None:
            raise wire.WireError("it gave cells of a map where points were asked for")
        cells, counts = child.read_cells(header, self.run.order.plane)
        for cell, count in zip(cells, counts, strict=True):
            if cell not in self.known:
                self.known.add(cell)
                self.cells[cell] = count

    def _share(self, header: dict[str, object], evidence: bytes) -> None:
        done = header.get("done")
        if self.run.order.overlay is None or not isinstance(done, int):
            raise wire.WireError("it told of a verification that was not asked for")
        if not 0 <= done <= self.run.points_total:
            raise wire.WireError(f"it told of {done} of {self.run.points_total} parts")
        # An earlier worker may have come further before it was lost.
        stored = self.run.points_done + self._given + self.share
        if done > stored:
            self.share += done - stored
            self.evidence = evidence

    def due(self, now: float) -> bool:
        """Whether the gathered points should be stored now."""
        if not self.pending:
            return False
        return self._seq == 0 or now - self._flushed >= FLUSH

    def batch(self, now: float) -> Batch:
        """The gathered points, or cells, as the next batch; they are no longer pending."""
        if self.cells:
            return self._batch_of_cells(now)
        if self.share:
            return self._batch_of_share(now)
        x = np.concatenate(self.x)
        values = np.concatenate(self.values, axis=2)
        self.x.clear()
        self.values.clear()
        self._seq += 1
        self._flushed = now
        series = dict(zip(self.run.order.series, values, strict=True))
        data = np.ascontiguousarray(values, dtype="<f8").tobytes()
        return Batch(self._seq, len(x), summarise(x, series), data)

    def _batch_of_cells(self, now: float) -> Batch:
        told = {"cells": list(self.cells), "counts": list(self.cells.values())}
        self.cells.clear()
        self._seq += 1
        self._flushed = now
        return Batch(self._seq, len(told["cells"]), json.dumps(told, separators=(",", ":")))

    def _batch_of_share(self, now: float) -> Batch:
        count, evidence = self.share, self.evidence
        self._given += count
        self.share, self.evidence = 0, b""
        self._seq += 1
        self._flushed = now
        return Batch(self._seq, count, "{}", evidence)
