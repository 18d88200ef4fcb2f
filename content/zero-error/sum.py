"""A small sum, computed with more and more bits: how far is it from its target?

Two outputs y = Wx + b with three inputs. Every product and every sum is rounded to so many
significant bits: bfloat16 has 8 of them, float16 11, float32 24 and float64 53. Each seed adds the
terms up in an order of its own.
"""

import torch

from quizserver.lab import Arm, Axis, Knob, Simulation

simulation = Simulation(
    "A small sum",
    knobs=[
        Knob(
            "offset", "Offset of the target", 0, 1, default=1,
            help="1: the target is (2.8, 2.6). 0: it is what the sum comes to, (1.9, 2.3).",
        ),
        Knob(
            "exact_inputs", "Inputs", 0, 1, default=0, integer=True,
            choices=("rounded", "exact"),
            help="Exact: only the arithmetic is rounded, not 0.1, 0.2, 0.7 and the like.",
        ),
    ],
    arms=[
        Arm("given", "As given"),
        Arm("exact-inputs", "Exact inputs", {"exact_inputs": 1}),
        Arm("own-target", "Target (1.9, 2.3)", {"offset": 0}),
    ],
    x=Axis("significant bits"),
    series={"error": Axis("distance to the target", scale="log")},
    points=46,
    dtype="float64",
)  # fmt: skip


def rounded(values, bits):
    """``values`` to the nearest number with that many significant bits."""
    fraction, exponent = torch.frexp(values)
    return torch.ldexp(torch.round(fraction * 2.0**bits), exponent - bits)


@simulation.train
def train(replicas):
    knobs = replicas.knobs
    x, w, b, y, offset = replicas.share(
        torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64),
        torch.tensor([[0.5, 0.2, 0.3], [0.1, 0.7, 0.2]], dtype=torch.float64),
        torch.tensor([0.1, 0.2], dtype=torch.float64),
        torch.tensor([1.9, 2.3], dtype=torch.float64),
        torch.tensor([0.9, 0.3], dtype=torch.float64),
    )
    target = y + knobs.offset.view(-1, 1) * offset
    order = replicas.rand(4).argsort(1)
    for bits in range(8, 54):
        held = [v if knobs.exact_inputs else rounded(v, bits) for v in (w, b)]
        products = rounded(held[0] * x.unsqueeze(1), bits)
        terms = torch.cat([products, held[1].unsqueeze(2)], dim=2)  # (R, 2 outputs, 4 terms)
        terms = terms.gather(2, order.unsqueeze(1).expand_as(terms))
        total = terms[:, :, 0]
        for term in range(1, 4):
            total = rounded(total + terms[:, :, term], bits)
        yield bits, {"error": torch.linalg.vector_norm(total - target, dim=1)}
