"""y = 5 sin x + 2 over [0, 10], learnt by one hidden layer of tanh units: how many does it take?

100 random points without noise, batches of 32 in a new order each epoch, Adam. Weights start as
Glorot and Bengio (2010) draw them, biases at zero: so every unit bends at x = 0, the left edge of
the data, and has to travel to wherever it is needed. ``origin`` says which x that edge is.
"""

import numpy as np
import torch
from torch import nn

from quizserver.lab import Arm, Axis, Knob, Simulation, data, losses, optim
from quizserver.lab.backprop import training_step

simulation = Simulation(
    "A sine, with few units and with many",
    knobs=[
        Knob(
            "units", "Hidden units", 2, 64, default=10, scale="log", integer=True,
            help="How many tanh units the hidden layer has.",
        ),
        Knob(
            "learning_rate", "Learning rate", 0.0005, 0.3, default=0.01, scale="log",
            help="How far one step of Adam goes.",
        ),
        Knob(
            "origin", "Where the units bend at first", 0, 10, default=0, unit="x",
            help="Subtracted from every x: 0 leaves the data as it is, 5 centres it.",
        ),
        Knob(
            "bias_spread", "Spread of the first biases", 0, 10, default=0,
            help="0 starts every bias at zero; more lets each unit bend at a place of its own.",
        ),
        Knob(
            "epochs_per_point", "Epochs between two points", 1, 80, default=25, integer=True,
            help="25 trains for 2000 epochs; fewer give a shorter run, sooner.",
        ),
    ],
    arms=[
        Arm("ten", "10 units"),
        Arm("thirty-two", "32 units", {"units": 32}),
        Arm("spread", "10 units, biases spread", {"bias_spread": 5}, base="ten"),
        Arm("centred", "10 units, inputs centred", {"origin": 5}, base="ten"),
        Arm("lower-rate", "10 units, rate ÷ 3", {"learning_rate": 0.0033}, base="ten"),
    ],
    x=Axis("epoch"),
    series={"loss": Axis("mean squared error", scale="log")},
    points=81,
)  # fmt: skip


@simulation.train
def train(replicas):
    knobs = replicas.knobs
    x = torch.from_numpy(np.random.RandomState(42).rand(100, 1) * 10)
    x, y = replicas.share(x, 5 * data.sin(x) + 2)
    x = x - knobs.origin.view(-1, 1, 1)
    hidden = replicas.linear(1, knobs.units, init="glorot_uniform")
    biases = (2 * replicas.rand(1, knobs.units) - 1) * knobs.bias_spread.view(-1, 1, 1)
    with torch.no_grad():
        hidden.bias += biases
    net = nn.Sequential(hidden, nn.Tanh(), replicas.linear(knobs.units, 1, init="glorot_uniform"))
    optimiser = optim.Adam(net.parameters(), lr=knobs.learning_rate, eps=1e-7)
    step = training_step(net, losses.mse_loss, optimiser)
    yield 0, {"loss": step.loss(x, y)}
    for point in range(1, simulation.points):
        for _ in range(knobs.epochs_per_point):
            for some, wanted in replicas.batches(x, y, size=32):
                step(some, wanted)
        yield point * knobs.epochs_per_point, {"loss": step.loss(x, y)}
