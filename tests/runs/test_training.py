"""The real lab behind a real worker."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from quizserver.lab.catalog import file_fingerprint, load
from quizserver.lab.ensemble import simulate
from quizserver.lab.model import Map
from quizserver.lab.phase_map_text import phase_map_sentence
from quizserver.lab.phase_map_training import train_phase_map
from quizserver.lab.phase_maps import build_plane
from quizserver.runs.map_requests import count_grid
from quizserver.runs.model import RunRequest
from quizserver.runs.results import replica_curves

from .farm import Farm

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="limits memory by address space"),
]

SIMULATION = '''\
"""A line through one point, found by gradient descent."""

import torch

from quizserver.lab import Arm, Axis, Knob, Simulation

simulation = Simulation(
    "A line",
    knobs=[
        Knob("rate", "Learning rate", 0.01, 1, default=0.1, scale="log"),
        Knob("gain", "Gain", 0, 2, default=1),
        Knob("gigabytes", "Memory", 0, 100, default=0, integer=True),
    ],
    arms=[Arm("healthy", "Healthy"), Arm("huge", "Huge", {"gigabytes": 50})],
    x=Axis("step"),
    series={"loss": Axis("loss")},
    points=9,
)


@simulation.train
def train(replicas):
    knobs = replicas.knobs
    slope = torch.zeros(replicas.count, requires_grad=True)
    for step in range(simulation.points):
        loss = (slope - 1) ** 2
        yield step, {"loss": loss}
        (gradient,) = torch.autograd.grad(loss.sum(), slope)
        with torch.no_grad():
            slope -= knobs.rate * knobs.gain * gradient
        torch.empty(knobs.gigabytes * 2**28)
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real")
    (folder / "line").mkdir()
    (folder / "line" / "simulation.py").write_text(SIMULATION)
    return folder


@pytest.fixture(scope="module")
def farm(folder: Path) -> Iterator[Farm]:
    farm = Farm(folder, real=True, seconds=120)
    farm.start()
    yield farm
    farm.close()


def order(folder: Path, **knobs: float) -> RunRequest:
    return RunRequest(
        topic="line",
        simulation="simulation",
        path="line/simulation.py",
        fingerprint=file_fingerprint(folder / "line" / "simulation.py"),
        arm="healthy",
        knobs={"rate": 0.1, "gain": 1.0, "gigabytes": 0.0} | knobs,
        first_seed=3,
        replicas=4,
        x_label="step",
        series=("loss",),
        points=9,
    )


def test_a_worker_trains_what_the_lab_trains(farm: Farm, folder: Path) -> None:
    run = farm.ended(farm.ask(order(folder, rate=0.2)))
    assert run.error is None
    curves = simulate(
        load(folder / "line" / "simulation.py"), {"rate": 0.2, "gigabytes": 0}, [3, 4, 5, 6]
    )
    assert (
        replica_curves(run, farm.store.read_batches(run.id))["loss"]
        == curves.series["loss"].tolist()
    )
    assert run.sentence is not None
    assert "step" in run.sentence


def test_a_worker_counts_what_the_lab_counts(farm: Farm, folder: Path) -> None:
    """The map of a worker, put together from what it told, is the map of one sweep."""
    simulation = load(folder / "line" / "simulation.py")
    asked = build_plane(simulation.describe(), Map("rate", "gain", "flat"), side=9, first_seed=3)
    wanted = replace(order(folder), plane=asked, points=asked.cell_count, replicas=asked.replicas)
    run = farm.ended(farm.ask(wanted))
    assert run.error is None
    swept = train_phase_map(simulation, asked)
    assert swept is not None
    told = count_grid(asked, farm.store.read_batches(run.id))
    assert told == [list(row) for row in swept.counts]
    assert {count for row in told for count in row} > {0}, "something of the map shows the shape"
    assert run.sentence == phase_map_sentence(swept)


def test_a_tensor_that_does_not_fit_is_a_clear_message(farm: Farm, folder: Path) -> None:
    run = farm.ended(farm.ask(order(folder, gigabytes=50)))
    assert run.state == "failed"
    assert "512 MiB of memory" in (run.error or "")


def test_a_simulation_that_changed_while_the_run_waited_is_not_trained(
    farm: Farm, folder: Path
) -> None:
    run = farm.ended(farm.ask(replace(order(folder), fingerprint="of the file as it was")))
    assert run.state == "failed"
    assert "changed" in (run.error or "")


def test_an_error_in_the_simulation_names_its_line(farm: Farm, folder: Path) -> None:
    path = folder / "line" / "simulation.py"
    try:
        path.write_text(SIMULATION.replace("torch.empty(", "missing("))
        run = farm.ended(farm.ask(order(folder)))
    finally:
        path.write_text(SIMULATION)
    line = SIMULATION[: SIMULATION.index("torch.empty")].count("\n") + 1
    assert run.state == "failed"
    assert f"in line {line}: NameError" in (run.error or "")
