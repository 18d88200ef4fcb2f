"""Optimisers of an ensemble: the update rules of ``torch.optim``, with one value a replica.

Each hyperparameter is a number or a tensor of shape (R,), such as ``replicas.knobs.learning_rate``.
Use them as in PyTorch: ``zero_grad()``, ``loss.sum().backward()``, ``step()``. Instead of
parameters they take groups too: dicts with "params" and hyperparameters of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["SGD", "Adam", "Optimiser"]

PerReplica = float | Tensor
Group = Mapping[str, Any]


class Optimiser:
    """What the optimisers share: parameters with a leading replica axis, and their gradients.

    ``defaults`` are the hyperparameters of every parameter whose group does not give its own.
    Raises ``ValueError`` for an unknown one, or one that does not have one value a replica.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter] | Iterable[Group], **defaults: PerReplica
    ) -> None:
        self.parameters: list[nn.Parameter] = []
        self._given: list[dict[str, Tensor]] = []
        for group in _groups(parameters):
            own = {name: value for name, value in group.items() if name != "params"}
            for unknown in own.keys() - defaults.keys():
                raise ValueError(f"a group gives {unknown!r}; it may give {', '.join(defaults)}")
            for parameter in group["params"]:
                values = {**defaults, **own}
                self.parameters.append(parameter)
                self._given.append({n: _column(v, parameter) for n, v in values.items()})
        if not self.parameters:
            raise ValueError("an optimiser needs at least one parameter")

    def zero_grad(self) -> None:
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Updates every parameter that has a gradient, in place."""
        for index, parameter in enumerate(self.parameters):
            if parameter.grad is not None:
                given = self._given[index]
                gradient = torch.addcmul(parameter.grad, parameter, given["weight_decay"])
                self._update(index, parameter, gradient, given)

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
        lr: PerReplica,
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
        lr: PerReplica = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: PerReplica = 0.0,
    ) -> None:
        super().__init__(parameters, lr=lr, weight_decay=weight_decay)
        self._betas, self._eps = betas, eps
        self._steps = 0
        self._first = [torch.zeros_like(parameter) for parameter in self.parameters]
        self._second = [torch.zeros_like(parameter) for parameter in self.parameters]

    def step(self) -> None:
        self._steps += 1
        super().step()

    def _update(
        self, index: int, parameter: Tensor, gradient: Tensor, given: Mapping[str, Tensor]
    ) -> None:
        beta1, beta2 = self._betas
        first, second = self._first[index], self._second[index]
        first.lerp_(gradient, 1 - beta1)
        second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        root = (second / (1 - beta2**self._steps)).sqrt_().add_(self._eps)
        rate = given["lr"] / (1 - beta1**self._steps)
        parameter.addcmul_(rate, first / root, value=-1)


def _groups(parameters: Iterable[nn.Parameter] | Iterable[Group]) -> list[Group]:
    """``parameters`` as groups: plain parameters are one group without values of its own."""
    given: list[Any] = list(parameters)
    if any(isinstance(item, Mapping) for item in given):
        return given
    return [{"params": given}]


def _column(value: PerReplica, parameter: Tensor) -> Tensor:
    """``value`` as a tensor (R, 1, …) that broadcasts against ``parameter`` (R, …)."""
    column = torch.as_tensor(value, dtype=parameter.dtype, device=parameter.device)
    if column.ndim > 1 or (column.ndim == 1 and len(column) != len(parameter)):
        raise ValueError(
            f"a hyperparameter has shape {tuple(column.shape)}: give a number or one value for "
            f"each of the {len(parameter)} replicas"
        )
    return column.expand(len(parameter)).reshape(-1, *[1] * (parameter.ndim - 1))
