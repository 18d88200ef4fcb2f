"""A plan that is shared gives the curves of one that was made for its replicas alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from quizserver.kernel.training import Training
from quizserver.lab import Axis, Knob, losses, optim
from quizserver.lab.backprop import training_step
from quizserver.lab.ensemble import simulate
from quizserver.lab.kernel_batch import PlannedTraining, plan_training
from quizserver.lab.planning import UnplannedError
from quizserver.lab.shared_plans import SharedPlans
from quizserver.lab.simulation import Simulation

from .examples import DECAY, MOMENTUM, RATE, SCALE, plain

SHIFT = Knob("shift", "Shift of the data", -1, 1, default=0)
FREE = Knob("free", "In words of its own", 0, 1, default=0, integer=True)
POINTS = 4


def own_data(calls: list[int] | None = None) -> Simulation:
    """Weights, examples and a series of each seed's own; ``calls`` has those of each plan."""
    simulation = plain(
        POINTS,
        knobs=[RATE, MOMENTUM, DECAY, SCALE, SHIFT, FREE],
        series={"loss": Axis("loss"), "spread": Axis("spread of the examples")},
    )

    @simulation.train
    def train(replicas: Any) -> Iterator[tuple[float, dict[str, Any]]]:
        knobs = replicas.knobs
        if calls is not None:
            calls.append(replicas.count)
        x = replicas.randn(12, 2)
        y = x.prod(2, keepdim=True) + knobs.shift.view(-1, 1, 1)
        net = nn.Sequential(
            replicas.linear(2, 5, scale=knobs.scale), nn.Tanh(), replicas.linear(5, 1)
        )
        optimiser = optim.SGD(net.parameters(), knobs.rate, momentum=knobs.momentum)
        step = training_step(net, losses.mse_loss, optimiser)
        spread = x.var((1, 2))
        for point in range(POINTS):
            if knobs.free:
                sum(net.parameters())
            for some, wanted in replicas.batches(x, y, size=5):
                step(some, wanted)
            yield point, {"loss": step.loss(x, y), "spread": spread}

    return simulation


def full(simulation: Simulation, **knobs: float) -> dict[str, float]:
    return simulation.check_knobs(knobs)


def outputs_of(planned: PlannedTraining) -> np.ndarray:
    with Training(planned.plan, planned.slot_values, planned.seeds) as training:
        training.run(0, len(planned.plan.operations))
        return training.outputs


def test_other_numbers_and_replicas_of_a_plan_are_as_if_planned_for_them() -> None:
    calls: list[int] = []
    simulation = own_data(calls)
    plans = SharedPlans(simulation, torch.float32, 32)
    plans.plan_for([full(simulation)] * 6, range(6))
    settings = [full(simulation, rate=0.1 + i / 7, scale=i, momentum=i / 9) for i in range(9)]
    seeds = [3, 0, 3, 5, 5, 1, 2, 4, 0]
    shared = plans.plan_for(settings, seeds)
    assert calls == [32], "it was planned once"
    alone = plan_training(simulation, settings, seeds, dtype=torch.float32, pad=32)
    np.testing.assert_array_equal(shared.slot_values, alone.slot_values)
    np.testing.assert_array_equal(outputs_of(shared), outputs_of(alone))
    for mine, its in zip(shared.points, alone.points, strict=True):
        assert (mine.x, mine.operations, mine.series["loss"]) == (
            its.x, its.operations, its.series["loss"],
        )  # fmt: skip
        np.testing.assert_array_equal(mine.series["spread"], its.series["spread"])
    assert np.ptp(outputs_of(shared)) > 0


@pytest.mark.parametrize(
    ("knobs", "seeds"), [({"shift": 0.5}, range(6)), ({}, range(1, 7)), ({"rate": 3.0}, [0, 9])]
)
def test_another_seed_or_structural_knob_is_planned(
    knobs: dict[str, float], seeds: range | list[int]
) -> None:
    calls: list[int] = []
    simulation = own_data(calls)
    plans = SharedPlans(simulation, torch.float32, 32)
    plans.plan_for([full(simulation)] * 6, range(6))
    settings = [full(simulation, **knobs)] * len(seeds)
    planned = plans.plan_for(settings, seeds)
    assert len(calls) == 2
    alone = plan_training(simulation, settings, seeds, dtype=torch.float32, pad=32)
    np.testing.assert_array_equal(outputs_of(planned), outputs_of(alone))


