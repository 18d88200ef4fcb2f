"""Two rings of points, one inside the other: a small network learns which ring a point is on.

No straight line separates the rings, so the 24 hidden tanh units have to bend one. The network sees
all 64 points at every step (an epoch is one step of gradient descent), so that only its first
weights are random. Two classes of equal size start near ln 2 = 0.693, the loss of guessing.
"""

import torch
from torch import nn

from quizserver.lab import Arm, Axis, Knob, Map, Simulation, data, losses, optim
from quizserver.lab.backprop import training_step

simulation = Simulation(
    "Two rings",
    knobs=[
        Knob(
            "learning_rate", "Learning rate", 0.05, 100, default=1.6, scale="log",
            help="How far one step goes.",
        ),
        Knob(
            "init_scale", "Scale of the first weights", 0.0001, 2, default=0.2, scale="log",
            help="How far from zero, where every output is the same, the network starts.",
        ),
        Knob(
            "momentum", "Momentum", 0, 0.99, default=0,
            help="The share of the last step that carries on into the next.",
        ),
        Knob(
            "weight_decay", "Weight decay (L2 penalty)", 0, 0.1, default=0,
            help="How strongly the weights are pulled to zero.",
        ),
    ],
    arms=[
        Arm("healthy", "Healthy run"),
        Arm("low-rate", "Learning rate ÷ 5", {"learning_rate": 0.32}),
        Arm("stuck", "First weights × 0.03", {"init_scale": 0.006}),
        Arm("strong-decay", "Weight decay 0.024", {"weight_decay": 0.024}),
        Arm("high-rate", "Learning rate × 32", {"learning_rate": 51.2}),
        Arm("higher-rate", "Low rate, × 4", {"learning_rate": 1.28}, base="low-rate"),
        Arm("more-decay", "Strong decay, × 2.5", {"weight_decay": 0.06}, base="strong-decay"),
    ],
    x=Axis("epoch"),
    series={"loss": Axis("training loss")},
    points=301,
    maps=[
        Map("learning_rate", "weight_decay", "plateau-then-drop",
            x_range=(0.1, 10), y_range=(0, 0.046)),
        Map("learning_rate", "init_scale", "plateau-then-drop", x_range=(0.1, 10)),
    ],
)  # fmt: skip


def two_rings():
    """64 noisy points, (64, 2), and their classes, (64, 1): 0 on the inner ring, 1 on the outer."""
    angle = torch.arange(32, dtype=torch.float64) / 32 * 2 * torch.pi
    circle = torch.stack([data.cos(angle), data.sin(angle)], dim=1)
    rings = torch.stack([0.3 * circle, 1.6 * circle]) + 0.2 * data.normal(6, 2, 32, 2)
    rings -= sum(rings.unbind(1)).unsqueeze(1) / 32
    rings[1, :, 0] += 0.08
    return 2 * rings.flatten(0, 1), torch.tensor([0.0, 1.0]).repeat_interleave(32).unsqueeze(1)


@simulation.train
def train(replicas):
    knobs = replicas.knobs
    points, classes = replicas.share(*two_rings())
    # each hidden unit looks in a random direction out of its own twelfth of the circle, once for
    # a positive and once for a negative output weight
    angle = (torch.arange(12) + replicas.rand(2, 12)).flatten(1) / 12 * 2 * torch.pi
    signs = torch.tensor([1.0, -1.0]).repeat_interleave(12).unsqueeze(1) / 24**0.5
    # as precise as weights are, so that browsers are sent half as many bytes
    directions = torch.stack([data.cos(angle), data.sin(angle)], dim=1).float()
    hidden = replicas.linear(2, 24, init=directions, scale=knobs.init_scale)
    output = replicas.linear(24, 1, init=signs, scale=knobs.init_scale)
    net = nn.Sequential(hidden, nn.Tanh(), output)
    weights = {"params": [hidden.weight, output.weight], "weight_decay": knobs.weight_decay}
    biases = {"params": [hidden.bias, output.bias]}
    optimiser = optim.SGD([weights, biases], lr=knobs.learning_rate, momentum=knobs.momentum)
    step = training_step(net, losses.binary_cross_entropy_with_logits, optimiser)
    for epoch in range(simulation.points):
        yield epoch, {"loss": step(points, classes)}
