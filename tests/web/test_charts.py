"""Charts: every number drawn where it belongs, every label safe, nothing that is not a number."""

from __future__ import annotations

import itertools
import math
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizserver.web.charts import (
    ChartAxis,
    ChartCurve,
    DescribedCurve,
    ReferenceLevel,
    draw_curve_chart,
    draw_described_chart,
)
from quizserver.web.line_geometry import smooth_curve
from quizserver.web.scales import ScaleName, is_drawable

EPOCH, LOSS = ChartAxis("epoch"), ChartAxis("loss", "nats")
ANY_NUMBER = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True))


def chart(*curves: ChartCurve, y: ChartAxis = LOSS, **more: object) -> ElementTree.Element:
    text = draw_curve_chart(
        ident="c", title="Loss", description="It falls.", x=EPOCH, y=y, curves=curves, **more
    )
    return ElementTree.fromstring(f"<div>{text}</div>")


def found(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    """Every element that has ``name`` among its classes."""
    return [e for e in root.iter() if name in e.get("class", "").split()]


def points(path: ElementTree.Element) -> list[tuple[int, int]]:
    numbers = [int(n) for n in re.findall(r"-?\d+", path.get("d", ""))]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def test_the_median_runs_from_corner_to_corner() -> None:
    """x spans the data exactly, y goes down the page as values rise."""
    root = chart(ChartCurve([0, 5, 10], [1.0, 0.5, 0.0]), y_range=(0.0, 1.0))
    assert points(found(root, "median")[0]) == [(0, 0), (1000, 1000)]


@given(st.lists(st.floats(0, 1), min_size=2, max_size=80))
def test_points_left_out_move_the_line_by_less_than_a_pixel(values: list[float]) -> None:
    """Long runs are drawn with fewer points; no value is off by more than 0.3 % of the height."""
    steps = len(values) - 1
    root = chart(ChartCurve(range(len(values)), values), y_range=(0.0, 1.0))
    drawn = points(found(root, "median")[0])
    assert len(drawn) <= len(values)
    for i, value in enumerate(values):
        x = round(1000 * i / steps)
        (ax, ay), (bx, by) = next((a, b) for a, b in itertools.pairwise(drawn) if a[0] <= x <= b[0])
        y = ay + (by - ay) * (x - ax) / (bx - ax)
        assert abs(y - 1000 * (1 - value)) <= 3


@pytest.mark.parametrize("value", [0.25, 3.0])
def test_a_level_is_a_line_at_its_value_with_its_name(value: float) -> None:
    """The axis makes room for it, even where no curve gets."""
    root = chart(ChartCurve([0, 10], [1.0, 0.0]), levels=[ReferenceLevel(value, "at most this")])
    (line,) = found(root, "level")
    assert (line.get("x1"), line.get("x2")) == ("0", "100%")
    top = max(1.0, value) * 1.08
    assert line.get("y1") == line.get("y2")
    assert float(line.get("y1", "").rstrip("%")) == pytest.approx(100 * (1 - value / top), abs=0.01)
    assert "at most this" in [label.text for label in found(root, "label")]


@pytest.mark.parametrize(("value", "scale"), [(2.0, "linear"), (0.0, "log"), (1e300, "linear")])
def test_a_level_without_a_place_is_left_out(value: float, scale: ScaleName) -> None:
    root = chart(
        ChartCurve([0, 10], [1.0, 0.5]),
        y=ChartAxis("loss", "", scale),
        levels=[ReferenceLevel(value, "this")],
        y_range=(0.1, 1.0),
    )  # fmt: skip
    assert not found(root, "level")
    assert "this" not in [label.text for label in found(root, "label")]


def test_a_plateau_is_a_single_stroke() -> None:
    root = chart(ChartCurve(range(251), [0.5] * 251), y_range=(0, 1))
    assert points(found(root, "median")[0]) == [(0, 500), (1000, 500)]


@pytest.mark.parametrize(("arm", "name"), [(10, "arm-10"), (14, "arm-2")])
def test_an_arm_keeps_one_of_twelve_colours(arm: int, name: str) -> None:
    root = chart(ChartCurve([0, 1], [1, 0], arm=arm, label="ten"))
    assert name in found(root, "median")[0].get("class", "").split()
    assert name in found(root, "label")[0].get("class", "").split()


def words(root: ElementTree.Element) -> list[str]:
    return ["".join(paragraph.itertext()) for paragraph in found(root, "beyond-words")]


def description(root: ElementTree.Element) -> str:
    return next(e for e in root.iter() if e.tag == "desc").text or ""


def test_a_median_that_leaves_the_frame_is_marked_where_it_does() -> None:
    """A sign at the top, words beside the picture and in it; nothing when all is inside."""
    root = chart(ChartCurve([0, 1, 2, 4], [0.5, 1.5, 0.5, 2], arm=3), y_range=(0, 1))
    signs = found(root, "beyond")
    assert [(sign.get("x"), sign.text) for sign in signs] == [("12.5%", "▲")]
    said = "▲ The line goes beyond the frame at epoch 1, up to 2."
    assert description(root) == f"It falls. {said}"
    assert words(root) == [said]
    inside = chart(ChartCurve([0, 1], [1, 0], replicas=[[1, 0]]), y_range=(0, 1))
    assert not found(inside, "beyond")
    assert not words(inside)
    assert description(inside) == "It falls."


@pytest.mark.parametrize(
    ("value", "sign", "said"),
    [
        (None, "■", "is no finite number from epoch 2 on."),
        (math.nan, "■", "is no finite number from epoch 2 on."),
        (math.inf, "▲", "goes beyond the frame at epoch 2, up to infinity."),
        (1e38, "▲", "goes beyond the frame at epoch 2, up to 10³⁸."),
    ],
)
def test_no_number_has_another_sign_than_one_that_is_too_large(
    value: float | None, sign: str, said: str
) -> None:
    root = chart(ChartCurve([0, 1, 2, 3], [1, 0.5, value, value], label="arm"))
    assert [element.text for element in found(root, "beyond")] == [sign]
    assert words(root) == [f"{sign} arm {said}"]


@pytest.mark.parametrize("value", [None, math.nan, math.inf, 1e38])
@pytest.mark.parametrize("scale", ["linear", "log"])
def test_a_curve_without_one_number_that_has_a_place_is_said_to_be_so(
    value: float | None, scale: ScaleName
) -> None:
    """The frame has no numbers at its side, and a sign with the curve's name."""
    root = chart(
        ChartCurve([0, 1], [value, value], label="lost"),
        y=ChartAxis("loss", "", scale),
    )  # fmt: skip
    assert not found(root, "tick-y")
    assert len(found(root, "beyond")) == 1
    assert [label.text for label in found(root, "label")] == ["lost"]
    assert len(words(root)) == 1


def test_a_curve_that_diverges_does_not_flatten_the_others() -> None:
    """Two arms in one chart, whether the one that diverged ends as a number or not."""
    calm = ChartCurve([0, 1, 2], [1.0, 0.5, 0.25], label="calm")
    for end in (1e17, 1e40, math.inf, None):
        root = chart(ChartCurve([0, 1, 2], [1.0, 1e9, end], label="wild", arm=1), calm)
        first, *_, last = points(found(root, "median")[1])
        assert last[1] - first[1] > 400
        assert [sign.get("class") for sign in found(root, "beyond")] == ["beyond arm-1"]


def test_single_replicas_have_signs_and_words_that_are_shown_with_them() -> None:
    replicas = [[1, 9.0, 9.0], [1, 9.0, None], [1, 0.5, None], [1, 0.5, 0.2]]
    root = chart(ChartCurve([0, 1, 2], [1, 0.5, 0.2], replicas=replicas))
    groups = [e for e in found(root, "replicas") if e.tag == "g" and found(e, "beyond")]
    assert [[sign.text for sign in found(group, "beyond")] for group in groups] == [["▲", "■"]]
    (hidden,) = [e for e in found(root, "replicas") if e.tag == "p"]
    said = "2 of 4 single runs leave the frame. 2 of 4 single runs end at no finite number."
    assert hidden.text == said
    assert description(root) == "It falls."


def test_a_name_stays_in_the_frame_when_its_line_leaves_it() -> None:
    root = chart(ChartCurve(range(50), [0.5, *[9.0] * 49], label="arm"), y_range=(0, 1))
    place = float(found(root, "label")[0].get("y", "").rstrip("%"))
    assert 0 <= place <= 100


@pytest.mark.parametrize("gap", [None, math.nan])
def test_a_missing_value_breaks_the_line(gap: float | None) -> None:
    """The line is lifted over the gap instead of being drawn through a made-up point."""
    root = chart(ChartCurve([0, 1, 2, 3, 4], [1, 0.5, gap, 0.5, 0]))
    data = found(root, "median")[0].get("d", "")
    assert data.count("M") == 2
    assert len(points(found(root, "median")[0])) == 4


def test_a_lone_point_between_gaps_is_still_drawn() -> None:
    root = chart(ChartCurve([0, 1, 2], [None, 0.5, None], label="a"), y_range=(0, 1))
    assert points(found(root, "median")[0]) == [(500, 500), (500, 500)]


def test_the_band_encloses_the_median() -> None:
    root = chart(
        ChartCurve([0, 1], [0.5, 0.5], low=[0.25, 0.25], high=[0.75, 0.75]), y_range=(0, 1)
    )
    assert points(found(root, "band")[0]) == [(0, 250), (1000, 250), (1000, 750), (0, 750)]


def test_single_replicas_stand_in_a_group_of_their_own() -> None:
    """The page shows and hides them by style, without a script."""
    root = chart(ChartCurve([0, 1], [1, 0], replicas=[[1, 0], [0.9, 0.1], [0.8, None]]))
    group = found(root, "replicas")[0]
    assert len(found(group, "replica")) == 3
    assert not found(chart(ChartCurve([0, 1], [1, 0])), "replicas")


def test_outliers_of_the_band_do_not_squash_the_median() -> None:
    """A band that explodes is clipped; the medians keep most of the plot's height."""
    root = chart(ChartCurve([0, 1], [1.0, 0.5], low=[1.0, 0.5], high=[1.0, 1e9]))
    first, last = points(found(root, "median")[0])
    assert last[1] - first[1] > 250


def test_coordinates_far_outside_stay_short() -> None:
    root = chart(ChartCurve([0, 1], [0.5, 1e30]), y_range=(0, 1))
    assert points(found(root, "median")[0])[-1] == (1000, -2000)


def test_a_log_scale_leaves_out_what_it_cannot_show() -> None:
    root = chart(ChartCurve([0, 1, 2, 3], [1, 0.1, 0.0, 0.01]), y=ChartAxis("loss", "", "log"))
    assert len(points(found(root, "median")[0])) == 4  # two and a lone one, which is doubled
    texts = ["".join(t.itertext()) for t in found(root, "tick-y")]
    assert texts == ["0.01", "0.1", "1"]


def test_a_log_scale_without_positive_values_becomes_linear() -> None:
    root = chart(ChartCurve([0, 1], [0.0, -1.0]), y=ChartAxis("loss", "", "log"))
    assert len(points(found(root, "median")[0])) == 2


def test_ticks_stand_at_round_numbers_with_their_place() -> None:
    root = chart(ChartCurve([0, 60], [0, 1]), y_range=(0.0, 1.0))
    ticks = [(t.get("x"), t.text) for t in found(root, "tick-x")]
    assert ticks == [("0%", "0"), ("33.33%", "20"), ("66.67%", "40"), ("100%", "60")]
    assert [t.text for t in found(root, "tick-y")] == ["0", "0.2", "0.4", "0.6", "0.8", "1"]


def test_axes_name_their_units() -> None:
    root = chart(ChartCurve([0, 1], [0, 1]))
    assert [t.text for t in found(root, "axis-y")] == ["loss (nats)"]
    assert [t.text for t in found(root, "axis-x")] == ["epoch"]


def test_the_picture_has_a_name_and_a_description() -> None:
    """For those who can't see it: role, title and description, tied together by unique ids."""
    root = chart(ChartCurve([0, 1], [0, 1]))
    picture = next(e for e in root.iter() if e.get("role") == "img")
    named = {e.get("id"): e.text for e in root.iter() if e.get("id")}
    assert [named[i] for i in picture.get("aria-labelledby", "").split()] == ["Loss", "It falls."]


def test_words_of_authors_are_escaped() -> None:
    nasty = '"><script>alert(1)</script>&'
    text = str(
        draw_curve_chart(
            ident=nasty,
            title=nasty,
            description=nasty,
            x=ChartAxis(nasty, nasty),
            y=ChartAxis(nasty, nasty),
            curves=[ChartCurve([0, 1], [0, None], label=nasty)],
            described=DescribedCurve([(0, 1), (1, 0)], label=nasty),
        )
    )
    assert "<script" not in text
    assert len(words(ElementTree.fromstring(f"<div>{text}</div>"))) == 1


def test_nothing_a_strict_policy_would_refuse() -> None:
    """Classes and presentation attributes only: no style, no handlers, no links."""
    root = chart(
        ChartCurve([0, 1], [0, None], [0, 0], [1, 1], [[0, None]], "a"),
        described=DescribedCurve([(0, 1), (1, 0)]),
    )
    for element in root.iter():
        assert element.tag in {
            "div", "svg", "title", "desc", "g", "line", "path", "text", "tspan", "p", "span"
        }  # fmt: skip
        assert not [name for name in element.attrib if name == "style" or name.startswith("on")]
        assert "href" not in element.attrib


def test_the_described_curve_is_drawn_as_shares() -> None:
    root = ElementTree.fromstring(
        str(
            draw_described_chart(
                ident="d", title="t", description="d", points=[(0, 1.0), (0.5, 1.0), (1, 0.0)]
            )
        )
    )
    path = points(found(root, "described")[0])
    assert path[0] == (0, 91)
    assert path[-1] == (1000, 1000)
    assert all(y == 91 for x, y in path if x <= 500), "a plateau stays flat"


def test_a_described_curve_must_rise_in_x() -> None:
    with pytest.raises(ValueError, match="rise in x"):
        smooth_curve([(0, 1), (0, 0)])


def test_nothing_to_draw_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one point"):
        chart()
    with pytest.raises(ValueError, match="at least one point"):
        chart(ChartCurve([None, math.nan], [0, 1]))


def test_one_point_and_a_flat_curve_have_a_scale() -> None:
    assert len(points(found(chart(ChartCurve([3], [0.0])), "median")[0])) == 2
    assert len(points(found(chart(ChartCurve([0, 1], [0.0, 0.0])), "median")[0])) == 2


@given(
    st.lists(st.tuples(ANY_NUMBER, ANY_NUMBER, ANY_NUMBER, ANY_NUMBER), max_size=30),
    st.sampled_from(["linear", "log"]),
)
def test_no_data_puts_anything_but_numbers_into_a_chart(
    rows: list[tuple[float | None, float | None, float | None, float | None]], scale: ScaleName
) -> None:
    """Whatever a run produces, the chart is well-formed and holds no NaN and no infinity."""
    x, median, low, high = ([row[i] for row in rows] for i in range(4))
    curve = ChartCurve(x, median, low, high, [median], "arm")
    if not any(map(is_drawable, x)):
        with pytest.raises(ValueError, match="at least one point"):
            chart(curve)
        return
    root = chart(curve, y=ChartAxis("loss", "", scale))
    for element in root.iter():
        for name in ("d", "x", "y", "x1", "x2", "y1", "y2"):
            assert not re.search(r"nan|inf|e[+-]?\d", element.get(name, ""), re.IGNORECASE)


@given(st.lists(st.tuples(st.floats(0.01, 10), st.floats(0, 10)), min_size=2, max_size=12))
def test_a_smooth_curve_never_leaves_the_points_it_joins(steps: list[tuple[float, float]]) -> None:
    """Between two described points the curve stays between their heights: no overshoot."""
    joined = list(
        zip(itertools.accumulate(w for w, _ in steps), (y for _, y in steps), strict=True)
    )
    xs, ys = smooth_curve(joined, steps=8)
    for (ax, ay), (bx, by) in itertools.pairwise(joined):
        between = [y for x, y in zip(xs, ys, strict=True) if ax <= x <= bx]
        assert min(between) >= min(ay, by) - 1e-9
        assert max(between) <= max(ay, by) + 1e-9
