"""Data that are the same for every replica and on every processor.

``torch.randn`` in float32 draws other numbers on a processor without AVX2, and the last bit of
``torch.sin`` and ``torch.cos`` depends on the processor too: at a high rate, another curve. All
results here are float64; ``replicas.share`` rounds them to the replicas' type.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quizserver.kernel import draws
from quizserver.kernel.draws import Stream

__all__ = ["cos", "normal", "sin", "uniform"]

_FIRST_SEED = 2**63
"""Added to a seed of data: they are not what a replica with that seed draws."""


def uniform(seed: int, *size: int) -> Tensor:
    """Uniform numbers in [0, 1) of this shape, always the same ones for a seed."""
    numbers = draws.uniform_numbers([_FIRST_SEED + seed], Stream.DATA, 0, math.prod(size))
    return torch.from_numpy(numbers.reshape(size))


def normal(seed: int, *size: int) -> Tensor:
    """Standard normal numbers of this shape, always the same ones for a seed."""
    numbers = draws.normal_numbers([_FIRST_SEED + seed], Stream.DATA, 0, math.prod(size))
    return torch.from_numpy(numbers.reshape(size))


def sin(angle: Tensor) -> Tensor:
    """The sine of angles up to a million, within two units in the last place of 1."""
    return _turned(angle, 0)


def cos(angle: Tensor) -> Tensor:
    """The cosine of angles up to a million, within two units in the last place of 1."""
    return _turned(angle, 1)


# π/2 in three parts (Cody and Waite): products of the first two with a small whole number are exact
_HALF_PI = (1.57079632673412561417e0, 6.07710050630396597660e-11, 2.02226624879595063154e-21)
# Taylor's series of the sine and the cosine, for angles up to π/4
_SINE = [(-1) ** k / math.factorial(2 * k + 1) for k in range(10)]
_COSINE = [(-1) ** k / math.factorial(2 * k) for k in range(10)]


def _turned(angle: Tensor, quarters: int) -> Tensor:
    """The sine of ``angle`` and so many quarters of a turn."""
    x = angle.detach().to("cpu", torch.float64).numpy()
    if not (np.abs(x) <= 1e6).all():
        raise ValueError("an angle is not a number between -1,000,000 and 1,000,000")
    turns = np.rint(x / (math.pi / 2))
    rest = x
    for part in _HALF_PI:
        rest = rest - turns * part
    square = rest * rest
    quarter = (turns.astype(np.int64) + quarters) % 4
    value = np.where(quarter % 2 == 0, rest * _series(_SINE, square), _series(_COSINE, square))
    return torch.from_numpy(np.where(quarter < 2, value, -value))


def _series(terms: list[float], x: NDArray[Any]) -> NDArray[Any]:
    """Horner's rule, which multiplies and adds: no function whose last bit is left open."""
    total = np.full_like(x, terms[-1])
    for term in reversed(terms[:-1]):
        total = total * x + term
    return total
