"""``quizserver simulate`` finds the arm, and describes every series of it in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from quizserver.cli import main

SIMULATION = """\
from quizserver.lab import Arm, Axis, Knob, Simulation

simulation = Simulation(
    "Falling",
    knobs=[Knob("rate", "Rate", 0, 1, default=0.5)],
    arms=[Arm("healthy", "Healthy"), Arm("{own}", "Still", {{"rate": 0}})],
    x=Axis("step"),
    series={{"loss": Axis("loss"), "twice": Axis("twice the loss")}},
    points=11,
)


@simulation.train
def train(replicas):
    for step in range(11):
        loss = (-replicas.knobs.rate * step).exp()
        yield step, {{"loss": loss, "twice": 2 * loss}}
"""


@pytest.fixture
def content(tmp_path: Path) -> Path:
    folder = tmp_path / "falls"
    folder.mkdir()
    (folder / "lesson.md").write_text("# Falls\n", encoding="utf-8")
    for name, own in (("first", "still"), ("second", "quiet")):
        (folder / f"{name}.py").write_text(SIMULATION.format(own=own), encoding="utf-8")
    return tmp_path


def simulate(content: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["simulate", *arguments, "--content", str(content)])


def test_each_series_is_labelled_by_its_name(content: Path) -> None:
    lines = simulate(content, "falls/still").stdout.splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["loss:", "twice:"]
    assert all("stays within 1 % of its start" in line for line in lines)
    assert "its start (2)" in lines[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("falls/healthy",), "has several simulations. Name one with --simulation: first, second."),
        (("falls/nope",), "No simulation of falls has an arm 'nope'. Name one"),
        (("falls/still", "--simulation", "third"), "no simulation 'third'. Name one with"),
        (("falls/quiet", "--simulation", "first"), "no arm 'quiet'; there are healthy, still"),
    ],
)
def test_an_ambiguous_arm_must_be_named_in_full(
    content: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = simulate(content, *arguments)
    assert result.exit_code in (1, 2)
    assert message in result.stderr


def test_the_only_simulation_needs_no_name(content: Path) -> None:
    (content / "falls" / "second.py").unlink()
    assert simulate(content, "falls/healthy").exit_code == 0


def test_the_one_named_simulation_is_meant_where_several_have_the_arm(content: Path) -> None:
    text = SIMULATION.format(own="still").replace("default=0.5", "default=1")
    (content / "falls" / "simulation.py").write_text(text, encoding="utf-8")
    assert "ends at 4.5e-5" in simulate(content, "falls/healthy").stdout
    assert simulate(content, "falls/quiet").exit_code == 0, "only the second has it"


def test_numbers_that_are_others_each_time_are_not_shown_as_a_seeds(content: Path) -> None:
    file = content / "falls" / "first.py"
    text = file.read_text(encoding="utf-8")
    file.write_text("import os\n" + text.replace("2 * loss", "2 * loss + os.urandom(1)[0]"))
    result = simulate(content, "falls/still", "--seeds", "0:2")
    assert result.exit_code == 1
    assert "first.py:14: seed 0 has another curve alone" in result.stderr
