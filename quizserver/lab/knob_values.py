"""The knobs of a simulation's replicas, as ``replicas.knobs`` gives them to ``train``.

While a simulation is planned (``planning``), a knob is a ``KnobTensor``. It takes part in any
arithmetic; but handed over as it is, as a rate, a momentum, a scale of first weights or a number of
a schedule, it is known to be that knob, and turning it changes no more than a number of the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, NoReturn

import torch
from torch import Tensor

# What tells nothing of a tensor's values.
METADATA = frozenset(
    {
        *(
            getattr(Tensor, name).__get__
            for name in (
                "shape", "dtype", "device", "ndim", "layout", "requires_grad", "is_leaf",
                "grad_fn", "_version",
            )
        ),
        Tensor.size, Tensor.dim, Tensor.numel, Tensor.__len__, Tensor.is_floating_point,
        Tensor.stride, Tensor.nelement, Tensor.ndimension, Tensor.element_size,
    }
)  # fmt: skip


class KnobTensor(Tensor):
    """A knob (R,) that tells ``on_use(name)`` when anything is computed from it."""

    knob_name: str
    on_use: Callable[[str], None]

    @staticmethod
    def from_values(values: Tensor, name: str, on_use: Callable[[str], None]) -> KnobTensor:
        knob: KnobTensor = values.as_subclass(KnobTensor)
        knob.knob_name, knob.on_use = name, on_use
        return knob

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if not all(issubclass(kind, Tensor) for kind in types):
            return NotImplemented  # a number of the training knows what becomes of it
        if func not in METADATA:
            _report_knobs((*args, *(kwargs or {}).values()))
        with torch._C.DisableTorchFunctionSubclass():
            return func(*args, **(kwargs or {}))


def _report_knobs(values: Any) -> None:
    for value in values:
        if isinstance(value, KnobTensor):
            value.on_use(value.knob_name)
        elif isinstance(value, list | tuple):
            _report_knobs(value)


def plain_values(value: Any) -> Any:
    """``value`` for the lab's own arithmetic: a knob's numbers, anything else as it is."""
    if isinstance(value, KnobTensor):
        with torch._C.DisableTorchFunctionSubclass():
            return value.as_subclass(Tensor)
    return value


class KnobValues(SimpleNamespace):
    """A simulation's knobs as attributes; the error for a misspelt one lists them."""

    def __getattr__(self, name: str) -> NoReturn:
        names = ", ".join(vars(self))
        raise AttributeError(f"there is no knob {name!r}; the knobs are {names}")
