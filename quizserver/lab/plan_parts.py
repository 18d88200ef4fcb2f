"""The parts of a simulation in the kernel's words: its numbers, layers, rates and optimiser.

Each function takes ``refuse``, which it calls with a sentence where the kernel has no such part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NoReturn, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from quizserver.kernel import plan
from quizserver.lab import layers, optim, schedules
from quizserver.lab.knob_values import KnobTensor, plain_values

Refuse: TypeAlias = Callable[[str], NoReturn]

OptimiserKind: TypeAlias = Literal["sgd", "adam", "adamw", "rmsprop"]

_PLAIN_ACTIVATIONS: Mapping[type[nn.Module], Literal["tanh", "sigmoid", "relu"]] = {
    nn.Tanh: "tanh",
    nn.Sigmoid: "sigmoid",
    nn.ReLU: "relu",
}

OPTIMISERS: Mapping[type[optim.Optimiser], OptimiserKind] = {
    optim.SGD: "sgd",
    optim.Adam: "adam",
    optim.AdamW: "adamw",
    optim.RMSprop: "rmsprop",
}


class SlotTable:
    """The numbers of a plan: one slot for each knob, tensor or constant that was handed over."""

    def __init__(self, replicas: int, refuse: Refuse) -> None:
        self._replicas = replicas
        self._refuse = refuse
        self._slots: dict[object, int] = {}
        self._given: list[tuple[str, Any, NDArray[np.float64]]] = []
        self.knobs: dict[int, str] = {}
        """Which slots are a knob as it is, and which knob."""

    def __len__(self) -> int:
        return len(self._given)

    @property
    def values(self) -> NDArray[np.float64]:
        """The number of each slot and replica, (slots, R)."""
        return np.stack([values for _, _, values in self._given])

    def slot_for(self, name: str, value: float | Tensor) -> int:
        """The slot of ``value``, a number or one a replica; ``name`` is what it is used as."""
        is_tensor = isinstance(value, Tensor)
        key = ("tensor", id(value)) if is_tensor else ("number", float(value))
        if key not in self._slots:
            self._slots[key] = len(self._given)
            self._given.append((name, value, self._read_values(name, value)))
            if isinstance(value, KnobTensor):
                self.knobs[self._slots[key]] = value.knob_name
        return self._slots[key]

    def check_unchanged(self) -> None:
        """Refuses where a tensor that was handed over has been changed since."""
        for name, value, before in self._given:
            if not np.array_equal(self._read_values(name, value), before, equal_nan=True):
                self._refuse(
                    f"{name} is a tensor that was changed while it trained: a schedule says so "
                    "beforehand (schedules.change_at, schedules.geometric, …)"
                )

    def _read_values(self, name: str, value: float | Tensor) -> NDArray[np.float64]:
        tensor = torch.as_tensor(plain_values(value), dtype=torch.float64, device="cpu").detach()
        if tensor.ndim > 1 or (tensor.ndim == 1 and len(tensor) != self._replicas):
            self._refuse(f"{name} has shape {tuple(tensor.shape)}, not one value a replica")
        return np.array(tensor.expand(self._replicas).numpy())


def modules_in_order(net: nn.Module) -> Iterator[nn.Module]:
    """The modules of nested ``nn.Sequential``s in the order in which they are applied."""
    if type(net) is nn.Sequential:
        for module in net:
            yield from modules_in_order(module)
    else:
        yield net


def plan_layer(module: nn.Module, slots: SlotTable, refuse: Refuse) -> plan.Layer | None:
    """One module of a network; None for one that does nothing."""
    kind = type(module)
    # not isinstance: a class of the author's own may do something else
    if type(module) is layers.Linear:
        _, inputs, outputs = module.weight.shape
        return plan.Dense(inputs, outputs, module.bias is not None)
    if type(module) is layers.Dropout:
        return plan.Dropout(slots.slot_for("a dropout rate", module.given_rate))
    if kind in _PLAIN_ACTIVATIONS:
        return plan.Activation(_PLAIN_ACTIVATIONS[kind])
    if type(module) is nn.LeakyReLU:
        return plan.Activation("leaky_relu", float(module.negative_slope))
    if type(module) is nn.GELU:
        return plan.Activation("gelu" if module.approximate == "none" else "gelu_tanh")
    if kind is not nn.Identity:
        refuse(f"the kernel has no layer {kind.__name__}")
    return None


def plan_rate(rate: Any, slots: SlotTable, refuse: Refuse) -> plan.Rate:
    """A learning rate: a number, a knob, a tensor (R,), or one of the lab's schedules."""
    if not callable(rate):
        return slots.slot_for("a learning rate", rate)
    if type(rate) is schedules.WarmUp:
        steps = slots.slot_for("the steps of a warm-up", rate.given["steps"])
        return plan.WarmUp(plan_rate(rate.base, slots, refuse), steps)
    make = _SCHEDULES.get(type(rate))
    if make is None:
        refuse("the kernel knows the lab's schedules, none of your own")
    return make(
        **{name: slots.slot_for(f"{name} of a schedule", v) for name, v in rate.given.items()}
    )


_SCHEDULES: Mapping[type, Callable[..., plan.Rate]] = {
    schedules.StepDown: plan.StepDown,
    schedules.Exponential: plan.Exponential,
    schedules.Geometric: plan.Geometric,
    schedules.ChangeAt: plan.ChangeAt,
    schedules.Cosine: plan.Cosine,
}


def plan_optimiser(
    optimiser: optim.Optimiser,
    parameters: Sequence[nn.Parameter],
    max_norm: float | Tensor | None,
    slots: SlotTable,
    refuse: Refuse,
) -> plan.Optimiser:
    """The update rule of ``parameters``, which are all that ``optimiser`` has, in the net's order.

    Each must be there once.
    """
    kind = OPTIMISERS.get(type(optimiser))
    if kind is None:
        refuse(f"the kernel has no optimiser {type(optimiser).__name__}")
    place = {id(parameter): index for index, parameter in enumerate(optimiser.parameters)}
    if sorted(place) != sorted(map(id, parameters)) or len(place) != len(optimiser.parameters):
        refuse("the optimiser does not update exactly the weights of the network's linear layers")
    order = [place[id(parameter)] for parameter in parameters]
    given = optimiser.given
    beta1, beta2 = given.get("betas", (0.0, 0.0))
    return plan.Optimiser(
        kind=kind,
        rates=tuple(plan_rate(given["lr"][index], slots, refuse) for index in order),
        weight_decay=tuple(
            slots.slot_for("a weight decay", given["weight_decay"][index]) for index in order
        ),
        momentum=slots.slot_for("momentum", _one_for_all(given.get("momentum", [0.0]), refuse)),
        nesterov=given.get("nesterov", False),
        beta1=slots.slot_for("the first beta", beta1),
        beta2=slots.slot_for("the second beta", beta2),
        eps=given.get("eps", 1e-8),
        alpha=slots.slot_for("alpha", given.get("alpha", 0.0)),
        max_norm=None if max_norm is None else slots.slot_for("max_norm", max_norm),
    )


def _one_for_all(values: Iterable[Any], refuse: Refuse) -> Any:
    first, *others = values
    for other in others:
        same_number = not isinstance(other, Tensor) and not isinstance(first, Tensor)
        if other is not first and not (same_number and other == first):
            refuse("the kernel has one momentum for all weights")
    return first
