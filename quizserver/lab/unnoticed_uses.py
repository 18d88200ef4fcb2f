"""Finds ways to compute from a knob that no knob can notice.

A ``KnobTensor`` notices every function of torch that looks at it, but for those of ``_UNNOTICED``
(torch 2.13): they make a plain tensor of it in C. A file that names one of them may use any of its
knobs unseen, so all of them count as used.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import CodeType
from typing import Any

import torch

from quizserver.lab.simulation import Simulation

_UNNOTICED = frozenset(
    {"vmap", "Tensor", "FloatTensor", "DoubleTensor", "set_", "as_subclass", "_make_subclass"}
)
_FUNCTIONS = (torch.vmap, torch.func.vmap)


def may_use_knobs_unnoticed(simulation: Simulation) -> bool:
    """Whether ``train``, or what it calls of its own file, names what no knob notices."""
    seen: set[int] = set()
    pending: list[Any] = [simulation.train_function]
    while pending:
        part = pending.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, type):
            pending += vars(part).values()
            continue
        if any(part is function for function in _FUNCTIONS):
            return True
        code = getattr(part, "__code__", None)
        if not isinstance(code, CodeType) or code.co_filename != simulation.file:
            continue
        names = names_in(part)
        if not _UNNOTICED.isdisjoint(names):
            return True
        known: Mapping[str, Any] = getattr(part, "__globals__", {})
        pending += [known[name] for name in names if name in known]
        pending += [cell.cell_contents for cell in getattr(part, "__closure__", None) or ()]
    return False


def names_in(function: Any) -> set[str]:
    """The names that a function, and those inside it, look up; none of what is not in Python."""
    code = getattr(function, "__code__", None)
    return _names_in_code(code) if isinstance(code, CodeType) else set()


def _names_in_code(code: CodeType) -> set[str]:
    inner = [c for c in code.co_consts if isinstance(c, CodeType)]
    return set(code.co_names).union(*(_names_in_code(c) for c in inner))
