"""Optimisers of an ensemble: the update rules of ``torch.optim``, with one value a replica.

Each hyperparameter is a number or a tensor of shape (R,), such as ``replicas.knobs.learning_rate``;
the rate may be a schedule too (``quizserver.lab.schedules``). Use them as in PyTorch:
``zero_grad()``, ``loss.sum().backward()``, ``step()``. Instead of parameters they take groups too:
dicts with "params" and hyperparameters of their own.

The hyperparameters of parameters of 16 bits are kept in float32, as in PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from quizserver.lab.flat import Flat, Hyperparameter, replica_column
from quizserver.lab.norms import clip_grad_norm

__all__ = ["SGD", "Adam", "AdamW", "Optimiser", "RMSprop", "clip_grad_norm"]

PerReplica = float | Tensor
Rate = PerReplica | Callable[[int], PerReplica]
Group = Mapping[str, Any]


class Optimiser:
    """What the optimisers share: parameters with a leading replica axis, and their gradients.

    ``defaults`` are the hyperparameters of every parameter whose group does not give its own.
    Raises ``ValueError`` for an unknown one, or one that does not have one value a replica. The
    parameters move into one piece of memory (``flat``): an optimiser made later for one of them
    takes it away from this one.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter] | Iterable[Group], **defaults: Rate
    ) -> None:
        self.parameters: list[nn.Parameter] = []
        values: dict[str, list[Any]] = {name: [] for name in defaults}
        for group in _groups(parameters):
            own = {name: value for name, value in group.items() if name != "params"}
            for unknown in own.keys() - defaults.keys():
                raise ValueError(f"a group gives {unknown!r}; it may give {', '.join(defaults)}")
            for parameter in group["params"]:
                self.parameters.append(parameter)
                for name, default in defaults.items():
                    values[name].append(own.get(name, default))
        if not self.parameters:
            raise ValueError("an optimiser needs at least one parameter")
        self.steps = 0
        self.flat = Flat(self.parameters)
        self._rates = values.pop("lr")
        self._scheduled = any(callable(rate) for rate in self._rates)
        self._given = {name: Hyperparameter(name, each, self.flat) for name, each in values.items()}
        self._given["lr"] = Hyperparameter("lr", self._rates_now(), self.flat)

    def zero_grad(self) -> None:
        """Forgets the gradients, before each ``backward()``, which adds to them."""
        self.flat.clear()

    @torch.no_grad()
    def step(self) -> None:
        """Updates every parameter in place by its gradient."""
        self.flat.collect()
        self.descend()

    def descend(self) -> None:
        """``step`` for gradients that are in ``flat`` already; torch must not be recording."""
        if self._scheduled:
            self._given["lr"].set("lr", self._rates_now())
        self.steps += 1
        self._update(self.flat.values, self._decayed(self.flat.values, self.flat.gradients))

    def _rates_now(self) -> list[Any]:
        """The rates of this step; a schedule that several groups share is asked once."""
        asked = {id(rate): rate(self.steps) for rate in self._rates if callable(rate)}
        return [asked.get(id(rate), rate) for rate in self._rates]

    def _value(self, name: str) -> Tensor:
        return self._given[name].value()

    def _decayed(self, values: Tensor, gradients: Tensor) -> Tensor:
        """The gradients with the coupled weight decay: that of an L2 penalty."""
        if self._given["weight_decay"].zero:
            return gradients
        return torch.addcmul(gradients, values, self._value("weight_decay")).to(values.dtype)

    def _update(self, values: Tensor, gradients: Tensor) -> None:
        raise NotImplementedError


