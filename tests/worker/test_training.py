"""The real lab behind a real worker."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from quizserver.lab.catalog import file_fingerprint, load
from quizserver.lab.ensemble import simulate
from quizserver.lab.model import Map
from quizserver.lab.phase_map_training import train_phase_map
from quizserver.lab.phase_maps import build_plane, phase_map_sentence
from quizserver.lab.plan_images import simulation_image
from quizserver.runs.plans import PlanSummary
from quizserver.runs.requests import CurveRequest, MapRequest, PlanRequest
from quizserver.runs.results import count_grid, replica_curves
from tests.curves_digest import curves_digest
from tests.worker.running_worker import RunningWorker

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="limits memory by address space"),
    pytest.mark.xdist_group("training worker"),  # which they share
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


NETWORK = '''\
"""A network of one unit, which has a plan."""

import torch
from torch import nn

from quizserver.lab import Arm, Axis, Knob, Simulation, losses, optim
from quizserver.lab.backprop import training_step

simulation = Simulation(
    "A network",
    knobs=[
        Knob("rate", "Learning rate", 0.01, 1, default=0.1, scale="log"),
        Knob("units", "Units", 1, 9, default=4, integer=True),
    ],
    arms=[Arm("healthy", "Healthy")],
    x=Axis("step"),
    series={"loss": Axis("loss")},
    points=5,
)


@simulation.train
def train(replicas):
    inputs, targets = replicas.share(torch.linspace(-1, 1, 8)[:, None], torch.ones(8, 1))
    units = int(replicas.knobs.units)
    net = nn.Sequential(replicas.linear(1, units), nn.Tanh(), replicas.linear(units, 1))
    optimiser = optim.SGD(net.parameters(), replicas.knobs.rate)
    step = training_step(net, losses.mse_loss, optimiser)
    for number in range(simulation.points):
        yield number, {"loss": step(inputs, targets)}
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real")
    (folder / "line").mkdir()
    (folder / "line" / "simulation.py").write_text(SIMULATION)
    (folder / "line" / "network.py").write_text(NETWORK)
    return folder


@pytest.fixture(scope="module")
def worker(folder: Path) -> Iterator[RunningWorker]:
    worker = RunningWorker(folder, real=True, seconds=120)
    worker.start()
    yield worker
    worker.close()


def line_request(folder: Path, **knobs: float) -> CurveRequest:
    return CurveRequest(
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


def test_a_worker_trains_what_the_lab_trains(worker: RunningWorker, folder: Path) -> None:
    run = worker.wait_for_end(worker.submit(line_request(folder, rate=0.2)))
    assert run.error is None
    curves = simulate(
        load(folder / "line" / "simulation.py"), {"rate": 0.2, "gigabytes": 0}, [3, 4, 5, 6]
    )
    assert (
        replica_curves(run.request, worker.store.read_batches(run.id))["loss"]
        == curves.series["loss"].tolist()
    )
    assert run.sentence is not None
    assert "step" in run.sentence


def test_a_worker_counts_what_the_lab_counts(worker: RunningWorker, folder: Path) -> None:
    """The map that a worker has stored cell by cell is the map that the lab trains in one go."""
    simulation = load(folder / "line" / "simulation.py")
    plane = build_plane(simulation.describe(), Map("rate", "gain", "flat"), side=9, first_seed=3)
    curves = line_request(folder)
    request = MapRequest(
        topic=curves.topic,
        simulation=curves.simulation,
        path=curves.path,
        fingerprint=curves.fingerprint,
        arm=curves.arm,
        series=curves.series,
        plane=plane,
    )
    run = worker.wait_for_end(worker.submit(request))
    assert run.error is None
    phase_map = train_phase_map(simulation, plane)
    assert phase_map is not None
    counts = count_grid(plane, worker.store.read_batches(run.id))
    assert counts == [list(row) for row in phase_map.counts]
    assert {count for row in counts for count in row} > {0}, "some cells show the shape"
    assert run.sentence == phase_map_sentence(phase_map)


def test_a_worker_plans_for_browsers_what_it_trains_itself(
    worker: RunningWorker, folder: Path
) -> None:
    path = folder / "line" / "network.py"
    curves_request = replace(
        line_request(folder), simulation="network", path="line/network.py",
        fingerprint=file_fingerprint(path), knobs={"rate": 0.3, "units": 2.0}, points=5,
    )  # fmt: skip
    request = PlanRequest(
        **{
            name: getattr(curves_request, name)
            for name in (
                "topic", "simulation", "path", "fingerprint", "knobs", "first_seed", "replicas",
            )
        }
    )  # fmt: skip
    run = worker.wait_for_end(worker.submit(request))
    assert (run.state, run.error_detail) == ("done", None)
    (batch,) = worker.store.read_batches(run.id)
    summary = PlanSummary.from_json(batch.summary)
    assert (summary.refusal, summary.scope.knobs) == (None, ("units",))
    planned = simulation_image(load(path), {"rate": 0.9, "units": 2.0}, [3, 4, 5, 6])
    assert gzip.decompress(batch.data) == planned.image, "the rate is a mere number of it"

    run = worker.wait_for_end(worker.submit(curves_request))
    curves = simulate(load(path), curves_request.knobs, [3, 4, 5, 6])
    points = ({"loss": curves.series["loss"][:, index]} for index in range(5))
    assert run.outputs_sha256 == curves_digest(points)


def test_a_simulation_that_trains_without_a_training_step_has_no_plan(
    worker: RunningWorker, folder: Path
) -> None:
    line = line_request(folder)
    request = PlanRequest(
        line.topic, line.simulation, line.path, line.fingerprint, line.knobs, 0, 4
    )
    run = worker.wait_for_end(worker.submit(request))
    assert run.state == "done"
    (batch,) = worker.store.read_batches(run.id)
    summary = PlanSummary.from_json(batch.summary)
    assert (summary.detail, summary.scope.knobs) == ("it makes no training_step", ())
    assert batch.data == b""


def test_a_tensor_that_does_not_fit_is_a_clear_message(worker: RunningWorker, folder: Path) -> None:
    run = worker.wait_for_end(worker.submit(line_request(folder, gigabytes=50)))
    assert run.state == "failed"
    assert "512 MiB of memory" in (run.error or "")


def test_a_simulation_that_changed_while_the_run_waited_is_not_trained(
    worker: RunningWorker, folder: Path
) -> None:
    request = replace(line_request(folder), fingerprint="of the file as it was")
    run = worker.wait_for_end(worker.submit(request))
    assert run.state == "failed"
    assert "changed" in (run.error or "")


def test_an_error_in_the_simulation_names_its_line(worker: RunningWorker, folder: Path) -> None:
    path = folder / "line" / "simulation.py"
    try:
        path.write_text(SIMULATION.replace("torch.empty(", "missing("))
        run = worker.wait_for_end(worker.submit(line_request(folder)))
    finally:
        path.write_text(SIMULATION)
    line = SIMULATION[: SIMULATION.index("torch.empty")].count("\n") + 1
    assert run.state == "failed"
    assert "author has to fix" in (run.error or "")
    assert f"line/simulation.py:{line}: NameError" in (run.error_detail or "")
