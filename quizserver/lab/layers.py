"""Layers with a leading replica axis, whose results do not depend on the rest of the batch.

On a CPU the kernels behind ``torch.bmm`` choose their order of summation by the memory alignment
of each matrix, so that a replica's last bits would change with its place in the batch.
``linear`` gives every matrix the same alignment wherever the shapes do not do so by themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

ALIGNMENT = 16
"""Elements: 64 bytes of float32, one cache line and the widest vector register there is."""


class Linear(nn.Module):
    """``torch.nn.Linear`` for R replicas: (R, N, inputs) to (R, N, outputs).

    ``weight`` has shape (R, inputs, outputs), ``bias`` (R, 1, outputs) or is None.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = None if bias is None else nn.Parameter(bias)

    def forward(self, inputs: Tensor) -> Tensor:
        self.check_inputs(inputs)
        return linear(inputs, self.weight, self.bias)

    def check_inputs(self, inputs: Tensor) -> None:
        """Raises ``ValueError`` unless ``inputs`` is (R, N, inputs)."""
        replicas, width, _ = self.weight.shape
        if inputs.ndim != 3 or inputs.shape[0] != replicas or inputs.shape[2] != width:
            raise ValueError(
                f"a linear layer of {replicas} replicas and {width} inputs needs the shape "
                f"({replicas}, examples, {width}), not {tuple(inputs.shape)}; "
                "give shared data its replica axis with replicas.share(…)"
            )


class Dropout(nn.Module):
    """Inverted dropout of (R, …): zero with probability ``rate`` (R,), else ÷ (1 − rate).

    ``draw(*size)`` gives uniform numbers (R, *size), each replica's from its own seed. After
    ``eval()`` nothing is dropped and nothing is drawn. ``given_rate`` is the rate as the author
    gave it.
    """

    def __init__(self, rate: Tensor, draw: Callable[..., Tensor]) -> None:
        super().__init__()
        if not bool(((rate >= 0) & (rate <= 1)).all()):
            raise ValueError("a dropout rate must lie between 0 and 1, in every replica")
        self._rate, self._draw = rate, draw
        self.given_rate: float | Tensor = rate

    def forward(self, inputs: Tensor) -> Tensor:
        factor = self.draw_factor(inputs)
        return inputs if factor is None else inputs * factor

    def draw_factor(self, inputs: Tensor) -> Tensor | None:
        """The factor of ``inputs``, drawn again in each call; None when nothing is dropped."""
        if not self.training:
            return None
        rate = self._rate.view(-1, *[1] * (inputs.ndim - 1))
        keep_mask = self._draw(*inputs.shape[1:]) >= rate
        return keep_mask * torch.where(rate < 1, 1 / (1 - rate), 0.0).to(inputs.dtype)


def linear(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """``inputs @ weight + bias`` a replica, the same to the last bit at any place in the batch."""
    rows, width, outputs = inputs.shape[1], weight.shape[1], weight.shape[2]
    if width == 1 or outputs == 1:
        # a matrix product this narrow is 4 to 12 times faster as a product and a sum
        product = inputs * weight if width == 1 else (inputs * weight.mT).sum(2, keepdim=True)
        return product if bias is None else product + bias
    sizes = (rows * width, rows * outputs, width * outputs)
    if _is_contiguous(inputs) and not any(size % ALIGNMENT for size in sizes):
        return torch.bmm(inputs, weight) if bias is None else torch.baddbmm(bias, inputs, weight)
    product = _aligned_matmul(inputs, weight)
    return product if bias is None else product + bias


def _is_contiguous(matrices: Tensor) -> bool:
    """Whether each matrix lies in one piece, one after another or all of them the same (shared)."""
    return matrices.is_contiguous() or (matrices.stride(0) == 0 and matrices[0].is_contiguous())


def _aligned_matmul(inputs: Tensor, weight: Tensor) -> Tensor:
    product: Tensor = _AlignedMatmul.apply(inputs, weight)  # type: ignore[no-untyped-call]
    return product


class _AlignedMatmul(torch.autograd.Function):
    """``torch.bmm`` with every operand and result of both passes aligned."""

    @staticmethod
    def forward(context: Any, inputs: Tensor, weight: Tensor) -> Tensor:
        context.save_for_backward(inputs, weight)
        return _aligned_bmm(inputs, weight)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        inputs, weight = context.saved_tensors
        input_gradient = weight_gradient = None
        if context.needs_input_grad[0]:
            input_gradient = _aligned_bmm(gradient, weight.mT)
        if context.needs_input_grad[1]:
            weight_gradient = _aligned_bmm(inputs.mT, gradient)
        return input_gradient, weight_gradient


def _aligned_bmm(left: Tensor, right: Tensor) -> Tensor:
    out = aligned_empty((left.shape[0], left.shape[1], right.shape[2]), left)
    torch.bmm(align_matrices(left), align_matrices(right), out=out)
    return out.contiguous()


def align_matrices(matrices: Tensor) -> Tensor:
    """The same matrices, each beginning on a multiple of ``ALIGNMENT``; copied only if needed."""
    if _is_aligned(matrices) or _is_aligned(matrices.mT):
        return matrices
    if matrices.stride(1) == 1:  # transposed: it stays so
        return _aligned_copy(matrices.mT).mT
    return _aligned_copy(matrices)


def _aligned_copy(matrices: Tensor) -> Tensor:
    return aligned_empty((*matrices.shape,), matrices).copy_(matrices)


def _is_aligned(matrices: Tensor) -> bool:
    """Whether each matrix lies in one piece that begins on a multiple of ``ALIGNMENT``."""
    far, row, near = matrices.stride()
    return (
        near == 1
        and row == matrices.shape[2]
        and far % ALIGNMENT == 0
        and matrices.storage_offset() % ALIGNMENT == 0
    )


def aligned_empty(shape: tuple[int, ...], like: Tensor) -> Tensor:
    """An empty tensor (R, rows, columns) whose matrices begin on multiples of ``ALIGNMENT``."""
    replicas, rows, columns = shape
    stride = -(-rows * columns // ALIGNMENT) * ALIGNMENT
    return like.new_empty(replicas * stride).as_strided(
        (replicas, rows, columns), (stride, columns, 1)
    )