class SGD(Optimiser):
    """Stochastic gradient descent as in ``torch.optim.SGD`` without dampening.

    ``weight_decay`` is coupled: ``weight_decay * parameter`` joins the gradient, which is the
    gradient of an L2 penalty of half that factor. A replica whose gradient overflows becomes
    non-finite for good, with any momentum: diverged.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter] | Iterable[Group],
        lr: Rate,
        *,
        momentum: PerReplica = 0.0,
        weight_decay: PerReplica = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(parameters, lr=lr, momentum=momentum, weight_decay=weight_decay)
        self._nesterov = nesterov
        self._velocity = torch.zeros_like(self.flat.values)

    def _update(self, values: Tensor, gradients: Tensor) -> None:
        if self._given["momentum"].zero:
            values.addcmul_(gradients, self._value("lr"), value=-1)
            return
        momentum, velocity = self._value("momentum"), self._velocity
        # torch starts its velocity at the first gradient: the same as one step from zero
        velocity.mul_(momentum).add_(gradients)
        if self._nesterov:
            velocity = torch.addcmul(gradients, velocity, momentum).to(values.dtype)
        values.addcmul_(velocity, self._value("lr"), value=-1)


class Adam(Optimiser):
    """Adam (Kingma and Ba, 2015) as in ``torch.optim.Adam``, with coupled weight decay."""

    def __init__(
        self,
        parameters: Iterable[nn.Parameter] | Iterable[Group],
        lr: Rate = 1e-3,
        *,
        betas: tuple[PerReplica, PerReplica] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: PerReplica = 0.0,
    ) -> None:
        super().__init__(parameters, lr=lr, weight_decay=weight_decay)
        self._betas = [_share("betas", beta, self.flat.values) for beta in betas]
        self._eps = eps
        self._first = torch.zeros_like(self.flat.values)
        self._second = torch.zeros_like(self.flat.values)

    def _update(self, values: Tensor, gradients: Tensor) -> None:
        beta1, beta2 = self._betas
        first, second = self._first, self._second
        first.lerp_(gradients, _like(1 - beta1, first))
        _average_square(second, gradients, beta2)
        root = (second / _like(1 - beta2**self.steps, second)).sqrt_().add_(self._eps)
        rate = self._value("lr")
        rate = rate / _like(1 - beta1**self.steps, rate)
        values.addcmul_(rate, torch.div(first, root, out=root), value=-1)


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019) as in ``torch.optim.AdamW``.

    Each step first shrinks the parameters by the factor 1 − lr · ``weight_decay``, so that the
    decay is not divided by the size of the gradients.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter] | Iterable[Group],
        lr: Rate = 1e-3,
        *,
        betas: tuple[PerReplica, PerReplica] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: PerReplica = 1e-2,
    ) -> None:
        super().__init__(parameters, lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def _decayed(self, values: Tensor, gradients: Tensor) -> Tensor:
        values.mul_(1 - self._value("lr") * self._value("weight_decay"))
        return gradients


class RMSprop(Optimiser):
    """RMSprop (Tieleman and Hinton, 2012) as in ``torch.optim.RMSprop``; weight decay is coupled.

    The gradient is divided by the root of its running mean square, and ``eps`` is added outside the
    root. ``alpha`` is the share of the mean square that stays at each step.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter] | Iterable[Group],
        lr: Rate = 1e-2,
        *,
        alpha: PerReplica = 0.99,
        eps: float = 1e-8,
        momentum: PerReplica = 0.0,
        weight_decay: PerReplica = 0.0,
    ) -> None:
        super().__init__(parameters, lr=lr, momentum=momentum, weight_decay=weight_decay)
        self._alpha = _share("alpha", alpha, self.flat.values)
        self._eps = eps
        self._second = torch.zeros_like(self.flat.values)
        self._velocity = torch.zeros_like(self.flat.values)

    def _update(self, values: Tensor, gradients: Tensor) -> None:
        second, velocity = self._second, self._velocity
        _average_square(second, gradients, self._alpha)
        root = second.sqrt().add_(self._eps)
        if self._given["momentum"].zero:
            velocity = gradients / root
        else:
            velocity.mul_(self._value("momentum")).addcdiv_(gradients, root)
        values.addcmul_(velocity, self._value("lr"), value=-1)


def _average_square(average: Tensor, gradient: Tensor, stays: PerReplica) -> None:
    """Moves a running mean square in place; ``stays`` of it is kept."""
    if isinstance(stays, Tensor):
        average.mul_(_like(stays, average))
        average.addcmul_(gradient * gradient, _like(1 - stays, average))
    else:
        average.mul_(stays).addcmul_(gradient, gradient, value=1 - stays)


def _share(name: str, value: PerReplica, values: Tensor) -> Any:
    """A number as it is, or a column in float64: 1 − 0.999 in float32 is off by 1e-5."""
    if not isinstance(value, Tensor):
        return value
    return replica_column(name, value, values, torch.float64)


def _like(value: Any, other: Tensor) -> Any:
    if not isinstance(value, Tensor):
        return value
    return value.to(other.dtype if other.dtype.itemsize > 2 else torch.float32)


def _groups(parameters: Iterable[nn.Parameter] | Iterable[Group]) -> list[Group]:
    """``parameters`` as groups: plain parameters are one group without values of its own."""
    given: list[Any] = list(parameters)
    if any(isinstance(item, Mapping) for item in given):
        return given
    return [{"params": given}]
