"""From values to positions on a chart: linear and logarithmic scales, their ranges and ticks.

``static/js/scales.js`` and ``number-text.js`` do the same for the lab bench; tests hold both to the
numbers in ``tests/web/chart_numbers.json``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeGuard

from quizserver.translation import gettext

ScaleName = Literal["linear", "log"]

_MARGIN = 0.08
# Below and above these, a tick is written as a power of ten.
_SMALLEST_PLAIN, _LARGEST_PLAIN = 1e-3, 1e5
# A run that diverges passes any bound. Past these no axis is made for a value, as for ∞ or 0.
_HUGE, _TINY = 1e30, 1e-300
# A linear axis no wider than this is flat; the smallest start that a log axis may have.
_FLAT, _LOWEST = 1e-30, 1e-307
# What logarithms and quotients may be off by.
_DUST = 1e-9
# A linear axis from zero shows at most this many times the highest start or end of its lines, a log
# axis so many times it.
_FRAME, _LOG_FRAME = 1.6, 1e6
# An end so many times as high as its start, and as the calmest line, is one of a run that diverged;
# so is any past that many times the lowest start, even where no line is calmer.
_DIVERGED, _UNREADABLE = 10, 1000
_SUPERSCRIPTS = str.maketrans("0123456789−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


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
        """Where a value stands: 0 at the low end, 1 at the high; far outside, or infinite, too.

        None when it has no position: it is no number, or a log scale has none for it.
        """
        if not is_number(value):
            return None
        if self.name == "linear":
            return (value - self.low) / (self.high - self.low)
        if value < _TINY:
            return None
        # Differences of logarithms: a quotient of such values could pass the largest float.
        span = math.log(self.high) - math.log(self.low)
        return (math.log(value) - math.log(self.low)) / span


def is_number(value: float | None) -> TypeGuard[float]:
    """Whether a line goes on with this value, which may be infinite."""
    return value is not None and not math.isnan(value)


def is_drawable(value: float | None) -> TypeGuard[float]:
    """Whether an axis may be fitted to a value; one that is not may still leave the frame."""
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


def fit_frame(
    lines: Iterable[Sequence[float | None]],
    name: ScaleName = "linear",
    *,
    band: Iterable[float | None] = (),
    levels: Iterable[float] = (),
) -> Scale | None:
    """The upright scale of a chart, fitted to what can be read of its lines.

    Where lines start and end counts, not what they swing through: see ``_highest_counted``. A
    linear axis reaches from zero to 1.6 times the highest of these numbers, and where values lie
    below zero to 10 times it on both sides; a log axis reaches to a million times it, and to a
    million at least. No axis reaches further than the values do, and downwards a log axis shows all
    that it can. What is higher leaves the frame, with a sign.

    ``levels`` are numbers that are shown in any case. The quantiles in ``band`` may enlarge an axis
    that doesn't begin at zero, up to 1.6 times what the lines reach. None where there is no number
    of a size that can be drawn.
    """
    lines = list(lines)
    numbers = [value for line in lines for value in line if is_number(value)]
    shown = [level for level in levels if is_drawable(level)]
    if not any(map(is_drawable, numbers)):
        return fit_scale(shown, name) if shown else None
    least, most = min(numbers), max(numbers)
    counted = _highest_counted(lines)
    if name == "log" and most >= _TINY:
        most = min(most, max(counted, 1.0) * _LOG_FRAME)
        values = [min(value, most) for value in numbers]
    elif least >= 0 and most > 0:
        top = min(most, _FRAME * counted) or min(most, _UNREADABLE)
        return Scale(0.0, max(top, *shown, 0.0) * (1 + _MARGIN))
    else:
        limit = _DIVERGED * counted or _UNREADABLE
        least, most = max(least, -limit), min(most, limit)
        values = [least, most]
    ceiling = most * _FRAME if most > 0 else most
    floor = least * _FRAME if least < 0 else -math.inf
    drawn_band = [min(max(value, floor), ceiling) for value in band if is_drawable(value)]
    return fit_scale([*values, *drawn_band, *shown], name)


def _highest_counted(lines: Iterable[Sequence[float | None]]) -> float:
    """The highest start or end, in size, of lines that don't diverge; one of them has a number.

    A line diverged when it ends with no number of a size that can be drawn, or at more than ten
    times its own start and ten times the calmest line, the one whose higher end is lowest. The
    start of such a line counts up to ten times the calmest one. A line may be the calmest up to a
    thousand times the lowest start (and a thousand); else all diverged, and the lowest start takes
    its place.
    """
    spans = []
    for line in lines:
        sizes = [abs(value) for value in line if is_drawable(value)]
        if sizes:
            spans.append((sizes[0], sizes[-1] if is_drawable(line[-1]) else math.inf))
    lowest = min(start for start, _ in spans)
    calmest = min(max(span) for span in spans)
    if calmest > _UNREADABLE * max(lowest, 1.0):
        calmest = lowest
    counted = []
    for start, end in spans:
        if end <= _DIVERGED * max(start, calmest):
            counted += [start, end]
        elif start <= _DIVERGED * calmest:
            counted.append(start)
    return max(counted)


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
    text, power = _number_parts(value)
    return f'{text}<tspan class="raised" dy="-0.4em">{power}</tspan>' if power else text


def format_plain_number(value: float) -> str:
    """A number as ticks have it, in plain text: 0.3, 10 000, 7.76·10²⁹⁷, infinity."""
    if math.isinf(value):
        return ("−" if value < 0 else "") + gettext("infinity")
    text, power = _number_parts(value)
    return text + power.translate(_SUPERSCRIPTS)


def _number_parts(value: float) -> tuple[str, str]:
    """A number's text and the power of ten that belongs after it, which may be empty."""
    if value == 0:
        return "0", ""
    if _SMALLEST_PLAIN <= abs(value) < _LARGEST_PLAIN:
        rounded = float(f"{value:.4g}") if abs(value) < 1e4 else value
        text = f"{rounded:g}" if abs(rounded) < 1e4 else f"{rounded:,.0f}"
        return text.replace(",", "\u2009").replace("-", "−"), ""
    mantissa, exponent = f"{value:.2e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".").replace("-", "−")
    leading_part = {"1": "10", "−1": "−10"}.get(mantissa, f"{mantissa}·10")
    return leading_part, str(int(exponent)).replace("-", "−")


def format_percent(share: float) -> str:
    """A share of the plot as an SVG attribute, to a hundredth of a percent."""
    text = f"{100 * share:.2f}".rstrip("0").rstrip(".")
    return "0%" if text == "-0" else f"{text}%"
