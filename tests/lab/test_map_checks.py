"""A map that a simulation cannot count is refused where it is declared, and says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from quizserver.evidence.claim_checks import create_claim_checker
from quizserver.lab import Arm, Axis, Knob, Map, Simulation
from quizserver.lab.catalog import SimulationCatalog
from quizserver.lab.description_json import description_from_json, description_to_json
from quizserver.lab.model import SimulationError
from quizserver.lab.phase_maps import build_plane
from quizserver.topics.content_checks import check_content

RATE = Knob("rate", "Learning rate", 0.01, 10, default=0.1, scale="log")
DECAY = Knob("decay", "Weight decay", 0, 1, default=0)
UNITS = Knob("units", "Units", 1, 64, default=8, integer=True)


def declared(*maps: Map) -> tuple[Map, ...]:
    return Simulation(
        "Test",
        knobs=[RATE, DECAY, UNITS],
        arms=[Arm("healthy", "Healthy"), Arm("low", "Low", {"rate": 0.01})],
        x=Axis("epoch"),
        series={"loss": Axis("loss"), "other": Axis("other")},
        points=5,
        maps=maps,
    ).maps


@pytest.mark.parametrize(
    ("refused", "message"),
    [
        (Map("rat", "decay", "flat"), "map rat × decay: there is no knob 'rat'; there are rate, d"),
        (Map("rate", "", "flat"), "there is no knob ''"),
        (Map("rate", "rate", "flat"), "map rate × rate: a map needs two different knobs"),
        (Map("rate", "decay", "flats"), "there is no shape 'flats'; there are plateau-then-drop"),
        (Map("rate", "decay", "crosses"), "crosses compares two arms"),
        (Map("rate", "decay", "flat", arm="lo"), "there is no arm 'lo'; there are healthy, low"),
        (Map("rate", "decay", "flat", series="l"), "there is no series 'l'; there are loss, other"),
        (Map("rate", "decay", "flat", x_range=(0.001, 1)), "x_range: Learning rate must be betwee"),
        (Map("rate", "decay", "flat", y_range=(0, 2)), "y_range: Weight decay must be between"),
        (Map("rate", "decay", "flat", y_range=(0.5, 0.5)), r"low \(0.5\) must be below high"),
        (Map("rate", "decay", "flat", x_range=(1, 0.1)), r"low \(1\) must be below high \(0.1\)"),
        (Map("rate", "units", "flat", y_range=(1.5, 4)), "y_range: Units must be a whole number"),
        (Map("rate", "decay", "flat", x_range=(0.1,)), "write two numbers"),  # type: ignore[arg-type]
        (Map("rate", "decay", "flat", x_range=("a", 1)), "must be a number"),  # type: ignore[arg-type]
        ("rate", "write Map"),
    ],
)  # fmt: skip
def test_a_map_that_cannot_be_counted_is_refused(refused: Any, message: str) -> None:
    with pytest.raises(SimulationError, match=message):
        declared(refused)


@pytest.mark.parametrize(
    "twin",
    [
        Map("rate", "decay", "flat"),
        Map("decay", "rate", "flat"),
        Map("rate", "decay", "flat", arm="healthy"),
        Map("rate", "decay", "flat", series="loss"),
        Map("rate", "decay", "flat", y_range=(0, 1)),
    ],
)
def test_two_maps_of_the_same_thing_are_refused(twin: Map) -> None:
    with pytest.raises(SimulationError, match="two maps of flat are the same"):
        declared(Map("rate", "decay", "flat"), twin)


def test_maps_that_differ_in_anything_stay_in_their_order() -> None:
    maps = (
        Map("rate", "decay", "flat"),
        Map("rate", "decay", "early-drop"),
        Map("rate", "units", "flat"),
        Map("rate", "decay", "flat", arm="low"),
        Map("rate", "decay", "flat", series="other"),
        Map("rate", "decay", "flat", x_range=(0.1, 1)),
    )
    assert declared(*maps) == maps
    assert declared() == ()


def test_a_range_written_as_a_list_is_the_same_map() -> None:
    (checked,) = declared(Map("rate", "decay", "flat", x_range=[1, 2]))  # type: ignore[arg-type]
    assert checked == Map("rate", "decay", "flat", x_range=(1.0, 2.0))


def test_maps_and_choices_survive_the_way_through_json() -> None:
    kind = Knob("kind", "Kind", 0, 1, default=0, integer=True, choices=("sigmoid", "ReLU"))
    simulation = Simulation(
        "Test",
        knobs=[RATE, kind],
        arms=[Arm("healthy", "Healthy")],
        x=Axis("epoch"),
        series={"loss": Axis("loss")},
        points=5,
        maps=[Map("rate", "kind", "flat", x_range=(0.1, 1)), Map("kind", "rate", "early-drop")],
    )
    described = simulation.describe()
    assert description_from_json(description_to_json(described)) == described
    assert build_plane(described, described.maps[0]).y_values == (0.0, 1.0)


def test_check_tells_the_author_of_a_bad_map(tmp_path: Path) -> None:
    folder = tmp_path / "topic"
    folder.mkdir()
    (folder / "simulation.py").write_text(
        """from quizserver.lab import Arm, Axis, Knob, Map, Simulation

simulation = Simulation(
    "Test",
    knobs=[Knob("a", "A", 0, 1, default=0), Knob("b", "B", 0, 1, default=0)],
    arms=[Arm("healthy", "Healthy")],
    x=Axis("epoch"), series={"loss": Axis("loss")}, points=5,
    maps=[Map("a", "c", "flat")],
)

@simulation.train
def train(replicas):
    yield from ()
"""
    )
    (folder / "q.md").write_text(
        "---\nclaims:\n  - {option: one, arm: healthy, shape: flat}\n"
        "  - {option: two, arm: healthy, shape: oscillates}\n---\n"
        "# Which?\n\n- [x] One {#one}\n- [ ] Two {#two}\n"
    )
    of_page, problem = check_content(
        tmp_path, content=tmp_path, claim_checker=create_claim_checker(SimulationCatalog())
    )
    assert (of_page.path, of_page.code) == ("topic/q.md", "unusable-simulation")
    assert problem.path == "topic/simulation.py"
    assert problem.line == 3
    assert "map a × c: there is no knob 'c'; there are a, b" in problem.message
