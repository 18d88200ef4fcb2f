"""Trainings that together use every part of the kernel, and the digests of what they record."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from quizserver.kernel.draws import Stream, example_orders, normal_numbers, uniform_numbers
from quizserver.kernel.library import KernelLibrary
from quizserver.kernel.plan import FUNCTIONS, Activation, Dense, Dropout, Operation, Plan
from quizserver.kernel.training import Training
from tests.kernel.plans import chain, dataset, make_plan, rows, slot, slot_values, steps
from tests.kernel.test_training import LOSSES, RULES, SCHEDULES, UNITS, everything, rule_plan

REPLICAS = 19
"""More than one block of sixteen, and no whole number of blocks."""
SEEDS = [number * 0x9E3779B97F4A7C15 % 2**64 for number in range(REPLICAS)]

Case = tuple[str, Plan, dict[str, Any]]


def digests(library: KernelLibrary) -> dict[str, str]:
    """The SHA-256 of draws, and of all that each training records, by their names."""
    drawn = {
        "uniform numbers": uniform_numbers(SEEDS, Stream.DATA, 2**30 - 9, 101, library),
        "normal numbers": normal_numbers(SEEDS, Stream.INIT, 3, 2001, library),
        "orders": example_orders(SEEDS, 123, 5, 7, library),
        "choices": example_orders(SEEDS, 123, 5, 7, library, replace=True),
    }
    found = {name: hashlib.sha256(each.tobytes()).hexdigest() for name, each in drawn.items()}
    for name, plan, slots in _cases():
        for dtype in ("float32", "float64"):
            typed = replace(plan, dtype=dtype)
            found[f"{name}, {dtype}"] = _training_digest(typed, slots, library)
    for name, plan, slots in _wide_cases():
        found[name] = _training_digest(plan, slots, library)
    return found


def _training_digest(plan: Plan, slots: dict[str, Any], library: KernelLibrary) -> str:
    with Training(plan, slot_values(REPLICAS, **slots), SEEDS, library) as training:
        training.run(0, len(plan.operations))
        return hashlib.sha256(training.outputs.tobytes()).hexdigest()


def _cases() -> Iterator[Case]:
    rates = np.geomspace(0.01, 3, REPLICAS)
    for unit in (*UNITS, "gelu"):
        net = chain(3, 6, 5, 2, unit=unit)
        plan = make_plan(net, everything(len(net)), replicas=REPLICAS, outputs=450)
        yield unit, plan, {"rate": rates}
    for loss in LOSSES:
        yield from _losses(loss, rates)
    for number, rule in enumerate(RULES):
        schedule = list(SCHEDULES.values())[number % len(SCHEDULES)]
        plan, slots = rule_plan(
            rule, steps(12), replicas=REPLICAS, rates=(schedule,) * 4, max_norm=slot("norm")
        )
        given = {name: np.resize(value, REPLICAS) for name, value in slots.items()}
        norms = np.resize([0.01, 1, np.inf], REPLICAS)
        yield f"{rule} with schedule {number}", plan, {**given, "rate": rates, "norm": norms}
    yield "dropout", _dropout(), {"dropout": np.linspace(0, 1, REPLICAS)}
    derived = [(Operation.DERIVE, f, 0, -1 - slot("rate"), 1 + f) for f in range(len(FUNCTIONS))]
    batch = (Operation.STEP_BATCH, 0, 3, 1, 7, 0, 1)
    plan = make_plan(chain(3, 4, 2), rows(batch, *derived), replicas=REPLICAS)
    yield "drawn with replacement, and derived", plan, {"rate": rates}


def _wide_cases() -> Iterator[Case]:
    """The loss in float64, of plans in float32."""
    rates = np.geomspace(0.01, 3, REPLICAS)
    for loss in LOSSES:
        for unit in (*UNITS, "gelu"):
            data = dataset(9, 3, 4, classes=loss == "cross_entropy")
            operations = rows((Operation.STEP, 0, -1), (Operation.WIDE_LOSS, 0, 0))
            plan = make_plan(
                chain(3, 5, 4, unit=unit), operations, loss=loss, datasets=(data,),
                replicas=REPLICAS,
            )  # fmt: skip
            yield f"{loss} in float64, {unit}", plan, {"rate": rates}


def _losses(loss: str, rates: np.ndarray) -> Iterator[Case]:
    """Mini-batches; and again with rates at which it overflows, to infinities and NaN."""
    batches = [
        (Operation.STEP_BATCH, 0, epoch, first, 4, epoch)
        for epoch in range(6)
        for first in (0, 4, 8)
    ]
    ends = [(Operation.PREDICT, 0, 10), (Operation.GRADIENT_NORMS, 0, 90)]
    data = dataset(12, 3, 4, classes=loss == "cross_entropy")
    plan = make_plan(
        chain(3, 5, 4, unit="relu"), rows(*batches, *ends), loss=loss, datasets=(data,),
        replicas=REPLICAS,
    )  # fmt: skip
    yield loss, plan, {"rate": rates}
    yield f"{loss}, diverging", plan, {"rate": 10.0 ** np.linspace(0, 300, REPLICAS) - 0.9}


def _dropout() -> Plan:
    net = (Dense(3, 9, True), Activation("tanh"), Dropout(slot("dropout")), Dense(9, 2, True))
    batches = [(Operation.STEP_BATCH, 0, epoch, 2, 5, epoch) for epoch in range(6)]
    return make_plan(net, rows(*batches, (Operation.PREDICT, 0, 10)), replicas=REPLICAS)
