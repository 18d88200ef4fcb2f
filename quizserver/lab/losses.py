"""Losses of an ensemble: as in ``torch.nn.functional``, but one mean a replica.

The first axis of every argument is the replica axis (R); the result has shape (R,). Sum it before
``backward()``: replicas share no parameter, so the gradient of the sum is each one's own.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "mse_loss"]


def mse_loss(output: Tensor, target: Tensor) -> Tensor:
    """Mean squared error of ``output`` (R, N, …) against ``target`` of the same shape."""
    check_same_shape(output, target)
    return (output - target).square().flatten(1).mean(1)


def binary_cross_entropy_with_logits(logits: Tensor, target: Tensor) -> Tensor:
    """Mean binary cross entropy in nats; ``target`` holds probabilities in ``logits``' shape."""
    check_same_shape(logits, target)
    per_output = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return per_output.flatten(1).mean(1)


def binary_cross_entropy(probabilities: Tensor, target: Tensor) -> Tensor:
    """Mean binary cross entropy in nats of a sigmoid's output, for networks that end in one.

    As in torch no logarithm is below −100, so that a certain mistake costs 100 and not infinity.
    ``binary_cross_entropy_with_logits`` is exact where this one is rounded away.
    """
    check_same_shape(probabilities, target)
    per_output = functional.binary_cross_entropy(probabilities, target, reduction="none")
    return per_output.flatten(1).mean(1)


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Mean cross entropy in nats of ``logits`` (R, N, classes) against class numbers (R, N)."""
    if target.shape != logits.shape[:2]:
        raise ValueError(
            f"cross_entropy: target has shape {tuple(target.shape)}, "
            f"logits {tuple(logits.shape)} need {tuple(logits.shape[:2])}"
        )
    chosen = logits.gather(2, target.unsqueeze(2)).squeeze(2)
    return (torch.logsumexp(logits, 2) - chosen).mean(1)


def check_same_shape(output: Tensor, target: Tensor) -> None:
    """Raises ``ValueError`` unless they have one shape."""
    # broadcasting (R, N, 1) against (R, N) would silently compare every pair of examples
    if output.shape != target.shape:
        raise ValueError(
            f"the output has shape {tuple(output.shape)}, the target {tuple(target.shape)}: "
            "they must be the same"
        )
