"""Curves as SVG: the described curve, an arm's median and band, single replicas on demand.

The drawing keeps its text at one size whatever the width: axes and labels stand at percentages of
an outer ``<svg>`` without a viewBox, and only the lines live in an inner one that stretches
(``vector-effect`` keeps their strokes even). Colours, fonts and strokes belong to ``charts.css``;
the markup has classes only, so that a strict Content-Security-Policy, dark mode and print need
nothing of it. The scripts of the lab bench draw the same structure with the same classes, and
``tests/web/chart_numbers.json`` holds both to the same numbers.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup, escape

from quizserver.translation import current_language
from quizserver.web.frame_signs import CurveExits, find_curve_exits, signs_svg, words_html
from quizserver.web.label_placement import axis_name_box, place_label
from quizserver.web.line_geometry import (
    Numbers,
    band_data,
    line_data,
    smooth_curve,
    unbroken_runs,
)
from quizserver.web.scales import (
    Scale,
    ScaleName,
    fit_frame,
    fit_scale,
    format_percent,
    is_drawable,
    scale_ticks,
)

Size = Literal["hero", "card", "bench"]

# The narrowest plot a reader gets, in CSS pixels: labels that fit there fit everywhere.
_NARROWEST: dict[Size, tuple[float, float]] = {
    "hero": (240.0, 220.0),
    "card": (240.0, 150.0),
    "bench": (240.0, 160.0),
}
_ARM_COLOURS = 12
# A sign at an edge has its middle this share of the plot inside.
_SIGN_MIDDLE = 0.03


@dataclass(frozen=True, slots=True)
class ChartAxis:
    """What one axis measures. ``scale`` "log" draws values at or below zero as gaps."""

    label: str
    unit: str = ""
    scale: ScaleName = "linear"

    @property
    def text(self) -> str:
        return f"{self.label} ({self.unit})" if self.unit else self.label


@dataclass(frozen=True, slots=True)
class ChartCurve:
    """One arm: ``median`` over its replicas and, all of the same length, a band and the replicas.

    Values are in the axes' units. None and NaN break a line, or end it with a sign; infinite values
    leave the frame, as those do that are too large for it. ``arm`` is the arm's index in its
    simulation and decides the colour.
    """

    x: Numbers
    median: Numbers
    low: Numbers = ()
    high: Numbers = ()
    replicas: Sequence[Numbers] = ()
    label: str = ""
    arm: int = 0


@dataclass(frozen=True, slots=True)
class DescribedCurve:
    """The curve that a question describes, by a few points in the axes' units, rising in x."""

    points: Sequence[tuple[float, float]]
    label: str = "as described"


@dataclass(frozen=True, slots=True)
class ReferenceLevel:
    """A value of the y axis that curves are compared with: a line across, its name beside it."""

    value: float
    label: str


@dataclass(frozen=True, slots=True)
class _Plot:
    """``y`` is fitted to nothing, and has no ticks, where ``is_fitted`` is false."""

    x: Scale
    y: Scale
    size: Size
    is_fitted: bool = True


def draw_curve_chart(
    *,
    ident: str,
    title: str,
    description: str,
    x: ChartAxis,
    y: ChartAxis,
    curves: Sequence[ChartCurve] = (),
    described: DescribedCurve | None = None,
    levels: Sequence[ReferenceLevel] = (),
    size: Size = "card",
    y_range: tuple[float, float] | None = None,
) -> Markup:
    """Draw curves over the described one, and lines at ``levels``.

    ``ident`` must be unique in the page; ``title`` names the picture and ``description`` says in a
    sentence what it shows, for those who can't see it. ``y_range`` fixes the y axis; otherwise
    ``fit_frame`` fits it to what can be read. Lines that leave the frame or end have a sign there,
    and a paragraph after the picture says where; it is in the picture's description, too. Raises
    ValueError when there is not even an x to draw.
    The same arguments are drawn once and remembered: evidence is shown far more often than made.
    """
    frozen_curves = tuple(_freeze_curve(curve) for curve in curves)
    if described is not None:
        described = DescribedCurve(tuple((px, py) for px, py in described.points), described.label)
    frozen_levels = tuple(levels)
    return _draw_chart(
        current_language().tag,
        ident, title, description, x, y, frozen_curves, described, frozen_levels, size, y_range,
    )  # fmt: skip


