"""One seed, one curve, to the bit: in any company and portion, on any processor."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from quizserver.kernel import layout, recipe, training
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


PLANS: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("sgd", {"unit": "relu"}),
    "nesterov": ("sgd", {"nesterov": True, "loss": "binary_cross_entropy_with_logits"}),
    "adam": ("adam", {"unit": "leaky_relu", "loss": "cross_entropy"}),
    "adamw": ("adamw", {"unit": "gelu_tanh", "own": REPLICAS}),
    "rmsprop": ("rmsprop", {"unit": "sigmoid", "centered": True}),
}


def named_plan(name: str, dtype: str) -> Plan:
    kind, changes = PLANS[name]
    return whole_plan(kind, dtype=dtype, **changes)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", PLANS)
def test_the_bits_are_those_that_were_recorded(name: str, dtype: str):
    bits = bits_of(named_plan(name, dtype), own_values(), list(range(REPLICAS)))
    digest = hashlib.sha256(bits.astype("<u8").tobytes()).hexdigest()[:16]
    assert digest == DIGESTS[name, dtype]


# They change when the kernel's arithmetic does, and with it every curve: raise ENGINE_VERSION then.
DIGESTS: dict[tuple[str, str], str] = {
    ("sgd", "float32"): "504358f658755891",
    ("sgd", "float64"): "6794fa32886eda22",
    ("nesterov", "float32"): "3f478870142ef0c6",
    ("nesterov", "float64"): "974687bce29079c4",
    ("adam", "float32"): "328547d0a8b94347",
    ("adam", "float64"): "7286279e4291e6d6",
    ("adamw", "float32"): "c61f0536d98e4f44",
    ("adamw", "float64"): "37e640aea3099687",
    ("rmsprop", "float32"): "f856f55bc45614aa",
    ("rmsprop", "float64"): "800e18836fbaec3c",
}


class Gap:
    """Free bytes after every part of a memory, to see what is read or written beside a part."""

    SIZE = 1 << 10

    def __init__(self) -> None:
        self.places: dict[int, list[int]] = {}

    def take(self, region: Any, size: int) -> int:
        offset = region.end
        after = offset + -(-size // layout.ALIGNMENT) * layout.ALIGNMENT
        self.places.setdefault(id(region), []).append(after)
        region.end = after + self.SIZE
        return int(offset)


@pytest.fixture
def gap(monkeypatch: pytest.MonkeyPatch) -> Gap:
    """Memory that is full of NaN before it is filled, and in which no part touches another."""
    gap = Gap()
    fill = training._Filling.fill

    def fill_after_poison(filling: Any, *arguments: Any) -> None:
        filling._memory[:] = 0xFF
        fill(filling, *arguments)

    monkeypatch.setattr(layout._Region, "take", lambda region, size: gap.take(region, size))
    monkeypatch.setattr(training._Filling, "fill", fill_after_poison)
    return gap


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", PLANS)
def test_nothing_beside_the_parts_of_a_memory_is_read_or_written(
    name: str, dtype: str, gap: Gap, monkeypatch: pytest.MonkeyPatch
):
    plan, values, seeds = named_plan(name, dtype), own_values(), list(range(REPLICAS))
    with Training(plan, values, seeds) as run:
        run.run(0, len(plan.operations))
        poisoned = run.outputs.view(np.uint64)
        memory = run._memory_bytes
        made = run._layout
        places = [(place, 0) for place in gap.places[id(made._shared)]]
        for block in range(run._blocks):
            first = made.shared_size + block * made.block_size
            places += [(place, first) for place in gap.places[id(made._block)]]
        for place, first in places:
            assert (memory[first + place : first + place + Gap.SIZE] == 0xFF).all(), place
    monkeypatch.undo()
    assert (poisoned == bits_of(plan, values, seeds)).all()


def test_header_and_kernel_name_the_same_fields_in_the_same_order():
    source = (recipe.SOURCE / "plan.h").read_text("utf-8")
    structure = source[: source.index("} Plan;")].rpartition("typedef struct {")[2]
    plain = re.sub(r"/\*.*?\*/", "", structure, flags=re.S)
    names = re.findall(r"\w+", plain.replace("int32_t", ""))
    assert names == list(layout.HEADER)
