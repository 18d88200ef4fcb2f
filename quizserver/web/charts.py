"""Curves as SVG: the described curve, an arm's median and band, single replicas on demand.

The drawing keeps its text at one size whatever the width: axes and labels stand at percentages of
an outer ``<svg>`` without a viewBox, and only the lines live in an inner one that stretches
(``vector-effect`` keeps their strokes even). Colours, fonts and strokes belong to ``charts.css``;
the markup has classes only, so that a strict Content-Security-Policy, dark mode and print need
nothing of it. The script of the lab bench draws the same structure with the same classes.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup, escape

from quizserver.web.labels import axis_name, place
from quizserver.web.lines import smooth, thin
from quizserver.web.scales import Scale, ScaleName, drawable, fit, ticks

Numbers = Sequence[float | None]
Size = Literal["hero", "card", "bench"]

# The narrowest plot a reader gets, in CSS pixels: labels that fit there fit everywhere.
_NARROWEST: dict[Size, tuple[float, float]] = {
    "hero": (240.0, 220.0),
    "card": (240.0, 150.0),
    "bench": (240.0, 280.0),
}
_ARM_COLOURS = 12
# A band's outliers may enlarge the plot this far beyond the medians; past it they are clipped.
_BAND_HEADROOM = 1.6


@dataclass(frozen=True, slots=True)
class Axis:
    """What one axis measures. ``scale`` "log" draws values at or below zero as gaps."""

    label: str
    unit: str = ""
    scale: ScaleName = "linear"

    @property
    def text(self) -> str:
        return f"{self.label} ({self.unit})" if self.unit else self.label


@dataclass(frozen=True, slots=True)
class Curve:
    """One arm: ``median`` over its replicas and, all of the same length, a band and the replicas.

    Values are in the axes' units; None and non-finite values break a line. ``arm`` is the arm's
    index in its simulation and decides the colour.
    """

    x: Numbers
    median: Numbers
    low: Numbers = ()
    high: Numbers = ()
    replicas: Sequence[Numbers] = ()
    label: str = ""
    arm: int = 0


@dataclass(frozen=True, slots=True)
class Described:
    """The curve that a question describes, by a few points in the axes' units, rising in x."""

    points: Sequence[tuple[float, float]]
    label: str = "as described"


@dataclass(frozen=True, slots=True)
class Level:
    """A value of the y axis that curves are compared with: a line across, its name beside it."""

    value: float
    label: str


@dataclass(frozen=True, slots=True)
class _Plot:
    x: Scale
    y: Scale
    size: Size


def curve_chart(
    *,
    ident: str,
    title: str,
    description: str,
    x: Axis,
    y: Axis,
    curves: Sequence[Curve] = (),
    described: Described | None = None,
    levels: Sequence[Level] = (),
    size: Size = "card",
    y_range: tuple[float, float] | None = None,
) -> Markup:
    """Draw curves over the described one, and lines at ``levels``.

    ``ident`` must be unique in the page; ``title`` names the picture and ``description`` says in a
    sentence what it shows, for those who can't see it. ``y_range`` fixes the y axis (several charts
    side by side); otherwise it fits the data. Raises ValueError when there is nothing to draw.
    The same arguments are drawn once and remembered: evidence is shown far more often than made.
    """
    frozen = tuple(_frozen(curve) for curve in curves)
    if described is not None:
        described = Described(tuple((px, py) for px, py in described.points), described.label)
    asked = tuple(levels)
    return _drawn(ident, title, description, x, y, frozen, described, asked, size, y_range)


def _frozen(curve: Curve) -> Curve:
    return Curve(
        tuple(curve.x),
        tuple(curve.median),
        tuple(curve.low),
        tuple(curve.high),
        tuple(tuple(replica) for replica in curve.replicas),
        curve.label,
        curve.arm,
    )


@functools.lru_cache(maxsize=256)
def _drawn(
    ident: str,
    title: str,
    description: str,
    x: Axis,
    y: Axis,
    curves: tuple[Curve, ...],
    described: Described | None,
    levels: tuple[Level, ...],
    size: Size,
    y_range: tuple[float, float] | None,
) -> Markup:
    plot = _plot(x, y, curves, described, levels, size, y_range)
    marks = "".join(_curve_marks(plot, curve) for curve in curves)
    if described is not None:
        marks += _path("described", _described_line(plot, described))
    beyond = "".join(_beyond(plot, curve) for curve in curves)
    if beyond:
        description = f"{description} The line goes beyond the frame.".strip()
    inside = (
        f"{_grid(plot, x, y)}{_level_lines(plot, levels)}"
        '<svg class="marks" viewBox="0 0 1000 1000" preserveAspectRatio="none"'
        f' width="100%" height="100%">{marks}</svg>'
        f"{_labels(plot, y, curves, described, levels)}{beyond}"
    )
    return framed(f"chart-{size}", ident, title, description, inside)


