"""One sigmoid, evaluated once: how many units in the last place is it off?

At every point 200 random inputs of about that size, half of them negative, go through the sigmoid
in float32 or float64. The result is compared with one in extended precision. A unit in the last
place (ulp) is the gap between two neighbouring numbers of the format.
"""

import numpy as np
import torch

from quizserver.lab import Arm, Axis, Knob, Simulation

FORMATS = (torch.float32, torch.float64)
FORMULAS = (
    torch.sigmoid,
    lambda z: 1 / (1 + torch.exp(-z)),
    lambda z: torch.exp(z) / (1 + torch.exp(z)),
)

simulation = Simulation(
    "One sigmoid",
    knobs=[
        Knob(
            "double", "Precision", 0, 1, default=0, integer=True,
            choices=("float32", "float64"),
        ),
        Knob(
            "formula", "Formula", 0, 2, default=0, integer=True,
            choices=("the library's", "1/(1 + exp(−z))", "exp(z)/(1 + exp(z))"),
        ),
        Knob("reach", "Largest input", 1, 100, default=80, help="The inputs lie within ± this."),
    ],
    arms=[
        Arm("single", "float32"),
        Arm("double", "float64", {"double": 1}),
        Arm("textbook", "1/(1 + exp(−z))", {"formula": 1}),
        Arm("turned", "exp(z)/(1 + exp(z))", {"formula": 2}),
        Arm("turned-far", "The same, inputs to ± 100", {"reach": 100}, base="turned"),
        Arm("single-far", "float32, inputs to ± 100", {"reach": 100}),
    ],
    x=Axis("size of the input", unit="% of the largest"),
    series={
        "error": Axis("mean error", unit="ulp"),
        "close": Axis("share of results within three ulp"),
    },
    points=41,
    dtype="float64",
)  # fmt: skip


@simulation.train
def train(replicas):
    knobs = replicas.knobs
    kind = FORMATS[knobs.double]
    for point in range(simulation.points):
        share = point / (simulation.points - 1)
        size = (share - 0.025 * replicas.rand(200)).abs() * knobs.reach.view(-1, 1)
        z = (size.cpu() * torch.tensor([1.0, -1.0]).repeat(100)).to(kind)
        result = FORMULAS[knobs.formula](z).numpy()
        # numpy's longest float has 64 significant bits on common processors, 11 more than float64
        exact = 1 / (1 + np.exp(-z.numpy().astype(np.longdouble)))
        ulp = np.spacing(exact.astype(result.dtype))
        error = torch.from_numpy((np.abs(result - exact) / ulp).astype(np.float64))
        yield 100 * share, {"error": error.mean(1), "close": (error <= 3).double().mean(1)}
