"""Checks each point that ``train`` yields, and that it draws only the replicas' random numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from quizserver.lab.model import SimulationError


def checked_point(
    item: object, series: Mapping[str, Any], replicas: int, *, stand_ins: tuple[type, ...] = ()
) -> tuple[float, Mapping[str, Any]]:
    """x and each series (R,) of one point; raises ``SimulationError`` when ``item`` is none.

    Values of the types ``stand_ins`` stand for numbers that are not there yet.
    """
    if not (isinstance(item, tuple) and len(item) == 2 and isinstance(item[1], Mapping)):
        raise SimulationError(
            "train must yield x and a dict of series, such as: yield epoch, {'loss': loss}"
        )
    x, values = item
    if set(values) != set(series):
        raise SimulationError(
            f"train yielded the series {', '.join(map(str, values)) or 'none'}, "
            f"but the simulation declares {', '.join(series)}"
        )
    for name, value in values.items():
        if isinstance(value, stand_ins):
            continue
        if not isinstance(value, torch.Tensor) or value.shape != (replicas,):
            raise SimulationError(
                f"series {name!r} must be a tensor of shape ({replicas},), one value for each of "
                f"the {replicas} replicas that train together, but it is {_value_kind(value)}. "
                "Average over the examples and leave the first axis: value.mean((1, 2))"
            )
    return _finite_x(x), values


def check_x(x: float, *, previous: float | None, other: float | None) -> float:
    """Returns ``x``; raises ``SimulationError`` unless it grows and is the same in all batches.

    ``previous`` is x of the point before, ``other`` that of another batch at this point.
    """
    if previous is not None and x <= previous:
        raise SimulationError(
            f"x must grow from point to point, but {x:g} comes after {previous:g}: "
            "yield the epoch, or a count of steps"
        )
    if other is not None and x != other:
        raise SimulationError(
            f"x is {other:g} at a point of one arm and {x:g} at that of another: it must be the "
            "same whatever the whole-number knobs are"
        )
    return x


class UnseededRandomness:
    """Detects whether ``train`` draws random numbers of torch's and NumPy's global generators.

    No replica's seed decides those. Make it before the first point.
    """

    def __init__(self) -> None:
        self._before = _random_state()

    def check_unused(self, index: int, points: int) -> None:
        """Raises ``SimulationError`` when some were drawn; checks the first points and the last.

        A check takes 40 µs, which at each point would be a quarter of a small network's training.
        """
        if (index < 4 or index == points - 1) and self._was_drawn():
            raise SimulationError(_UNSEEDED)

    @contextmanager
    def explain_errors(self) -> Iterator[None]:
        """Mentions the draws in the message of any other exception: ``torch.nn.Linear`` draws long
        before its weights fail."""
        try:
            yield
        except SimulationError:
            raise
        except Exception as error:
            if self._was_drawn():
                error.add_note(f"Besides, {_UNSEEDED}")
            raise

    def _was_drawn(self) -> bool:
        return _random_state() != self._before


_UNSEEDED = (
    "train uses random numbers of torch or NumPy that no seed decides: take replicas.randn, rand, "
    "linear, dropout or batches in place of torch.randn, nn.Linear, nn.Dropout and the like"
)


def _random_state() -> tuple[bytes, bytes, int]:
    numpy: Any = np.random.get_state(legacy=False)
    inner = numpy["state"]
    return torch.get_rng_state().numpy().tobytes(), inner["key"].tobytes(), int(inner["pos"])


def _finite_x(x: object) -> float:
    try:
        position = float(x)  # type: ignore[arg-type]
    except (TypeError, ValueError, RuntimeError):
        position = math.nan
    if not math.isfinite(position):
        raise SimulationError(
            f"x must be a finite number, the same for all replicas, such as the epoch; it is "
            f"{_value_kind(x)}"
        )
    return position


def _value_kind(value: object) -> str:
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, float | int):
        return f"the number {value:g}"
    return f"a {type(value).__name__}"
