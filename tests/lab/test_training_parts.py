"""Dropout, clipping, norms, schedules, first weights, types: each replica as if it were alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from quizserver.lab import Arm, Knob, losses, norms, optim, schedules
from quizserver.lab.ensemble import simulate
from quizserver.lab.model import SimulationError
from quizserver.lab.replicas import Replicas
from quizserver.lab.simulation import Simulation

from .examples import MOMENTUM, RATE, plain, task

DROP = Knob("drop", "Dropout", 0, 1, default=0.5)
KIND = Knob("kind", "Type", 0, 3, default=2, integer=True)
KINDS = (torch.bfloat16, torch.float16, torch.float32, torch.float64)


def replicas_of(*seeds: int, dtype: torch.dtype = torch.float64) -> Replicas:
    return Replicas([], [{}] * len(seeds), seeds, device=torch.device("cpu"), dtype=dtype)


def everything(dtype: Any = "float32") -> Simulation:
    """A simulation with dropout, clipping, a schedule and norms, all with values a replica."""
    simulation = plain(
        5,
        knobs=[RATE, MOMENTUM, DROP],
        series={name: plain().x for name in ("loss", "validation", "gradient", "weights")},
        dtype=dtype,
    )

    @simulation.train
    def train(replicas: Any) -> Iterator[tuple[float, dict[str, Tensor]]]:
        knobs = replicas.knobs
        inputs, targets = replicas.share(*task((3, 7, 1), 48))
        drop = replicas.dropout(knobs.drop)
        net = nn.Sequential(
            replicas.linear(3, 7, init="he_normal"), nn.GELU(), drop, replicas.linear(7, 1)
        )
        rate = schedules.warm_up(schedules.cosine(knobs.rate, steps=12), 4)
        optimiser = optim.RMSprop(net.parameters(), rate, momentum=knobs.momentum)
        for epoch in range(5):
            net.eval()
            with torch.no_grad():
                validation = losses.mse_loss(net(inputs[:, :16]), targets[:, :16])
            net.train()
            optimiser.zero_grad()
            loss = losses.mse_loss(net(inputs[:, 16:]), targets[:, 16:])
            loss.sum().backward()  # type: ignore[no-untyped-call]
            before = optim.clip_grad_norm(net.parameters(), knobs.rate)
            weights = norms.weight_norms(net)[0]
            yield (
                epoch,
                dict(
                    zip(
                        simulation.series,
                        (loss, validation, before + norms.gradient_norms(net)[1], weights),
                        strict=True,
                    )
                ),
            )
            optimiser.step()

    return simulation


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_replica_is_the_same_to_the_last_bit_in_any_batch(dtype: str) -> None:
    simulation = everything(dtype)
    rng = np.random.default_rng(0)
    settings = [
        {"rate": rng.uniform(0.01, 0.5), "momentum": rng.uniform(0, 0.9), "drop": rng.uniform()}
        for _ in range(70)
    ]
    together = simulate(simulation, settings, range(70))
    apart = simulate(simulation, settings[40:43], range(40, 43))
    backwards = simulate(simulation, settings[::-1], range(70)[::-1])
    for name in simulation.series:
        assert np.ptp(together.series[name], axis=1).min() > 0, "nothing was trained"
        assert np.array_equal(together.series[name][40:43], apart.series[name])
        assert np.array_equal(together.series[name][::-1], backwards.series[name])


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    replicas = replicas_of(*range(32))
    rate = torch.linspace(0, 1, 32, dtype=torch.float64)
    dropped = replicas.dropout(rate)(torch.ones(32, 100, 50, dtype=torch.float64))
    share = (dropped == 0).double().mean((1, 2))
    torch.testing.assert_close(share, rate, rtol=0, atol=5 * 0.5 / math.sqrt(5000))
    for index in range(31):
        remaining = dropped[index][dropped[index] != 0]
        torch.testing.assert_close(
            remaining, torch.full_like(remaining, 1 / (1 - rate[index].item()))
        )
    assert (dropped[0] == 1).all()
    assert (dropped[31] == 0).all()


def test_dropout_depends_on_the_seed_alone_and_takes_no_other_random_numbers() -> None:
    ones = torch.ones(3, 20, 8, dtype=torch.float64)
    first = replicas_of(4, 5, 4)
    masks = first.dropout(0.5)(ones)
    assert torch.equal(masks[0], masks[2])
    assert not torch.equal(masks[0], masks[1])
    assert torch.equal(replicas_of(5).dropout(0.5)(ones[:1])[0], masks[1])
    assert torch.equal(first.randn(3), replicas_of(4, 5, 4).randn(3))
    layer = first.dropout(0.5)
    assert not torch.equal(layer(ones), layer(ones)), "each pass drops others"
    assert layer.eval()(ones) is ones
    # in arms with other rates the same seed drops the same units first
    low, high = replicas_of(4, 4).dropout(torch.tensor([0.2, 0.6]))(ones[:2]) == 0
    assert (high | ~low).all()
    with pytest.raises(ValueError, match="between 0 and 1"):
        first.dropout(torch.tensor([0.1, 0.2, 1.1]))


def test_a_net_with_dropout_has_torchs_gradients_under_the_same_masks() -> None:
    replicas = replicas_of(1, 2)
    rate = torch.tensor([0.3, 0.6])
    hidden, drop, output = replicas.linear(3, 6), replicas.dropout(rate), replicas.linear(6, 1)
    x = replicas.randn(10, 3)
    losses.mse_loss(output(drop(hidden(x).relu())), x[:, :, :1]).sum().backward()
    masks = replicas_of(1, 2).dropout(rate)(torch.ones(2, 10, 6, dtype=torch.float64))
    for index in range(2):
        weight = hidden.weight[index].detach().clone().requires_grad_()
        assert hidden.bias is not None
        assert output.bias is not None
        values = (x[index] @ weight + hidden.bias[index]).relu() * masks[index]
        result = values @ output.weight[index] + output.bias[index]
        (result - x[index, :, :1]).square().mean().backward()
        assert hidden.weight.grad is not None
        torch.testing.assert_close(hidden.weight.grad[index], weight.grad, rtol=1e-10, atol=1e-14)


def test_norms_are_those_of_each_layers_weights() -> None:
    replicas = replicas_of(1, 2, 3)
    net = nn.Sequential(replicas.linear(4, 5), nn.ReLU(), replicas.linear(5, 2, bias=False))
    with pytest.raises(ValueError, match="layer 1 has no gradient"):
        norms.gradient_norms(net)
    net(replicas.randn(6, 4)).square().sum().backward()
    for index, layer in enumerate((net[0], net[2])):
        for norm, values in (
            (norms.weight_norms(net)[index], layer.weight.detach()),
            (norms.gradient_norms(net)[index], layer.weight.grad),
        ):
            expected = torch.stack([torch.linalg.norm(values[r]) for r in range(3)])
            assert norm.shape == (3,)
            torch.testing.assert_close(norm, expected, rtol=1e-12, atol=0)


def test_clipping_tells_the_norm_before_and_leaves_small_gradients_alone() -> None:
    weight = nn.Parameter(torch.zeros(3, 2, 2, dtype=torch.float64))
    weight.grad = torch.ones(3, 2, 2, dtype=torch.float64)
    limits = torch.tensor([1.0, 2.5, math.inf])
    assert optim.clip_grad_norm([weight], limits).tolist() == [2, 2, 2]
    clipped = torch.linalg.norm(weight.grad, dim=(1, 2)).tolist()
    assert clipped == [pytest.approx(1, rel=1e-5), 2, 2]
    weight.grad = None
    with pytest.raises(ValueError, match="no gradients to clip"):
        optim.clip_grad_norm([weight], 1)


def test_schedules_have_values_of_their_own_for_each_replica() -> None:
    rate = torch.tensor([1.0, 2.0])
    down = schedules.step_down(rate, every=torch.tensor([1, 2]), factor=torch.tensor([0.5, 0.1]))
    assert [down(step).tolist() for step in range(3)] == [
        [1, 2], [0.5, 2], [0.25, pytest.approx(0.2)],
    ]  # fmt: skip
    half = schedules.cosine(rate, steps=torch.tensor([10, 20]), final=torch.tensor([0.0, 1.0]))
    assert half(0).tolist() == [1, 2]
    assert half(10).tolist() == [0, pytest.approx(1.5)]
    assert half(10_000).tolist() == [0, 1], "it stays down"
    for wrong in (0, torch.tensor([1, -1])):
        with pytest.raises(ValueError, match="must be above 0"):
            schedules.warm_up(rate, wrong)


def test_groups_may_have_schedules_of_their_own() -> None:
    one, two = (nn.Parameter(torch.ones(2, 1, 1, dtype=torch.float64)) for _ in range(2))
    optimiser = optim.SGD(
        [{"params": [one], "lr": schedules.exponential(1.0, factor=0.5)}, {"params": [two]}],
        lr=torch.tensor([0.1, 0.2]),
    )
    for _ in range(2):
        one.grad, two.grad = torch.ones_like(one), torch.ones_like(two)
        optimiser.step()
    assert one.flatten().tolist() == [-0.5, -0.5]
    assert two.flatten().tolist() == pytest.approx([0.8, 0.6])


@pytest.mark.parametrize(
    ("init", "variance"),
    [
        ("glorot_uniform", 2 / 500), ("glorot_normal", 2 / 500), ("he_uniform", 2 / 300),
        ("he_normal", 2 / 300), ("lecun_uniform", 1 / 300), ("lecun_normal", 1 / 300),
        ("normal", 1), ("uniform", 1 / 3), ("orthogonal", 1 / 300), ("zeros", 0),
    ],
)  # fmt: skip
def test_first_weights_have_the_spread_that_their_name_promises(init: str, variance: float) -> None:
    layer = replicas_of(1, 2).linear(300, 200, init=init)
    assert layer.weight.var().item() == pytest.approx(variance, rel=0.03)
    assert layer.weight.mean().item() == pytest.approx(0, abs=0.01)
    assert layer.bias is not None
    assert not layer.bias.any()


@pytest.mark.parametrize(("inputs", "outputs"), [(6, 4), (4, 6), (5, 5)])
def test_orthogonal_weights_keep_lengths(inputs: int, outputs: int) -> None:
    weight = replicas_of(1, 2).linear(inputs, outputs, init="orthogonal").weight.detach()
    few = weight if inputs >= outputs else weight.mT
    identity = torch.eye(min(inputs, outputs), dtype=torch.float64).expand(2, -1, -1)
    torch.testing.assert_close(few.mT @ few, identity)


def in_a_type_of_its_own() -> Simulation:
    """A linear model whose knob chooses the type that it trains in."""
    simulation = plain(
        30, knobs=[RATE, MOMENTUM, KIND], arms=[Arm("healthy", "Healthy")], dtype="float64"
    )

    @simulation.train
    def train(replicas: Any) -> Iterator[tuple[float, dict[str, Tensor]]]:
        replicas.use(KINDS[replicas.knobs.kind])
        x = replicas.randn(64, 8)
        net, truth = replicas.linear(8, 3), replicas.linear(8, 3)
        y = truth(x).detach()
        optimiser = optim.SGD(net.parameters(), replicas.knobs.rate)
        for step in range(30):
            yield step, {"loss": losses.mse_loss(net(x), y)}
            for _ in range(20):
                optimiser.zero_grad()
                losses.mse_loss(net(x), y).sum().backward()  # type: ignore[no-untyped-call]
                optimiser.step()

    return simulation


def test_a_knob_may_choose_the_type_and_arms_of_other_types_train_apart() -> None:
    simulation = in_a_type_of_its_own()
    settings = [{"rate": 0.5, "kind": float(kind)} for kind in range(4) for _ in range(4)]
    seeds = [*range(4)] * 4
    ends = simulate(simulation, settings, seeds).series["loss"][:, -1].reshape(4, 4).mean(1)
    # coarser types stop higher
    assert ends[0] > 10 * ends[1] > 100 * ends[2] > 1000 * ends[3]
    again = simulate(simulation, settings[8:12], seeds[8:12]).series["loss"]
    assert np.array_equal(again[:, -1].mean(), ends[2])
    with pytest.raises(ValueError, match="no floating-point type"):
        replicas_of(1).use(torch.int64)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("kind", ["sgd", "adam", "rmsprop", "adamw"])
def test_steps_in_sixteen_bits_are_torchs_up_to_rounding(dtype: str, kind: str) -> None:
    """After three steps with the same gradients weights equal torch's up to the last bits."""
    number = getattr(torch, dtype)
    replicas = replicas_of(1, 2, 3, dtype=number)
    rates = [0.3, 0.1, 0.03]
    given: dict[str, Any] = {"weight_decay": 0.1} | ({"momentum": 0.9} if kind == "sgd" else {})
    ours = nn.Parameter(replicas.randn(16, 4))
    theirs = [nn.Parameter(ours[r].detach().clone()) for r in range(3)]
    names = {"sgd": "SGD", "adam": "Adam", "rmsprop": "RMSprop", "adamw": "AdamW"}
    optimiser = getattr(optim, names[kind])([ours], torch.tensor(rates), **given)
    alone = [
        getattr(torch.optim, names[kind])([p], rate, **given)
        for p, rate in zip(theirs, rates, strict=True)
    ]
    for _ in range(3):
        # the square of a small number of 16 bits has few digits, or none
        gradient = replicas.randn(16, 4)
        gradient += gradient.sign() / 8
        ours.grad = gradient.clone()
        optimiser.step()
        for index, (parameter, other) in enumerate(zip(theirs, alone, strict=True)):
            parameter.grad = gradient[index].clone()
            other.step()
    eps = torch.finfo(number).eps
    for index, parameter in enumerate(theirs):
        torch.testing.assert_close(ours[index], parameter, rtol=4 * eps, atol=4 * eps)


def test_a_simulation_may_train_in_sixteen_bits_but_not_in_a_type_unknown() -> None:
    assert plain(dtype="bfloat16").dtype == "bfloat16"
    with pytest.raises(SimulationError, match="'int8', not one of float16, bfloat16"):
        plain(dtype="int8")
