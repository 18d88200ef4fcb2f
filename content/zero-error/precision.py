"""A linear model learns what it can express exactly, in formats of different precision.

Eight inputs, 64 examples, and targets that eight weights produce. Inputs, targets, weights,
gradients and every step of plain gradient descent are rounded to the format. Only the loss drawn is
worked out in float64, from the weights and the data as the format holds them.
"""

import torch
from torch import nn

from quizserver.lab import Arm, Axis, Knob, Map, Simulation, losses, optim
from quizserver.lab.backprop import training_step

FORMATS = (torch.bfloat16, torch.float16, torch.float32, torch.float64)

simulation = Simulation(
    "A model that can fit exactly",
    knobs=[
        Knob(
            "precision", "Precision", 0, 3, default=2, integer=True,
            choices=("bfloat16", "float16", "float32", "float64"),
        ),
        Knob("learning_rate", "Learning rate", 0.001, 0.5, default=0.1, scale="log"),
        Knob(
            "steps", "Steps between two points", 1, 80, default=20, integer=True,
            help="There are 60 points after the first.",
        ),
    ],
    arms=[
        Arm("float32", "float32"),
        Arm("bfloat16", "bfloat16", {"precision": 0}),
        Arm("float16", "float16", {"precision": 1}),
        Arm("float64", "float64", {"precision": 3}),
        Arm("low-rate", "float32, learning rate ÷ 5", {"learning_rate": 0.02}),
        Arm("high-rate", "float32, learning rate × 3", {"learning_rate": 0.3}),
        Arm("longer", "float32, twice as many steps", {"steps": 40}),
    ],
    x=Axis("point"),
    series={
        "loss": Axis("mean squared error", scale="log"),
        "above": Axis("orders of magnitude above rounding"),
    },
    points=61,
    maps=[Map("learning_rate", "precision", "stalls-above", series="above")],
    dtype="float64",
)  # fmt: skip


@simulation.train
def train(replicas):
    knobs = replicas.knobs
    kind = FORMATS[knobs.precision]
    rounding = torch.finfo(kind).eps / 2
    x = replicas.randn(64, 8).to(kind)
    truth = (replicas.randn(1, 8) / 8**0.5).to(kind)
    y = (x.double() * truth.double()).sum(2, keepdim=True).to(kind)
    level = rounding**2 * y.double().square().mean((1, 2))
    replicas.use(kind)
    net = nn.Sequential(replicas.linear(8, 1, init="zeros", bias=False))
    step = training_step(net, losses.mse_loss, optim.SGD(net.parameters(), lr=knobs.learning_rate))
    for point in range(simulation.points):
        loss = step.float64_loss(x, y)
        yield point, {"loss": loss, "above": (loss / level).log10().clamp(min=0)}
        for _ in range(knobs.steps):
            step(x, y)
