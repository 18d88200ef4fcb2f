"""What a curve may show of a training that goes on: losses, norms, units that are alive.

They are methods of the training step, so that whatever trains the network can evaluate them: torch
(here) or the kernel (``planned_step``). Each has one value a replica, (R,), ready to be yielded as
a series, of the weights as they are; none of them trains, draws a random number or drops a unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call

from quizserver.lab import layers, norms
from quizserver.lab.plan_parts import modules_in_order

Loss = Callable[[Tensor, Tensor], Tensor]


class Recorders:
    """The recorders of ``net`` and ``loss``, evaluated in torch."""

    def __init__(self, net: nn.Module, loss: Loss) -> None:
        self._net, self._loss = net, loss
        self._dropouts = [m for m in net.modules() if isinstance(m, layers.Dropout)]

    def loss(self, inputs: Tensor, target: Tensor) -> Tensor:
        """The loss on these examples, such as all of them, or others than it trains on."""
        with torch.no_grad(), self._nothing_dropped():
            return self._loss(self._net(inputs), target)

    def float64_loss(self, inputs: Tensor, target: Tensor) -> Tensor:
        """The loss on these examples, worked out in float64 from weights and examples as they are.

        For a training in another format, whose own loss would be rounded as its steps are.
        """
        weights = {name: weight.double() for name, weight in self._net.named_parameters()}
        examples = target.double() if target.is_floating_point() else target
        with torch.no_grad(), self._nothing_dropped():
            return self._loss(functional_call(self._net, weights, inputs.double()), examples)

    def gradient_norms(self, inputs: Tensor, target: Tensor) -> list[Tensor]:
        """The norm of the loss's gradient for each layer's weights, biases left out, first to last.

        Before any clipping. The parameters' ``grad`` stay as they are.
        """
        weights = list(norms.layer_weights(self._net))
        with torch.enable_grad(), self._nothing_dropped():
            value = self._loss(self._net(inputs), target)
            gradients = torch.autograd.grad(value.sum(), weights)
        return [norms.replica_norm(gradient) for gradient in gradients]

    def weight_norms(self) -> list[Tensor]:
        """The norm of each layer's weights, biases left out, from the first layer to the last."""
        return norms.weight_norms(self._net)

    def unexplained(self, inputs: Tensor, target: Tensor) -> Tensor:
        """The share of the target's variance that is left: 1 for one answer to every input.

        The variance of what is missing over that of the targets, all outputs together.
        """
        if not target.is_floating_point():
            raise ValueError("class numbers have no variance to explain")
        with torch.no_grad(), self._nothing_dropped():
            missing = self._net(inputs) - target
        left: Tensor = missing.flatten(1).var(1) / target.flatten(1).var(1)
        return left

    def predict(self, inputs: Tensor) -> Tensor:
        """What the network answers, (R, N, outputs). A series is one of the numbers, such as that
        of the first output at the third input: ``step.predict(inputs)[:, 2, 0]``."""
        with torch.no_grad(), self._nothing_dropped():
            output: Tensor = self._net(inputs)
        return output

    def share_alive(self, inputs: Tensor, *hidden: layers.Linear) -> Tensor:
        """The share of units whose sum is above zero at one of the inputs at least.

        ``hidden`` are linear layers of the net; of several, the one with fewest counts. A unit that
        is not alive is dead behind a ReLU: no gradient passes it at any input. NaN where a sum of
        the layer is not finite: such a network is beyond being alive or dead.
        """
        if not hidden:
            raise ValueError("share_alive takes linear layers of the network")
        shares = []
        values = inputs
        with torch.no_grad(), self._nothing_dropped():
            for module in modules_in_order(self._net):
                values = module(values)
                if any(module is layer for layer in hidden):
                    share = (values > 0).any(dim=1).to(values.dtype).mean(dim=1)
                    finite = values.isfinite().flatten(1).all(dim=1)
                    shares.append(torch.where(finite, share, torch.nan))
        if len(shares) != len(hidden):
            raise ValueError("share_alive takes linear layers of the network")
        return torch.stack(shares).amin(dim=0)

    @contextmanager
    def _nothing_dropped(self) -> Iterator[None]:
        before = [dropout.training for dropout in self._dropouts]
        for dropout in self._dropouts:
            dropout.eval()
        try:
            yield
        finally:
            for dropout, training in zip(self._dropouts, before, strict=True):
                dropout.train(training)
