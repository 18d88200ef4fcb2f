"""What the docs show works as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import indent

import pytest

from quizserver.lab.catalog import Catalog, load
from quizserver.lab.levels import LEVEL_SHAPES
from quizserver.lab.pairs import PAIR_SHAPES
from quizserver.lab.phases import plane
from quizserver.lab.shapes import SHAPES
from quizserver.topics.check import check
from quizserver.topics.library import Library

DOCS = Path(__file__).parent.parent / "docs"


def blocks(language: str) -> list[str]:
    text = (DOCS / "authors.md").read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.S | re.M)


def test_the_question_of_the_authors_guide_is_a_question(tmp_path: Path):
    (tmp_path / "topic").mkdir()
    (tmp_path / "topic" / "first.md").write_text(blocks("markdown")[0])
    assert check(tmp_path, content=tmp_path, catalog=Catalog()) == []
    question = Library(tmp_path).snapshot().questions["first"]
    assert [option.right for option in question.options] == [True, False, True]


@pytest.mark.slow
def test_the_simulation_of_the_authors_guide_trains_as_it_says(tmp_path: Path):
    from quizserver.lab.ensemble import simulate

    example, _maps = blocks("python")
    assert len(example.splitlines()) < 60
    path = tmp_path / "simulation.py"
    path.write_text(example)
    simulation = load(path)
    ends = {}
    for arm in simulation.arms:
        curves = simulate(simulation, arm.knobs, range(16))
        ends[arm.name] = (curves.series["loss"][:, -1] / curves.series["loss"][:, 0]).mean()
    assert ends["healthy"] < ends["low-rate"]
    assert ends["mended"] < ends["low-rate"]
    assert not ends["high-rate"] < 1, "too high a rate diverges"


def test_the_maps_of_the_authors_guide_fit_its_simulation(tmp_path: Path):
    example, maps = blocks("python")
    given = example.replace("Knob, Simulation", "Knob, Map, Simulation")
    path = tmp_path / "simulation.py"
    path.write_text(given.replace("    points=101,\n", f"    points=101,\n{indent(maps, '    ')}"))
    described = load(path).describe()
    planes = [plane(described, each) for each in described.maps]
    assert [(each.shape, each.cells) for each in planes] == [
        ("flat", 576),
        ("diverges", 576),
        ("flat", 576),
    ]


def test_the_claims_of_the_authors_guide_name_real_shapes():
    named = set(re.findall(r"shape: ([a-z-]+)", (DOCS / "authors.md").read_text("utf-8")))
    assert named
    assert named <= {*SHAPES, *PAIR_SHAPES, *LEVEL_SHAPES}


def test_the_authors_guide_states_every_shape_in_the_words_of_the_code():
    guide = (DOCS / "authors.md").read_text("utf-8")
    for kind in (SHAPES, PAIR_SHAPES, LEVEL_SHAPES):
        for name, shape in kind.items():
            assert f"| `{name}` | {shape.words} |" in guide
