"""The server draws charts with the numbers that ``chart_numbers.json`` holds.

``tests/browser/test_chart_numbers.py`` holds the bench's scripts to the same file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from xml.etree import ElementTree

import pytest

from quizserver.web.charts import ChartAxis, ChartCurve, DescribedCurve, draw_curve_chart
from quizserver.web.frame_exits import find_end, find_exit
from quizserver.web.label_placement import LabelBox, axis_name_box, place_label
from quizserver.web.line_geometry import band_data, line_data, smooth_curve, thin_points
from quizserver.web.phase_chart import MapAxis, colour_step, draw_phase_chart, map_axis_ticks
from quizserver.web.scales import (
    Scale,
    fit_frame,
    fit_scale,
    format_percent,
    format_plain_number,
    format_svg_number,
    scale_ticks,
)
from tests.web.chart_cases import CASES, EXPECTED, Case, differences, is_same, read_chart


def split_exponent(svg: str) -> list[str]:
    """The text of a number and its raised exponent, which may be empty."""
    match = re.fullmatch(r"(.*?)(?:<tspan [^>]*>(.*)</tspan>)?", svg)
    assert match
    return [match[1], match[2] or ""]


def numbers(values: list[Any]) -> list[Any]:
    """The values with the numbers that JSON does not have."""
    return [float(value) if isinstance(value, str) else value for value in values]


def fit(case: Case) -> list[Any]:
    scale = fit_scale(case["values"], case["scale"])
    return [scale.low, scale.high, scale.name]


def frame(case: Case) -> list[Any] | None:
    scale = fit_frame(case["lines"], case["scale"])
    return None if scale is None else [scale.low, scale.high, scale.name]


def exits(case: Case) -> list[Any]:
    gone, end = (
        find(*scales(case), case["x"], numbers(case["y"])) for find in (find_exit, find_end)
    )
    return [
        None if gone is None else [gone.edge, gone.point, gone.across],
        None if end is None else [end.point, end.place],
    ]


def scales(case: Case) -> tuple[Scale, Scale]:
    x, y = case["scales"]
    return Scale(*x), Scale(*y)


def fields(box: LabelBox) -> list[float]:
    return [box.x, box.y, box.half_width, box.half_height]


def label(case: Case) -> list[float]:
    return fields(
        place_label(
            case["text"],
            case["line"],
            others=case["others"],
            occupied=[LabelBox(*box) for box in case["taken"]],
            size=case["size"],
        )
    )


def map_axis(case: Case) -> dict[str, Any]:
    axis = MapAxis(
        "knob", case["values"], "", case["scale"], names=case["names"], integer=case["integer"]
    )
    return {
        "positions": [axis.position(value) for value, _ in case["positions"]],
        "ticks": [[position, *split_exponent(text)] for position, text in map_axis_ticks(axis)],
    }


def map_cells(case: Case) -> dict[str, Any]:
    counts = case["counts"]
    sides = [MapAxis("knob", range(max(2, n))) for n in (len(counts[0]), len(counts))]
    svg = draw_phase_chart(
        ident="m",
        title="",
        description="",
        x=sides[0],
        y=sides[1],
        counts=counts,
        replicas=case["n"],
    )
    paths = {
        path.get("class", ""): path.get("d") for path in ElementTree.fromstring(svg).iter("path")
    }
    return {"border": paths.pop("most", ""), "cells": paths}


def chart(case: Case) -> dict[str, Any]:
    curves = [
        ChartCurve(
            curve["x"],
            curve["median"],
            curve.get("low", ()),
            curve.get("high", ()),
            curve.get("replicas", ()),
            label=curve["label"],
            arm=curve["arm"],
        )
        for curve in case["curves"]
    ]
    described = case["described"]
    x, y = (ChartAxis(**case["axes"][name]) for name in ("x", "y"))
    svg = draw_curve_chart(
        ident="c",
        title="",
        description="",
        x=x,
        y=ChartAxis(y.label, y.unit, "log" if case["log"] else "linear"),
        curves=curves,
        described=DescribedCurve(described) if described else None,
        size="bench",
    )
    return read_chart(svg)


RESULTS: Mapping[str, Callable[[Case], Any]] = {
    "positions": lambda case: [Scale(*case["scale"]).position(value) for value in case["values"]],
    "fits": fit,
    "frames": frame,
    "ticks": lambda case: [
        [position, *split_exponent(text)] for position, text in scale_ticks(Scale(*case["scale"]))
    ],
    "tick_texts": lambda case: split_exponent(format_svg_number(case["value"])),
    "plain_numbers": lambda case: format_plain_number(float(case["value"])),
    "percents": lambda case: format_percent(case["share"]),
    "thinned": lambda case: thin_points([tuple(point) for point in case["points"]]),
    "smoothed": lambda case: smooth_curve(case["points"], case["steps"]),
    "lines": lambda case: line_data(*scales(case), case["x"], numbers(case["y"])),
    "exits": exits,
    "bands": lambda case: band_data(*scales(case), case["x"], case["low"], case["high"]),
    "axis_names": lambda case: fields(axis_name_box(case["text"], case["size"])),
    "labels": label,
    "map_axes": map_axis,
    "colour_steps": lambda case: colour_step(case["count"], case["n"]),
    "map_cells": map_cells,
    "charts": chart,
}


def test_every_section_is_drawn() -> None:
    assert CASES.keys() == RESULTS.keys() == EXPECTED.keys()


@pytest.mark.parametrize("section", RESULTS)
def test_the_servers_charts_show_the_right_numbers(section: str) -> None:
    results = [RESULTS[section](case) for case in CASES[section]]
    assert list(differences(section, results)) == []


def test_numbers_are_the_same_only_within_what_rounding_leaves() -> None:
    assert is_same([1.0, {"a": (2, None, "x")}], [1 + 1e-12, {"a": [2, None, "x"]}])
    assert not is_same([1.0], [1.0 + 1e-8])
    assert not is_same("M0 1", "M0 2")
    assert not is_same(None, 0)
    assert not is_same([1], [1, 2])
