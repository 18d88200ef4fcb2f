"""A rounding error on its way through a deep network, layer after layer.

One and the same random network, 64 units wide, is evaluated twice: in float32 and in float64. The
error of a layer is the distance between the two results over the length of the exact one, in units
of float32's rounding (2⁻²⁴).
"""

import torch

from quizserver.lab import Arm, Axis, Knob, Map, Simulation

WIDTH, LAYERS, ROUNDING = 64, 40, 2.0**-24
ACTIVATIONS = (torch.sigmoid, torch.relu, torch.tanh)

simulation = Simulation(
    "Rounding from layer to layer",
    knobs=[
        Knob(
            "activation", "Activation", 0, 2, default=0, integer=True,
            choices=("sigmoid", "ReLU", "tanh"),
        ),
        Knob(
            "scale", "Scale of the weights", 0.1, 16, default=1, scale="log",
            help="Their standard deviation, times the square root of the layer's width.",
        ),
    ],
    arms=[
        Arm("sigmoid", "Sigmoid"),
        Arm("relu", "ReLU", {"activation": 1}),
        Arm("tanh", "tanh", {"activation": 2}),
        Arm("large-sigmoid", "Sigmoid, weights × 4", {"scale": 4}),
        Arm("large-tanh", "tanh, weights × 4", {"scale": 4}, base="tanh"),
    ],
    x=Axis("layer"),
    series={"error": Axis("relative error", unit="2⁻²⁴", scale="log")},
    points=LAYERS,
    maps=[Map("scale", "activation", "diverges", x_range=(1, 16))],
)  # fmt: skip


@simulation.train
def train(replicas):
    knobs = replicas.knobs
    activation = ACTIVATIONS[knobs.activation]
    scale = knobs.scale.view(-1, 1, 1) / WIDTH**0.5
    single = replicas.randn(1, WIDTH)
    exact = single.double()
    for layer in range(1, LAYERS + 1):
        weight = (scale * replicas.randn(WIDTH, WIDTH)).float()
        single = activation(torch.bmm(single, weight))
        exact = activation(torch.bmm(exact, weight.double()))
        distance = torch.linalg.vector_norm(single - exact, dim=(1, 2))
        error = distance / torch.linalg.vector_norm(exact, dim=(1, 2)) / ROUNDING
        yield layer, {"error": error}
