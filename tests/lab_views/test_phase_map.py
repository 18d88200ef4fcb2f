"""The views of recorded phase maps, and of those that a bench has."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from quizserver.evidence.record import Evidence, Experiment
from quizserver.lab.model import Arm, Axis, Description, Knob, Map
from quizserver.lab.phase_maps import PhaseMap, build_plane, phase_map_from_counts
from quizserver.lab_views.bench import bench_view
from quizserver.lab_views.phase_map import MapView, map_view, maps_view
from tests.lab_views.test_bench import URLS

KNOBS = (
    Knob("rate", "Learning rate", 0.01, 10, default=0.1, scale="log", unit="per step"),
    Knob("kind", "Kind", 0, 2, default=0, integer=True, choices=("tanh", "ReLU", "GELU")),
    Knob("decay", "Decay", 0, 1, default=0),
)
HEALTHY = {"rate": 0.1, "kind": 0.0, "decay": 0.0}
DESCRIPTION = Description(
    title="A fake",
    summary="",
    knobs=KNOBS,
    arms=(
        Arm("healthy", "Healthy", HEALTHY),
        Arm("decayed", "Decayed", HEALTHY | {"decay": 0.5}),
        Arm("relu", "ReLU", HEALTHY | {"kind": 1.0}),
        Arm("far", "Too fast", HEALTHY | {"rate": 9.0}),
    ),
    x=Axis("epoch"),
    series={"loss": Axis("training loss"), "gap": Axis("gap")},
    points=9,
    fingerprint="f",
    maps=(Map("rate", "kind", "flat", x_range=(0.01, 1)), Map("rate", "decay", "flat")),
)


def record_map(number: int = 0, **changes: object) -> PhaseMap:
    declared = replace(DESCRIPTION.maps[number], **changes)  # type: ignore[arg-type]
    plane = build_plane(DESCRIPTION, declared, side=3)
    return phase_map_from_counts(plane, {cell: cell for cell in range(plane.cell_count)})


def view_map(number: int = 0, **changes: object) -> MapView:
    return map_view(DESCRIPTION, record_map(number, **changes))


def page_maps(*maps: PhaseMap, description: Description = DESCRIPTION) -> list[MapView]:
    experiment = Experiment(DESCRIPTION, (0.0,), {}, maps)
    evidence = Evidence(1, "t", 0, 63, {}, {"simulation": experiment}, ())
    page = maps_view("simulation", description, evidence)
    assert json.loads(page.config) == json.loads(json.dumps([m.config for m in page.recorded]))
    assert page.map_names == [view.name for view in page.recorded]
    return list(page.recorded)


def test_the_table_has_the_order_of_the_picture() -> None:
    view = view_map()
    assert view.columns == ["0.01", "0.1", "1"]
    assert view.rows == [("GELU", (6, 7, 8)), ("ReLU", (3, 4, 5)), ("tanh", (0, 1, 2))]


def test_a_map_says_in_words_what_it_counts_and_which_knobs_are_fixed() -> None:
    view = view_map()
    assert view.title == "Flat: learning rate × kind"
    assert view.sentence == (
        "In 4 of 9 cells most of 8 replicas show it. All 8 do in 1, none does in 1."
    )
    assert view.rule.startswith("A replica counts when its training loss stays within 5 %")
    assert view.fixed_knobs == "decay 0"
    assert view_map(1).fixed_knobs == "kind tanh"


def test_another_series_than_the_first_is_named() -> None:
    view = view_map(series="gap")
    assert "Flat (gap)" in view.title
    assert "its gap stays" in view.rule


def test_the_arms_in_the_plane_are_marked_and_no_other() -> None:
    """An arm belongs when all other knobs stand as in the map and these two within its ranges."""
    assert [arm.label for arm in view_map().key] == ["Healthy", "ReLU"]
    assert [arm.label for arm in view_map(1).key] == ["Healthy", "Decayed", "Too fast"]
    assert [(marker.x, marker.y, marker.number) for marker in view_map(1).arm_markers] == [
        (0.1, 0.0, 1), (0.1, 0.5, 2), (9.0, 0.0, 3),
    ]  # fmt: skip
    assert [arm.index for arm in view_map(1).key] == [0, 1, 3]


def test_two_maps_of_one_bench_have_names_that_differ_early() -> None:
    names = [view.name for view in page_maps(record_map(), record_map(1))]
    assert names == ["Learning rate × kind: flat", "Learning rate × decay: flat"]


def test_the_svg_can_stand_twice_in_one_page() -> None:
    view = view_map()
    assert 'id="a-title"' in view.render_svg("a")
    assert 'id="b-title"' in view.render_svg("b")


def test_a_map_of_knobs_that_are_gone_is_not_shown() -> None:
    fewer = replace(DESCRIPTION, knobs=KNOBS[:2])
    assert page_maps(record_map(), description=fewer) == []
    assert len(page_maps(record_map())) == 1


@pytest.mark.parametrize(("described", "log"), [((), True), (((0.0, 1.0), (1.0, 0.1)), False)])
def test_a_bench_starts_on_the_axis_that_its_series_asks_for(
    described: tuple[tuple[float, float], ...], log: bool
) -> None:
    from quizserver.evidence.record import read_evidence
    from quizserver.settings import Settings

    evidence = read_evidence(Settings().content / "plateau")
    assert evidence is not None
    description = evidence.experiments["simulation"].description
    assert next(iter(description.series.values())).scale == "log"
    svg = bench_view(
        "plateau", "simulation", description, evidence, URLS, stale=None, described=described
    ).chart("bench-curve")
    assert (">0<" not in svg.split('class="tick-x"')[0]) is log
