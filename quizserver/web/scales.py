"""From values to positions on a chart: linear and logarithmic scales, their ranges and ticks.

``static/js/scales.js`` and ``number-text.js`` do the same for the lab bench; tests hold both to the
numbers in ``tests/web/chart_numbers.json``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
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
# What logarithms and quotients may be off by.
_DUST = 1e-9
# A framed axis shows at most this many times the highest start or end of its lines.
_FRAME = 1.6


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
        """Where a value stands: 0 at the low end, 1 at the high, None when it has no position."""
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
    """Whether a value can have a position on a chart at all."""
    return value is not None and abs(value) <= _HUGE  # also False for NaN


def fit_scale(values: Sequence[float], name: ScaleName = "linear") -> Scale:
    """A scale that shows finite ``values`` with a little headroom.

    A linear one starts at 0 if it may. A log scale with no value above 0 can't be drawn and becomes
    a linear one.
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


def framed_range(
    lines: Iterable[Sequence[float | None]], extra: Iterable[float] = ()
) -> tuple[float, float] | None:
    """The ends of a linear axis from zero to just above where lines start and end.

    So swings don't flatten all else. ``extra`` are other numbers that the axis must reach, unless
    they are below zero. None where values below zero, or none above it, need another axis.
    """
    drawable = [[value for value in line if is_drawable(value)] for line in lines]
    values = [value for line in drawable for value in line]
    if not values or min(values) < 0 or max(values) == 0:
        return None
    reference = max(value for line in drawable if line for value in (line[0], line[-1]))
    top = min(max(values), _FRAME * reference) or max(values)
    return 0.0, max(top, *extra, 0.0) * (1 + _MARGIN)


def scale_ticks(scale: Scale, about: int = 5) -> list[tuple[float, str]]:
    """Round numbers along a scale: (position 0…1, SVG text content), from low to high."""
    positions = ((scale.position(value), value) for value in tick_values(scale, about))
    return [
        (position, format_svg_number(value))
        for position, value in positions
        if position is not None
    ]


def tick_values(scale: Scale, about: int = 5) -> list[float]:
    """Round numbers along a scale, from low to high; ``about`` so many on a linear one."""
    return _log_ticks(scale) if scale.name == "log" else _linear_ticks(scale, about)


def _linear_ticks(scale: Scale, about: int) -> list[float]:
    rough = (scale.high - scale.low) / about
    power = math.floor(math.log10(rough))
    steps = (float(f"{factor}e{power}") for factor in (1, 2, 2.5, 5, 10))
    step = next(step for step in steps if step >= rough * 0.999)
    first, last = math.ceil(scale.low / step - _DUST), math.floor(scale.high / step + _DUST)
    # Multiples of the step, rounded to its digits: 3 * 0.1 must be written 0.3.
    digits = max(0, 2 - math.floor(math.log10(step)))
    return [round(i * step, digits) for i in range(first, last + 1)]


def _log_ticks(scale: Scale) -> list[float]:
    low, high = math.log10(scale.low), math.log10(scale.high)
    stride = max(1, math.ceil((high - low) / 6 - _DUST))
    factors = (1, 2, 5) if high - low < 2 - _DUST else (1,)
    candidates = [
        float(f"{factor}e{power}")
        for power in range(math.floor(low), math.ceil(high) + 1)
        if power % stride == 0
        for factor in factors
    ]
    within_scale = [value for value in candidates if scale.low <= value <= scale.high]
    return within_scale or [scale.low, scale.high]


def format_svg_number(value: float) -> str:
    """A number as SVG text content: plain where it is short, else with a raised power of ten."""
    if value == 0:
        return "0"
    if _SMALLEST_PLAIN <= abs(value) < _LARGEST_PLAIN:
        rounded = float(f"{value:.4g}") if abs(value) < 1e4 else value
        text = f"{rounded:g}" if abs(rounded) < 1e4 else f"{rounded:,.0f}"
        return text.replace(",", "\u2009").replace("-", "−")
    mantissa, exponent = f"{value:.2e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".").replace("-", "−")
    leading_part = {"1": "10", "−1": "−10"}.get(mantissa, f"{mantissa}·10")
    power = str(int(exponent)).replace("-", "−")
    return f'{leading_part}<tspan class="raised" dy="-0.4em">{power}</tspan>'


def format_percent(share: float) -> str:
    """A share of the plot as an SVG attribute, to a hundredth of a percent."""
    text = f"{100 * share:.2f}".rstrip("0").rstrip(".")
    return "0%" if text == "-0" else f"{text}%"
