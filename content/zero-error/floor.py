"""One unit learns from examples that it can, or cannot quite, fit exactly.

Eight inputs and 64 examples. The unit is linear, or a sigmoid scaled to slope one, and another unit
of its kind makes the targets, so that an exact fit exists until noise is added to them. Plain
gradient descent on all examples or on mini-batches. The loss is that of all 64 examples.
"""

import torch
from torch import nn

from quizserver.lab import Arm, Axis, Knob, Map, Simulation, losses, optim
from quizserver.lab.backprop import training_step

FORMATS = (torch.bfloat16, torch.float16, torch.float32, torch.float64)

simulation = Simulation(
    "A loss and its floor",
    knobs=[
        Knob("label_noise", "Noise of the targets", 0, 1, default=0, help="Standard deviation."),
        Knob("batch", "Examples in a batch", 4, 64, default=64, integer=True),
        Knob("learning_rate", "Learning rate", 0.005, 0.5, default=0.1, scale="log"),
        Knob(
            "independent", "How batches are drawn", 0, 1, default=0, integer=True,
            choices=("dealt out", "independently"),
            help="Dealt out: each example once an epoch. Independently: each from all 64.",
        ),
        Knob(
            "sigmoid", "Activation", 0, 1, default=0, integer=True,
            choices=("none", "sigmoid"),
        ),
        Knob(
            "precision", "Precision", 0, 3, default=2, integer=True,
            choices=("bfloat16", "float16", "float32", "float64"),
        ),
    ],
    arms=[
        Arm("clean", "Clean targets"),
        Arm("batches", "Clean, batches of 16", {"batch": 16}),
        Arm("sigmoid", "Clean, sigmoid", {"sigmoid": 1}),
        Arm("noisy", "Noisy targets", {"label_noise": 0.1}),
        Arm("noisy-double", "Noisy, float64", {"precision": 3}, base="noisy"),
        Arm("clean-high", "Clean batches, rate 0.4", {"learning_rate": 0.4}, base="batches"),
        Arm("noisy-batches", "Noisy batches, rate 0.1", {"batch": 16}, base="noisy"),
        Arm("noisy-high", "Noisy batches, rate 0.4", {"learning_rate": 0.4}, base="noisy-batches"),
        Arm("noisy-low", "Noisy batches, rate 0.02", {"learning_rate": 0.02}, base="noisy-batches"),
        Arm("drawn", "Noisy, drawn, rate 0.1", {"independent": 1}, base="noisy-batches"),
        Arm("drawn-high", "Noisy, drawn, rate 0.4", {"independent": 1}, base="noisy-high"),
        Arm("drawn-low", "Noisy, drawn, rate 0.02", {"independent": 1}, base="noisy-low"),
        Arm("noisy-high-full", "Noisy, all examples, rate 0.4", {"batch": 64}, base="noisy-high"),
        Arm("noisy-high-double", "Noisy, rate 0.4, float64", {"precision": 3}, base="noisy-high"),
    ],
    x=Axis("epoch"),
    series={
        "loss": Axis("mean squared error", scale="log"),
        "above": Axis("orders of magnitude above rounding"),
    },
    points=41,
    maps=[
        Map("learning_rate", "label_noise", "stalls-above", series="above",
            x_range=(0.02, 0.5), y_range=(0, 0.001)),
    ],
    dtype="float64",
)  # fmt: skip


@simulation.train
def train(replicas):
    knobs = replicas.knobs
    kind = FORMATS[knobs.precision]
    x = replicas.randn(64, 8).to(kind)
    truth = replicas.randn(1, 8) / 8**0.5
    y = (x.double() * truth).sum(2, keepdim=True)
    y = 4 * y.sigmoid() if knobs.sigmoid else y
    y = (y + knobs.label_noise.view(-1, 1, 1) * replicas.randn(64, 1)).to(kind)
    level = (torch.finfo(kind).eps / 2) ** 2 * y.double().square().mean((1, 2))
    replicas.use(kind)
    unit = replicas.linear(8, 1, init="zeros", bias=False)
    layers, groups = [unit], [{"params": [unit.weight], "lr": knobs.learning_rate}]
    if knobs.sigmoid:
        # a weight of 4 that no step moves gives the sigmoid its slope of one
        four = replicas.linear(1, 1, init=torch.full((1, 1), 4.0), bias=False)
        layers += [nn.Sigmoid(), four]
        groups.append({"params": [four.weight], "lr": 0})
    step = training_step(nn.Sequential(*layers), losses.mse_loss, optim.SGD(groups, lr=0))
    for point in range(simulation.points):
        loss = step.float64_loss(x, y)
        yield 15 * point, {"loss": loss, "above": (loss / level).log10().clamp(min=0)}
        for _ in range(15):
            if knobs.batch == 64 and not knobs.independent:
                step(x, y)
                continue
            for some, wanted in replicas.batches(x, y, size=knobs.batch, replace=knobs.independent):
                step(some, wanted)
