"""Learning rates that change from step to step, with one value a replica.

An optimiser takes a schedule as its rate and calls it with the step 0, 1, 2 …; its values are
numbers or tensors (R,), such as knobs. They nest: ``warm_up(cosine(…), 100)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["Schedule", "cosine", "exponential", "step_down", "warm_up"]

PerReplica = float | Tensor
Schedule = Callable[[int], Tensor]


def step_down(rate: PerReplica, *, every: PerReplica, factor: PerReplica = 0.1) -> Schedule:
    """``rate`` times ``factor`` once more after each ``every`` steps (``StepLR`` in torch)."""
    base, times = _as_tensor(rate), _as_tensor(factor)
    length = _positive_tensor(every, "every")
    return lambda step: base * times ** torch.floor(step / length)


def exponential(rate: PerReplica, *, factor: PerReplica) -> Schedule:
    """``rate`` times ``factor`` after each step (``ExponentialLR`` in torch)."""
    base, times = _as_tensor(rate), _as_tensor(factor)
    return lambda step: base * times**step


def cosine(rate: PerReplica, *, steps: PerReplica, final: PerReplica = 0.0) -> Schedule:
    """From ``rate`` to ``final`` along half a cosine in ``steps`` steps, then ``final`` for good.

    Loshchilov and Hutter (2017), as ``CosineAnnealingLR`` in torch until it would rise again.
    """
    base, last, length = _as_tensor(rate), _as_tensor(final), _positive_tensor(steps, "steps")

    def rate_at(step: int) -> Tensor:
        passed = torch.clamp(step / length, max=1.0)
        return last + (base - last) * (1 + torch.cos(math.pi * passed)) / 2

    return rate_at


def warm_up(rate: PerReplica | Schedule, steps: PerReplica) -> Schedule:
    """``rate``, or another schedule, times 1/steps, 2/steps … up to 1: a linear warm-up."""
    length = _positive_tensor(steps, "steps")
    base_schedule = rate if callable(rate) else _constant_schedule(rate)
    return lambda step: base_schedule(step) * torch.clamp((step + 1) / length, max=1.0)


def _constant_schedule(rate: PerReplica) -> Schedule:
    value = _as_tensor(rate)
    return lambda _step: value


def _as_tensor(value: PerReplica) -> Tensor:
    # in float64, so that a long run of factors is not rounded at each
    return torch.as_tensor(value, dtype=torch.float64)


def _positive_tensor(value: PerReplica, name: str) -> Tensor:
    number = _as_tensor(value)
    if not bool((number > 0).all()):
        raise ValueError(f"{name} must be above 0, in every replica")
    return number
