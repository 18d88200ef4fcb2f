"""A straight line, y = 2x + 1, learnt by a 1-16-8-1 network with sigmoid or with ReLU units.

100 points without noise, batches of 32 in a new order each epoch, plain gradient descent. Weights
start as Glorot and Bengio (2010) draw them, biases at zero. ``sigmoid_start.py`` is the same
training, its first 120 epochs looked at closely.
"""

import torch
from torch import nn

from quizserver.lab import Arm, Axis, Knob, Simulation, losses, optim
from quizserver.lab.backprop import training_step

ACTIVATIONS = (nn.Sigmoid(), nn.ReLU(), nn.Tanh())

simulation = Simulation(
    "A line, with sigmoid and with ReLU",
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
            "epochs_per_point", "Epochs between two points", 1, 50, default=25, integer=True,
            help="25 trains for 2000 epochs; fewer give a shorter run, sooner.",
        ),
    ],
    arms=[
        Arm("sigmoid", "Sigmoid"),
        Arm("relu", "ReLU", {"activation": 1}),
    ],
    x=Axis("epoch"),
    series={
        "loss": Axis("mean squared error", scale="log"),
        "unexplained": Axis("unexplained share of the variance", scale="log"),
        "gradient_1": Axis("gradient norm, first layer", scale="log"),
        "gradient_2": Axis("gradient norm, second layer", scale="log"),
        "gradient_3": Axis("gradient norm, last layer", scale="log"),
    },
    points=81,
)  # fmt: skip


@simulation.train
def train(replicas):
    knobs = replicas.knobs
    x = torch.linspace(0, 1, 100, dtype=torch.float64).unsqueeze(1)
    x, y = replicas.share(x, 2 * x + 1)
    layers = [
        replicas.linear(inputs, outputs, init="glorot_uniform")
        for inputs, outputs in ((1, 16), (16, 8), (8, 1))
    ]
    unit = ACTIVATIONS[knobs.activation]
    net = nn.Sequential(layers[0], unit, layers[1], unit, layers[2])
    optimiser = optim.SGD(net.parameters(), lr=knobs.learning_rate)
    step = training_step(net, losses.mse_loss, optimiser)

    def measure():
        norms = step.gradient_norms(x, y)
        return {
            "loss": step.loss(x, y),
            "unexplained": step.unexplained(x, y),
            **{f"gradient_{i}": norm for i, norm in enumerate(norms, 1)},
        }

    yield 0, measure()
    for point in range(1, simulation.points):
        for _ in range(knobs.epochs_per_point):
            for some, wanted in replicas.batches(x, y, size=32):
                step(some, wanted)
        yield point * knobs.epochs_per_point, measure()
