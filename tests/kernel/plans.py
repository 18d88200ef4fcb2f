"""Plans for the tests of the kernel, from a few words each."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from quizserver.kernel.plan import (
    FIELDS,
    Activation,
    Dataset,
    Dense,
    Layer,
    Operation,
    Optimiser,
    Plan,
    Start,
)


def rows(*operations: tuple[int, ...]) -> np.ndarray:
    """Operations with the zeros that fill their rows: int32 (n, FIELDS)."""
    table = np.zeros((len(operations), FIELDS), dtype=np.int32)
    for number, operation in enumerate(operations):
        table[number, : len(operation)] = operation
    return table


def chain(*sizes: int, unit: str = "tanh", bias: bool = True) -> tuple[Layer, ...]:
    """Dense layers of these sizes with activations between them."""
    layers: list[Layer] = []
    for number, (inputs, outputs) in enumerate(pairwise(sizes)):
        if number:
            layers.append(Activation(unit, 0.1 if unit == "leaky_relu" else 0.0))
        layers.append(Dense(inputs, outputs, bias))
    return tuple(layers)


def tensor_shapes(layers: tuple[Layer, ...]) -> list[tuple[int, ...]]:
    shapes: list[tuple[int, ...]] = []
    for layer in layers:
        if isinstance(layer, Dense):
            shapes.append((layer.inputs, layer.outputs))
            if layer.bias:
                shapes.append((layer.outputs,))
    return shapes


# The slots that ``make_plan`` gives every plan, in order, with a usual value each.
SLOTS = {
    "rate": 0.05,
    "decay": 0.0,
    "momentum": 0.0,
    "beta1": 0.9,
    "beta2": 0.999,
    "alpha": 0.99,
    "scale": 1.0,
    "one": 1.0,
    "dropout": 0.3,
    "factor": 0.7,
    "steps": 4.0,
    "final": 0.01,
    "norm": 0.05,
}
NAMES = tuple(SLOTS)


def slot(name: str) -> int:
    return NAMES.index(name)


def slot_values(replicas: int, **values: Any) -> np.ndarray:
    """The table of slots (slots, R); ``values`` are numbers or arrays (R,)."""
    return np.array(
        [np.broadcast_to(values.get(name, usual), (replicas,)) for name, usual in SLOTS.items()],
        dtype=np.float64,
    )


def optimiser(layers: tuple[Layer, ...], kind: str = "sgd", **changes: Any) -> Optimiser:
    tensors = len(tensor_shapes(layers))
    plain = Optimiser(
        kind,
        rates=(slot("rate"),) * tensors,
        weight_decay=(slot("decay"),) * tensors,
        momentum=slot("momentum"),
        beta1=slot("beta1"),
        beta2=slot("beta2"),
        alpha=slot("alpha"),
    )
    return replace(plain, **changes)


def dataset(
    examples: int, features: int, width: int, *, classes: bool = False, replicas: int | None = None
) -> Dataset:
    """Invented examples; targets between 0 and 1, or classes below ``width``."""
    generator = np.random.default_rng(examples + 7 * features + 11 * width)
    lead = () if replicas is None else (replicas,)
    inputs = generator.normal(size=(*lead, examples, features))
    if classes:
        return Dataset(inputs, generator.integers(0, width, size=(*lead, examples)))
    return Dataset(inputs, generator.random(size=(*lead, examples, width)))


def starts(layers: tuple[Layer, ...], replicas: int, seed: int = 0) -> tuple[Start, ...]:
    generator = np.random.default_rng(seed)
    return tuple(
        Start(generator.normal(size=(replicas, *shape)) / shape[0] ** 0.5, slot("scale"))
        for shape in tensor_shapes(layers)
    )


def make_plan(
    layers: tuple[Layer, ...],
    operations: np.ndarray,
    *,
    replicas: int = 5,
    loss: str = "mse",
    dtype: str = "float32",
    datasets: tuple[Dataset, ...] | None = None,
    outputs: int | None = None,
    **optimiser_changes: Any,
) -> Plan:
    """A plan whose data, if none are given, are ten shared examples."""
    dense = [layer for layer in layers if isinstance(layer, Dense)]
    if datasets is None:
        classes = loss == "cross_entropy"
        datasets = (dataset(10, dense[0].inputs, dense[-1].outputs, classes=classes),)
    return Plan(
        dtype=dtype,
        layers=layers,
        loss=loss,
        optimiser=optimiser(layers, **optimiser_changes),
        starts=starts(layers, replicas),
        datasets=datasets,
        operations=operations,
        slots=len(SLOTS),
        outputs=int(operations.max()) + 200 if outputs is None else outputs,
    )


def steps(count: int, first_output: int = 0) -> np.ndarray:
    """``count`` full steps on data set 0, each recording its loss."""
    return rows(*[(Operation.STEP, 0, first_output + number) for number in range(count)])