def test_nudged_replicas_are_none_of_those_that_were_planned_as_drawn() -> None:
    calls: list[int] = []
    simulation = own_data(calls)
    plans = SharedPlans(simulation, torch.float32, 32)
    settings = [full(simulation, scale=2.0)] * 4
    plans.plan_for(settings, [0, 0, 1, 1], [False, True, False, True])
    again = plans.plan_for(settings[:2], [1, 0], [True, False])
    assert len(calls) == 1
    for nudged in ([True, False], [False, True]):
        planned = plans.plan_for(settings[:2], [1, 0], nudged)
        alone = plan_training(
            simulation, settings[:2], [1, 0], dtype=torch.float32, pad=32, nudged=nudged
        )
        np.testing.assert_array_equal(outputs_of(planned), outputs_of(alone))
        assert np.array_equal(outputs_of(planned), outputs_of(again)) is nudged[0]
    turned = plans.plan_for([full(simulation, scale=3.0)] * 2, [1, 0], [True, False])
    alone = plan_training(
        simulation, [full(simulation, scale=3.0)] * 2, [1, 0],
        dtype=torch.float32, pad=32, nudged=[True, False],
    )  # fmt: skip
    np.testing.assert_array_equal(outputs_of(turned), outputs_of(alone))


def test_what_has_no_plan_is_asked_once_for_each_value_of_the_whole_numbers() -> None:
    calls: list[int] = []
    simulation = own_data(calls)
    plans = SharedPlans(simulation, torch.float32, 32)
    for rate in (0.1, 0.2, 0.3):
        with pytest.raises(UnplannedError, match="a weight"):
            plans.plan_for([full(simulation, free=1, rate=rate)], [0])
    assert len(calls) == 1
    plans.plan_for([full(simulation)], [0])
    with pytest.raises(UnplannedError, match="a weight"):
        plans.plan_for([full(simulation, free=1)], [1])
    assert len(calls) == 2


def test_a_large_ensemble_is_planned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quizserver.lab.batches.KERNEL_BATCHES", (16,))
    calls: list[int] = []
    simulation = own_data(calls)
    settings = [full(simulation, rate=0.02 * (1 + i // 8)) for i in range(64)]
    seeds = [i % 8 for i in range(64)]
    curves = simulate(simulation, settings, seeds)
    assert len(calls) == 1
    by_torch = simulate(simulation, settings, seeds, backend="torch")
    np.testing.assert_allclose(curves.series["loss"], by_torch.series["loss"], rtol=1e-4)
    np.testing.assert_array_equal(curves.series["spread"], by_torch.series["spread"])


@pytest.mark.parametrize("watched", [False, True])
def test_threads_change_no_bit(watched: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = own_data()
    settings = [full(simulation, rate=0.1 * (1 + i // 25), shift=i % 2) for i in range(100)]
    usual = simulate(simulation, settings, range(100))
    used: set[int] = set()
    ready = threading.Barrier(3, timeout=60)
    run = Training.run

    def noted(self: Training, first: int, last: int) -> None:
        if threading.get_ident() not in used and first == 0:
            ready.wait()  # three trainings run at the same time
        used.add(threading.get_ident())
        run(self, first, last)

    monkeypatch.setattr(Training, "run", noted)
    heard: list[int] = []
    on_points = (lambda index, *_: heard.append(index)) if watched else None
    curves = simulate(simulation, settings, range(100), on_points=on_points, threads=3)
    assert len(used) == 3
    assert heard == (list(range(POINTS)) if watched else [])
    np.testing.assert_array_equal(curves.series["loss"], usual.series["loss"])
