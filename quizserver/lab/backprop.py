"""A training step as one call, with hand-written gradients.

For a small network autograd spends most of its time recording operations and walking back over the
record: several times the arithmetic of the step. For a chain of the layers below, the backward pass
(Rumelhart, Hinton and Williams, 1986) is written out here; it writes straight into the optimiser's
``ParameterBuffer``. Any other network is trained by autograd: slower, and the same up to rounding.

Inside, activations are laid out with the examples last, (R, units, N): there are more examples in a
batch than units in a small layer, and processors like long rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from quizserver.lab import layers, losses
from quizserver.lab.norms import clip_grad_norm
from quizserver.lab.optim import Optimiser
from quizserver.lab.plan_parts import modules_in_order
from quizserver.lab.planned_step import PlannedStep
from quizserver.lab.planning import current_planner
from quizserver.lab.recorders import Recorders

__all__ = ["TrainingStep", "training_step"]

Loss = Callable[[Tensor, Tensor], Tensor]
_ops = torch.ops.aten


def training_step(
    net: nn.Module,
    loss: Loss,
    optimiser: Optimiser,
    *,
    max_norm: float | Tensor | None = None,
) -> TrainingStep | PlannedStep:
    """A function that takes one step: ``step(inputs, target)`` returns the loss before it, (R,).

    It does what these lines do, several times as fast::

        optimiser.zero_grad()
        value = loss(net(inputs), target)
        value.sum().backward()
        optim.clip_grad_norm(net.parameters(), max_norm)  # unless it is None
        optimiser.step()

    ``inputs`` is (R, N, features) and ``target`` what ``loss`` takes; ``net`` a chain of layers in
    an ``nn.Sequential``. The gradients stay in the parameters' ``grad``. The methods of
    ``recorders.Recorders`` say what a curve may show of the training.

    While a simulation is planned it records each call, and what it returns can only be yielded.
    """
    planner = current_planner()
    if planner is not None:
        return PlannedStep(planner, net, loss, optimiser, max_norm)
    return TrainingStep(net, loss, optimiser, max_norm)


class TrainingStep(Recorders):
    """See ``training_step``. ``by_hand``: whether it runs without autograd."""

    def __init__(
        self, net: nn.Module, loss: Loss, optimiser: Optimiser, max_norm: float | Tensor | None
    ) -> None:
        super().__init__(net, loss)
        self._optimiser, self._max_norm = optimiser, max_norm
        chain = _build_chain(net, optimiser)
        self._chain = chain or []
        self._first = next((m for m in net.modules() if isinstance(m, layers.Linear)), None)
        self.by_hand = chain is not None

    @torch.no_grad()
    def __call__(self, inputs: Tensor, target: Tensor) -> Tensor:
        value = (self._step_by_hand if self.by_hand else self._step_by_autograd)(inputs, target)
        if self._max_norm is not None:
            clip_grad_norm(self._optimiser.parameters, self._max_norm)
        self._optimiser.apply_gradients()
        return value

    def _step_by_autograd(self, inputs: Tensor, target: Tensor) -> Tensor:
        self._optimiser.zero_grad()
        with torch.enable_grad():
            value = self._loss(self._net(inputs), target)
            value.sum().backward()  # type: ignore[no-untyped-call]
        self._optimiser.buffer.collect_gradients()
        self._optimiser.buffer.attach_gradients()
        return value.detach()

    def _step_by_hand(self, inputs: Tensor, target: Tensor) -> Tensor:
        if self._first is not None:
            self._first.check_inputs(inputs)
        values = inputs.mT
        for layer in self._chain:
            values = layer.forward(values)
        value, slope = _loss_and_slope(self._loss, values, target)
        for index in range(len(self._chain) - 1, -1, -1):
            slope = self._chain[index].backward(slope, index > 0)
        self._optimiser.buffer.attach_gradients()
        return value


class _ChainLayer(Protocol):
    """One layer: (R, units, N) forward; backward the slope of the loss, with the same shape.

    ``backward`` may overwrite ``slope``; without ``propagate`` its result is not used.
    """

    def forward(self, values: Tensor) -> Tensor: ...
    def backward(self, slope: Tensor, propagate: bool) -> Tensor: ...


class _Linear:
    """Weights and their gradients are (R, inputs, outputs), views of the optimiser's buffer."""

    def __init__(self, layer: layers.Linear, gradients: dict[nn.Parameter, Tensor]) -> None:
        self._weight = layer.weight.detach()
        self._bias = None if layer.bias is None else layer.bias.detach().mT
        self._weight_gradient = gradients[layer.weight]
        self._bias_gradient = None if layer.bias is None else gradients[layer.bias][:, 0]
        _, self._inputs, self._outputs = layer.weight.shape

    def forward(self, values: Tensor) -> Tensor:
        weight, bias = self._weight, self._bias
        if self._inputs == 1:
            self._values = values
            across = weight.mT
            return across * values if bias is None else torch.addcmul(bias, across, values)
        if self._outputs == 1:
            # both passes go through them, in 16 bits twice as fast where they lie in rows
            self._values = values = values.contiguous()
            total = (weight * values).sum(1, keepdim=True)
            return total if bias is None else total.add_(bias)
        self._values = values = layers.align_matrices(values)
        result = layers.aligned_empty((len(weight), self._outputs, values.shape[2]), weight)
        if bias is None:
            return torch.bmm(weight.mT, values, out=result)
        return torch.baddbmm(bias, weight.mT, values, out=result)

    def backward(self, slope: Tensor, propagate: bool) -> Tensor:
        weight, values = self._weight, self._values
        if self._bias_gradient is not None:
            torch.sum(slope, 2, out=self._bias_gradient)
        if self._outputs == 1:
            torch.sum(values * slope, 2, keepdim=True, out=self._weight_gradient)
            return weight * slope if propagate else slope
        if self._inputs == 1:
            torch.sum(slope * values, 2, out=self._weight_gradient[:, 0])
            return (weight.mT * slope).sum(1, keepdim=True) if propagate else slope
        slope = layers.align_matrices(slope)
        # into fresh memory and copied: bmm is many times slower where its result has gaps, and
        # twice as slow where its rows are short
        if self._inputs > self._outputs:
            self._weight_gradient.copy_(torch.bmm(slope, values.mT).mT)
        else:
            self._weight_gradient.copy_(torch.bmm(values, slope.mT))
        if not propagate:
            return slope
        result = layers.aligned_empty((len(weight), self._inputs, slope.shape[2]), weight)
        return torch.bmm(weight, slope, out=result)


