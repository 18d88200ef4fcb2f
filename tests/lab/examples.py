"""Small simulations that the lab's tests train."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from quizserver.lab import Arm, Axis, Knob, Simulation, losses, optim
from quizserver.lab.backprop import training_step

RATE = Knob("rate", "Learning rate", 0.001, 10, default=0.1, scale="log")
MOMENTUM = Knob("momentum", "Momentum", 0, 0.99, default=0)
DECAY = Knob("decay", "Weight decay", 0, 1, default=0)
SCALE = Knob("scale", "Initial scale", 0, 10, default=1)

Step = Callable[[Any, nn.Module], optim.Optimiser]


def plain(points: int = 3, **other: Any) -> Simulation:
    """A simulation with one knob and one arm, without training code."""
    fields: dict[str, Any] = {
        "knobs": [RATE],
        "arms": [Arm("healthy", "Healthy")],
        "x": Axis("epoch"),
        "series": {"loss": Axis("loss")},
        "points": points,
        **other,
    }
    return Simulation("A test", **fields)


def sgd(replicas: Any, net: nn.Module) -> optim.Optimiser:
    knobs = replicas.knobs
    return optim.SGD(
        net.parameters(), knobs.rate, momentum=knobs.momentum, weight_decay=knobs.decay
    )


def mlp(
    sizes: Sequence[int] = (2, 16, 1),
    *,
    activation: type[nn.Module] = nn.Tanh,
    examples: int = 64,
    batch: int = 16,
    points: int = 6,
    init: str = "default",
    step: Step = sgd,
    dtype: Any = "float32",
    by_hand: bool = False,
) -> Simulation:
    """A network of any size that learns the sign of the product of its inputs.

    With ``by_hand`` each step is a ``training_step``, else it is recorded by autograd.
    """
    simulation = plain(points, knobs=[RATE, MOMENTUM, DECAY, SCALE], dtype=dtype)

    @simulation.train
    def train(replicas: Any) -> Iterator[tuple[float, dict[str, torch.Tensor]]]:
        inputs, targets = replicas.share(*task(sizes, examples))
        layers: list[nn.Module] = []
        for width, following in pairwise(sizes):
            layers += [
                replicas.linear(width, following, init=init, scale=replicas.knobs.scale),
                activation(),
            ]
        net = nn.Sequential(*layers[:-1])
        optimiser = step(replicas, net)
        descend = training_step(net, losses.mse_loss, optimiser) if by_hand else None
        for epoch in range(points):
            yield epoch, {"loss": losses.mse_loss(net(inputs), targets)}
            for some, labels in replicas.batches(inputs, targets, size=batch):
                if descend is not None:
                    assert descend.by_hand
                    descend(some, labels)
                    continue
                optimiser.zero_grad()
                losses.mse_loss(net(some), labels).sum().backward()
                optimiser.step()

    return simulation


def task(sizes: Sequence[int], examples: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    inputs = torch.randn(examples, sizes[0], generator=generator, dtype=torch.float64)
    targets = torch.sign(inputs.prod(1, keepdim=True)).expand(examples, sizes[-1]).contiguous()
    return inputs, targets