def framed(classes: str, ident: str, title: str, description: str, inside: str) -> Markup:
    """The picture ``inside`` (SVG, escaped already) with its name and what it shows in words.

    ``ident`` must be unique in the page, ``classes`` are ours.
    """
    heading_id, text_id = escape(f"{ident}-title"), escape(f"{ident}-desc")
    return Markup(
        f'<div class="chart {classes}">'
        f'<svg class="plot" width="100%" height="100%" overflow="visible" role="img"'
        f' aria-labelledby="{heading_id} {text_id}">'
        f'<title id="{heading_id}">{escape(title)}</title>'
        f'<desc id="{text_id}">{escape(description)}</desc>'
        f"{inside}</svg></div>"
    )


def described_chart(
    *, ident: str, title: str, description: str, points: Sequence[tuple[float, float]]
) -> Markup:
    """Draw the described curve alone, as the question's figure, before anyone has answered.

    ``points`` are (share of the training, share of the loss at its start), both from 0; the axes
    are relative because the words of a question give no numbers.
    """
    percent = [(100 * px, 100 * py) for px, py in points]
    top = max((py for _, py in percent), default=100.0)
    return curve_chart(
        ident=ident,
        title=title,
        description=description,
        x=Axis("training done", "%"),
        y=Axis("loss", "% of its start"),
        described=Described(percent, label="the loss, as described"),
        size="hero",
        y_range=(0.0, max(100.0, top) * 1.1),
    )


def _plot(
    x: Axis,
    y: Axis,
    curves: Sequence[Curve],
    described: Described | None,
    levels: Sequence[Level],
    size: Size,
    y_range: tuple[float, float] | None,
) -> _Plot:
    points = described.points if described is not None else ()
    across = [*_finite(v for c in curves for v in c.x), *_finite(px for px, _ in points)]
    upright = [*_finite(v for c in curves for v in c.median), *_finite(py for _, py in points)]
    if not across or (not upright and y_range is None):
        raise ValueError("a chart needs at least one point with finite coordinates")
    if y_range is None:
        band = [*_finite(v for c in curves for v in (*c.low, *c.high))]
        ceiling = max(upright) * _BAND_HEADROOM if max(upright) > 0 else max(upright)
        upright += [min(value, ceiling) for value in band]
        upright += _finite(level.value for level in levels)
    wide = max(across) - min(across) > 1e-9 * max(map(abs, across))
    return _Plot(
        Scale(min(across), max(across), x.scale) if wide else fit(across),
        Scale(*y_range, y.scale) if y_range is not None else fit(upright, y.scale),
        size,
    )


def _finite(values: Iterable[float | None]) -> Iterable[float]:
    return (value for value in values if drawable(value))


def _curve_marks(plot: _Plot, curve: Curve) -> str:
    arm = f"arm-{curve.arm % _ARM_COLOURS}"
    band = _band(plot, curve)
    parts = [_path(f"band {arm}", band)] if band else []
    if curve.replicas:
        lines = "".join(_path("replica", _line(plot, curve.x, line)) for line in curve.replicas)
        parts.append(f'<g class="replicas {arm}">{lines}</g>')
    parts.append(_path(f"median {arm}", _line(plot, curve.x, curve.median)))
    return "".join(parts)


def _path(name: str, data: str) -> str:
    return f'<path class="{name}" d="{data}"/>' if data else ""


def _runs(plot: _Plot, x: Numbers, *lines: Numbers) -> list[list[tuple[int, ...]]]:
    """Stretches of points where every line has a value, as (x, y…) in the inner drawing's units."""
    runs: list[list[tuple[int, ...]]] = [[]]
    for values in zip(x, *lines, strict=False):
        spots = [plot.x.spot(values[0]), *(plot.y.spot(value) for value in values[1:])]
        if any(spot is None for spot in spots):
            runs.append([])
            continue
        across, *ups = (spot for spot in spots if spot is not None)
        runs[-1].append((round(1000 * across), *(_unit_y(up) for up in ups)))
    return [run for run in runs if run]


