"""The numbers that charts must show, drawn by the server's Python or the bench's JavaScript.

``chart_numbers.json`` holds cases by section, each with what is right. The numbers were worked out
by hand or in exact arithmetic, not taken from one of the two; what whole charts show (``charts``)
was drawn by both and then checked by eye. Positions and sizes are shares of the plot, lines are in
thousandths of it. A number that JSON does not have is a word there: NaN, Infinity, -Infinity.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

Case = dict[str, Any]

CASES: dict[str, list[Case]] = json.loads(
    Path(__file__).with_name("chart_numbers.json").read_text("utf-8")
)

# What each section's cases say is right.
EXPECTED: Mapping[str, Callable[[Case], Any]] = {
    "positions": lambda case: case["positions"],
    "fits": lambda case: case["fit"],
    "frames": lambda case: case["fit"],
    "ticks": lambda case: case["ticks"],
    "tick_texts": lambda case: case["text"],
    "plain_numbers": lambda case: case["text"],
    "percents": lambda case: case["text"],
    "thinned": lambda case: case["thinned"],
    "smoothed": lambda case: [case["x"], case["y"]],
    "lines": lambda case: case["path"],
    "exits": lambda case: [case["gone"], case["end"]],
    "bands": lambda case: case["path"],
    "axis_names": lambda case: case["box"],
    "labels": lambda case: case["box"],
    "map_axes": lambda case: {
        "positions": [position for _, position in case["positions"]],
        "ticks": case["ticks"],
    },
    "colour_steps": lambda case: case["step"],
    "map_cells": lambda case: {"cells": case["cells"], "border": case["border"]},
    "charts": lambda case: case["shows"],
}


def differences(section: str, results: list[Any]) -> Iterator[str]:
    """Every case of a section whose result is not what is right, in words."""
    expected = EXPECTED[section]
    for case, result in zip(CASES[section], results, strict=True):
        if not is_same(result, expected(case)):
            name = case.get("note") or {key: case[key] for key in list(case)[:-1]}
            yield f"{section}, {name}: {result} instead of {expected(case)}"


def is_same(one: Any, other: Any) -> bool:
    """Whether two results are equal; numbers may differ by what rounding leaves behind."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(is_same, one, other))
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other or abs(one - other) <= max(1e-12, 1e-9 * max(abs(one), abs(other)))
    return bool(one == other)


def read_chart(svg: str) -> dict[str, Any]:
    """What a drawn chart shows: grid, ticks, lines, names, signs and words, as in ``charts``."""
    shows: dict[str, Any] = {
        "grid": [], "ticks_x": [], "ticks_y": [], "lines": {}, "names": [], "exits": [], "words": ""
    }  # fmt: skip
    for element in ElementTree.fromstring(f"<div>{svg}</div>").iter():
        names = element.get("class", "").split()
        if "grid" in names:
            shows["grid"] = [line.get("y1") for line in element]
        for axis in ("x", "y"):
            if f"tick-{axis}" in names:
                shows[f"ticks_{axis}"].append([element.get(axis), "".join(element.itertext())])
        if element.tag.endswith("path"):
            shows["lines"][" ".join(names)] = element.get("d")
        if "label" in names:
            shows["names"].append([element.text, element.get("x"), element.get("y")])
        if "beyond" in names:
            shows["exits"].append([element.text, element.get("x"), element.get("y")])
        if element.tag.endswith("desc"):
            shows["words"] = element.text or ""
    return shows
