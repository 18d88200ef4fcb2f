"""Numbers changed in their last place, which tells what a curve owes to rounding alone.

A training that is chaotic makes another curve of a seed whose draws differ by one unit in the last
place: what is counted over such curves is decided by rounding, not by the setting.
"""

from __future__ import annotations

import torch
from torch import Tensor

_WORDS = {2: torch.int16, 4: torch.int32, 8: torch.int64}


def nudge_last_place(numbers: Tensor, replicas: Tensor, *, below: float | None = None) -> Tensor:
    """``numbers`` (R, …), those of ``replicas`` (R,) moved to the next number of their type.

    Every second number of a replica gets larger, the others smaller, by their absolute value. Zero
    stays zero, and with ``below`` no number reaches that: it gets smaller instead.
    """
    words = numbers.contiguous().view(_WORDS[numbers.element_size()])
    places = torch.arange(words[0].numel(), device=words.device).view(words.shape[1:])
    steps = (1 - 2 * (places % 2)).to(words.dtype)
    # the words of floating-point numbers of one sign are in the order of their absolute values
    nudged = (words + steps).view(numbers.dtype)
    if below is not None:
        nudged = torch.where(nudged < below, nudged, (words - 1).view(numbers.dtype))
    moved = replicas.view(-1, *[1] * (numbers.ndim - 1)) & (numbers != 0)
    return torch.where(moved, nudged, numbers)
