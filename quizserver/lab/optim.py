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

from quizserver.lab.norms import clip_grad_norm

__all__ = ["SGD", "Adam", "AdamW", "Optimiser", "RMSprop", "clip_grad_norm"]

PerReplica = float | Tensor
Rate = PerReplica | Callable[[int], PerReplica]
Group = Mapping[str, Any]


class Optimiser:
    """What the optimisers share: parameters with a leading replica axis, and their gradients.

    ``defaults`` are the hyperparameters of every parameter whose group does not give its own.
    Raises ``ValueError`` for an unknown one, or one that does not have one value a replica.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter] | Iterable[Group], **defaults: Rate
    ) -> None:
        self.parameters: list[nn.Parameter] = []
        self._given: list[dict[str, Tensor]] = []
        self._schedules: list[Callable[[int], PerReplica] | None] = []
        self.steps = 0
        for group in _groups(parameters):
            own = {name: value for name, value in group.items() if name != "params"}
            for unknown in own.keys() - defaults.keys():
                raise ValueError(f"a group gives {unknown!r}; it may give {', '.join(defaults)}")
            for parameter in group["params"]:
                values = {**defaults, **own}
                self.parameters.append(parameter)
                rate = values["lr"]
                self._schedules.append(rate if callable(rate) else None)
                self._given.append(
                    {n: column(v, parameter) for n, v in values.items() if not callable(v)}
                )
        if not self.parameters:
            raise ValueError("an optimiser needs at least one parameter")

    def zero_grad(self) -> None:
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Updates every parameter that has a gradient, in place."""
        self._take_rates()
        self.steps += 1
        for index, parameter in enumerate(self.parameters):
            if parameter.grad is not None:
                given = self._given[index]
                self._update(index, parameter, self._decayed(parameter, given), given)

    def _take_rates(self) -> None:
        """The rates of this step from the schedules, each asked once."""
        rates: dict[int, PerReplica] = {}
        for parameter, given, schedule in zip(
            self.parameters, self._given, self._schedules, strict=True
        ):
            if schedule is not None:
                if id(schedule) not in rates:
                    rates[id(schedule)] = schedule(self.steps)
                given["lr"] = column(rates[id(schedule)], parameter)

    def _decayed(self, parameter: nn.Parameter, given: Mapping[str, Tensor]) -> Tensor:
        """The gradient with the coupled weight decay: that of an L2 penalty."""
        assert parameter.grad is not None
        decayed = torch.addcmul(parameter.grad, parameter, given["weight_decay"])
        return decayed.to(parameter.dtype)

    def _update(
        self, index: int, parameter: Tensor, gradient: Tensor, given: Mapping[str, Tensor]
    ) -> None:
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
        self._velocity = [torch.zeros_like(parameter) for parameter in self.parameters]

    def _update(
        self, index: int, parameter: Tensor, gradient: Tensor, given: Mapping[str, Tensor]
    ) -> None:
        velocity = self._velocity[index]
        # torch starts its velocity at the first gradient: the same as one step from zero
        velocity.mul_(given["momentum"]).add_(gradient)
        if self._nesterov:
            velocity = gradient.addcmul_(velocity, given["momentum"])
        parameter.addcmul_(velocity, given["lr"], value=-1)


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
        self._betas = [[_share(beta, p) for beta in betas] for p in self.parameters]
        self._eps = eps
        self._first = [torch.zeros_like(parameter) for parameter in self.parameters]
        self._second = [torch.zeros_like(parameter) for parameter in self.parameters]

    def _update(
        self, index: int, parameter: Tensor, gradient: Tensor, given: Mapping[str, Tensor]
    ) -> None:
        beta1, beta2 = self._betas[index]
        first, second = self._first[index], self._second[index]
        first.lerp_(gradient, _like(1 - beta1, first))
        _average_square(second, gradient, beta2)
        root = (second / _like(1 - beta2**self.steps, second)).sqrt_().add_(self._eps)
        rate = given["lr"] / _like(1 - beta1**self.steps, given["lr"])
        parameter.addcmul_(rate, first / root, value=-1)


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

    def _decayed(self, parameter: nn.Parameter, given: Mapping[str, Tensor]) -> Tensor:
        assert parameter.grad is not None
        parameter.mul_(1 - given["lr"] * given["weight_decay"])
        return parameter.grad


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
        self._alpha = [_share(alpha, parameter) for parameter in self.parameters]
        self._eps = eps
        self._second = [torch.zeros_like(parameter) for parameter in self.parameters]
        self._velocity = [torch.zeros_like(parameter) for parameter in self.parameters]

    def _update(
        self, index: int, parameter: Tensor, gradient: Tensor, given: Mapping[str, Tensor]
    ) -> None:
        second, velocity = self._second[index], self._velocity[index]
        _average_square(second, gradient, self._alpha[index])
        root = second.sqrt().add_(self._eps)
        velocity.mul_(given["momentum"]).addcdiv_(gradient, root)
        parameter.addcmul_(velocity, given["lr"], value=-1)


def _average_square(average: Tensor, gradient: Tensor, stays: PerReplica) -> None:
    """Moves a running mean square in place; ``stays`` of it is kept."""
    if isinstance(stays, Tensor):
        average.mul_(_like(stays, average))
        average.addcmul_(gradient * gradient, _like(1 - stays, average))
    else:
        average.mul_(stays).addcmul_(gradient, gradient, value=1 - stays)


def _share(value: PerReplica, parameter: Tensor) -> Any:
    """A number as it is, or a column in float64: 1 − 0.999 in float32 is off by 1e-5."""
    if not isinstance(value, Tensor):
        return value
    return column(value, parameter.detach().double())


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


def column(value: Any, parameter: Tensor) -> Tensor:
    """``value`` as a tensor (R, 1, …) that broadcasts against ``parameter`` (R, …).

    It has the parameter's type, and float32 for one of 16 bits: PyTorch does not round its
    hyperparameters to those either. Raises ``ValueError`` unless there is one value, or R.
    """
    kind = parameter.dtype if parameter.dtype.itemsize > 2 else torch.float32
    values = torch.as_tensor(value, dtype=kind, device=parameter.device)
    if values.ndim > 1 or (values.ndim == 1 and len(values) != len(parameter)):
        raise ValueError(
            f"a hyperparameter has shape {tuple(values.shape)}: give a number or one value for "
            f"each of the {len(parameter)} replicas"
        )
    return values.expand(len(parameter)).reshape(-1, *[1] * (parameter.ndim - 1))
