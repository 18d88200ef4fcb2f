"""``Plan``: everything that the kernel has to know to train an ensemble, checked before it starts.

A plan is data: a chain of layers, a loss, an optimiser, where the weights start, data sets, and a
list of operations (take a step, record the loss, …). Where a number may differ from replica to
replica, or be turned without a new plan, the plan names a *slot*: an index into the table of
numbers (slots, R) that ``training.Training`` is given.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

MAX_LAYERS = 64
MAX_WIDTH = 4096
MAX_OPERATIONS = 4_000_000
MAX_BYTES = 1 << 30
"""Of everything that one training keeps: weights, data, what it records."""
MAX_MULTIPLICATIONS = 10**14
"""Of all replicas and operations together: about an hour of one core."""
MAX_NESTED_RATES = 8


class PlanError(ValueError):
    """A plan that the kernel cannot train; the message says which part of it and why."""


@dataclass(frozen=True, slots=True)
class Dense:
    """``x @ weight + bias``; the weight has the shape (inputs, outputs)."""

    inputs: int
    outputs: int
    bias: bool


@dataclass(frozen=True, slots=True)
class Activation:
    """A function of each number. ``slope`` is that of a leaky ReLU below zero."""

    kind: Literal["tanh", "sigmoid", "relu", "leaky_relu", "gelu", "gelu_tanh"]
    slope: float = 0.0


@dataclass(frozen=True, slots=True)
class Dropout:
    """Inverted dropout in steps; recorders drop nothing. ``rate`` is a slot, from 0 to 1."""

    rate: int


Layer = Dense | Activation | Dropout
ACTIVATIONS = ("tanh", "sigmoid", "relu", "leaky_relu", "gelu", "gelu_tanh")


@dataclass(frozen=True, slots=True)
class StepDown:
    """``rate`` times ``factor`` once more after each ``every`` steps; the fields are slots."""

    rate: int
    every: int
    factor: int


@dataclass(frozen=True, slots=True)
class Exponential:
    """``rate`` times ``factor`` after each step; the fields are slots."""

    rate: int
    factor: int


@dataclass(frozen=True, slots=True)
class Cosine:
    """From ``rate`` to ``final`` along half a cosine in ``steps`` steps; the fields are slots."""

    rate: int
    steps: int
    final: int


@dataclass(frozen=True, slots=True)
class WarmUp:
    """``base`` times 1/steps, 2/steps … up to 1; ``steps`` is a slot."""

    base: Rate
    steps: int


@dataclass(frozen=True, slots=True)
class Geometric:
    """``rate * last_factor ** (min(step, steps) / steps)``; the fields are slots."""

    rate: int
    last_factor: int
    steps: int


@dataclass(frozen=True, slots=True)
class ChangeAt:
    """``rate``, and ``rate * factor`` from that ``step`` on; the fields are slots."""

    rate: int
    step: int
    factor: int


SCHEDULES = (StepDown, Exponential, Cosine, WarmUp, Geometric, ChangeAt)
Rate = int | StepDown | Exponential | Cosine | WarmUp | Geometric | ChangeAt
"""A learning rate: a slot, or a schedule over the steps 0, 1, 2 … of the optimiser."""

POSITIVE_FIELDS: dict[type, str] = {
    StepDown: "every",
    Cosine: "steps",
    WarmUp: "steps",
    Geometric: "steps",
}
"""The slot of each schedule that must be above 0: a schedule divides by it."""
POWER_FIELDS: dict[type, str] = {
    StepDown: "factor",
    Exponential: "factor",
    Geometric: "last_factor",
}
"""The slot of which a schedule takes powers, which must not be below 0."""


@dataclass(frozen=True, slots=True)
class Optimiser:
    """One of torch's update rules; ``quizserver.lab.optim`` says which.

    ``rates`` and ``weight_decay`` (slots) have one entry a tensor: the weight and, where there is
    one, the bias of each dense layer, in order. ``momentum``, ``beta1``, ``beta2``, ``alpha`` and
    ``max_norm`` (the largest norm of a replica's gradients, None: any) are slots. A rule does not
    look at what it does not have, such as SGD at ``beta1``.
    """

    kind: Literal["sgd", "adam", "adamw", "rmsprop"]
    rates: tuple[Rate, ...]
    weight_decay: tuple[int, ...]
    momentum: int = 0
    nesterov: bool = False
    beta1: int = 0
    beta2: int = 0
    eps: float = 1e-8
    alpha: int = 0
    centered: bool = False
    max_norm: int | None = None


OPTIMISERS = ("sgd", "adam", "adamw", "rmsprop")
LOSSES = ("mse", "binary_cross_entropy_with_logits", "cross_entropy")
DTYPES = ("float32", "float64")


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Examples: ``inputs`` (N, features) shared by all replicas, or (R, N, features); float64.

    ``targets`` are (N, outputs) or (R, N, outputs), for cross entropy class numbers (N,) or (R, N).
    """

    inputs: NDArray[np.float64]
    targets: NDArray[Any]

    @property
    def examples(self) -> int:
        return int(self.inputs.shape[-2])

    @property
    def inputs_differ(self) -> bool:
        """Whether each replica has inputs of its own."""
        return self.inputs.ndim == 3

    @property
    def targets_differ(self) -> bool:
        """Whether each replica has targets of its own."""
        are_classes = self.targets.dtype.kind in "iu"
        return self.targets.ndim == (2 if are_classes else 3)


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """A tensor before training: ``values`` float64, with a leading axis R or shared by all.

    A weight is (inputs, outputs), a bias (outputs,). Both are multiplied by the slot ``scale``
    (None: by nothing), then rounded to the plan's type.
    """

    values: NDArray[np.float64]
    scale: int | None = None


class Operation(IntEnum):
    """What an operation does, the first number of its row. The others follow in this order."""

    STEP = 0
    """dataset, output (or -1): a step on all its examples; records the loss before it."""
    STEP_BATCH = 1
    """dataset, epoch, first, count, output (or -1), replace: one on some of that epoch's order; or
    where ``replace`` is 1 of as many examples that are each drawn from all."""
    LOSS = 2
    """dataset, output"""
    GRADIENT_NORMS = 3
    """dataset, first output: the norm of each dense weight's gradient"""
    WEIGHT_NORMS = 4
    """first output: the norm of each dense weight"""
    ALIVE = 5
    """dataset, layer, output: the share of its units above 0 at some example, NaN if not finite"""
    UNEXPLAINED = 6
    """dataset, output: var(prediction − target) / var(target)"""
    PREDICT = 7
    """dataset, first output: predictions, N times the number of outputs of the network"""

    WIDE_LOSS = 8
    """dataset, output: the loss in float64 of the weights and examples of a plan in float32"""
    DERIVE = 9
    """function, operand, operand, output: one of ``FUNCTIONS`` in float64. An operand is an output,
    or below 0 the slot -1 - operand; a logarithm doesn't look at its second one"""


FUNCTIONS = ("add", "subtract", "multiply", "divide", "at_least", "at_most", "log", "log10")

FIELDS = 8
"""Numbers in the row of an operation; those that it does not need are 0."""

NOT_OF_A_DATASET = (int(Operation.WEIGHT_NORMS), int(Operation.DERIVE))
"""Operations that look at no example."""


@dataclass(frozen=True, eq=False)
class Plan:
    """What to train and what to record; see the module. Raises ``PlanError`` where it can't be.

    ``operations`` is int32 (n, ``FIELDS``). ``slots`` is how many numbers a replica has, and
    ``outputs`` how many it records.
    """

    dtype: Literal["float32", "float64"]
    layers: tuple[Layer, ...]
    loss: Literal["mse", "binary_cross_entropy_with_logits", "cross_entropy"]
    optimiser: Optimiser
    starts: tuple[Start, ...]
    datasets: tuple[Dataset, ...]
    operations: NDArray[np.int32]
    slots: int
    outputs: int

    def __post_init__(self) -> None:
        from quizserver.kernel.plan_checks import check_plan

        check_plan(self)

    @cached_property
    def dense_layers(self) -> tuple[Dense, ...]:
        return tuple(layer for layer in self.layers if isinstance(layer, Dense))

    @cached_property
    def tensor_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of one replica's tensors: weight, then bias, of each dense layer."""
        shapes: list[tuple[int, ...]] = []
        for layer in self.dense_layers:
            shapes.append((layer.inputs, layer.outputs))
            if layer.bias:
                shapes.append((layer.outputs,))
        return tuple(shapes)

    @property
    def parameters(self) -> int:
        return sum(math.prod(shape) for shape in self.tensor_shapes)

    @property
    def features(self) -> int:
        return self.dense_layers[0].inputs

    @property
    def width(self) -> int:
        """Outputs of the network."""
        return self.dense_layers[-1].outputs

    @cached_property
    def replicas(self) -> int | None:
        """The replicas that data and starts are for; None when all of it is shared."""
        return next((count for count, _ in self.replica_counts()), None)

    def replica_counts(self) -> Iterator[tuple[int, str]]:
        """The leading axis of everything that has one value a replica, and what that is."""
        for number, data in enumerate(self.datasets):
            if data.inputs_differ:
                yield len(data.inputs), f"the inputs of data set {number}"
            if data.targets_differ:
                yield len(data.targets), f"the targets of data set {number}"
        for number, (start, shape) in enumerate(zip(self.starts, self.tensor_shapes, strict=True)):
            if start.values.ndim > len(shape):
                yield len(start.values), f"start {number}"

    @property
    def multiplications(self) -> int:
        """Multiplications of one replica's operations, all of them together, roughly."""
        forward = sum(layer.inputs * layer.outputs for layer in self.dense_layers) + sum(
            20 * width for width in self.layer_widths
        )
        examples = np.zeros(len(self.operations), dtype=np.float64)
        code, first = self.operations[:, 0], self.operations[:, 1]
        sizes = np.array([data.examples for data in self.datasets] or [0], dtype=np.float64)
        on_dataset = ~np.isin(code, NOT_OF_A_DATASET)
        examples[on_dataset] = sizes[first[on_dataset]]
        batch = code == Operation.STEP_BATCH
        # the order of an epoch may have to be drawn again for each of its batches
        examples[batch] = self.operations[batch, 4] + sizes[first[batch]] / 16
        return int(examples.sum() * 3 * forward) + 20 * self.parameters * len(self.operations)

    @cached_property
    def layer_widths(self) -> tuple[int, ...]:
        """Units after each layer."""
        widths, width = [], self.features
        for layer in self.layers:
            width = layer.outputs if isinstance(layer, Dense) else width
            widths.append(width)
        return tuple(widths)