def _freeze_curve(curve: ChartCurve) -> ChartCurve:
    return ChartCurve(
        tuple(curve.x),
        tuple(curve.median),
        tuple(curve.low),
        tuple(curve.high),
        tuple(tuple(replica) for replica in curve.replicas),
        curve.label,
        curve.arm,
    )


@functools.lru_cache(maxsize=256)
def _draw_chart(
    _language: str,
    ident: str,
    title: str,
    description: str,
    x: ChartAxis,
    y: ChartAxis,
    curves: tuple[ChartCurve, ...],
    described: DescribedCurve | None,
    levels: tuple[ReferenceLevel, ...],
    size: Size,
    y_range: tuple[float, float] | None,
) -> Markup:
    plot = _fit_plot(x, y, curves, described, levels, size, y_range)
    drawing = "".join(_curve_svg(plot, curve) for curve in curves)
    if described is not None:
        drawing += _path_svg("described", _described_data(plot, described))
    exits = [
        find_curve_exits(plot.x, plot.y, c.label, x.label, c.x, c.median, c.replicas)
        for c in curves
    ]
    signs = "".join(
        signs_svg(found, arm_class(c.arm)) for found, c in zip(exits, curves, strict=True)
    )
    inside = (
        f"{_grid_svg(plot, x, y)}{_level_lines(plot, levels)}"
        '<svg class="marks" viewBox="0 0 1000 1000" preserveAspectRatio="none"'
        f' width="100%" height="100%">{drawing}</svg>'
        f"{_labels_svg(plot, y, curves, exits, described, levels)}{signs}"
    )
    description = " ".join(filter(None, [description, *(found.words for found in exits)]))
    picture = frame_chart(f"chart-{size}", ident, title, description, inside)
    return picture + words_html(exits)


def frame_chart(classes: str, ident: str, title: str, description: str, inside: str) -> Markup:
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


def draw_described_chart(
    *, ident: str, title: str, description: str, points: Sequence[tuple[float, float]]
) -> Markup:
    """Draw the described curve alone, as the question's figure, before anyone has answered.

    ``points`` are (share of the training, share of the loss at its start), both from 0; the axes
    are relative because the words of a question give no numbers.
    """
    percent = [(100 * px, 100 * py) for px, py in points]
    highest = max((py for _, py in percent), default=100.0)
    return draw_curve_chart(
        ident=ident,
        title=title,
        description=description,
        x=ChartAxis("training done", "%"),
        y=ChartAxis("loss", "% of its start"),
        described=DescribedCurve(percent, label="the loss, as described"),
        size="hero",
        y_range=(0.0, max(100.0, highest) * 1.1),
    )


def _fit_plot(
    x: ChartAxis,
    y: ChartAxis,
    curves: Sequence[ChartCurve],
    described: DescribedCurve | None,
    levels: Sequence[ReferenceLevel],
    size: Size,
    y_range: tuple[float, float] | None,
) -> _Plot:
    points = described.points if described is not None else ()
    x_values = [
        *_drawable_values(v for c in curves for v in c.x),
        *_drawable_values(px for px, _ in points),
    ]
    if not x_values:
        raise ValueError("a chart needs at least one point with a finite x")
    across = _fit_across(x_values, x.scale)
    if y_range is not None:
        return _Plot(across, Scale(*y_range, y.scale), size)
    upright = fit_frame(
        [*(c.median for c in curves), [py for _, py in points]],
        y.scale,
        band=[v for c in curves for v in (*c.low, *c.high)],
        levels=[level.value for level in levels],
    )
    return _Plot(across, upright or Scale(0.0, 1.0), size, is_fitted=upright is not None)


def _fit_across(values: Sequence[float], name: ScaleName) -> Scale:
    """The x axis spans its values exactly; on a log scale those that it can show."""
    shown = [value for value in values if value > 0] if name == "log" else values
    if not shown:
        return fit_scale(values)
    low, high = min(shown), max(shown)
    has_width = high - low > 1e-9 * max(abs(low), abs(high))
    return Scale(low, high, name) if has_width else fit_scale(shown)


def _drawable_values(values: Iterable[float | None]) -> Iterable[float]:
    return (value for value in values if is_drawable(value))


