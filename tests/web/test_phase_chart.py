"""The chart of a phase map: every count in its cell, readable without colours."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

import quizserver
from quizserver.web.phase_chart import (
    COLOUR_STEPS,
    ArmMarker,
    MapAxis,
    colour_step,
    draw_phase_chart,
)

CSS = Path(quizserver.__file__).parent / "static" / "css" / "tokens.css"
RATE = MapAxis("Learning rate", (0.01, 0.1, 1.0, 10.0), scale="log")
DECAY = MapAxis("Weight decay", (0.0, 0.1, 0.2), unit="per step")
KIND = MapAxis("Kind", (0.0, 1.0), names=("tanh", "ReLU & co"))

counts = st.integers(1, 9).flatmap(
    lambda width: st.lists(
        st.lists(st.none() | st.integers(0, 8), min_size=width, max_size=width),
        min_size=2,
        max_size=9,
    )
)


def draw_chart(
    counts: list[list[int | None]],
    x: MapAxis = RATE,
    y: MapAxis = DECAY,
    replicas: int = 8,
    **options: object,
) -> ElementTree.Element:
    """The chart as XML: it must be well-formed."""
    svg = draw_phase_chart(
        ident="m",
        title="Plateau",
        description="In 3.",
        x=x,
        y=y,
        counts=counts,
        replicas=replicas,
        **options,
    )  # type: ignore[arg-type]
    return ElementTree.fromstring(str(svg))


def drawn_cells(chart: ElementTree.Element, rows: int) -> dict[tuple[int, int], str]:
    """The class of each cell that is drawn, by (row from below, column)."""
    class_by_cell: dict[tuple[int, int], str] = {}
    for path in chart.iter("path"):
        name = path.get("class", "")
        if name == "most":
            continue
        for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v1H\d+z", path.get("d", "")):
            for column in range(int(x), int(x) + int(width)):
                cell = rows - 1 - int(y), column
                assert cell not in class_by_cell, "a cell is drawn once"
                class_by_cell[cell] = name
    return class_by_cell


@given(counts)
def test_every_count_is_drawn_in_its_cell_and_nothing_else(grid: list[list[int | None]]):
    x = MapAxis("x", [float(i) for i in range(len(grid[0]) + 1)][: max(2, len(grid[0]))])
    y = MapAxis("y", [float(i) for i in range(len(grid))])
    expected = {
        (row, column): f"k-{count}"
        for row, line in enumerate(grid)
        for column, count in enumerate(line)
        if count is not None
    }
    assert drawn_cells(draw_chart(grid, x, y), len(grid)) == expected


@given(st.integers(1, 200))
def test_no_replica_and_all_replicas_have_colours_of_their_own(n: int):
    steps = [colour_step(count, n) for count in range(n + 1)]
    assert steps == sorted(steps)
    assert (steps[0], steps[-1]) == (0, COLOUR_STEPS)
    assert all(0 < step < COLOUR_STEPS for step in steps[1:-1])


def test_a_line_surrounds_the_cells_where_most_replicas_show_the_shape():
    chart = draw_chart([[8, 5, 4, 0], [0, 8, 0, 0], [0, 0, 0, None]])
    [border] = [path.get("d", "") for path in chart.iter("path") if path.get("class") == "most"]
    assert set(re.findall(r"M[^M]+", border)) == {
        "M2 2v1", "M0 2h1", "M1 1v1", "M2 1v1", "M1 1h1",
    }  # fmt: skip


def test_cells_without_training_have_no_line():
    assert not [
        p for p in draw_chart([[8, None, 8, None]] * 3).iter("path") if p.get("class") == "most"
    ]


def test_the_middle_of_a_cell_is_its_value_and_the_scale_holds_in_between():
    assert [RATE.position(value) for value in RATE.values] == [0.125, 0.375, 0.625, 0.875]
    assert RATE.position(10**-1.5) == pytest.approx(0.25)
    assert DECAY.position(0.15) == pytest.approx(2 / 3)
    assert (RATE.position(0), RATE.position(1e-9), RATE.position(1e9)) == (None, None, None)


def test_uneven_whole_numbers_are_in_the_middle_of_their_cells():
    units = MapAxis("Units", (1.0, 2.0, 4.0, 9.0), scale="log", integer=True)
    assert [units.position(value) for value in units.values] == [0.125, 0.375, 0.625, 0.875]
    texts = [
        t.text
        for t in draw_chart([[0] * 4] * 3, x=units).iter("text")
        if t.get("class") == "tick-x"
    ]
    assert texts == ["1", "2", "4", "9"]


def test_the_axes_show_knob_unit_and_round_numbers_or_names():
    texts = [text.text for text in draw_chart([[0] * 4] * 3).iter("text")]
    assert {"Learning rate", "Weight decay (per step)", "0.01", "0.1", "1", "10", "0"} <= set(texts)
    named = draw_chart([[0] * 4] * 2, y=KIND)
    assert [t.text for t in named.iter("text") if t.get("class") == "tick-y"] == [
        "tanh",
        "ReLU & co",
    ]
    assert "named-rows" in named.get("class", "")


def test_markers_are_at_their_values_with_their_number():
    chart = draw_chart(
        [[0] * 4] * 3, markers=[ArmMarker(1.0, 0.2, 7, 13), ArmMarker(1e9, 0.0, 8, 0)]
    )
    [circle] = chart.iter("circle")
    assert (circle.get("cx"), circle.get("cy")) == ("62.5%", "16.67%")
    assert circle.get("class") == "arm-mark arm-1"
    assert [t.text for t in chart.iter("text") if t.get("class") == "arm-number"] == ["7"]


def test_the_chart_has_a_name_and_a_description_and_no_inline_style():
    svg = draw_phase_chart(
        ident="m",
        title="A < B",
        description="x & y",
        x=RATE,
        y=DECAY,
        counts=[[1] * 4] * 3,
        replicas=8,
    )
    assert '<title id="m-title">A &lt; B</title><desc id="m-desc">x &amp; y</desc>' in svg
    assert 'role="img" aria-labelledby="m-title m-desc"' in svg
    assert "style=" not in svg


def relative_luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in channels]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize(("theme", "rising"), [(0, False), (1, True)], ids=["light", "dark"])
def test_more_replicas_always_have_a_colour_further_from_the_background(theme: int, rising: bool):
    """In print and to colour-blind eyes the order of the colours is that of the counts."""
    declarations = re.findall(r"--k-(\d): (#[0-9a-f]{6});", CSS.read_text())
    steps = [relative_luminance(colour) for _, colour in declarations[9 * theme : 9 * theme + 9]]
    assert [int(number) for number, _ in declarations] == [*range(9), *range(9)]
    assert steps == sorted(steps, reverse=not rising)
    low, high = sorted((steps[0], steps[-1]))
    assert (high + 0.05) / (low + 0.05) > 7
