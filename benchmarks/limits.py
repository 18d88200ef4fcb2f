"""The time of the strange loss against that of its arithmetic alone on this machine.

The floor is the time of the arithmetic with nothing around it: every tanh at the speed of torch's
tanh on a tensor that fits the cache, every multiplication at that of a large matrix product.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from benchmarks.measurement import Measurement, median_seconds
from quizserver.lab.catalog import load
from quizserver.lab.ensemble import simulate
from quizserver.settings import Settings

REPLICAS, EXAMPLES, INPUTS, UNITS, STEPS = 64, 64, 2, 24, 301
CALLS = 100


def limit_rows() -> Iterator[Measurement]:
    group = f"strange loss, {REPLICAS} replicas: how far from the arithmetic alone"
    simulation = load(Settings().content / "strange-loss" / "simulation.py")
    spent = median_seconds(lambda: simulate(simulation, {}, range(REPLICAS)))
    yield Measurement(group, "as it is", spent)
    tanh = STEPS * _seconds_of_tanh(REPLICAS * EXAMPLES * UNITS)
    yield Measurement(group, "its tanh alone", tanh, note=f"{tanh / spent:.0%} of the time")
    # forward: inputs × units and units × 1 products an example; backward: the same for the weights,
    # and once more for the slopes of the hidden layer
    products = REPLICAS * EXAMPLES * (2 * (INPUTS * UNITS + UNITS) + UNITS)
    multiplied = STEPS * products * _seconds_per_product()
    yield Measurement(
        group, "its products alone", multiplied, note=f"{multiplied / spent:.0%} of the time"
    )
    floor = tanh + multiplied
    yield Measurement(
        group, "both: the floor", floor, note=f"we take {spent / floor:.1f} times as long"
    )


def _seconds_of_tanh(numbers: int) -> float:
    values = torch.randn(numbers)
    out = torch.empty_like(values)

    def compute_tanh() -> None:
        for _ in range(CALLS):
            torch.tanh(values, out=out)

    return median_seconds(compute_tanh) / CALLS


def _seconds_per_product(side: int = 512) -> float:
    left, right = torch.randn(2, side, side)
    out = torch.empty_like(left)

    def multiply_matrices() -> None:
        for _ in range(CALLS):
            torch.mm(left, right, out=out)

    return median_seconds(multiply_matrices) / CALLS / side**3
