"""Optimisers of an ensemble: the update rules of ``torch.optim``, with one value a replica.

Each hyperparameter is a number or a tensor of shape (R,), such as ``replicas.knobs.learning_rate``.
Use them as in PyTorch: ``zero_grad()``, ``loss.sum().backward()``, ``step()``.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

__all__ = ["SGD", "Adam", "Optimiser"]

PerReplica = float | Tensor


class Optimiser:
    """What the optimisers share: parameters with a leading replica axis, and their gradients."""

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        self.parameters = list(parameters)
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
                self._update(index, parameter, parameter.grad)

    def _update(self, index: int, parameter: Tensor, gradient: Tensor) -> None:
        raise NotImplementedError


class SGD(Optimiser):
    """Stochastic gradient descent as in ``torch.optim.SGD`` without dampening.

    ``weight_decay`` is coupled: ``weight_decay * parameter`` joins the gradient, which is the
    gradient of an L2 penalty of half that factor. A replica whose gradient overflows becomes
    non-finite for good, with any momentum: diverged.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: PerReplica,
        *,
        momentum: PerReplica = 0.0,
        weight_decay: PerReplica = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(parameters)
        self._rate = [_column(-lr, parameter) for parameter in self.parameters]
        self._momentum = [_column(momentum, parameter) for parameter in self.parameters]
        self._decay = [_column(weight_decay, parameter) for parameter in self.parameters]
        self._nesterov = nesterov
        self._velocity = [torch.zeros_like(parameter) for parameter in self.parameters]

    def _update(self, index: int, parameter: Tensor, gradient: Tensor) -> None:
        gradient = torch.addcmul(gradient, parameter, self._decay[index])
        momentum, velocity = self._momentum[index], self._velocity[index]
        velocity.mul_(momentum).add_(gradient)
        # torch starts its buffer at the first gradient: the same as one step from zero
        ahead = gradient.addcmul_(velocity, momentum) if self._nesterov else velocity
        parameter.addcmul_(ahead, self._rate[index])


class Adam(Optimiser):
    """Adam (Kingma and Ba, 2015) as in ``torch.optim.Adam``, with coupled weight decay."""

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: PerReplica = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: PerReplica = 0.0,
    ) -> None:
        super().__init__(parameters)
        self._rate = [_column(-lr, parameter) for parameter in self.parameters]
        self._decay = [_column(weight_decay, parameter) for parameter in self.parameters]
        self._betas, self._eps = betas, eps
        self._steps = 0
        self._first = [torch.zeros_like(parameter) for parameter in self.parameters]
        self._second = [torch.zeros_like(parameter) for parameter in self.parameters]

    def step(self) -> None:
        self._steps += 1
        super().step()

    def _update(self, index: int, parameter: Tensor, gradient: Tensor) -> None:
        beta1, beta2 = self._betas
        gradient = torch.addcmul(gradient, parameter, self._decay[index])
        first, second = self._first[index], self._second[index]
        first.lerp_(gradient, 1 - beta1)
        second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        root = (second / (1 - beta2**self._steps)).sqrt_().add_(self._eps)
        rate = self._rate[index] / (1 - beta1**self._steps)
        parameter.addcmul_(rate, first / root)


def _column(value: PerReplica, parameter: Tensor) -> Tensor:
    """``value`` as a tensor (R, 1, …) that broadcasts against ``parameter`` (R, …)."""
    column = torch.as_tensor(value, dtype=parameter.dtype, device=parameter.device)
    if column.ndim > 1 or (column.ndim == 1 and len(column) != len(parameter)):
        raise ValueError(
            f"a hyperparameter has shape {tuple(column.shape)}: give a number or one value for "
            f"each of the {len(parameter)} replicas"
        )
    return column.expand(len(parameter)).reshape(-1, *[1] * (parameter.ndim - 1))
