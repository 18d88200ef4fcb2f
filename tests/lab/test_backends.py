"""The kernel draws the curves that torch draws, and so does a plan that is read in numpy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from quizserver.kernel.library import KernelUnavailableError
from quizserver.lab import Axis, Knob, losses, optim, schedules
from quizserver.lab.backprop import training_step
from quizserver.lab.ensemble import Curves, simulate
from quizserver.lab.model import Backend, SimulationError
from quizserver.lab.simulation import Simulation

from .examples import DECAY, MOMENTUM, RATE, SCALE, plain
from .plan_interpreter import InterpretedTraining

DROP = Knob("drop", "Dropout", 0, 1, default=0.2)
SERIES = ("step", "loss", "gradient", "weight", "alive", "left", "rate", "answer", "float64",
          "bounded", "ratio")  # fmt: skip
SETTINGS = [
    {"rate": 0.1, "momentum": 0.9, "decay": 0.02, "scale": 1.0, "drop": 0.0},
    {"rate": 0.03, "momentum": 0.0, "decay": 0.0, "scale": 0.3, "drop": 0.3},
    {"rate": 0.2, "momentum": 0.5, "decay": 0.1, "scale": 2.0, "drop": 1.0},
]

Make = Callable[[Any, nn.Module], optim.Optimiser]


def groups(knobs: Any, net: Any) -> list[dict[str, Any]]:
    weights = [p for name, p in net.named_parameters() if name.endswith("weight")]
    biases = [p for name, p in net.named_parameters() if name.endswith("bias")]
    slow = schedules.step_down(knobs.rate, every=3, factor=0.7)
    return [{"params": biases, "lr": slow}, {"params": weights, "weight_decay": knobs.decay}]


def sgd(knobs: Any, net: nn.Module) -> optim.Optimiser:
    return optim.SGD(groups(knobs, net), knobs.rate, momentum=knobs.momentum)


def nesterov(knobs: Any, net: nn.Module) -> optim.Optimiser:
    rate = schedules.change_at(knobs.rate, step=4, factor=0.3)
    return optim.SGD(net.parameters(), rate, momentum=knobs.momentum, nesterov=True)


def adam(knobs: Any, net: nn.Module) -> optim.Optimiser:
    rate = schedules.geometric(knobs.rate, last_factor=0.1, steps=10)
    betas = (knobs.momentum, 0.99)
    return optim.Adam(net.parameters(), rate, betas=betas, weight_decay=knobs.decay)


def adam_w(knobs: Any, net: nn.Module) -> optim.Optimiser:
    rate = schedules.warm_up(schedules.cosine(knobs.rate, steps=9, final=0.01), 4)
    return optim.AdamW(net.parameters(), rate, weight_decay=knobs.decay, eps=1e-6)


def rmsprop(knobs: Any, net: nn.Module) -> optim.Optimiser:
    rate = schedules.exponential(knobs.rate, factor=0.95)
    return optim.RMSprop(
        net.parameters(), rate, alpha=0.9, momentum=knobs.momentum, weight_decay=knobs.decay
    )


def targets_for(loss: Any, x: torch.Tensor) -> torch.Tensor:
    """Classes for cross entropy, probabilities for binary cross entropy, numbers for the rest."""
    inside = x.square().sum(2, keepdim=True) < 1.5
    if loss is losses.cross_entropy:
        return inside.long().squeeze(2) + (x[:, :, 0] > 0).long()
    return torch.cat([inside, x[:, :, :1] > 0, x[:, :, 1:] > 0], dim=2).to(x.dtype)


def everything(
    make: Make, loss: Any, units: tuple[nn.Module, nn.Module], dtype: Any = "float64"
) -> Simulation:
    simulation = plain(
        4, knobs=[RATE, MOMENTUM, DECAY, SCALE, DROP], dtype=dtype,
        series={name: Axis(name) for name in SERIES},
    )  # fmt: skip

    @simulation.train
    def train(replicas: Any) -> Iterator[tuple[float, dict[str, Any]]]:
        knobs = replicas.knobs
        x = replicas.randn(30, 2)
        y = targets_for(loss, x)
        first, second = replicas.linear(2, 6, scale=knobs.scale), replicas.linear(6, 5, bias=False)
        net = nn.Sequential(
            first, units[0], replicas.dropout(knobs.drop), nn.Sequential(second, units[1]),
            replicas.dropout(0.1), nn.Identity(), replicas.linear(5, 3, init="orthogonal"),
        )  # fmt: skip
        step = training_step(net, loss, make(knobs, net), max_norm=0.8)
        for point in range(4):
            value = step(x, y)
            for some, wanted in replicas.batches(x, y, size=12):
                step(some, wanted)
            for some, wanted in replicas.batches(x, y, size=20, replace=True):
                step(some, wanted)
            left = step.loss(x, y) if loss is losses.cross_entropy else step.unexplained(x, y)
            numbers = (
                value, step.loss(x[:, :9], y[:, :9]), step.gradient_norms(x, y)[1],
                step.weight_norms()[2], step.share_alive(x, first, second), left, knobs.rate,
                step.predict(x[:, 3:6])[:, 1, -1], step.float64_loss(x, y),
                (knobs.rate - value * 2).clamp(-1, 0.2) + torch.log(value / knobs.scale),
                (3 / value).log10() - torch.clamp(value, max=0.1) * value.log(),
            )  # fmt: skip
            yield point, dict(zip(SERIES, numbers, strict=True))

    return simulation


def trained(simulation: Simulation, backend: Backend) -> Curves:
    settings = [setting for setting in SETTINGS for _ in range(3)]
    return simulate(simulation, settings, [*range(3)] * 3, backend=backend)


CASES: list[tuple[Make, Any, tuple[nn.Module, nn.Module]]] = [
    (sgd, losses.mse_loss, (nn.Tanh(), nn.ReLU())),
    (nesterov, losses.binary_cross_entropy_with_logits, (nn.Sigmoid(), nn.LeakyReLU(0.2))),
    (adam, losses.cross_entropy, (nn.GELU(), nn.Tanh())),
    (adam_w, losses.mse_loss, (nn.GELU(approximate="tanh"), nn.Sigmoid())),
    (rmsprop, losses.cross_entropy, (nn.ReLU(), nn.Tanh())),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0].__name__)
def test_kernel_torch_and_a_plan_read_in_numpy_agree(
    case: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation = everything(*case)
    by_kernel, by_torch = (trained(simulation, backend) for backend in ("kernel", "torch"))
    monkeypatch.setattr("quizserver.lab.kernel_batch.Training", InterpretedTraining)
    by_hand = trained(simulation, "kernel")
    assert (by_kernel.backends, by_torch.backends) == (("kernel",), ("torch",))
    for name in SERIES:
        expected = by_torch.series[name]
        assert np.isfinite(expected).all()
        np.testing.assert_allclose(
            by_kernel.series[name], expected, rtol=1e-7, atol=1e-9, err_msg=name
        )
        np.testing.assert_allclose(
            by_hand.series[name], expected, rtol=1e-7, atol=1e-9, err_msg=name
        )
    assert np.ptp(by_torch.series["loss"], axis=1).min() > 1e-6, "nothing was trained"


@pytest.mark.parametrize("case", CASES[:2], ids=lambda case: case[0].__name__)
def test_in_float32_they_agree_up_to_its_rounding(case: Any) -> None:
    simulation = everything(*case, "float32")
    by_kernel, by_torch = (trained(simulation, backend) for backend in ("kernel", "torch"))
    for name in SERIES:
        np.testing.assert_allclose(
            by_kernel.series[name], by_torch.series[name], rtol=2e-4, err_msg=name
        )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_by_the_kernel_a_seed_is_the_same_curve_to_the_last_bit_in_any_company(dtype: str) -> None:
    simulation = everything(*CASES[2], dtype)
    rng = np.random.default_rng(0)
    settings = [
        {name: rng.uniform(0.01, 0.5) for name in ("rate", "momentum", "decay", "drop")}
        for _ in range(70)
    ]
    together = simulate(simulation, settings, range(70), backend="kernel")
    apart = simulate(simulation, settings[40:43], range(40, 43), backend="kernel")
    backwards = simulate(simulation, settings[::-1], range(70)[::-1], backend="kernel")
    for name in SERIES:
        np.testing.assert_array_equal(together.series[name][40:43], apart.series[name])
        np.testing.assert_array_equal(together.series[name][::-1], backwards.series[name])


def test_batches_of_a_seed_have_one_order_whatever_trains() -> None:
    """Each loss of a batch of one example says which example it was."""
    simulation = plain(12, dtype="float64")

    @simulation.train
    def train(replicas: Any) -> Iterator[tuple[float, dict[str, Any]]]:
        x, y = replicas.share(torch.ones(5, 1), torch.arange(5.0).unsqueeze(1))
        net = nn.Sequential(replicas.linear(1, 1, init="zeros"))
        step = training_step(net, losses.mse_loss, optim.SGD(net.parameters(), 0.0))
        point = 0
        while True:
            for some, wanted in replicas.batches(x, y, size=1):
                yield point, {"loss": step(some, wanted)}
                point += 1

    by_kernel, by_torch = (
        simulate(simulation, {}, range(40), backend=backend).series["loss"]
        for backend in ("kernel", "torch")
    )
    np.testing.assert_array_equal(by_kernel, by_torch)
    for epoch in (by_torch[:, :5], by_torch[:, 5:10]):
        np.testing.assert_array_equal(np.sort(epoch, axis=1), [[0, 1, 4, 9, 16]] * 40)
    assert len(np.unique(by_torch[:, :10], axis=0)) > 35, "each seed has orders of its own"


def test_points_come_one_by_one_and_it_stops_when_it_should() -> None:
    simulation = everything(*CASES[0])
    heard: list[tuple[int, float]] = []
    curves = simulate(
        simulation, {}, range(3), backend="kernel",
        on_points=lambda index, x, values: heard.append((index, float(values["loss"][0]))),
        should_stop=lambda: len(heard) == 2,
    )  # fmt: skip
    assert curves.stopped
    assert curves.backends == ("kernel",)
    assert [index for index, _ in heard] == [0, 1]
    np.testing.assert_array_equal([loss for _, loss in heard], curves.series["loss"][0])
    whole = simulate(simulation, {}, range(3), backend="kernel")
    np.testing.assert_array_equal(whole.series["loss"][:, :2], curves.series["loss"])


def test_auto_decides_by_the_whole_number_knobs_alone() -> None:
    kind = Knob("kind", "Kind", 0, 1, default=0, integer=True)
    simulation = plain(2, knobs=[RATE, kind])

    @simulation.train
    def train(replicas: Any) -> Iterator[tuple[float, dict[str, Any]]]:
        x = replicas.randn(9, 1)
        unit = nn.Softplus() if replicas.knobs.kind else nn.Tanh()
        net = nn.Sequential(replicas.linear(1, 4), unit, replicas.linear(4, 1))
        step = training_step(net, losses.mse_loss, optim.SGD(net.parameters(), 0.1))
        for point in range(2):
            yield point, {"loss": step(x, x)}

    apart = [simulate(simulation, {"kind": kind}, range(4)) for kind in (0, 1)]
    assert [curves.backends for curves in apart] == [("kernel",), ("torch",)]
    settings = [{"kind": kind} for kind in (0, 1) for _ in range(4)]
    together = simulate(simulation, settings, [*range(4)] * 2)
    assert together.backends == ("kernel", "torch")
    for start, alone in zip((0, 4), apart, strict=True):
        np.testing.assert_array_equal(
            together.series["loss"][start : start + 4], alone.series["loss"]
        )


def test_torch_does_not_stand_in_for_a_kernel_that_cannot_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_library() -> None:
        raise KernelUnavailableError("This machine can't run the training kernel.")

    monkeypatch.setattr("quizserver.lab.batches.load_library", no_library)
    with pytest.raises(SimulationError, match="can't run the training kernel"):
        simulate(everything(*CASES[0]), {}, range(2), backend="auto")


@pytest.mark.parametrize("size", [64, 16])
def test_where_many_replicas_are_too_large_a_training_the_kernel_takes_fewer_at_a_time(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation = everything(*CASES[0])
    usual = simulate(simulation, {}, range(70), backend="kernel")
    largest = 0
    from quizserver.kernel import plan_checks, training

    def check_work(plan: Any, replicas: int, memory_size: int) -> None:
        nonlocal largest
        plan_checks.check_work(plan, replicas, 0)
        if replicas > size:
            raise plan_checks.PlanError("too large")
        largest = max(largest, replicas)

    monkeypatch.setattr(training, "check_work", check_work)
    parts = simulate(simulation, {}, range(70), backend="auto")
    assert parts.backends == ("kernel",)
    assert largest == size
    np.testing.assert_array_equal(parts.series["loss"], usual.series["loss"])
