"""Where the parts of a plan lie in the kernel's memory: what ``source/plan.h`` reads.

A memory is one piece: a header, what all replicas share, the scratch that one block of replicas at
a time uses, then the blocks: as many replicas each as the kernel's vectors have lanes, and all of
the same size. ``MemoryLayout`` says where everything is, for any number of blocks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quizserver.kernel.plan import (
    ACTIVATIONS,
    LOSSES,
    OPTIMISERS,
    SCHEDULES,
    Activation,
    ChangeAt,
    Cosine,
    Dense,
    Dropout,
    Exponential,
    Geometric,
    Operation,
    Plan,
    Rate,
    StepDown,
    WarmUp,
)

TOGETHER = 4
"""Examples that go through the network together."""
ALIGNMENT = 64

HEADER = (
    "layer_count", "tensor_count", "rate_count", "parameter_count",
    "features", "width", "target_width", "loss",
    "optimiser", "nesterov", "centered", "moment_count",
    "momentum", "beta1", "beta2", "alpha", "max_norm",
    "layers", "tensors", "rates", "datasets", "operations", "constants",
    "activations", "first_slope", "second_slope", "targets", "gradients", "rate_values",
    "wide_rates", "batch_inputs", "batch_targets", "residuals", "alive",
    "wide_first", "wide_second",
    "blocks", "block_size",
    "block_state", "block_seeds", "block_slots", "block_parameters", "block_moments",
    "block_orders",
)  # fmt: skip
"""The fields of the struct ``Plan`` in ``source/plan.h``, in its order: int32 each."""

# In the order of the enumerations in ``source/plan.h``, as LOSSES and OPTIMISERS are.
LAYERS = ("dense", *ACTIVATIONS, "dropout")
RATES = (int, *SCHEDULES)
MOMENTS = {"sgd": 1, "adam": 2, "adamw": 2, "rmsprop": 3}
"""Running numbers that an update rule keeps for each parameter."""
IN_PLACE = ("tanh", "sigmoid", "relu", "leaky_relu")
"""Activations whose slope is a function of their output."""
STATE_BYTES = 32


class _Region:
    """Offsets handed out one after another, each a multiple of ``ALIGNMENT``."""

    def __init__(self) -> None:
        self.end = 0

    def take(self, size: int) -> int:
        offset = self.end
        self.end += -(-size // ALIGNMENT) * ALIGNMENT
        return offset


@dataclass(frozen=True, slots=True)
class Part:
    """Something of the plan that lies at ``offset``: of the memory, or of each block if ``own``.

    ``values`` are shared (n,), or one row a replica (R, n).
    """

    offset: int
    own: bool
    values: NDArray[Any]


def seed_words(seeds: Sequence[int]) -> NDArray[np.uint64]:
    """The seeds as the kernel reads them, one row a replica: (R, 1)."""
    return np.array([[seed % 2**64] for seed in seeds], dtype=np.uint64)


class MemoryLayout:
    """The memory of ``plan`` in blocks of ``lanes`` replicas.

    ``shared_size`` and ``block_size`` are bytes, ``header`` its fields by name. ``parts`` are the
    plan's numbers, to be copied into place.
    """

    def __init__(self, plan: Plan, lanes: int) -> None:
        self.plan = plan
        self.lanes = lanes
        self.dtype = np.dtype(plan.dtype)
        self.parts: list[Part] = []
        self._vector = lanes * self.dtype.itemsize
        self._shared, self._block = _Region(), _Region()
        self._shared.take(4 * len(HEADER))
        self.header = dict.fromkeys(HEADER, 0)
        self._place_block()
        self._describe_numbers()
        self.header["datasets"] = self._table(list(self._dataset_rows()))
        self.header["tensors"] = self._table(list(self._tensor_rows()))
        self.header["operations"] = self._share(plan.operations)
        self.header["layers"] = self._table(self._layer_rows())
        self._place_scratch()
        self.header["blocks"] = self.shared_size = self._shared.end
        self.header["block_size"] = self.block_size = self._block.end

    def size(self, blocks: int) -> int:
        """Bytes of a memory for so many blocks."""
        return self.shared_size + blocks * self.block_size

    def header_words(self) -> NDArray[np.int32]:
        """The header as it lies at the beginning of the memory."""
        return np.array([self.header[name] for name in HEADER], dtype=np.int32)

    def in_lanes(self, values: NDArray[Any]) -> NDArray[Any]:
        """One row a replica (R, n) as the vectors of each block: (blocks, n, lanes).

        Lanes without a replica repeat the last one.
        """
        blocks = -(-len(values) // self.lanes)
        replica_of_lane = np.minimum(np.arange(blocks * self.lanes), len(values) - 1)
        rows = values[replica_of_lane].reshape(blocks, self.lanes, values.shape[1])
        return rows.swapaxes(1, 2)

    def _share(self, values: NDArray[Any]) -> int:
        flat = np.ascontiguousarray(values).reshape(-1)
        offset = self._shared.take(flat.nbytes)
        self.parts.append(Part(offset, False, flat))
        return offset

    def _table(self, rows: list[tuple[int, ...]]) -> int:
        return self._share(np.array(rows, dtype=np.int32))

    def _numbers(self, values: NDArray[Any], differ: bool, dtype: Any) -> int:
        """Numbers that all replicas share, or that ``differ`` between them: (R, …)."""
        values = np.ascontiguousarray(values, dtype=dtype)
        if not differ:
            return self._share(values)
        flat = values.reshape(len(values), -1)
        offset = self._block.take(flat.shape[1] * self.lanes * flat.dtype.itemsize)
        self.parts.append(Part(offset, True, flat))
        return offset

    def _place_block(self) -> None:
        plan, header = self.plan, self.header
        header["moment_count"] = MOMENTS[plan.optimiser.kind]
        header["block_state"] = self._block.take(STATE_BYTES)
        header["block_seeds"] = self._block.take(8 * self.lanes)
        header["block_slots"] = self._block.take(plan.slots * 8 * self.lanes)
        header["block_parameters"] = self._block.take(plan.parameters * self._vector)
        header["block_moments"] = self._block.take(
            header["moment_count"] * plan.parameters * self._vector
        )
        header["block_orders"] = self._block.take(self._examples_in_orders() * self.lanes * 4)

    def _describe_numbers(self) -> None:
        plan, optimiser, header = self.plan, self.plan.optimiser, self.header
        classes = plan.loss == "cross_entropy"
        header |= {
            "layer_count": len(plan.layers),
            "tensor_count": len(plan.tensor_shapes),
            "parameter_count": plan.parameters,
            "features": plan.features,
            "width": plan.width,
            "target_width": 1 if classes else plan.width,
            "loss": LOSSES.index(plan.loss),
            "optimiser": OPTIMISERS.index(optimiser.kind),
            "nesterov": int(optimiser.nesterov),
            "centered": int(optimiser.centered),
            "max_norm": -1 if optimiser.max_norm is None else optimiser.max_norm,
        }
        for name in ("momentum", "beta1", "beta2", "alpha"):
            header[name] = getattr(optimiser, name)
        self._rate_rows: list[tuple[int, ...]] = []
        self._rate_places: dict[Rate, int] = {}
        self._tensor_rates = [self._place_rate(rate) for rate in optimiser.rates]
        header["rates"] = self._table(self._rate_rows)
        header["rate_count"] = len(self._rate_rows)
        slopes = [layer.slope for layer in plan.layers if isinstance(layer, Activation)]
        header["constants"] = self._share(np.array([optimiser.eps, *slopes], dtype=np.float64))

    def _place_rate(self, rate: Rate) -> int:
        """The row of a rate; a schedule's base stands above it, and equal rates share a row."""
        if rate in self._rate_places:
            return self._rate_places[rate]
        fields: tuple[int, ...]
        match rate:
            case StepDown(base, every, factor):
                fields = (base, every, factor)
            case Exponential(base, factor):
                fields = (base, factor, 0)
            case Cosine(base, steps, final):
                fields = (base, steps, final)
            case WarmUp(nested, steps):
                fields = (self._place_rate(nested), steps, 0)
            case Geometric(base, last_factor, steps):
                fields = (base, last_factor, steps)
            case ChangeAt(base, step, factor):
                fields = (base, step, factor)
            case _:
                fields = (rate, 0, 0)
        kind = RATES.index(type(rate))
        self._rate_rows.append((kind, *fields))
        self._rate_places[rate] = len(self._rate_rows) - 1
        return self._rate_places[rate]

    def _dataset_rows(self) -> Iterator[tuple[int, ...]]:
        for data in self.plan.datasets:
            inputs = self._numbers(data.inputs, data.inputs_differ, self.dtype)
            targets = self._numbers(data.targets, data.targets_differ, self.dtype)
            yield data.examples, inputs, int(data.inputs_differ), targets, int(data.targets_differ)

    def _tensor_rows(self) -> Iterator[tuple[int, ...]]:
        plan, first = self.plan, 0
        described = zip(
            plan.starts, plan.tensor_shapes, self._tensor_rates, plan.optimiser.weight_decay,
            strict=True,
        )  # fmt: skip
        for start, shape, rate, decay in described:
            count = int(np.prod(shape))
            differs = start.values.ndim > len(shape)
            offset = self._numbers(start.values, differs, np.float64)
            scale = -1 if start.scale is None else start.scale
            is_weight = int(len(shape) == 2)
            yield first, count, is_weight, rate, decay, offset, int(differs), scale
            first += count

    def _layer_rows(self) -> list[tuple[int, ...]]:
        """Each layer with its places among the activations, which ``_place_scratch`` makes."""
        plan, rows, alive_layers = self.plan, [], self._alive_layers()
        width, parameter, slope = plan.features, 0, 1
        place, end = 0, plan.features  # of the layer's input, and of all activations so far
        self._alive = 0
        below: object = None
        for number, layer in enumerate(plan.layers):
            weight, bias, factor, value = -1, -1, 0, 0
            inputs, output = width, end
            if isinstance(layer, Dense):
                kind, width = "dense", layer.outputs
                weight, parameter = parameter, parameter + layer.inputs * layer.outputs
                if layer.bias:
                    bias, parameter = parameter, parameter + layer.outputs
                end += width
            elif isinstance(layer, Dropout):
                kind, factor, value = "dropout", end + width, layer.rate
                end += 2 * width
            else:
                kind, value, slope = layer.kind, slope, slope + 1
                # nobody looks again at what a dense layer alone has given
                if kind in IN_PLACE and isinstance(below, Dense):
                    output = place
                else:
                    end += width
            vectors = [TOGETHER * at for at in (place, output, factor)]
            rows.append(
                (LAYERS.index(kind), inputs, width, weight, bias, *vectors, value, self._alive)
            )
            if number in alive_layers:
                self._alive += width + 1
            place, below = output, layer
        self._activations = end
        return rows

    def _place_scratch(self) -> None:
        plan, header = self.plan, self.header
        widest = max(plan.features, *plan.layer_widths)
        target_width = header["target_width"]
        batch = self._largest(Operation.STEP_BATCH, 4)
        residuals = max(
            (plan.datasets[row[1]].examples for row in self._rows_of(Operation.UNEXPLAINED)),
            default=0,
        )
        vectors = {
            "activations": TOGETHER * self._activations,
            "first_slope": TOGETHER * widest,
            "second_slope": TOGETHER * widest,
            "targets": TOGETHER * target_width,
            "gradients": plan.parameters,
            "rate_values": header["rate_count"],
            "batch_inputs": batch * plan.features,
            "batch_targets": batch * target_width,
            "residuals": residuals * plan.width,
            "alive": self._alive,
        }
        for name, count in vectors.items():
            header[name] = self._shared.take(count * self._vector)
        header["wide_rates"] = self._shared.take(header["rate_count"] * self.lanes * 8)
        wide = widest * self.lanes * 8 if len(self._rows_of(Operation.WIDE_LOSS)) else 0
        for name in ("wide_first", "wide_second"):
            header[name] = self._shared.take(wide)

    def _rows_of(self, code: Operation) -> NDArray[np.int32]:
        rows = self.plan.operations
        chosen: NDArray[np.int32] = rows[rows[:, 0] == code]
        return chosen

    def _largest(self, code: Operation, column: int) -> int:
        rows = self._rows_of(code)
        return int(rows[:, column].max()) if len(rows) else 0

    def _alive_layers(self) -> set[int]:
        # np.unique would import numpy.ma, which takes as long as a whole plan
        return set(self._rows_of(Operation.ALIVE)[:, 2].tolist())

    def _examples_in_orders(self) -> int:
        used = set(self._rows_of(Operation.STEP_BATCH)[:, 1].tolist())
        return max((self.plan.datasets[number].examples for number in used), default=0)
