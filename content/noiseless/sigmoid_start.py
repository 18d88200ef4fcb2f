"""The first 120 epochs of a 1-16-8-1 sigmoid network that learns the line y = 2x + 1.

The same training as ``sigmoid_relu.py``, looked at every other epoch. The mean squared error is the
squared mean of what is missing plus its variance. The last bias moves the mean within an epoch, and
every small batch jogs it; the variance is what the hidden units have to learn. So the first series
is that variance as a share of the variance of y: 1 for a network that answers the same for every x.
"""

import torch
from torch import nn

from quizserver.lab import Arm, Axis, Knob, Map, Simulation, losses, optim
from quizserver.lab.backprop import training_step

ACTIVATIONS = (nn.Sigmoid(), nn.ReLU(), nn.Tanh())

simulation = Simulation(
    "A line and sigmoid units: the first 120 epochs",
    knobs=[
        Knob(
            "activation", "Hidden units", 0, 2, default=0, integer=True,
            choices=("sigmoid", "ReLU", "tanh"), help="What each hidden unit does with its sum.",
        ),
        Knob(
            "learning_rate", "Learning rate", 0.001, 2, default=0.1, scale="log",
            help="How far one step goes.",
        ),
        Knob(
            "init_scale", "Scale of the first weights", 0.1, 8, default=1, scale="log",
            help="1 is Glorot's. Four times that makes up for the sigmoid's slope of 1/4.",
        ),
        Knob(
            "momentum", "Momentum", 0, 0.99, default=0,
            help="The share of the last step that carries on into the next.",
        ),
    ],
    arms=[
        Arm("sigmoid", "Sigmoid"),
        Arm("relu", "ReLU", {"activation": 1}, base="sigmoid"),
        Arm("tanh", "Tanh", {"activation": 2}, base="sigmoid"),
        Arm("better-init", "First weights × 4", {"init_scale": 4}, base="sigmoid"),
        Arm("momentum", "Momentum 0.8", {"momentum": 0.8}, base="sigmoid"),
        Arm("small-init", "First weights ÷ 4", {"init_scale": 0.25}, base="sigmoid"),
        Arm("quarter-rate", "Rate ÷ 4", {"learning_rate": 0.025}, base="sigmoid"),
        Arm("double-rate", "Rate × 2", {"learning_rate": 0.2}, base="sigmoid"),
        Arm("quadruple-rate", "Rate × 4", {"learning_rate": 0.4}, base="sigmoid"),
    ],
    x=Axis("epoch"),
    series={
        "unexplained": Axis("unexplained share of the variance", scale="log"),
        "loss": Axis("mean squared error", scale="log"),
        "gradient_1": Axis("gradient norm, first layer", scale="log"),
        "gradient_2": Axis("gradient norm, second layer", scale="log"),
        "gradient_3": Axis("gradient norm, last layer", scale="log"),
    },
    points=61,
    maps=[
        Map("learning_rate", "init_scale", "early-drop", x_range=(0.005, 2), y_range=(0.25, 8)),
        Map("learning_rate", "momentum", "early-drop", x_range=(0.02, 1)),
    ],
)  # fmt: skip


@simulation.train
def train(replicas):
    knobs = replicas.knobs
    x = torch.linspace(0, 1, 100, dtype=torch.float64).unsqueeze(1)
    x, y = replicas.share(x, 2 * x + 1)
    layers = [
        replicas.linear(inputs, outputs, init="glorot_uniform", scale=knobs.init_scale)
        for inputs, outputs in ((1, 16), (16, 8), (8, 1))
    ]
    unit = ACTIVATIONS[knobs.activation]
    net = nn.Sequential(layers[0], unit, layers[1], unit, layers[2])
    optimiser = optim.SGD(net.parameters(), lr=knobs.learning_rate, momentum=knobs.momentum)
    step = training_step(net, losses.mse_loss, optimiser)

    def measure():
        norms = step.gradient_norms(x, y)
        return {
            "unexplained": step.unexplained(x, y),
            "loss": step.loss(x, y),
            **{f"gradient_{i}": norm for i, norm in enumerate(norms, 1)},
        }

    yield 0, measure()
    for epoch in range(1, 121):
        for some, wanted in replicas.batches(x, y, size=32):
            step(some, wanted)
        if epoch % 2 == 0:
            yield epoch, measure()
