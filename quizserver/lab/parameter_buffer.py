"""All parameters of an optimiser in one piece of memory, so that one call of torch updates them.

A step of a network of a few small layers is mostly the overhead of calls of torch, four to ten for
each parameter. Laid end to end, with the replica axis first, all parameters together are one
tensor (R, P), their gradients are another, and a hyperparameter with one value a replica is a
column (R, 1) beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import torch
from torch import Tensor, nn

from quizserver.lab.knob_values import plain_values
from quizserver.lab.layers import ALIGNMENT


class ParameterBuffer:
    """``values`` and ``gradients``, (R, P): what the parameters and their ``grad`` are views of.

    Each parameter begins at a multiple of ``ALIGNMENT`` in each replica's row; the gaps hold zeros.
    Raises ``ValueError`` for parameters of different types or numbers of replicas.
    """

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        first = parameters[0]
        replicas = len(first)
        for parameter in parameters:
            if len(parameter) != replicas or parameter.dtype != first.dtype:
                raise ValueError(
                    f"parameters of {len(parameter)} replicas in {parameter.dtype} and of "
                    f"{replicas} in {first.dtype} need optimisers of their own. The first axis "
                    "of a parameter is the replicas', of which the layers of torch.nn that have "
                    "weights know nothing: take replicas.linear, or switch their weights off "
                    "(elementwise_affine=False)"
                )
        sizes = [parameter[0].numel() for parameter in parameters]
        starts = list(accumulate((-(-n // ALIGNMENT) * ALIGNMENT for n in sizes), initial=0))
        self.values = first.detach().new_zeros(replicas, starts[-1])
        self.gradients = torch.zeros_like(self.values)
        self.spans = list(pairwise(starts))
        self._parameters = list(parameters)
        self.gradient_views: list[Tensor] = []
        self._attached = self._superseded = False
        for parameter, start, size in zip(parameters, starts, sizes, strict=False):
            values, gradients = (
                whole[:, start : start + size].view(parameter.shape)
                for whole in (self.values, self.gradients)
            )
            values.copy_(parameter.detach())
            parameter.data = values
            previous = getattr(parameter, "_flat", None)
            if isinstance(previous, ParameterBuffer):
                previous._superseded = True
            parameter._flat = self  # type: ignore[attr-defined]
            self.gradient_views.append(gradients)

    def clear_gradients(self) -> None:
        """Drops every gradient: the next ``backward()`` starts from zero."""
        self._attached = False
        for parameter in self._parameters:
            parameter.grad = None

    def collect_gradients(self) -> None:
        """Copies the parameters' gradients into ``gradients``; a missing one counts as zero.

        Raises ``ValueError`` for a parameter that another optimiser has taken since.
        """
        self._check_ownership()
        for parameter, view in zip(self._parameters, self.gradient_views, strict=True):
            if parameter.grad is None:
                view.zero_()
            elif parameter.grad is not view:
                view.copy_(parameter.grad)

    def attach_gradients(self) -> None:
        """Makes every parameter's ``grad`` its part of ``gradients``."""
        self._check_ownership()
        if self._attached:
            return
        self._attached = True
        for parameter, view in zip(self._parameters, self.gradient_views, strict=True):
            parameter.grad = view

    def _check_ownership(self) -> None:
        if self._superseded:
            raise ValueError("a parameter belongs to another optimiser that was made later")


class Hyperparameter:
    """One number a replica for every parameter: a column (R, 1), or (R, P) where groups differ.

    ``per_parameter`` has one entry each: a number, or a tensor (R,) that may be changed in place
    between steps.
    """

    def __init__(self, name: str, per_parameter: Sequence[Any], buffer: ParameterBuffer) -> None:
        self._buffer = buffer
        self._spans = buffer.spans
        self.is_zero = all(not isinstance(value, Tensor) and value == 0 for value in per_parameter)
        self.set_values(name, per_parameter)

    def set_values(self, name: str, per_parameter: Sequence[Any]) -> None:
        """Replaces the values. Raises ``ValueError`` for a tensor that is not (R,)."""
        self._columns = [
            hyperparameter_column(name, value, self._buffer.values) for value in per_parameter
        ]
        same = all(value is per_parameter[0] for value in per_parameter)
        self._whole = None if same else torch.empty_like(self._buffer.values, dtype=self._dtype)
        self._versions: list[int] = []

    @property
    def _dtype(self) -> torch.dtype:
        return self._columns[0].dtype

    def current_value(self) -> Tensor:
        """The current values, in a shape that broadcasts against (R, P)."""
        if self._whole is None:
            return self._columns[0]
        versions = [values._version for values in self._columns]
        if versions != self._versions:
            for (start, stop), values in zip(self._spans, self._columns, strict=True):
                self._whole[:, start:stop] = values
            self._versions = versions
        return self._whole


def hyperparameter_column(name: str, value: Any, values: Tensor) -> Tensor:
    """``value`` as (R, 1) beside ``values`` (R, P).

    It has their type, and float32 for one of 16 bits: PyTorch does not round its hyperparameters to
    those either. Raises ``ValueError`` unless it is a number or one value a replica.
    """
    dtype = values.dtype if values.dtype.itemsize > 2 else torch.float32
    return replica_column(name, value, values, dtype)


def replica_column(name: str, value: Any, values: Tensor, dtype: torch.dtype) -> Tensor:
    """``value`` as (R, 1) in ``dtype``; see ``hyperparameter_column``."""
    tensor = torch.as_tensor(plain_values(value), dtype=dtype, device=values.device)
    if tensor.ndim > 1 or (tensor.ndim == 1 and len(tensor) != len(values)):
        raise ValueError(
            f"{name} has shape {tuple(tensor.shape)}: give a number or one value for "
            f"each of the {len(values)} replicas"
        )
    return tensor.expand(len(values)).unsqueeze(1)
