"""What the page of a bench has of its recorded maps."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from quizserver.evidence.record import Evidence, Experiment
from quizserver.lab.model import Arm, Axis, Description, Knob, Map
from quizserver.lab.phase_maps import PhaseMap, build_plane, phase_map_from_counts
from quizserver.lab_views.bench import bench_view
from quizserver.lab_views.phase_map import MapView, map_view

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


def recorded(number: int = 0, **changes: object) -> PhaseMap:
    wanted = replace(DESCRIPTION.maps[number], **changes)  # type: ignore[arg-type]
    asked = build_plane(DESCRIPTION, wanted, side=3)
    return phase_map_from_counts(asked, {cell: cell for cell in range(asked.cell_count)})


def view(number: int = 0, **changes: object) -> MapView:
    return map_view(DESCRIPTION, recorded(number, **changes))


def bench(*maps: PhaseMap, description: Description = DESCRIPTION) -> list[MapView]:
    experiment = Experiment(DESCRIPTION, (0.0,), {}, maps)
    evidence = Evidence(1, "t", 0, 63, {}, {"simulation": experiment}, ())
    found = bench_view(
        "t", "simulation", description, evidence, runs_url="/r", source_url="/s", stale=None
    )
    assert json.loads(found.config)["maps"] == json.loads(
        json.dumps([m.config for m in found.maps])
    )
    return list(found.maps)


def test_the_table_reads_as_the_picture_does() -> None:
    found = view()
    assert found.columns == ["0.01", "0.1", "1"]
    assert found.rows == [("GELU", (6, 7, 8)), ("ReLU", (3, 4, 5)), ("tanh", (0, 1, 2))]


def test_a_map_says_in_words_what_it_counts_and_what_is_held() -> None:
    found = view()
    assert found.title == "Flat: learning rate × kind"
    assert found.sentence == (
        "In 4 of 9 cells most of 8 replicas show it. All 8 do in 1, none does in 1."
    )
    assert found.rule.startswith("A replica counts when its training loss stays within 5 %")
    assert found.fixed_knobs == "decay 0"
    assert view(1).fixed_knobs == "kind tanh"


def test_another_series_than_the_first_is_named() -> None:
    found = view(series="gap")
    assert "Flat (gap)" in found.title
    assert "its gap stays" in found.rule


def test_the_arms_in_the_plane_are_marked_and_no_other() -> None:
    """An arm belongs when all other knobs stand as in the map and these two within its ranges."""
    assert [each.label for each in view().key] == ["Healthy", "ReLU"]
    assert [each.label for each in view(1).key] == ["Healthy", "Decayed", "Too fast"]
    assert [(mark.x, mark.y, mark.number) for mark in view(1).arm_markers] == [
        (0.1, 0.0, 1), (0.1, 0.5, 2), (9.0, 0.0, 3),
    ]  # fmt: skip
    assert [each.index for each in view(1).key] == [0, 1, 3]


def test_two_maps_of_one_bench_have_names_that_differ_early() -> None:
    names = [found.name for found in bench(recorded(), recorded(1))]
    assert names == ["Learning rate × kind: flat", "Learning rate × decay: flat"]


def test_the_svg_can_stand_twice_in_one_page() -> None:
    found = view()
    assert 'id="a-title"' in found.render_svg("a")
    assert 'id="b-title"' in found.render_svg("b")


def test_a_map_of_knobs_that_are_gone_is_not_shown() -> None:
    fewer = replace(DESCRIPTION, knobs=KNOBS[:2])
    assert bench(recorded(), description=fewer) == []
    assert len(bench(recorded())) == 1


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
        "plateau", "simulation", description, evidence, runs_url="/r", source_url="/s",
        stale=None, described=described,
    ).chart("bench-curve")  # fmt: skip
    assert (">0<" not in svg.split('class="tick-x"')[0]) is log
