"""A plan as bytes, for a browser: what ``static/js/live-plan.js`` reads.

The bytes are a magic word, the version of this format and the length of the head (two unsigned
32-bit numbers), the head (JSON in UTF-8, spaces up to a multiple of 8), then the body. All numbers
are little-endian.

The body holds the pieces of the kernel's memory (``MemoryLayout``) that are not zero: the shared
ones, then those of the first block of replicas, of the second, and so on; at last the values of
series that no training changes, float64 (rows, replicas). The head says where each piece goes, as
``[offset, encoding, stored bytes, …]``; those of a block lie at the same offsets in every block.
Each is stored in the shortest of these ways that gives the same bytes back:

- ``raw``: as it is in memory;
- ``float32``: float64 numbers all of which a float32 holds;
- ``rows``: operations, each row (int32) as its difference from the row before;
- ``uniform``, ``normal``: nothing is stored, since each replica's numbers are those that its seed
  draws for first weights. ``…`` is ``first, count, factor, divisor``: numbers ``first`` to
  ``first + count - 1``, of which uniform ones u are made 2u - 1, times ``factor``, divided by
  ``divisor``, one rounding after the other.

Numbers of slots are not among the pieces: whoever turns a knob writes them. For each slot the head
has the name of a knob, a number, or one number a replica.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quizserver.kernel import draws, recipe
from quizserver.kernel.layout import MemoryLayout, seed_words
from quizserver.kernel.plan import (
    POSITIVE_FIELDS,
    POWER_FIELDS,
    Dropout,
    Plan,
    PlanError,
    Rate,
    WarmUp,
)
from quizserver.kernel.plan_checks import check_slot_values

MAGIC = b"quizplan"
VERSION = 1
LANES = 4
"""Replicas of a block of the WebAssembly module, which a browser runs."""
MAX_IMAGE_BYTES = 8 << 20
"""Of a whole image before it is compressed, as a browser has to hold it."""
MAX_BROWSER_MULTIPLICATIONS = 28 * 10**10
"""Of all replicas together; four times those of the dearest simulation that comes along."""
MAX_MAP_MULTIPLICATIONS = 2 * 10**12
"""Of all cells of a phase map together: less than a minute of one core of a browser."""

Floats = NDArray[np.float64]


class PlanImageError(PlanError):
    """A plan that browsers are not given: too large, or more work than they should do."""


@dataclass(frozen=True, slots=True)
class ImagePoint:
    """``x``, how many operations come before it, and each series: the outputs of which it is the
    smallest, or numbers (R,) that no training changes."""

    x: float
    operations: int
    series: Mapping[str, Sequence[int] | Floats]


@dataclass(frozen=True, slots=True)
class PlanImage:
    """A plan with what a browser has to know to train and draw it.

    ``slot_values`` are float64 (slots, R). ``slot_knobs`` says which slot is a knob as it is, to be
    rounded to ``knob_type`` first; ``structural_knobs`` has those that make another plan, with the
    values that they have in this one. ``fingerprint`` is the simulation's.
    """

    plan: Plan
    slot_values: Floats
    seeds: Sequence[int]
    points: Sequence[ImagePoint]
    slot_knobs: Mapping[int, str]
    structural_knobs: Mapping[str, float]
    fingerprint: str
    knob_type: str = "float32"

    def to_bytes(self) -> bytes:
        """The image. Raises ``PlanImageError`` where it is no plan for browsers."""
        self._check_fit()
        replicas, blocks = len(self.seeds), -(-len(self.seeds) // LANES)
        work = self.plan.multiplications * replicas
        if work > MAX_BROWSER_MULTIPLICATIONS:
            raise PlanImageError(
                f"{replicas} replicas take {work:.1e} multiplications; in a browser "
                f"{MAX_BROWSER_MULTIPLICATIONS:.0e} are allowed"
            )
        layout = MemoryLayout(self.plan, LANES)
        shared = list(_shared_pieces(layout))
        own = list(_own_pieces(layout, self.seeds))
        series, constants = self._series_entries()
        head = {
            "kernel": recipe.source_version(),
            "dtype": self.plan.dtype,
            "knob_type": self.knob_type,
            "lanes": LANES,
            "replicas": replicas,
            "blocks": blocks,
            "shared_size": layout.shared_size,
            "block_size": layout.block_size,
            "slots_offset": layout.header["block_slots"],
            "seeds_offset": layout.header["block_seeds"],
            "outputs": self.plan.outputs,
            "operations": len(self.plan.operations),
            "multiplications": work,
            "shared": [piece.place for piece in shared],
            "own": [piece.place for piece in own],
            "slots": list(self._slot_entries()),
            "positive_slots": sorted(_slots_of(self.plan, POSITIVE_FIELDS)),
            "power_slots": sorted(_slots_of(self.plan, POWER_FIELDS)),
            "share_slots": [layer.rate for layer in self.plan.layers if isinstance(layer, Dropout)],
            "structural": dict(self.structural_knobs),
            "seeds": list(self.seeds),
            "fingerprint": self.fingerprint,
            "x": [point.x for point in self.points],
            "point_operations": [point.operations for point in self.points],
            "series": series,
            "constants": len(constants),
        }
        body = [piece.stored[0] for piece in shared]
        body += [piece.stored[block] for block in range(blocks) for piece in own]
        body += [np.ascontiguousarray(row, dtype="<f8").tobytes() for row in constants]
        return _joined(head, body)

    def _check_fit(self) -> None:
        replicas = len(self.seeds)
        if not replicas or self.plan.replicas not in (None, replicas):
            raise PlanError(f"{replicas} seeds; the plan is for {self.plan.replicas} replicas")
        check_slot_values(self.plan, self.slot_values, replicas)
        for point in self.points:
            if not 0 <= point.operations <= len(self.plan.operations):
                raise PlanError(f"there are no {point.operations} operations before a point")

    def _series_entries(self) -> tuple[dict[str, list[Any]], list[Floats]]:
        """For each series and point: an output, several, or ``{"row": r}`` of the constants."""
        constants: list[Floats] = []
        series: dict[str, list[Any]] = {name: [] for name in self.points[0].series}
        for point in self.points:
            for name, values in point.series.items():
                if isinstance(values, np.ndarray):
                    series[name].append({"row": len(constants)})
                    constants.append(values)
                else:
                    outputs = [int(output) for output in values]
                    series[name].append(outputs[0] if len(outputs) == 1 else outputs)
        return series, constants

    def _slot_entries(self) -> Iterator[object]:
        for slot, values in enumerate(self.slot_values):
            if slot in self.slot_knobs:
                yield {"knob": self.slot_knobs[slot]}
            elif (values == values[0]).all():
                yield _json_number(values[0])
            else:
                yield [_json_number(value) for value in values]


@dataclass(frozen=True, slots=True)
class _Piece:
    """Bytes at ``offset``: of the memory, or of each block, where ``stored`` has one entry each."""

    offset: int
    encoding: str
    stored: Sequence[bytes]
    drawn: tuple[float, ...] = ()

    @property
    def place(self) -> list[object]:
        return [self.offset, self.encoding, len(self.stored[0]), *self.drawn]


def _shared_pieces(layout: MemoryLayout) -> Iterator[_Piece]:
    yield _piece(0, [layout.header_words()])
    for part in layout.parts:
        if part.own or _is_zero(part.values):
            continue
        if part.offset == layout.header["operations"]:
            rows = layout.plan.operations.astype("<i4")
            changes = np.diff(rows, axis=0, prepend=np.zeros_like(rows[:1]))
            yield _Piece(part.offset, "rows", [changes.tobytes()])
        else:
            yield _piece(part.offset, [part.values])


def _own_pieces(layout: MemoryLayout, seeds: Sequence[int]) -> Iterator[_Piece]:
    """Each part of a block, as vectors (count, LANES)."""
    blocks = -(-len(seeds) // LANES)
    drawing = _Drawing(seeds)
    parts = [(part.offset, part.values) for part in layout.parts if part.own]
    # seeds come first: what they draw is drawn from them
    for offset, values in [(layout.header["block_seeds"], seed_words(seeds)), *parts]:
        drawn = drawing.find(values)
        if drawn is not None:
            kind, *how = drawn
            yield _Piece(offset, kind, [b""] * blocks, tuple(how))
        elif not _is_zero(values):
            yield _piece(offset, list(layout.in_lanes(values)))


class _Drawing:
    """Finds out which numbers are what the seeds draw, one tensor after another."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self._seeds = seeds
        self._first = 0
        self._skipped = 0  # numbers of tensors that were not found since then

    def find(self, values: NDArray[Any]) -> tuple[str, int, int, float, float] | None:
        """How ``values`` (R, n) are drawn: kind, first, n, factor, divisor. None if they aren't."""
        count = values.shape[1]
        last = self._first + self._skipped + count
        if values.dtype != np.float64 or _is_zero(values) or last > draws.END:
            return None
        if not all(0 <= seed < 2**64 for seed in self._seeds):
            return None
        # a tensor of other numbers may have been drawn, too, before it was changed
        for first in dict.fromkeys((self._first, self._first + self._skipped)):
            place = self._seeds, draws.Stream.INIT, first, count
            for kind, numbers in (
                ("uniform", 2 * draws.uniform_numbers(*place) - 1),
                ("normal", draws.normal_numbers(*place)),
            ):
                scale = _find_scale(numbers, values)
                if scale is not None:
                    self._first, self._skipped = first + count, 0
                    return kind, first, count, *scale
        self._skipped += count
        return None


