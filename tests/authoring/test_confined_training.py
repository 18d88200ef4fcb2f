"""``simulate`` and ``verify`` outlive what an author's code does, and say what it did."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from quizserver.authoring.confined_training import train_confined
from quizserver.cli import main

SIMULATION = """\
import os
from quizserver.lab import Arm, Axis, Knob, Simulation

simulation = Simulation(
    "Falling",
    knobs=[Knob("rate", "Rate", 0, 1, default=0.5)],
    arms=[Arm("healthy", "Healthy")],
    x=Axis("step"),
    series={{"loss": Axis("loss")}},
    points=4,
)


@simulation.train
def train(replicas):
    for step in range(4):
        {fault}
        yield step, {{"loss": (-replicas.knobs.rate * step).exp()}}
"""
QUESTION = """\
---
claims:
  - {option: a, arm: healthy, shape: steady-decrease}
  - {option: b, arm: healthy, shape: flat}
---
# Why?

- [x] It falls {#a}
- [ ] It does not {#b}
"""


@pytest.fixture
def content(tmp_path: Path) -> Path:
    folder = tmp_path / "falls"
    folder.mkdir()
    (folder / "why.md").write_text(QUESTION, encoding="utf-8")
    return tmp_path


def run_with_fault(content: Path, fault: str, *command: str, **environment: str) -> Result:
    (content / "falls" / "simulation.py").write_text(SIMULATION.format(fault=fault), "utf-8")
    arguments = [*command, "--content", str(content)]
    variables = {f"QUIZSERVER_{name}": value for name, value in environment.items()}
    return CliRunner().invoke(main, arguments, env=variables)


SIMULATE = ("simulate", "falls/healthy", "--seeds", "0:2")
VERIFY = ("verify", "falls", "--seeds", "0:2", "--no-maps")


@pytest.mark.parametrize("command", [SIMULATE, VERIFY], ids=["simulate", "verify"])
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("while True: pass", "took longer than 1 s (QUIZSERVER_VERIFY_SECONDS_MAX)"),
        ("bytearray(300 << 20)", "more than 96 MiB of memory (QUIZSERVER_RUN_MEMORY_MB)"),
        ("os._exit(3)", "died (exit code 3)"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_an_end_of_the_code_is_one_line_and_exit_code_1(
    content: Path, command: tuple[str, ...], fault: str, words: str
) -> None:
    result = run_with_fault(content, fault, *command, VERIFY_SECONDS_MAX="1", RUN_MEMORY_MB="96")
    assert result.exit_code == 1
    assert words in result.output.splitlines()[-1]
    if "Zero" in words:
        assert "simulation.py:17: " in result.output
        assert 'File "falls/simulation.py", line 17, in train' in result.output


def test_what_the_code_prints_spoils_no_json(content: Path) -> None:
    for command in (SIMULATE, VERIFY):
        result = run_with_fault(content, "print('hello')", *command, "--json")
        json.loads(result.stdout)
        assert "hello" in result.stderr


def test_a_save_ends_a_training_that_makes_no_progress() -> None:
    ticks = 0

    def save_on_third_tick() -> None:
        nonlocal ticks
        ticks += 1
        if ticks == 3:
            raise InterruptedError

    def train(_report: object) -> None:
        while True:
            pass

    with pytest.raises(InterruptedError):
        train_confined(train, "cpu", on_tick=save_on_third_tick)
