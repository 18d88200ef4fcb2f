"""A parabola, y = x² over [-1, 1], learnt by ten ReLU units with a low and with a high rate.

100 points without noise, batches of 32 in a new order each epoch, Adam. Weights start as Glorot and
Bengio (2010) draw them, biases at zero. A ReLU unit that is off at all 100 points is dead: nothing
flows back through it, and once Adam's memory of its last steps has faded it never moves again.
``alive`` is the share of units that are not dead.
"""

import torch
from torch import nn

from quizserver.lab import Arm, Axis, Knob, Simulation, losses, optim, schedules
from quizserver.lab.backprop import training_step

simulation = Simulation(
    "A parabola, with a low rate and with a high one",
    knobs=[
        Knob(
            "learning_rate", "Learning rate at the start", 0.0001, 10, default=0.001, scale="log",
            help="How far the first steps of Adam go.",
        ),
        Knob(
            "last_rate", "Rate at the end, as a share", 0.001, 1, default=1, scale="log",
            help="1 keeps the rate; 0.01 lets it fall evenly to a hundredth, step by step.",
        ),
        Knob(
            "epochs_per_point", "Epochs between two points", 1, 80, default=25, integer=True,
            help="25 trains for 2000 epochs; fewer give a shorter run, sooner.",
        ),
    ],
    arms=[
        Arm("low-rate", "Rate 0.001"),
        Arm("high-rate", "Rate 0.1", {"learning_rate": 0.1}),
        Arm("huge-rate", "Rate 3", {"learning_rate": 3.0}),
        Arm("falling", "Rate 0.1, falling to 0.001", {"last_rate": 0.01}, base="high-rate"),
        Arm("middle-rate", "Rate 0.01", {"learning_rate": 0.01}, base="high-rate"),
    ],
    x=Axis("epoch"),
    series={
        "loss": Axis("mean squared error", scale="log"),
        "alive": Axis("share of units alive"),
    },
    points=81,
)  # fmt: skip


@simulation.train
def train(replicas):
    knobs = replicas.knobs
    x = torch.linspace(-1, 1, 100, dtype=torch.float64).unsqueeze(1)
    x, y = replicas.share(x, x**2)
    hidden = replicas.linear(1, 10, init="glorot_uniform")
    net = nn.Sequential(hidden, nn.ReLU(), replicas.linear(10, 1, init="glorot_uniform"))
    epochs = (simulation.points - 1) * knobs.epochs_per_point
    steps = 4 * epochs - 1  # from the first step to the last, four an epoch
    rate = schedules.geometric(knobs.learning_rate, last_factor=knobs.last_rate, steps=steps)
    step = training_step(net, losses.mse_loss, optim.Adam(net.parameters(), lr=rate, eps=1e-7))

    def measure():
        return {"loss": step.loss(x, y), "alive": step.share_alive(x, hidden)}

    yield 0, measure()
    for epoch in range(1, epochs + 1):
        for some, wanted in replicas.batches(x, y, size=32):
            step(some, wanted)
        if epoch % knobs.epochs_per_point == 0:
            yield epoch, measure()
