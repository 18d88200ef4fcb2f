"""Learning rates that change from step to step, with one value a replica.

An optimiser takes a schedule as its rate and calls it with the step 0, 1, 2 …; its values are
numbers or tensors (R,), such as knobs. They nest: ``warm_up(cosine(…), 100)``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from quizserver.lab.knob_values import plain_values

__all__ = [
    "Schedule", "change_at", "cosine", "exponential", "geometric", "step_down", "warm_up",
]  # fmt: skip

PerReplica = float | Tensor


class Schedule:
    """A rate for each step. ``given`` holds its numbers by name, as the author gave them.

    Subclasses compute from ``_values``, which are those numbers in float64, so that a long run of
    factors is not rounded at each.
    """

    def __init__(self, *positive: str, **given: PerReplica) -> None:
        self.given: Mapping[str, PerReplica] = given
        self._values = {name: _as_tensor(value) for name, value in given.items()}
        for name in positive:
            if not bool((self._values[name] > 0).all()):
                raise ValueError(f"{name} must be above 0, in every replica")

    def __call__(self, step: int) -> Tensor:
        """The rate of this step: a number, or one value a replica."""
        raise NotImplementedError


class StepDown(Schedule):
    def __call__(self, step: int) -> Tensor:
        values = self._values
        return values["rate"] * values["factor"] ** torch.floor(step / values["every"])


class Exponential(Schedule):
    def __call__(self, step: int) -> Tensor:
        return self._values["rate"] * self._values["factor"] ** step


class Geometric(Schedule):
    def __call__(self, step: int) -> Tensor:
        values = self._values
        passed = torch.clamp(step / values["steps"], max=1.0)
        return values["rate"] * values["last_factor"] ** passed


class ChangeAt(Schedule):
    def __call__(self, step: int) -> Tensor:
        values = self._values
        return values["rate"] * torch.where(step >= values["step"], values["factor"], 1.0)


class Cosine(Schedule):
    def __call__(self, step: int) -> Tensor:
        values = self._values
        passed = torch.clamp(step / values["steps"], max=1.0)
        share = (1 + torch.cos(math.pi * passed)) / 2
        return values["final"] + (values["rate"] - values["final"]) * share


class WarmUp(Schedule):
    """``base`` is the rate, or the schedule, that the warm-up leads to."""

    def __init__(self, base: PerReplica | Schedule, steps: PerReplica) -> None:
        super().__init__("steps", steps=steps)
        self.base = base
        self._base = base if callable(base) else _as_tensor(base)

    def __call__(self, step: int) -> Tensor:
        base = self._base(step) if callable(self._base) else self._base
        return base * torch.clamp((step + 1) / self._values["steps"], max=1.0)


def step_down(rate: PerReplica, *, every: PerReplica, factor: PerReplica = 0.1) -> Schedule:
    """``rate`` times ``factor`` once more after each ``every`` steps (``StepLR`` in torch)."""
    return StepDown("every", rate=rate, every=every, factor=factor)


def exponential(rate: PerReplica, *, factor: PerReplica) -> Schedule:
    """``rate`` times ``factor`` after each step (``ExponentialLR`` in torch)."""
    return Exponential(rate=rate, factor=factor)


def geometric(rate: PerReplica, *, last_factor: PerReplica, steps: PerReplica) -> Schedule:
    """From ``rate`` to ``last_factor`` times it in ``steps`` steps, by the same factor at each."""
    return Geometric("last_factor", "steps", rate=rate, last_factor=last_factor, steps=steps)


def change_at(rate: PerReplica, *, step: PerReplica, factor: PerReplica) -> Schedule:
    """``rate`` for the first ``step`` steps, and ``factor`` times it from then on."""
    return ChangeAt(rate=rate, step=step, factor=factor)


def cosine(rate: PerReplica, *, steps: PerReplica, final: PerReplica = 0.0) -> Schedule:
    """From ``rate`` to ``final`` along half a cosine in ``steps`` steps, then ``final`` for good.

    Loshchilov and Hutter (2017), as ``CosineAnnealingLR`` in torch until it would rise again.
    """
    return Cosine("steps", rate=rate, steps=steps, final=final)


def warm_up(rate: PerReplica | Schedule, steps: PerReplica) -> Schedule:
    """``rate``, or another schedule, times 1/steps, 2/steps … up to 1: a linear warm-up."""
    return WarmUp(rate, steps)


def _as_tensor(value: PerReplica) -> Tensor:
    return torch.as_tensor(plain_values(value), dtype=torch.float64)
