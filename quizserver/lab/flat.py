"""All parameters of an optimiser in one piece of memory, so that one call of torch updates them.

A network of a few small layers spends most of a step on the cost of calling torch, four to ten
times a parameter. Laid end to end, with the replica axis first, all parameters together are one
tensor (R, P), their gradients are another, and a hyperparameter with one value a replica is a
column (R, 1) beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import torch
from torch import Tensor, nn

from quizserver.lab.layers import ALIGNMENT


class Flat:
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
        self._shown = self._robbed = False
        for parameter, start, size in zip(parameters, starts, sizes, strict=False):
            own, slope = (
                whole[:, start : start + size].view(parameter.shape)
                for whole in (self.values, self.gradients)
            )
            own.copy_(parameter.detach())
            parameter.data = own
            before = getattr(parameter, "_flat", None)
            if isinstance(before, Flat):
                before._robbed = True
            parameter._flat = self  # type: ignore[attr-defined]
            self.gradient_views.append(slope)

    def clear(self) -> None:
        """Forgets every gradient: the next ``backward()`` starts from nothing."""
        self._shown = False
        for parameter in self._parameters:
            parameter.grad = None

    def collect(self) -> None:
        """Brings the parameters' gradients into ``gradients``; one that is missing counts as zero.

        Raises ``ValueError`` for a parameter that another optimiser has taken since.
        """
        self._check()
        for parameter, view in zip(self._parameters, self.gradient_views, strict=True):
            if parameter.grad is None:
                view.zero_()
            elif parameter.grad is not view:
                view.copy_(parameter.grad)

    def show(self) -> None:
        """Lets every parameter's ``grad`` be its part of ``gradients``."""
        self._check()
        if self._shown:
            return
        self._shown = True
        for parameter, view in zip(self._parameters, self.gradient_views, strict=True):
            parameter.grad = view

    def _check(self) -> None:
        if self._robbed:
            raise ValueError("a parameter belongs to another optimiser that was made later")


class Hyperparameter:
    """One number a replica for every parameter: a column (R, 1), or (R, P) where groups differ.

    ``given`` has one entry a parameter: a number, or a tensor (R,) that may be changed in place
    between steps.
    """

    def __init__(self, name: str, given: Sequence[Any], flat: Flat) -> None:
        self._flat = flat
        self._spans = flat.spans
        self.zero = all(not isinstance(value, Tensor) and value == 0 for value in given)
        self.set(name, given)

    def set(self, name: str, given: Sequence[Any]) -> None:
        """Other values from now on. Raises ``ValueError`` for a tensor that is not (R,)."""
        self._columns = [column(name, value, self._flat.values) for value in given]
        same = all(value is given[0] for value in given)
        self._whole = None if same else torch.empty_like(self._flat.values, dtype=self._kind)
        self._versions: list[int] = []

    @property
    def _kind(self) -> torch.dtype:
        return self._columns[0].dtype

    def value(self) -> Tensor:
        """The values of now, in a shape that broadcasts against (R, P)."""
        if self._whole is None:
            return self._columns[0]
        versions = [values._version for values in self._columns]
        if versions != self._versions:
            for (start, stop), values in zip(self._spans, self._columns, strict=True):
                self._whole[:, start:stop] = values
            self._versions = versions
        return self._whole


def column(name: str, value: Any, values: Tensor) -> Tensor:
    """``value`` as (R, 1) beside ``values`` (R, P).

    It has their type, and float32 for one of 16 bits: PyTorch does not round its hyperparameters to
    those either. Raises ``ValueError`` unless it is a number or one value a replica.
    """
    kind = values.dtype if values.dtype.itemsize > 2 else torch.float32
    return replica_column(name, value, values, kind)


def replica_column(name: str, value: Any, values: Tensor, kind: torch.dtype) -> Tensor:
    """``value`` as (R, 1) in a type of the caller's choice; see ``column``."""
    given = torch.as_tensor(value, dtype=kind, device=values.device)
    if given.ndim > 1 or (given.ndim == 1 and len(given) != len(values)):
        raise ValueError(
            f"{name} has shape {tuple(given.shape)}: give a number or one value for "
            f"each of the {len(values)} replicas"
        )
    return given.expand(len(values)).unsqueeze(1)