def _find_scale(numbers: Floats, values: Floats) -> tuple[float, float] | None:
    """A factor and a divisor that make ``numbers`` exactly ``values``; None without any."""
    row, column = np.unravel_index(np.argmax(np.abs(numbers)), numbers.shape)
    ratio = float(values[row, column] / numbers[row, column])
    if ratio == 0 or not math.isfinite(1 / ratio):
        return None
    if not np.allclose(numbers * ratio, values, rtol=1e-12, atol=0):
        return None
    # the ratio of two rounded numbers is the factor but for its last bits
    factors = [(near, 1.0) for near in _neighbours(ratio)]
    divisors = [(1.0, near) for near in _neighbours(1 / ratio)]
    for factor, divisor in (*factors, *divisors):
        if _same_bits(numbers * factor / divisor, values):
            return factor, divisor
    return None


def _neighbours(number: float) -> list[float]:
    """The number, and the two next to it on either side."""
    up, down = math.nextafter(number, math.inf), math.nextafter(number, -math.inf)
    outer = math.nextafter(up, math.inf), math.nextafter(down, -math.inf)
    return [number, up, down, *outer]


def _piece(offset: int, arrays: Sequence[NDArray[Any]]) -> _Piece:
    """The same encoding for all ``arrays``, one a block."""
    if arrays[0].dtype == np.float64:
        with np.errstate(over="ignore", invalid="ignore"):
            short = [array.astype("<f4") for array in arrays]
        if all(_same_bits(s.astype("<f8"), a) for s, a in zip(short, arrays, strict=True)):
            return _Piece(offset, "float32", [s.tobytes() for s in short])
    kind = arrays[0].dtype.newbyteorder("<")
    return _Piece(offset, "raw", [array.astype(kind).tobytes() for array in arrays])


