"""Two rings of points, one inside the other: a network learns which ring a point belongs to.

No straight line separates the rings, so 16 hidden tanh units have to bend one. The network sees all
64 points at every step (full-batch gradient descent), so that nothing but its initial weights is
random. Two classes of equal size start near ln 2 = 0.693, the loss of guessing.
"""

import math

import torch
from torch import nn

from quizserver.lab import Arm, Axis, Knob, Simulation, losses, optim

simulation = Simulation(
    "Two rings",
    knobs=[
        Knob("learning_rate", "Learning rate", 0.05, 100, default=2.5, scale="log"),
        Knob("init_scale", "Scale of the initial weights", 0.001, 1, default=0.14, scale="log"),
        Knob("momentum", "Momentum", 0, 0.99, default=0),
        Knob("weight_decay", "Weight decay (L2 penalty)", 0, 0.1, default=0),
    ],
    arms=[
        Arm("healthy", "Healthy run"),
        Arm("low-rate", "Learning rate ÷ 4", {"learning_rate": 0.625}),
        Arm("stuck", "Initial weights ÷ 10", {"init_scale": 0.014}),
        Arm("strong-decay", "Weight decay 0.019", {"weight_decay": 0.019}),
        Arm("high-rate", "Learning rate × 8", {"learning_rate": 20}),
        Arm("low-rate-momentum", "… with momentum", {"momentum": 0.9}, base="low-rate"),
        Arm("stuck-momentum", "… with momentum", {"momentum": 0.9}, base="stuck"),
        Arm("less-decay", "… with a tenth of the decay", {"weight_decay": 0.0019}, "strong-decay"),
    ],
    x=Axis("epoch"),
    series={"loss": Axis("training loss", scale="log")},
    points=251,
)


def two_rings() -> tuple[torch.Tensor, torch.Tensor]:
    """64 noisy points (64, 2), the first half on the inner ring, and their classes (64, 1)."""
    angle = torch.arange(32) / 32 * 2 * math.pi
    circle = torch.stack([angle.cos(), angle.sin()], dim=1)
    noise = 0.2 * torch.randn(64, 2, generator=torch.Generator().manual_seed(3))
    rings = torch.cat([0.4 * circle, 1.6 * circle + torch.tensor([0.15, 0.0])])
    return 2 * (rings + noise), (torch.arange(64) >= 32).float().unsqueeze(1)


@simulation.train
def train(replicas):
    knobs = replicas.knobs
    points, classes = replicas.share(*two_rings())
    net = nn.Sequential(
        replicas.linear(2, 16, init="direction", scale=knobs.init_scale),
        nn.Tanh(),
        replicas.linear(16, 1, init="sign", scale=knobs.init_scale),
    )
    optimiser = optim.SGD(
        net.parameters(),
        lr=knobs.learning_rate,
        momentum=knobs.momentum,
        weight_decay=knobs.weight_decay,
    )
    for epoch in range(simulation.points):
        loss = losses.binary_cross_entropy_with_logits(net(points), classes)
        yield epoch, {"loss": loss}
        optimiser.zero_grad()
        loss.sum().backward()
        optimiser.step()