class _Activation:
    """One whose slope is a function of its output; ``apply`` may work in place."""

    def __init__(self, apply: Callable[[Tensor], Tensor], slope: Callable[..., Tensor]) -> None:
        self._apply, self._slope = apply, slope

    def forward(self, values: Tensor) -> Tensor:
        self._output = self._apply(values)
        return self._output

    def backward(self, slope: Tensor, _propagate: bool) -> Tensor:
        return self._slope(slope, self._output)


class _Gelu:
    def __init__(self, layer: nn.GELU) -> None:
        self._kind = layer.approximate

    def forward(self, values: Tensor) -> Tensor:
        self._values = values
        return functional.gelu(values, approximate=self._kind)

    def backward(self, slope: Tensor, _propagate: bool) -> Tensor:
        result: Tensor = _ops.gelu_backward(slope, self._values, approximate=self._kind)
        return result


class _Dropout:
    def __init__(self, layer: layers.Dropout) -> None:
        self._layer = layer

    def forward(self, values: Tensor) -> Tensor:
        self._factor = self._layer.draw_factor(values.mT)
        return values if self._factor is None else values * self._factor.mT

    def backward(self, slope: Tensor, _propagate: bool) -> Tensor:
        return slope if self._factor is None else slope * self._factor.mT


def _tanh_slope(slope: Tensor, output: Tensor) -> Tensor:
    _ops.tanh_backward.grad_input(slope, output, grad_input=slope)
    return slope


def _sigmoid_slope(slope: Tensor, output: Tensor) -> Tensor:
    _ops.sigmoid_backward.grad_input(slope, output, grad_input=slope)
    return slope


def _relu_slope(slope: Tensor, output: Tensor) -> Tensor:
    _ops.threshold_backward.grad_input(slope, output, 0, grad_input=slope)
    return slope


_IN_PLACE = {
    nn.Tanh: (torch.tanh, torch.tanh_, _tanh_slope),
    nn.Sigmoid: (torch.sigmoid, torch.sigmoid_, _sigmoid_slope),
    nn.ReLU: (torch.relu, torch.relu_, _relu_slope),
}


def _build_chain(net: nn.Module, optimiser: Optimiser) -> list[_ChainLayer] | None:
    """The layers of ``net`` in order; None when one is unknown, or the optimiser does not update
    exactly the weights of its linear layers, each once."""
    gradients = dict(zip(optimiser.parameters, optimiser.buffer.gradient_views, strict=True))
    modules = list(modules_in_order(net))
    linear_parameters = [p for m in modules if type(m) is layers.Linear for p in m.parameters()]
    if len(linear_parameters) != len(gradients) or set(linear_parameters) != set(gradients):
        return None
    chain: list[_ChainLayer] = []
    for module in modules:
        if type(module) is layers.Linear:
            chain.append(_Linear(module, gradients))
        elif type(module) in _IN_PLACE:
            to_new_tensor, in_place, slope = _IN_PLACE[type(module)]
            # nobody else holds the output of a linear layer; other values may be used elsewhere
            reusable = bool(chain) and isinstance(chain[-1], _Linear)
            chain.append(_Activation(in_place if reusable else to_new_tensor, slope))
        elif type(module) is nn.GELU:
            chain.append(_Gelu(module))
        elif type(module) is layers.Dropout:
            chain.append(_Dropout(module))
        elif type(module) is not nn.Identity:
            return None
    return chain


def _loss_and_slope(loss: Loss, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The loss (R,) of ``output`` (R, units, N), and its slope with respect to that."""
    if loss in (losses.mse_loss, losses.binary_cross_entropy_with_logits):
        losses.check_same_shape(output.mT, target)
        share = 1 / (output.shape[1] * output.shape[2])
        if loss is losses.mse_loss:
            difference = output - target.mT
            return difference.square().mean((1, 2)), difference.mul_(2 * share)
        labels = target.mT
        per_output = functional.binary_cross_entropy_with_logits(output, labels, reduction="none")
        return per_output.mean((1, 2)), output.sigmoid().sub_(labels).mul_(share)
    with torch.enable_grad():
        leaf = output.mT.detach().requires_grad_()
        value = loss(leaf, target)
        (slope,) = torch.autograd.grad(value.sum(), leaf)
    return value.detach(), slope.mT
