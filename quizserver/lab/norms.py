"""Norms of gradients and weights for each replica and layer, and clipping by the norm.

Every result has one value a replica, (R,), ready to be yielded as a series.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

__all__ = ["clip_grad_norm", "gradient_norms", "weight_norms"]


def weight_norms(net: nn.Module) -> list[Tensor]:
    """The Euclidean (Frobenius) norm of each layer's weights, biases left out: a list of (R,)."""
    return [replica_norm(weight.detach()) for weight in layer_weights(net)]


def gradient_norms(net: nn.Module) -> list[Tensor]:
    """The norm of the gradient of each layer's weights, as the last ``backward()`` left it: (R,).

    The first layer comes first. Raises ``ValueError`` for a layer that has no gradient yet.
    """
    norms = []
    for number, weight in enumerate(layer_weights(net), 1):
        if weight.grad is None:
            raise ValueError(f"layer {number} has no gradient: ask after loss.sum().backward()")
        norms.append(replica_norm(weight.grad))
    return norms


@torch.no_grad()
def clip_grad_norm(parameters: Iterable[nn.Parameter], max_norm: float | Tensor) -> Tensor:
    """Scales each replica's gradients so that their norm is at most ``max_norm``; returns it (R,).

    As ``torch.nn.utils.clip_grad_norm_`` for each replica by itself: the norm is that of all its
    gradients together, before clipping. ``max_norm`` is a number or (R,); infinity leaves them as
    they are. Raises ``ValueError`` when no parameter has a gradient.
    """
    gradients = [p.grad for p in parameters if p.grad is not None]
    if not gradients:
        raise ValueError("there are no gradients to clip: call loss.sum().backward() first")
    total = torch.stack([_square_sum(gradient) for gradient in gradients]).sum(0).sqrt()
    limit = torch.as_tensor(max_norm, dtype=total.dtype, device=total.device)
    # torch's own guard against dividing by zero
    factor = (limit / (total + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(factor.view(-1, *[1] * (gradient.ndim - 1)))
    return total


def layer_weights(net: nn.Module) -> Iterator[nn.Parameter]:
    """The weights of each layer of a net that has some, biases left out."""
    for module in net.modules():
        weight = getattr(module, "weight", None)
        if isinstance(weight, nn.Parameter):
            yield weight


def replica_norm(tensor: Tensor) -> Tensor:
    """The Euclidean norm of each replica's part of ``tensor`` (R, …): (R,)."""
    return _square_sum(tensor).sqrt()


def _square_sum(tensor: Tensor) -> Tensor:
    # squares of 16-bit numbers overflow and lose digits: they are summed in float32
    wide = tensor if tensor.dtype.itemsize > 2 else tensor.float()
    return wide.flatten(1).square().sum(1)
