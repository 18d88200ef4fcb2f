"""Small pictures of curves, without axes or names: what stands beside a verdict in words.

They use the classes of ``charts.css`` as the large charts do. A small picture is hidden from
assistive technology, for the words beside it say what it shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from markupsafe import Markup

from quizserver.web.charts import ChartCurve, DescribedCurve, ReferenceLevel, arm_class
from quizserver.web.frame_exits import find_end, find_exit
from quizserver.web.frame_words import line_signs
from quizserver.web.line_geometry import Numbers, smooth_curve, thin_points, unbroken_runs
from quizserver.web.scales import Scale, ScaleName, fit_frame, is_drawable

# Of the viewBox: a step across is two CSS pixels at the size that is shown, one down half a pixel.
_WIDTH, _HEIGHT = 50, 100
# What of a large chart's signs a small one has, in these units: text would be stretched.
_SIGN_PATHS = {"▲": "m0 0l3 14h-6z", "▼": "m0 0l3-14h-6z", "■": "m-2-7h4v14h-4z"}

Point = tuple[int, int]


def draw_small_chart(
    curves: Sequence[ChartCurve],
    *,
    described: DescribedCurve | None = None,
    x_scale: ScaleName = "linear",
    y_scale: ScaleName = "linear",
    levels: Sequence[ReferenceLevel] = (),
) -> Markup:
    """The medians and bands of ``curves`` over the described one; empty when x can't be drawn.

    The y axis is a large chart's, which has room for ``levels``, and medians that leave the frame
    or end have the same signs. Replicas are not drawn.
    """
    x_values = [x for curve in curves for x in curve.x if is_drawable(x)]
    if x_scale == "log":
        x_values = [x for x in x_values if x > 0]
    if not x_values or min(x_values) == max(x_values):
        return Markup()
    across = Scale(min(x_values), max(x_values), x_scale)
    points = described.points if described is not None else ()
    upwards = fit_frame(
        [*(curve.median for curve in curves), [y for _, y in points]],
        y_scale,
        levels=[level.value for level in levels],
    ) or Scale(0.0, 1.0)
    paths = [path for curve in curves for path in _curve_paths(across, upwards, curve)]
    if described is not None:
        x, y = smooth_curve(described.points)
        paths.append(f'<path class="described" d="{_line(across, upwards, x, y)}"/>')
    return Markup(
        f'<svg class="marks" viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none"'
        f' width="100%" height="100%" aria-hidden="true">{"".join(paths)}</svg>'
    )


def _curve_paths(across: Scale, upwards: Scale, curve: ChartCurve) -> list[str]:
    arm = arm_class(curve.arm)
    band = "".join(
        f"M{_format_points(_columns(run, 2, min))} {_format_points(_columns(run, 1, max)[::-1])}Z"
        for run in unbroken_runs(across, upwards, curve.x, curve.low, curve.high)
    )
    median = _line(across, upwards, curve.x, curve.median)
    signs = line_signs(
        find_exit(across, upwards, curve.x, curve.median),
        find_end(across, upwards, curve.x, curve.median),
    )
    sign_data = "".join(_sign_path(sign, *place) for sign, place in signs)
    return [
        f'<path class="{name} {arm}" d="{data}"/>'
        for name, data in (("band", band), ("median", median), ("exit", sign_data))
        if data
    ]


def _sign_path(sign: str, across: float, down: float) -> str:
    # The whole sign stands in the picture, also at its sides.
    x, y = min(_WIDTH - 3, max(3, round(across * _WIDTH))), round(down * _HEIGHT)
    if sign == "■":
        y = min(_HEIGHT - 7, max(7, y))
    return f"M{x} {y}{_SIGN_PATHS[sign]}"


def _line(across: Scale, upwards: Scale, x: Numbers, y: Numbers) -> str:
    runs = unbroken_runs(across, upwards, x, y)
    return "".join(
        f"M{_format_points(_columns(run, 1, lambda column: column[-1]))}" for run in runs
    )


def _columns(
    run: Sequence[tuple[int, ...]], line: int, choose: Callable[[list[int]], int]
) -> list[Point]:
    """One point for each column that a run of points crosses, in the picture's units.

    ``choose`` picks from the values that the run's ``line`` has in a column.
    """
    columns: dict[int, list[int]] = {}
    for point in run:
        columns.setdefault(round(point[0] * _WIDTH / 1000), []).append(
            round(point[line] * _HEIGHT / 1000)
        )
    points = [(x, choose(values)) for x, values in columns.items()]
    # A lone point would vanish: a segment of no length shows as a dot.
    return [(x, y) for x, y in thin_points(points)] if len(points) > 1 else points * 2


def _format_points(points: Sequence[Point]) -> str:
    return " ".join(f"{x} {y}" for x, y in points)
