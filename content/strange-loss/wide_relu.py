"""Four classes, two hidden layers of ReLU units, and learning rates up to far too high.

128 points in eight dimensions, two clouds of 16 for each class. The network sees all of them at
every step (an epoch is one step of gradient descent). One that tells no class from another does
best to give each the probability 1/4, and its loss is ln 4 = 1.386.

A ReLU unit that is off at all points is dead: no gradient passes it. When a whole layer is dead,
no gradient reaches it or what comes before it, and what comes after it is the same for all points.
``alive`` is the share of units that are not dead, in the hidden layer that has fewest. Every third
epoch is recorded.
"""

import torch
from torch import nn

from quizserver.lab import Arm, Axis, Knob, Simulation, data, losses, optim, schedules
from quizserver.lab.backprop import training_step

simulation = Simulation(
    "Four classes, two layers of ReLU",
    knobs=[
        Knob(
            "learning_rate", "Learning rate", 0.01, 100, default=0.6, scale="log",
            help="How far one step goes.",
        ),
        Knob(
            "later_rate", "Rate of the second half, as a share", 0.01, 1, default=1, scale="log",
            help="1 keeps the rate; 0.1 goes on with a tenth of it from epoch 60.",
        ),
        Knob(
            "init_scale", "Scale of the first weights", 0.02, 2, default=1, scale="log",
            help="1 is how He and others (2015) start a ReLU network.",
        ),
        Knob(
            "leaky", "Hidden units", 0, 1, default=0, integer=True,
            choices=("ReLU", "leaky ReLU, slope 0.1"),
            help="A leaky unit keeps a slope where it is off, so it cannot die.",
        ),
        Knob("units", "Units in a hidden layer", 4, 64, default=32, integer=True),
        Knob("layers", "Hidden layers", 1, 4, default=2, integer=True),
    ],
    arms=[
        Arm("healthy", "Rate 0.6"),
        Arm("high-rate", "Rate × 12.5", {"learning_rate": 7.5}),
        Arm("waiting", "First weights × 0.15", {"init_scale": 0.15}),
        Arm("higher-still", "Rate × 50", {"learning_rate": 30.0}),
        Arm("slowed", "Rate × 12.5, ÷ 12.5 halfway", {"later_rate": 0.08}, base="high-rate"),
        Arm("restarted", "Rate × 12.5, ÷ 6", {"learning_rate": 1.25}, base="high-rate"),
        Arm("leaky", "Rate × 12.5, leaky units", {"leaky": 1}, base="high-rate"),
        Arm("shallow", "Rate × 12.5, one layer", {"layers": 1}, base="high-rate"),
        Arm("deep", "Rate × 12.5, four layers", {"layers": 4}, base="high-rate"),
        Arm("larger", "Small weights, × 4", {"init_scale": 0.6}, base="waiting"),
    ],
    x=Axis("epoch"),
    series={"loss": Axis("training loss"), "alive": Axis("share of units alive")},
    points=41,
)  # fmt: skip


def clouds():
    """128 points, (128, 8), and their classes 0 to 3, (128,): eight clouds, two a class."""
    # The seventh of eight sets of clouds: with some of the others, fewer runs oscillate or wait.
    centres = data.normal(12, 8, 8)
    points = centres.repeat_interleave(16, dim=0) + 0.7 * data.normal(13, 128, 8)
    return 0.3 * points, torch.arange(8).remainder(4).repeat_interleave(16)


@simulation.train
def train(replicas):
    knobs = replicas.knobs
    points, classes = replicas.share(*clouds())
    hidden, parts, inputs = [], [], 8
    for _ in range(knobs.layers):
        he = replicas.linear(inputs, knobs.units, init="he_normal", scale=knobs.init_scale)
        hidden.append(he)
        parts += [he, nn.LeakyReLU(0.1) if knobs.leaky else nn.ReLU()]
        inputs = knobs.units
    last = replicas.linear(inputs, 4, init="lecun_normal", scale=knobs.init_scale)
    net = nn.Sequential(*parts, last)
    rate = schedules.change_at(knobs.learning_rate, step=60, factor=knobs.later_rate)
    step = training_step(net, losses.cross_entropy, optim.SGD(net.parameters(), lr=rate))
    for epoch in range(3 * simulation.points - 2):
        if epoch % 3 == 0:
            alive = step.share_alive(points, *hidden)
            yield epoch, {"loss": step(points, classes), "alive": alive}
        else:
            step(points, classes)