def _unit_y(spot: float) -> int:
    # Far outside is as good as just outside: the inner drawing clips, and short numbers stay short.
    return round(1000 * (1 - min(3.0, max(-2.0, spot))))


def _line(plot: _Plot, x: Numbers, y: Numbers) -> str:
    runs = _runs(plot, x, y)
    # A lone point between gaps would vanish: a zero-length segment shows as a dot (round caps).
    return "".join("M" + _pairs(thin(run) if len(run) > 1 else run * 2) for run in runs)


def _band(plot: _Plot, curve: Curve) -> str:
    edges = []
    for run in _runs(plot, curve.x, curve.low, curve.high):
        there = thin([(x, high) for x, _, high in run])
        back = thin([(x, low) for x, low, _ in run])[::-1]
        edges.append("M" + _pairs(there + back) + "Z")
    return "".join(edges)


def _pairs(points: Iterable[tuple[int, ...]]) -> str:
    return " ".join(f"{x} {y}" for x, y in points)


def _described_line(plot: _Plot, described: Described) -> str:
    x, y = smooth(described.points)
    return _line(plot, x, y)


def _grid(plot: _Plot, x: Axis, y: Axis) -> str:
    parts = ['<g class="grid">']
    rows = ticks(plot.y)
    for spot, _ in rows:
        parts.append(
            f'<line x1="0" x2="100%" y1="{_percent(1 - spot)}" y2="{_percent(1 - spot)}"/>'
        )
    parts.append('</g><line class="axis" x1="0" x2="100%" y1="100%" y2="100%"/><g class="ticks">')
    for spot, text in rows:
        parts.append(
            f'<text class="tick-y" x="0" dx="-8" y="{_percent(1 - spot)}" dy="0.32em">{text}</text>'
        )
    for spot, text in ticks(plot.x):
        parts.append(f'<text class="tick-x" x="{_percent(spot)}" y="100%" dy="1.5em">{text}</text>')
    parts.append(
        f'</g><text class="axis-y" x="0" y="0" dx="-8" dy="-0.9em">{escape(y.text)}</text>'
        f'<text class="axis-x" x="100%" y="100%" dy="2.9em">{escape(x.text)}</text>'
    )
    return "".join(parts)


def _level_lines(plot: _Plot, levels: Sequence[Level]) -> str:
    """A line across the plot at each level that has a place in it."""
    spots = [plot.y.spot(level.value) for level in levels]
    places = [_percent(1 - up) for up in spots if up is not None and 0 <= up <= 1]
    return "".join(f'<line class="level" x1="0" x2="100%" y1="{y}" y2="{y}"/>' for y in places)


def _beyond(plot: _Plot, curve: Curve) -> str:
    """A sign at the top of the frame, where the median first leaves it."""
    for x, value in zip(curve.x, curve.median, strict=False):
        across, up = plot.x.spot(x), plot.y.spot(value)
        if across is not None and up is not None and up > 1:
            name = f"beyond arm-{curve.arm % _ARM_COLOURS}"
            return f'<text class="{name}" x="{_percent(across)}" y="0" dy="0.85em">▲</text>'
    return ""


def _percent(share: float) -> str:
    return f"{100 * share:.2f}".rstrip("0").rstrip(".") + "%"


def _labels(
    plot: _Plot,
    y_axis: Axis,
    curves: Sequence[Curve],
    described: Described | None,
    levels: Sequence[Level],
) -> str:
    named = [
        (f"label arm-{c.arm % _ARM_COLOURS}", c.label, _runs(plot, c.x, c.median)) for c in curves
    ]
    if described is not None:
        x, y = smooth(described.points)
        named.append(("label ink", described.label, _runs(plot, x, y)))
    ends = (plot.x.low, plot.x.high)
    named += [("label ink", level.label, _runs(plot, ends, [level.value] * 2)) for level in levels]
    # A name stands beside what is seen of its line, not beside what left the frame.
    lines = [
        [(px / 1000, py / 1000) for run in runs for px, py in run if 0 <= py <= 1000]
        for _, _, runs in named
    ]
    boxes = [axis_name(y_axis.text, _NARROWEST[plot.size])]
    parts = []
    for (name, text, _), line in zip(named, lines, strict=True):
        if not text or not line:
            continue
        box = place(text, line, others=lines, taken=boxes, size=_NARROWEST[plot.size])
        boxes.append(box)
        parts.append(
            f'<text class="{name}" x="{_percent(box.x)}" y="{_percent(box.y)}" dy="0.32em">'
            f"{escape(text)}</text>"
        )
    return "".join(parts)