def _is_zero(values: NDArray[Any]) -> bool:
    """Whether all bits are 0, as those of every memory are at first; -0.0 has one."""
    return not np.ascontiguousarray(values).view(np.uint8).any()


def _same_bits(first: Floats, second: Floats) -> bool:
    return first.tobytes() == np.ascontiguousarray(second, dtype="<f8").tobytes()


def _slots_of(plan: Plan, fields: Mapping[type, str]) -> set[int]:
    """The slots of these fields in the plan's schedules."""
    slots: set[int] = set()
    pending: list[Rate] = list(plan.optimiser.rates)
    while pending:
        rate = pending.pop()
        if type(rate) in fields:
            slots.add(getattr(rate, fields[type(rate)]))
        if isinstance(rate, WarmUp):
            pending.append(rate.base)
    return slots


def _json_number(value: float) -> float | str:
    """JSON has no infinities and no NaN: they are the words that JavaScript's Number reads."""
    number = float(value)
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else f"{'-' * (number < 0)}Infinity"


def _joined(head: Mapping[str, object], body: Sequence[bytes]) -> bytes:
    text = json.dumps(head, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 8)
    start = MAGIC + struct.pack("<II", VERSION, len(text))
    size = len(start) + len(text) + sum(map(len, body))
    if size > MAX_IMAGE_BYTES:
        raise PlanImageError(
            f"the plan is {size / 2**20:.1f} MB; browsers are given {MAX_IMAGE_BYTES >> 20} MB"
        )
    return b"".join([start, text, *body])
