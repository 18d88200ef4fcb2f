"""One seed, one curve, to the bit: in any company and portion, on any processor."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from quizserver.kernel.plan import (
    Activation,
    Cosine,
    Dataset,
    Dense,
    Dropout,
    Operation,
    Plan,
    WarmUp,
)
from quizserver.kernel.training import Training
from tests.kernel.plans import chain, dataset, make_plan, rows, slot, slot_values

LANES = 16  # of the widest vectors
REPLICAS = 37  # two whole blocks and a part of one


def recorders(output: int, layers: int, width: int) -> list[tuple[int, ...]]:
    """Every recorder that a plan may have, and the outputs that they take."""
    return [
        (Operation.LOSS, 0, output),
        (Operation.GRADIENT_NORMS, 0, output + 1),
        (Operation.ALIVE, 0, layers - 2, output + 5),
        (Operation.WEIGHT_NORMS, output + 6),
        (Operation.PREDICT, 0, output + 10),
    ]


def whole_plan(kind: str, **changes: Any) -> Plan:
    """Mini-batches, dropout, a schedule, clipping and all recorders; most of all code."""
    net = (
        Dense(3, 9, True),
        Activation(changes.pop("unit", "tanh")),
        Dropout(slot("dropout")),
        Dense(9, 5, True),
        Activation("gelu"),
        Dense(5, 3, False),
    )
    loss = changes.pop("loss", "mse")
    data = dataset(21, 3, 3, classes=loss == "cross_entropy", replicas=changes.pop("own", None))
    operations: list[tuple[int, ...]] = []
    for epoch in range(3):
        operations += [
            (Operation.STEP_BATCH, 0, epoch, first, min(6, 21 - first), -1)
            for first in range(0, 21, 6)
        ]
        operations.append((Operation.STEP, 0, 150 * epoch))
        operations += recorders(150 * epoch + 1, len(net), 3)
    rate = WarmUp(Cosine(slot("rate"), slot("steps"), slot("final")), slot("steps"))
    return make_plan(
        net, rows(*operations), replicas=REPLICAS, loss=loss, datasets=(data,), outputs=500,
        kind=kind, rates=(rate, slot("rate"), rate, slot("rate"), rate), max_norm=slot("norm"),
        **changes,
    )  # fmt: skip


def own_values() -> np.ndarray:
    """Slots that differ from replica to replica, some of them at the edge of what they may be."""
    numbers = np.arange(REPLICAS)
    return slot_values(
        REPLICAS,
        rate=0.01 * (1 + numbers % 7),
        decay=0.1 * (numbers % 3),
        momentum=0.3 * (numbers % 4),
        dropout=0.2 * (numbers % 6),
        norm=np.where(numbers % 5 == 0, np.inf, 0.5),
        scale=np.where(numbers == 11, 1e30, 1.0),  # one that overflows at once
    )


def chosen_replicas(plan: Plan, chosen: list[int]) -> Plan:
    """The same plan for these of its replicas."""
    starts = tuple(replace(start, values=start.values[chosen]) for start in plan.starts)
    datasets = tuple(
        Dataset(
            data.inputs[chosen] if data.inputs.ndim == 3 else data.inputs,
            data.targets[chosen] if data.targets.ndim == 3 else data.targets,
        )
        for data in plan.datasets
    )
    return replace(plan, starts=starts, datasets=datasets)


def bits_of(
    plan: Plan,
    values: np.ndarray,
    seeds: list[int],
    *,
    ends: tuple[int, ...] = (),
) -> np.ndarray:
    """The outputs as whole numbers, (outputs, R), so that NaN equals NaN and 0 differs from -0."""
    with Training(plan, values, seeds) as training:
        first = 0
        for last in (*ends, len(plan.operations)):
            training.run(first, last)
            first = last
        return training.outputs.view(np.uint64)


@pytest.mark.parametrize("kind", ["sgd", "adam", "adamw", "rmsprop"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_replica_has_the_same_bits_in_any_company(kind: str, dtype: str):
    plan = whole_plan(kind, dtype=dtype, own=REPLICAS)
    values, seeds = own_values(), list(range(100, 100 + REPLICAS))
    together = bits_of(plan, values, seeds)
    orders = [
        list(reversed(range(REPLICAS))),
        [*range(20, 37), *range(20)],
        [11],
        [3],
        [11, 3],
        [3] * 17 + [36],
        [7, 11, 11, 0],
    ]
    for chosen in orders:
        part = chosen_replicas(plan, chosen)
        bits = bits_of(part, values[:, chosen], [seeds[replica] for replica in chosen])
        assert (bits == together[:, chosen]).all(), chosen


def test_runs_in_portions_are_the_whole_run():
    plan = whole_plan("adam", own=REPLICAS)
    values, seeds = own_values(), list(range(REPLICAS))
    whole = bits_of(plan, values, seeds)
    total = len(plan.operations)
    for ends in (tuple(range(1, total)), (5, 6, 17), (0, 0, 1), tuple(range(3, total, 3))):
        assert (bits_of(plan, values, seeds, ends=ends) == whole).all(), ends


def test_a_seed_is_its_low_64_bits():
    plan = whole_plan("sgd")
    below = bits_of(plan, own_values(), [-1] * REPLICAS)
    assert (below == bits_of(plan, own_values(), [2**64 - 1] * REPLICAS)).all()
    assert (below != bits_of(plan, own_values(), [1] * REPLICAS)).any()


def test_what_diverges_comes_out_as_such_and_alone():
    """One replica overflows, its neighbours in the vector stay what they are without it."""
    net = chain(2, 8, 1, unit="relu")
    operations = [(Operation.STEP, 0, step) for step in range(60)]
    ends = [(Operation.LOSS, 0, 60), (Operation.ALIVE, 0, 0, 61), (Operation.WEIGHT_NORMS, 62)]
    plan = make_plan(net, rows(*operations, *ends), replicas=LANES, outputs=64)
    rates = np.where(np.arange(LANES) == 5, 100.0, 0.05)
    with Training(plan, slot_values(LANES, rate=rates), [0] * LANES) as training:
        training.run(0, len(plan.operations))
        outputs = training.outputs
    others = np.arange(LANES) != 5
    assert np.isfinite(outputs[:, others]).all()
    assert np.isinf(outputs[:60, 5]).any()
    assert np.isnan(outputs[60:, 5]).all()
    # every NaN has the same bits
    nan = outputs[np.isnan(outputs)].view(np.uint64)
    assert set(nan) == {0x7FF8000000000000}
