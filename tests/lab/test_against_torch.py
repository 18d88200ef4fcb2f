"""The ensemble trains as ``torch.nn`` and ``torch.optim`` do, one replica at a time."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from quizserver.lab import losses, optim, schedules
from quizserver.lab.ensemble import simulate
from quizserver.lab.replicas import Replicas

from .examples import DECAY, MOMENTUM, RATE, SCALE, Step, mlp, sgd, task

SIZES = (3, 7, 5, 2)
EXAMPLES, BATCH, POINTS = 50, 16, 8
SETTINGS = [
    {"rate": 0.3, "momentum": 0.0, "decay": 0.0, "scale": 1.0},
    {"rate": 0.05, "momentum": 0.9, "decay": 0.1, "scale": 0.5},
    {"rate": 0.5, "momentum": 0.5, "decay": 0.01, "scale": 2.0},
]


def nesterov(replicas: Any, net: nn.Module) -> optim.Optimiser:
    knobs = replicas.knobs
    return optim.SGD(
        net.parameters(), knobs.rate, momentum=knobs.momentum, weight_decay=knobs.decay,
        nesterov=True,
    )  # fmt: skip


class Both:
    """An optimiser with something done before or after each of its steps."""

    def __init__(self, optimiser: Any, *, before: Any = None, after: Any = None) -> None:
        self._optimiser, self._before, self._after = optimiser, before, after
        self.zero_grad = optimiser.zero_grad

    def step(self) -> None:
        if self._before is not None:
            self._before()
        self._optimiser.step()
        if self._after is not None:
            self._after()


def adam_w(replicas: Any, net: nn.Module) -> optim.Optimiser:
    knobs = replicas.knobs
    # what is momentum elsewhere is the first beta here: one a replica
    betas = (knobs.momentum, torch.tensor(0.999))
    return optim.AdamW(net.parameters(), knobs.rate, betas=betas, weight_decay=knobs.decay)


def rmsprop(replicas: Any, net: nn.Module) -> optim.Optimiser:
    knobs = replicas.knobs
    return optim.RMSprop(
        net.parameters(), knobs.rate, alpha=1 - knobs.rate, momentum=knobs.momentum,
        weight_decay=knobs.decay,
    )  # fmt: skip


def clipped(replicas: Any, net: nn.Module) -> Any:
    parameters = list(net.parameters())
    return Both(
        sgd(replicas, net),
        before=lambda: optim.clip_grad_norm(parameters, replicas.knobs.scale / 4),
    )


def _torch_clipped(net: nn.Module, knobs: dict[str, float]) -> Any:
    def clip() -> None:
        nn.utils.clip_grad_norm_(net.parameters(), knobs["scale"] / 4)

    return Both(_torch_sgd(net, knobs), before=clip)


def _scheduled(make: Callable[[Tensor], schedules.Schedule]) -> Step:
    def step(replicas: Any, net: nn.Module) -> optim.Optimiser:
        return optim.SGD(
            net.parameters(), make(replicas.knobs.rate), momentum=replicas.knobs.momentum
        )

    return step


def _torch_scheduled(make: Callable[[Any], Any]) -> Any:
    def theirs(net: nn.Module, knobs: dict[str, float]) -> Both:
        optimiser = torch.optim.SGD(net.parameters(), knobs["rate"], knobs["momentum"])
        return Both(optimiser, after=make(optimiser).step)

    return theirs


RATES = torch.optim.lr_scheduler
STEPS = 32  # each of the eight points but the last is followed by four batches
SCHEDULES: dict[str, tuple[Any, Any]] = {
    "step down": (
        lambda rate: schedules.step_down(rate, every=5, factor=0.7),
        lambda o: RATES.StepLR(o, 5, 0.7),
    ),
    "exponential": (
        lambda rate: schedules.exponential(rate, factor=0.95),
        lambda o: RATES.ExponentialLR(o, 0.95),
    ),
    "cosine": (
        lambda rate: schedules.cosine(rate, steps=STEPS, final=0.01),
        lambda o: RATES.CosineAnnealingLR(o, STEPS, 0.01),
    ),
    "warm-up, then down": (
        lambda rate: schedules.warm_up(schedules.step_down(rate, every=10, factor=0.5), 6),
        lambda o: RATES.LambdaLR(o, lambda s: min(1.0, (s + 1) / 6) * 0.5 ** (s // 10)),
    ),
    "warm-up": (
        lambda rate: schedules.warm_up(rate, 20),
        lambda o: RATES.LinearLR(o, 1 / 20, 1.0, 19),
    ),
}


def adam(replicas: Any, net: nn.Module) -> optim.Optimiser:
    return optim.Adam(net.parameters(), replicas.knobs.rate, weight_decay=replicas.knobs.decay)


def _torch_sgd(net: nn.Module, knobs: dict[str, float], **other: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(
        net.parameters(), knobs["rate"], knobs["momentum"], weight_decay=knobs["decay"], **other
    )


Theirs = Callable[[nn.Module, dict[str, float]], torch.optim.Optimizer]
CASES: dict[str, tuple[Step, Theirs, list[dict[str, float]]]] = {
    "sgd": (sgd, _torch_sgd, SETTINGS),
    "nesterov": (nesterov, lambda n, k: _torch_sgd(n, k, nesterov=True), SETTINGS[1:]),
    "adam": (
        adam,
        lambda n, k: torch.optim.Adam(n.parameters(), k["rate"], weight_decay=k["decay"]),
        [{**knobs, "rate": knobs["rate"] / 10} for knobs in SETTINGS],
    ),
    "adamw": (
        adam_w,
        lambda n, k: torch.optim.AdamW(
            n.parameters(), k["rate"], betas=(k["momentum"], 0.999), weight_decay=k["decay"]
        ),
        [{**knobs, "rate": knobs["rate"] / 10} for knobs in SETTINGS],
    ),
    "rmsprop": (
        rmsprop,
        lambda n, k: torch.optim.RMSprop(
            n.parameters(),
            k["rate"],
            alpha=1 - k["rate"],
            momentum=k["momentum"],
            weight_decay=k["decay"],
        ),
        [{**knobs, "rate": knobs["rate"] / 30} for knobs in SETTINGS],
    ),
    "clipped": (clipped, _torch_clipped, SETTINGS),
    **{
        name: (_scheduled(ours), _torch_scheduled(theirs), SETTINGS)
        for name, (ours, theirs) in SCHEDULES.items()
    },
}


def _one_by_one(
    theirs: Theirs, activation: type[nn.Module], knobs: dict[str, float], seed: int
) -> list[float]:
    """The curve of one replica in plain PyTorch, from the same initial weights and batches."""
    replicas = Replicas(
        [RATE, MOMENTUM, DECAY, SCALE], [knobs], [seed],
        device=torch.device("cpu"), dtype=torch.float64,
    )  # fmt: skip
    layers: list[nn.Module] = []
    for width, following in pairwise(SIZES):
        drawn = replicas.linear(width, following, scale=replicas.knobs.scale)
        layer = nn.Linear(width, following, dtype=torch.float64)
        assert drawn.bias is not None
        with torch.no_grad():
            layer.weight.copy_(drawn.weight[0].T)
            layer.bias.copy_(drawn.bias[0, 0])
        layers += [layer, activation()]
    net = nn.Sequential(*layers[:-1])
    optimiser = theirs(net, knobs)
    inputs, targets = task(SIZES, EXAMPLES)
    shared = replicas.share(inputs, targets)
    curve = []
    for _ in range(POINTS):
        curve.append(functional.mse_loss(net(inputs), targets).item())
        for batch, labels in replicas.batches(*shared, size=BATCH):
            optimiser.zero_grad()
            functional.mse_loss(net(batch[0]), labels[0]).backward()
            optimiser.step()
    return curve


# a training step clips by itself, which tests/lab/test_backprop.py looks at
HOW = [
    (case, by_hand)
    for case in CASES
    for by_hand in (True, False)
    if case != "clipped" or not by_hand
]


@pytest.mark.parametrize("activation", [nn.Tanh, nn.Sigmoid, nn.ReLU, nn.GELU])
@pytest.mark.parametrize(("case", "by_hand"), HOW)
def test_curves_equal_plain_pytorch_one_replica_at_a_time(
    case: str, activation: type[nn.Module], by_hand: bool
) -> None:
    ours, theirs, settings = CASES[case]
    simulation = mlp(
        SIZES, activation=activation, examples=EXAMPLES, batch=BATCH, points=POINTS, step=ours,
        by_hand=by_hand,
    )  # fmt: skip
    seeds = [11 + index for index in range(len(settings))]
    together = simulate(simulation, settings, seeds, dtype="float64").series["loss"]
    alone = [_one_by_one(theirs, activation, k, s) for k, s in zip(settings, seeds, strict=True)]
    assert np.ptp(together, axis=1).min() > 1e-3, "nothing was trained"
    np.testing.assert_allclose(together, alone, rtol=1e-6)


def test_groups_with_values_of_their_own_train_as_in_torch() -> None:
    ours = [nn.Parameter(_random(2, 3, 4)) for _ in range(2)]
    decays = torch.tensor([0.1, 0.5], dtype=torch.float64)
    optimiser = optim.SGD(
        [{"params": ours[:1], "weight_decay": decays}, {"params": ours[1:]}],
        lr=0.1,
        momentum=0.9,
    )
    theirs = [[nn.Parameter(p[r].detach().clone()) for p in ours] for r in range(2)]
    their_optimisers = [
        torch.optim.SGD(
            [{"params": own[:1], "weight_decay": decay}, {"params": own[1:]}], 0.1, momentum=0.9
        )
        for own, decay in zip(theirs, (0.1, 0.5), strict=True)
    ]
    for _ in range(5):
        optimiser.zero_grad()
        sum(p.sin().sum() for p in ours).backward()  # type: ignore[union-attr]
        optimiser.step()
        for own, other in zip(theirs, their_optimisers, strict=True):
            other.zero_grad()
            sum(p.sin().sum() for p in own).backward()  # type: ignore[union-attr]
            other.step()
    for index, mine in enumerate(ours):
        both = torch.stack([own[index] for own in theirs])
        torch.testing.assert_close(mine.data, both.data, rtol=1e-12, atol=0)
    with pytest.raises(ValueError, match="a group gives 'decay'; it may give lr, momentum"):
        optim.SGD([{"params": ours, "decay": 1}], lr=0.1)


def _random(*size: int) -> Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_losses_equal_those_of_torch_for_each_replica() -> None:
    logits, target = _random(4, 9, 3), torch.rand(4, 9, 3, dtype=torch.float64)
    classes = torch.arange(36).reshape(4, 9) % 3
    pairs = [
        (losses.mse_loss(logits, target), functional.mse_loss, target),
        (
            losses.binary_cross_entropy_with_logits(logits, target),
            functional.binary_cross_entropy_with_logits,
            target,
        ),
        (losses.cross_entropy(logits, classes), functional.cross_entropy, classes),
        (
            losses.binary_cross_entropy(logits.sigmoid(), target),
            lambda logits, target: functional.binary_cross_entropy(logits.sigmoid(), target),
            target,
        ),
    ]
    for ours, theirs, target in pairs:
        expected = torch.stack([theirs(logits[r], target[r]) for r in range(4)])
        torch.testing.assert_close(ours, expected, rtol=1e-12, atol=0)


def test_losses_refuse_shapes_that_would_broadcast() -> None:
    with pytest.raises(ValueError, match="they must be the same"):
        losses.mse_loss(torch.zeros(2, 5, 1), torch.zeros(2, 5))
    with pytest.raises(ValueError, match="they must be the same"):
        losses.binary_cross_entropy_with_logits(torch.zeros(2, 5, 1), torch.zeros(2, 5))
    with pytest.raises(ValueError, match=r"need \(2, 5\)"):
        losses.cross_entropy(torch.zeros(2, 5, 3), torch.zeros(5, dtype=torch.int64))


@pytest.mark.parametrize("shape", [(5, 4, 3), (3, 1, 16), (7, 16, 1), (1, 1, 1), (16, 32, 16)])
@pytest.mark.parametrize("shared", [False, True])
def test_a_linear_layer_and_its_gradients_equal_those_of_torch(
    shape: tuple[int, int, int], shared: bool
) -> None:
    from quizserver.lab.layers import linear

    rows, width, outputs = shape
    inputs = _random(1, rows, width).expand(6, -1, -1) if shared else _random(6, rows, width)
    inputs = inputs.requires_grad_(not shared)
    weight = _random(6, width, outputs).requires_grad_()
    bias = _random(6, 1, outputs).requires_grad_()
    trainable = [p for p in (inputs, weight, bias) if p.requires_grad]
    ours = linear(inputs, weight, bias)
    theirs = torch.stack([functional.linear(inputs[r], weight[r].T, bias[r, 0]) for r in range(6)])
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
    ours_gradients = torch.autograd.grad(ours.square().sum(), trainable)
    their_gradients = torch.autograd.grad(theirs.square().sum(), trainable)
    for mine, other in zip(ours_gradients, their_gradients, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-10, atol=1e-12)


def test_a_linear_layer_refuses_data_without_a_replica_axis() -> None:
    replicas = Replicas([], [{}] * 3, [1, 2, 3], device=torch.device("cpu"), dtype=torch.float32)
    with pytest.raises(ValueError, match=r"replicas\.share"):
        replicas.linear(2, 4)(torch.zeros(10, 2))


def test_a_hyperparameter_of_the_wrong_length_is_refused() -> None:
    weight = nn.Parameter(torch.zeros(3, 2, 2))
    with pytest.raises(ValueError, match="each of the 3 replicas"):
        optim.SGD([weight], lr=torch.ones(2))
    with pytest.raises(ValueError, match="at least one parameter"):
        optim.SGD([], lr=0.1)
