"""The checks of a plan: every index and size in it, so that the kernel needs none of its own."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quizserver.kernel.plan import (
    ACTIVATIONS,
    DTYPES,
    FIELDS,
    FUNCTIONS,
    LOSSES,
    MAX_BYTES,
    MAX_LAYERS,
    MAX_MULTIPLICATIONS,
    MAX_NESTED_RATES,
    MAX_OPERATIONS,
    MAX_WIDTH,
    NOT_OF_A_DATASET,
    OPTIMISERS,
    POSITIVE_FIELDS,
    POWER_FIELDS,
    SCHEDULES,
    Activation,
    Dense,
    Dropout,
    Operation,
    Plan,
    PlanError,
    Rate,
    WarmUp,
)


def check_plan(plan: Plan) -> None:
    """Raises ``PlanError`` for a plan whose parts do not fit, or that is too large."""
    _check_choice("dtype", plan.dtype, DTYPES)
    _check_choice("loss", plan.loss, LOSSES)
    _check_whole("slots", plan.slots, 0, 1 << 20)
    _check_whole("outputs", plan.outputs, 0, 1 << 24)
    _check_layers(plan)
    _check_optimiser(plan)
    _check_starts(plan)
    if not isinstance(plan.datasets, tuple):
        raise PlanError("the data sets are no tuple")
    for number in range(len(plan.datasets)):
        _check_dataset(plan, number)
    _check_replica_counts(plan)
    _check_operations(plan)
    if plan.multiplications > MAX_MULTIPLICATIONS:
        raise PlanError(
            f"the plan takes {plan.multiplications:.1e} multiplications a replica; "
            f"{MAX_MULTIPLICATIONS:.0e} are allowed"
        )


def check_work(plan: Plan, replicas: int, memory: int) -> None:
    """Raises ``PlanError`` when so many replicas take too much arithmetic or memory (bytes)."""
    work = plan.multiplications * replicas
    if work > MAX_MULTIPLICATIONS:
        raise PlanError(
            f"{replicas} replicas take {work:.1e} multiplications; {MAX_MULTIPLICATIONS:.0e} are "
            "allowed: take fewer replicas, steps or units"
        )
    if memory > MAX_BYTES:
        raise PlanError(
            f"{replicas} replicas take {memory / 2**20:,.0f} MB; {MAX_BYTES / 2**20:,.0f} MB are "
            "allowed: take fewer replicas, units or examples"
        )


def check_slot_values(plan: Plan, values: NDArray[np.float64], replicas: int) -> None:
    """Raises ``PlanError`` unless there are numbers (slots, replicas), all of which a layer or a
    schedule can work with."""
    if values.shape != (plan.slots, replicas):
        raise PlanError(f"the slots are {values.shape}, not {(plan.slots, replicas)}")
    for number, layer in enumerate(plan.layers):
        if isinstance(layer, Dropout):
            rates = values[layer.rate]
            if not bool(((rates >= 0) & (rates <= 1)).all()):
                raise PlanError(f"layer {number}: a dropout rate must lie between 0 and 1")
    for rate in plan.optimiser.rates:
        _check_lengths(rate, values)


def _check_lengths(rate: Rate, values: NDArray[np.float64]) -> None:
    name = POSITIVE_FIELDS.get(type(rate))
    if name is not None and not bool((values[getattr(rate, name)] > 0).all()):
        raise PlanError(f"{type(rate).__name__}: {name} must be above 0, in every replica")
    name = POWER_FIELDS.get(type(rate))
    if name is not None and not bool((values[getattr(rate, name)] >= 0).all()):
        raise PlanError(f"{type(rate).__name__}: {name} must be 0 or more, in every replica")
    if isinstance(rate, WarmUp):
        _check_lengths(rate.base, values)


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise PlanError(f"{name} is {value!r}; there are {', '.join(choices)}")


def _check_whole(name: str, value: object, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise PlanError(f"{name} is {value!r}, not a whole number from {least} to {most}")


def _check_slot(plan: Plan, name: str, slot: object) -> None:
    if isinstance(slot, bool) or not isinstance(slot, int) or not 0 <= slot < plan.slots:
        raise PlanError(f"{name} is slot {slot!r}; there are {plan.slots} slots, from 0")


def _check_layers(plan: Plan) -> None:
    if not isinstance(plan.layers, tuple) or not 1 <= len(plan.layers) <= MAX_LAYERS:
        raise PlanError(f"a plan needs a tuple of 1 to {MAX_LAYERS} layers")
    width: int | None = None
    for number, layer in enumerate(plan.layers):
        name = f"layer {number}"
        if isinstance(layer, Dense):
            _check_whole(f"{name}: inputs", layer.inputs, 1, MAX_WIDTH)
            _check_whole(f"{name}: outputs", layer.outputs, 1, MAX_WIDTH)
            if width is not None and layer.inputs != width:
                raise PlanError(f"{name} has {layer.inputs} inputs; {width} come from above it")
            width = layer.outputs
        elif isinstance(layer, Activation):
            _check_choice(f"{name}: kind", layer.kind, ACTIVATIONS)
            # below zero a leaky ReLU's sign would no longer tell that of what it was given
            if not (math.isfinite(layer.slope) and layer.slope >= 0):
                raise PlanError(f"{name}: slope is {layer.slope!r}, not a finite number from 0 on")
        elif isinstance(layer, Dropout):
            _check_slot(plan, f"{name}: rate", layer.rate)
        else:
            raise PlanError(f"{name} is {layer!r}, which is no layer of a plan")
    if width is None:
        raise PlanError("a plan needs at least one dense layer")


def _check_optimiser(plan: Plan) -> None:
    optimiser = plan.optimiser
    _check_choice("optimiser", optimiser.kind, OPTIMISERS)
    tensors = len(plan.tensor_shapes)
    for name in ("rates", "weight_decay"):
        entries = getattr(optimiser, name)
        if not isinstance(entries, tuple) or len(entries) != tensors:
            raise PlanError(f"{name} must have one entry for each of the {tensors} tensors")
    for rate in optimiser.rates:
        _check_rate(plan, rate, 0)
    for slot in optimiser.weight_decay:
        _check_slot(plan, "weight_decay", slot)
    used = {
        "sgd": ("momentum",),
        "adam": ("beta1", "beta2"),
        "adamw": ("beta1", "beta2"),
        "rmsprop": ("momentum", "alpha"),
    }
    for name in used[optimiser.kind]:
        _check_slot(plan, name, getattr(optimiser, name))
    if optimiser.max_norm is not None:
        _check_slot(plan, "max_norm", optimiser.max_norm)
    if not (math.isfinite(optimiser.eps) and optimiser.eps >= 0):
        raise PlanError(f"eps is {optimiser.eps!r}, not a finite number from 0 on")


def _check_rate(plan: Plan, rate: object, depth: int) -> None:
    if depth > MAX_NESTED_RATES:
        raise PlanError(f"schedules nest more than {MAX_NESTED_RATES} deep")
    if not isinstance(rate, SCHEDULES):
        _check_slot(plan, "a rate", rate)
        return
    for field in fields(rate):
        value = getattr(rate, field.name)
        if isinstance(rate, WarmUp) and field.name == "base":
            _check_rate(plan, value, depth + 1)
        else:
            _check_slot(plan, f"{type(rate).__name__}.{field.name}", value)


def _check_array(name: str, array: object, kinds: str) -> NDArray[Any]:
    if not isinstance(array, np.ndarray) or array.dtype.kind not in kinds:
        raise PlanError(f"{name}: not an array of numpy of the kind {kinds!r}")
    return array


def _check_starts(plan: Plan) -> None:
    if not isinstance(plan.starts, tuple) or len(plan.starts) != len(plan.tensor_shapes):
        raise PlanError(f"there must be one start for each of {len(plan.tensor_shapes)} tensors")
    for number, (start, shape) in enumerate(zip(plan.starts, plan.tensor_shapes, strict=True)):
        values = _check_array(f"start {number}", start.values, "f")
        if values.dtype != np.float64:
            raise PlanError(f"start {number} is {values.dtype}, not float64")
        if values.shape not in (shape, (*values.shape[:1], *shape)):
            raise PlanError(
                f"start {number} has shape {values.shape}; the tensor has {shape}, "
                "with the replicas before it where they differ"
            )
        if start.scale is not None:
            _check_slot(plan, f"start {number}: scale", start.scale)


def _check_dataset(plan: Plan, number: int) -> None:
    data, name = plan.datasets[number], f"data set {number}"
    inputs = _check_array(f"{name}: inputs", data.inputs, "f")
    if inputs.dtype != np.float64 or inputs.ndim not in (2, 3) or inputs.shape[-1] != plan.features:
        raise PlanError(
            f"{name}: inputs are {inputs.dtype} {inputs.shape}, "
            f"not float64 (N, {plan.features}) or (R, N, {plan.features})"
        )
    if data.examples < 1:
        raise PlanError(f"{name} has no example")
    targets = _check_array(f"{name}: targets", data.targets, "iuf")
    if plan.loss == "cross_entropy":
        if targets.dtype.kind not in "iu" or targets.shape[-1:] != (data.examples,):
            raise PlanError(f"{name}: targets must be class numbers (N,) or (R, N)")
        if targets.ndim not in (1, 2) or targets.min() < 0 or targets.max() >= plan.width:
            raise PlanError(f"{name}: a class is not between 0 and {plan.width - 1}")
    elif (
        targets.dtype != np.float64
        or targets.ndim not in (2, 3)
        or targets.shape[-2:] != (data.examples, plan.width)
    ):
        raise PlanError(
            f"{name}: targets are {targets.dtype} {targets.shape}, not float64 with "
            f"{data.examples} examples and {plan.width} outputs"
        )


def _check_replica_counts(plan: Plan) -> None:
    for count, name in plan.replica_counts():
        if count != plan.replicas or count < 1:
            raise PlanError(f"{name} has {count} replicas; another part has {plan.replicas}")


def _check_operations(plan: Plan) -> None:
    rows = _check_array("operations", plan.operations, "i")
    if rows.dtype != np.int32 or rows.ndim != 2 or rows.shape[1] != FIELDS:
        raise PlanError(f"operations are {rows.dtype} {rows.shape}, not int32 (n, {FIELDS})")
    if len(rows) > MAX_OPERATIONS:
        raise PlanError(f"{len(rows)} operations; {MAX_OPERATIONS} are allowed")
    known = np.isin(rows[:, 0], [int(code) for code in Operation])
    _require(rows, known, "there is no such operation")
    for code in Operation:
        chosen = np.flatnonzero(rows[:, 0] == code)
        if len(chosen):
            _check_rows(plan, code, rows[chosen], chosen)


def _check_rows(
    plan: Plan, code: Operation, rows: NDArray[np.int32], numbers: NDArray[np.intp]
) -> None:
    """Checks the rows of one kind; ``numbers`` are their places in the plan."""

    def require(holds: NDArray[np.bool_], what: str) -> None:
        if not bool(holds.all()):
            place = int(numbers[int(np.argmin(holds))])
            raise PlanError(f"operation {place} ({code.name}): {what}")

    sizes = np.array([data.examples for data in plan.datasets], dtype=np.int64)
    if code not in NOT_OF_A_DATASET:
        require((rows[:, 1] >= 0) & (rows[:, 1] < len(sizes)), "there is no such data set")
    column, count, least = 2, np.ones(len(rows), dtype=np.int64), 0
    if code == Operation.STEP:
        least = -1
    elif code == Operation.STEP_BATCH:
        column, least = 5, -1
        require(rows[:, 2] >= 0, "the epoch is below 0")
        first, examples = rows[:, 3].astype(np.int64), rows[:, 4].astype(np.int64)
        fits = (first >= 0) & (examples >= 1) & (first + examples <= sizes[rows[:, 1]])
        require(fits, "the batch does not lie within the data set")
        require((rows[:, 6] == 0) | (rows[:, 6] == 1), "replace is neither 0 nor 1")
    elif code == Operation.WEIGHT_NORMS:
        column, count = 1, count * len(plan.dense_layers)
    elif code == Operation.GRADIENT_NORMS:
        count *= len(plan.dense_layers)
    elif code == Operation.ALIVE:
        column = 3
        require((rows[:, 2] >= 0) & (rows[:, 2] < len(plan.layers)), "there is no such layer")
    elif code == Operation.UNEXPLAINED and plan.loss == "cross_entropy":
        raise PlanError("UNEXPLAINED: a class has no variance")
    elif code == Operation.WIDE_LOSS and plan.dtype != "float32":
        raise PlanError("WIDE_LOSS: in float64 LOSS is the same")
    elif code == Operation.PREDICT:
        count = sizes[rows[:, 1]] * plan.width
    elif code == Operation.DERIVE:
        column = 4
        require((rows[:, 1] >= 0) & (rows[:, 1] < len(FUNCTIONS)), "there is no such function")
        for operand in (rows[:, 2], rows[:, 3]):
            known = (operand >= -plan.slots) & (operand < plan.outputs)
            require(known, "there is no such operand")
    output = rows[:, column].astype(np.int64)
    require((output >= least) & (output + count <= plan.outputs), "there is no such output")


def _require(rows: NDArray[np.int32], holds: NDArray[np.bool_], what: str) -> None:
    if not bool(holds.all()):
        raise PlanError(f"operation {int(np.argmin(holds))}: {what}")
