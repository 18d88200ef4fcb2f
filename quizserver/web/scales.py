"""From values to places on a chart: linear and logarithmic scales and their ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeGuard

ScaleName = Literal["linear", "log"]

_MARGIN = 0.08
# Below and above these, a tick is written as a power of ten.
_SMALLEST_PLAIN, _LARGEST_PLAIN = 1e-3, 1e5
# A run that diverges passes any bound. Past these a value is as good as infinite, or as zero.
_HUGE, _TINY = 1e30, 1e-300
# A linear axis no wider than this is flat; the smallest start that a log axis may have.
_FLAT, _LOWEST = 1e-30, 1e-307


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps ``low``…``high`` onto 0…1. Raises ValueError when the ends can't be a scale's."""

    low: float
    high: float
    name: ScaleName = "linear"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(
                f"a scale needs two finite ends, low < high, not {self.low}…{self.high}"
            )
        if self.name == "log" and self.low <= 0:
            raise ValueError(f"a log scale must start above 0, not at {self.low}")

    def position(self, value: float | None) -> float | None:
        """Where a value stands, 0 at the low end and 1 at the high; None when it has no place."""
        if not is_drawable(value):
            return None
        if self.name == "linear":
            return (value - self.low) / (self.high - self.low)
        if value < _TINY:
            return None
        # Differences of logarithms: a quotient of such values could pass the largest float.
        span = math.log(self.high) - math.log(self.low)
        return (math.log(value) - math.log(self.low)) / span


def is_drawable(value: float | None) -> TypeGuard[float]:
    """Whether a value can have a place on a chart at all."""
    return value is not None and abs(value) <= _HUGE  # also False for NaN


def fit_scale(values: Sequence[float], name: ScaleName = "linear") -> Scale:
    """A scale that shows finite ``values`` with a little room; linear ones start at 0 if they may.

    A log scale with no value above 0 can't be drawn and becomes a linear one.
    """
    if name == "log":
        positive = [value for value in values if value >= _TINY]
        if positive:
            low, high = min(positive), max(positive)
            margin = max((math.log(high) - math.log(low)) * _MARGIN, 0.1)
            return Scale(max(low * math.exp(-margin), _LOWEST), high * math.exp(margin), "log")
    low, high = min(0.0, *values), max(0.0, *values)
    if high - low < _FLAT:
        return Scale(0.0, 1.0)
    margin = (high - low) * _MARGIN
    return Scale(low - margin if low < 0 else low, high + margin)


def scale_ticks(scale: Scale, about: int = 5) -> list[tuple[float, str]]:
    """Round numbers along a scale: (place 0…1, SVG text content), from low to high."""
    values = _log_ticks(scale) if scale.name == "log" else _linear_ticks(scale, about)
    positions = ((scale.position(value), value) for value in values)
    return [
        (position, format_svg_number(value))
        for position, value in positions
        if position is not None
    ]


def _linear_ticks(scale: Scale, about: int) -> list[float]:
    rough = (scale.high - scale.low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * f for f in (1, 2, 2.5, 5, 10) if power * f >= rough * 0.999)
    first, last = math.ceil(scale.low / step - 1e-9), math.floor(scale.high / step + 1e-9)
    # Multiples of the step, rounded to its digits: 3 * 0.1 must be written 0.3.
    digits = max(0, 2 - math.floor(math.log10(step)))
    return [round(i * step, digits) for i in range(first, last + 1)]


def _log_ticks(scale: Scale) -> list[float]:
    low, high = math.log10(scale.low), math.log10(scale.high)
    stride = max(1, math.ceil((high - low) / 6))
    factors = (1, 2, 5) if high - low < 2 else (1,)
    candidates = [
        f * 10.0**power
        for power in range(math.floor(low), math.ceil(high) + 1)
        if power % stride == 0
        for f in factors
    ]
    within_scale = [value for value in candidates if scale.low <= value <= scale.high]
    return within_scale or [scale.low, scale.high]


def format_svg_number(value: float) -> str:
    """A number as SVG text content: plain where it is short, else with a raised power of ten."""
    if value == 0:
        return "0"
    if _SMALLEST_PLAIN <= abs(value) < _LARGEST_PLAIN:
        return (
            f"{value:.4g}".replace("-", "−")
            if abs(value) < 1e4
            else f"{value:,.0f}".replace(",", "\u2009").replace("-", "−")
        )
    mantissa, exponent = f"{value:.2e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".").replace("-", "−")
    leading_part = {"1": "10", "−1": "−10"}.get(mantissa, f"{mantissa}·10")
    power = str(int(exponent)).replace("-", "−")
    return f'{leading_part}<tspan class="raised" dy="-0.4em">{power}</tspan>'