def _curve_svg(plot: _Plot, curve: ChartCurve) -> str:
    arm = arm_class(curve.arm)
    band = band_data(plot.x, plot.y, curve.x, curve.low, curve.high)
    parts = [_path_svg(f"band {arm}", band)] if band else []
    if curve.replicas:
        lines = "".join(
            _path_svg("replica", line_data(plot.x, plot.y, curve.x, line))
            for line in curve.replicas
        )
        parts.append(f'<g class="replicas {arm}">{lines}</g>')
    parts.append(_path_svg(f"median {arm}", line_data(plot.x, plot.y, curve.x, curve.median)))
    return "".join(parts)


def arm_class(arm: int) -> str:
    """The class that gives what belongs to an arm, by its index, the arm's colour."""
    return f"arm-{arm % _ARM_COLOURS}"


def _path_svg(class_name: str, data: str) -> str:
    return f'<path class="{class_name}" d="{data}"/>' if data else ""


def _described_data(plot: _Plot, described: DescribedCurve) -> str:
    x, y = smooth_curve(described.points)
    return line_data(plot.x, plot.y, x, y)


def _grid_svg(plot: _Plot, x: ChartAxis, y: ChartAxis) -> str:
    parts = ['<g class="grid">']
    y_ticks = scale_ticks(plot.y) if plot.is_fitted else []
    for position, _ in y_ticks:
        y_percent = format_percent(1 - position)
        parts.append(f'<line x1="0" x2="100%" y1="{y_percent}" y2="{y_percent}"/>')
    parts.append('</g><line class="axis" x1="0" x2="100%" y1="100%" y2="100%"/><g class="ticks">')
    for position, text in y_ticks:
        y_percent = format_percent(1 - position)
        parts.append(
            f'<text class="tick-y" x="0" dx="-8" y="{y_percent}" dy="0.32em">{text}</text>'
        )
    for position, text in scale_ticks(plot.x):
        parts.append(
            f'<text class="tick-x" x="{format_percent(position)}" y="100%" dy="1.5em">{text}</text>'
        )
    parts.append(
        f'</g><text class="axis-y" x="0" y="0" dx="-8" dy="-0.9em">{escape(y.text)}</text>'
        f'<text class="axis-x" x="100%" y="100%" dy="2.9em">{escape(x.text)}</text>'
    )
    return "".join(parts)


def _level_lines(plot: _Plot, levels: Sequence[ReferenceLevel]) -> str:
    """A line across the plot at each level that has a place in it."""
    positions = [plot.y.position(level.value) for level in levels]
    y_percents = [
        format_percent(1 - position)
        for position in positions
        if position is not None and 0 <= position <= 1
    ]
    return "".join(f'<line class="level" x1="0" x2="100%" y1="{y}" y2="{y}"/>' for y in y_percents)


def _labels_svg(
    plot: _Plot,
    y_axis: ChartAxis,
    curves: Sequence[ChartCurve],
    exits: Sequence[CurveExits],
    described: DescribedCurve | None,
    levels: Sequence[ReferenceLevel],
) -> str:
    labelled_lines = [
        (f"label {arm_class(c.arm)}", c.label, unbroken_runs(plot.x, plot.y, c.x, c.median))
        for c in curves
    ]
    if described is not None:
        x, y = smooth_curve(described.points)
        labelled_lines.append(("label ink", described.label, unbroken_runs(plot.x, plot.y, x, y)))
    x_range = (plot.x.low, plot.x.high)
    labelled_lines += [
        ("label ink", level.label, unbroken_runs(plot.x, plot.y, x_range, [level.value] * 2))
        for level in levels
    ]
    # A name stands beside what is seen of its line, not beside what left the frame.
    lines = [
        [(px / 1000, py / 1000) for run in runs for px, py in run if 0 <= py <= 1000]
        for _, _, runs in labelled_lines
    ]
    for line, found in zip(lines, exits, strict=False):
        if not line:  # of some lines nothing but their signs is seen
            line += [(px, min(1 - _SIGN_MIDDLE, max(_SIGN_MIDDLE, py))) for px, py in found.places]
    boxes = [axis_name_box(y_axis.text, _NARROWEST[plot.size])]
    parts = []
    for (class_name, text, _), line in zip(labelled_lines, lines, strict=True):
        if not text or not line:
            continue
        box = place_label(text, line, others=lines, occupied=boxes, size=_NARROWEST[plot.size])
        boxes.append(box)
        x_percent, y_percent = format_percent(box.x), format_percent(box.y)
        parts.append(
            f'<text class="{class_name}" x="{x_percent}" y="{y_percent}" dy="0.32em">'
            f"{escape(text)}</text>"
        )
    return "".join(parts)
