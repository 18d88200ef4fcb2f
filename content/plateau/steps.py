"""A parabola fitted to 20 measured speeds by gradient descent, step by step.

The parameters start as standard normal numbers and the loss falls within ten steps, from some
17,000 to some 650. The curves begin there and go on to step 1000.
"""

import torch
from torch import nn

from quizserver.lab import Arm, Axis, Knob, Map, Simulation, losses, optim
from quizserver.lab.backprop import training_step

simulation = Simulation(
    "The plateau, from step 10 on",
    knobs=[
        Knob("learning_rate", "Learning rate", 1e-7, 1, default=1e-5, scale="log",
             help="How far one step goes."),
        Knob("noise", "Noise of the measurements", 0, 10, default=3,
             help="Standard deviation of what each measured speed is off by."),
        Knob("zero", "Zero of the clock", 0, 19, default=0, unit="s",
             help="Subtracted from every time; the measurements stay the same."),
        Knob("standardised", "Features", 0, 1, default=0, integer=True,
             choices=("powers of the time", "standardised"),
             help="Standardised: each power has its mean taken off and is divided by its spread."),
        Knob("degree", "Degree of the polynomial", 1, 5, default=2, integer=True,
             help="It has one coefficient more than its degree."),
    ],
    arms=[
        Arm("plateau", "As described"),
        Arm("no-noise", "No noise", {"noise": 0}),
        Arm("centred", "Clock zero in the middle", {"zero": 9.5}),
        Arm("cubic", "Degree 3", {"degree": 3}),
        Arm("tenfold", "Learning rate × 10", {"learning_rate": 1e-4}),
        Arm("triple", "Learning rate × 3", {"learning_rate": 3e-5}),
        Arm("fourfold", "Learning rate × 4", {"learning_rate": 4e-5}),
        Arm("quiet-fourfold", "Rate × 4, no noise", {"noise": 0}, base="fourfold"),
        Arm("standardised", "Standardised features", {"standardised": 1}),
        Arm("standardised-fast", "Standardised, rate 0.4", {"learning_rate": 0.4},
            base="standardised"),
        Arm("standardised-faster", "Standardised, rate 0.6", {"learning_rate": 0.6},
            base="standardised"),
    ],
    x=Axis("step"),
    series={"loss": Axis("training loss", scale="log")},
    points=100,
    maps=[Map("learning_rate", "zero", "early-drop", x_range=(5e-6, 1e-3))],
    dtype="float64",
)  # fmt: skip


def features(time, degree, standardised):
    """Powers of the times, highest first: (R, 20, degree + 1). The last is the constant 1."""
    x = torch.stack([time**power for power in range(degree, -1, -1)], dim=2)
    if standardised:
        mean, spread = x.mean(1, keepdim=True), x.std(1, correction=0, keepdim=True)
        x[:, :, :-1] = ((x - mean) / spread)[:, :, :-1]
    return x


@simulation.train
def train(replicas):
    knobs = replicas.knobs
    (time,) = replicas.share(torch.arange(20.0))
    x = features(time - knobs.zero.view(-1, 1), knobs.degree, knobs.standardised)
    first = replicas.randn(20)[:, : knobs.degree + 1].unsqueeze(2)
    noise = knobs.noise.view(-1, 1) * replicas.randn(2, 40)[:, 0, :20]
    measured = (0.75 * (time - 9.5) ** 2 + 1 + noise).unsqueeze(2)
    # the last feature is the constant, so that its coefficient is the bias
    net = nn.Sequential(replicas.linear(knobs.degree + 1, 1, init=first, bias=False))
    step = training_step(net, losses.mse_loss, optim.SGD(net.parameters(), lr=knobs.learning_rate))
    for _ in range(10):
        step(x, measured)
    for number in range(10, 10 * simulation.points + 1):
        loss = step(x, measured)
        if number % 10 == 0:
            yield number, {"loss": loss}
