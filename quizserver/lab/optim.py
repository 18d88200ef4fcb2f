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
from quizserver.lab.parameter_buffer import Hyperparameter, ParameterBuffer, replica_column
from quizserver.lab.planning import current_planner, off_the_record

__all__ = ["SGD", "Adam", "AdamW", "Optimiser", "RMSprop", "clip_grad_norm"]

PerReplica = float | Tensor
Rate = PerReplica | Callable[[int], PerReplica]
Group = Mapping[str, Any]


class Optimiser:
    """Base class: parameters with a leading replica axis, their gradients and hyperparameters.

    ``defaults`` are the hyperparameters of every parameter whose group does not give its own.
    Raises ``ValueError`` for an unknown one, or one that does not have one value a replica. The
    parameters move into one piece of memory (``ParameterBuffer``): an optimiser made later for one
    of them takes it over, and this one can no longer be used.

    ``given`` holds each hyperparameter as the author gave it: a list with one entry a parameter, or
    what is one for all, such as ``eps``.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter] | Iterable[Group], **defaults: Rate
    ) -> None:
        self.parameters: list[nn.Parameter] = []
        values: dict[str, list[Any]] = {name: [] for name in defaults}
        for group in _parameter_groups(parameters):
            group_values = {name: value for name, value in group.items() if name != "params"}
            for unknown in group_values.keys() - defaults.keys():
                raise ValueError(f"a group gives {unknown!r}; it may give {', '.join(defaults)}")
            for parameter in group["params"]:
                self.parameters.append(parameter)
                for name, default in defaults.items():
                    values[name].append(group_values.get(name, default))
        if not self.parameters:
            raise ValueError("an optimiser needs at least one parameter")
        self.steps = 0
        self.given: dict[str, Any] = dict(values)
        with off_the_record():
            self.buffer = ParameterBuffer(self.parameters)
        planner = current_planner()
        if planner is not None:
            planner.seal(self.buffer.values)
        self._rates = values.pop("lr")
        self._scheduled = any(callable(rate) for rate in self._rates)
        self._hyperparameters = {
            name: Hyperparameter(name, per_parameter, self.buffer)
            for name, per_parameter in values.items()
        }
        self._hyperparameters["lr"] = Hyperparameter("lr", self._current_rates(), self.buffer)

    def zero_grad(self) -> None:
        """Drops the gradients, before each ``backward()``, which adds to them."""
        self.buffer.clear_gradients()

    @torch.no_grad()
    def step(self) -> None:
        """Updates every parameter in place by its gradient."""
        self.buffer.collect_gradients()
        self.apply_gradients()

    def apply_gradients(self) -> None:
        """``step`` for gradients that are in ``buffer`` already; autograd must not be recording."""
        if self._scheduled:
            self._hyperparameters["lr"].set_values("lr", self._current_rates())
        self.steps += 1
        self._update_values(
            self.buffer.values, self._decay_gradients(self.buffer.values, self.buffer.gradients)
        )

    def _current_rates(self) -> list[Any]:
        """The rates of this step; a schedule that several groups share is called once."""
        scheduled = {id(rate): rate(self.steps) for rate in self._rates if callable(rate)}
        return [scheduled.get(id(rate), rate) for rate in self._rates]

    def _current_value(self, name: str) -> Tensor:
        return self._hyperparameters[name].current_value()

    def _decay_gradients(self, values: Tensor, gradients: Tensor) -> Tensor:
        """The gradients with the coupled weight decay: that of an L2 penalty."""
        if self._hyperparameters["weight_decay"].is_zero:
            return gradients
        return torch.addcmul(gradients, values, self._current_value("weight_decay")).to(
            values.dtype
        )

    def _update_values(self, values: Tensor, gradients: Tensor) -> None:
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
        self.given["nesterov"] = nesterov
        self._velocity = torch.zeros_like(self.buffer.values)

    def _update_values(self, values: Tensor, gradients: Tensor) -> None:
        if self._hyperparameters["momentum"].is_zero:
            values.addcmul_(gradients, self._current_value("lr"), value=-1)
            return
        momentum, velocity = self._current_value("momentum"), self._velocity
        # torch starts its velocity at the first gradient: the same as one step from zero
        velocity.mul_(momentum).add_(gradients)
        if self._nesterov:
            velocity = torch.addcmul(gradients, velocity, momentum).to(values.dtype)
        values.addcmul_(velocity, self._current_value("lr"), value=-1)


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
        self._betas = [_decay_share("betas", beta, self.buffer.values) for beta in betas]
        self._eps = eps
        self.given |= {"betas": betas, "eps": eps}
        self._first_moment = torch.zeros_like(self.buffer.values)
        self._second_moment = torch.zeros_like(self.buffer.values)

    def _update_values(self, values: Tensor, gradients: Tensor) -> None:
        beta1, beta2 = self._betas
        first_moment, second_moment = self._first_moment, self._second_moment
        first_moment.lerp_(gradients, _match_type(1 - beta1, first_moment))
        _update_mean_square(second_moment, gradients, beta2)
        root = (
            (second_moment / _match_type(1 - beta2**self.steps, second_moment))
            .sqrt_()
            .add_(self._eps)
        )
        rate = self._current_value("lr")
        rate = rate / _match_type(1 - beta1**self.steps, rate)
        values.addcmul_(rate, torch.div(first_moment, root, out=root), value=-1)


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

    def _decay_gradients(self, values: Tensor, gradients: Tensor) -> Tensor:
        values.mul_(1 - self._current_value("lr") * self._current_value("weight_decay"))
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
        self._alpha = _decay_share("alpha", alpha, self.buffer.values)
        self._eps = eps
        self.given |= {"alpha": alpha, "eps": eps}
        self._mean_square = torch.zeros_like(self.buffer.values)
        self._velocity = torch.zeros_like(self.buffer.values)

    def _update_values(self, values: Tensor, gradients: Tensor) -> None:
        mean_square, velocity = self._mean_square, self._velocity
        _update_mean_square(mean_square, gradients, self._alpha)
        root = mean_square.sqrt().add_(self._eps)
        if self._hyperparameters["momentum"].is_zero:
            velocity = gradients / root
        else:
            velocity.mul_(self._current_value("momentum")).addcdiv_(gradients, root)
        values.addcmul_(velocity, self._current_value("lr"), value=-1)


def _update_mean_square(average: Tensor, gradient: Tensor, decay: PerReplica) -> None:
    """Updates a running mean square in place: ``decay`` is the share of it that stays."""
    if isinstance(decay, Tensor):
        average.mul_(_match_type(decay, average))
        average.addcmul_(gradient * gradient, _match_type(1 - decay, average))
    else:
        average.mul_(decay).addcmul_(gradient, gradient, value=1 - decay)


def _decay_share(name: str, value: PerReplica, values: Tensor) -> Any:
    """A number as it is, or a column in float64: 1 − 0.999 in float32 is off by 1e-5."""
    if not isinstance(value, Tensor):
        return value
    return replica_column(name, value, values, torch.float64)


def _match_type(value: Any, other: Tensor) -> Any:
    if not isinstance(value, Tensor):
        return value
    return value.to(other.dtype if other.dtype.itemsize > 2 else torch.float32)


def _parameter_groups(parameters: Iterable[nn.Parameter] | Iterable[Group]) -> list[Group]:
    """``parameters`` as groups: plain parameters are one group without values of its own."""
    entries: list[Any] = list(parameters)
    if any(isinstance(item, Mapping) for item in entries):
        return entries
    return [{"params": entries}]
