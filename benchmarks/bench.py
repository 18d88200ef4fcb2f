"""``make bench``: the speed of the lab as ratios within one run, and where time and memory go.

Ratios compare things measured in one process a moment apart, so that they hold on a machine whose
speed drifts. Everything is measured on one thread, as each worker trains.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import click
import torch
from torch import nn

from benchmarks import plain_loops
from benchmarks.backends import EXAMPLES, backend_rows, load_simulation
from benchmarks.big_class import class_rows
from benchmarks.item_analysis import item_rows
from benchmarks.limits import limit_rows
from benchmarks.live import live_rows
from benchmarks.measurement import (
    Measurement,
    measurements_json,
    measurements_table,
    median_seconds,
    seconds_of,
)
from benchmarks.pages import page_rows
from benchmarks.profile import profile_rows
from benchmarks.whole_server import latency_rows, rest_rows, start_rows
from quizserver.evidence.verify import verify_topic
from quizserver.lab.ensemble import simulate
from quizserver.lab.phase_map_training import train_phase_map
from quizserver.lab.phase_maps import build_plane
from quizserver.settings import Settings
from quizserver.topics.library import Library

SIZES = (1, 8, 64, 512)


@dataclass(frozen=True)
class Race:
    """A plain loop and the simulation that trains the same for as many epochs.

    ``aim`` is the least ratio wanted with 64 replicas.
    """

    what: str
    file: str
    plain_loop: Callable[[], object]
    arm: str
    knobs: Mapping[str, float] = field(default_factory=dict)
    aim: float | None = None


SHORT = 240  # epochs of a race that would take 2,000
_SHORT = {"epochs_per_point": SHORT // 80}

RACES = (
    Race("strange loss", "strange-loss/simulation", lambda: plain_loops.train_strange_loss(0),
         "healthy", aim=25),
    Race("noisy quadratic, 1,000 steps", "plateau/steps",
         lambda: plain_loops.train_parabola_steps(0), "plateau"),
    Race("noisy mini-batches, 600 epochs", "zero-error/floor",
         lambda: plain_loops.train_noisy_batches(0), "noisy-batches"),
    Race(f"line, sigmoid, {SHORT} epochs", "noiseless/sigmoid_relu",
         lambda: plain_loops.train_line(nn.Sigmoid(), 0, SHORT), "sigmoid", _SHORT),
    Race(f"line, ReLU, {SHORT} epochs", "noiseless/sigmoid_relu",
         lambda: plain_loops.train_line(nn.ReLU(), 0, SHORT), "relu", _SHORT),
    Race(f"sine, 10 units, {SHORT} epochs", "noiseless/capacity",
         lambda: plain_loops.train_sine(10, 0, SHORT), "ten", _SHORT),
    Race(f"sine, 32 units, {SHORT} epochs", "noiseless/capacity",
         lambda: plain_loops.train_sine(32, 0, SHORT), "thirty-two", _SHORT),
    Race(f"parabola, rate 0.001, {SHORT} epochs", "noiseless/rates",
         lambda: plain_loops.train_parabola(0.001, 0, SHORT), "low-rate", _SHORT),
)  # fmt: skip


def race_rows() -> Iterator[Measurement]:
    """Seconds a curve: the plain loop of one replica against ensembles of several sizes."""
    for race in RACES:
        simulation = load_simulation(race.file)
        knobs = {**simulation.arm(race.arm).knobs, **race.knobs}
        group = f"{race.what}: seconds a curve, against the plain loop"
        baseline = median_seconds(race.plain_loop)
        yield Measurement(group, "plain PyTorch, one replica", baseline, 1.0)
        for size in SIZES:
            train = partial(simulate, simulation, knobs, range(size))
            per_curve = median_seconds(train, 3 if size < 512 else 1) / size
            aim = race.aim if size == 64 else None
            yield Measurement(group, f"ensemble of {size}", per_curve, baseline / per_curve, aim)


def _train_arms(file: str, *arms: str) -> None:
    simulation = load_simulation(file)
    for arm in arms:
        simulate(simulation, simulation.arm(arm).knobs, range(64))


def _train_in_workers(workers: ProcessPoolExecutor, file: str, arms: Sequence[str]) -> None:
    for pending in [workers.submit(_train_arms, file, arm) for arm in arms]:
        pending.result()


def _warm_up() -> None:
    """Imports torch, as a worker has done before its first run."""
    torch.set_num_threads(1)


def learner_rows() -> Iterator[Measurement]:
    """A learner's waits: for the first point, for one arm, for the arms of a page's evidence."""
    group = "runs"
    simulation = load_simulation("strange-loss/simulation")

    def until_first() -> None:
        reached: list[int] = []
        simulate(
            simulation,
            {},
            range(32),
            on_points=lambda index, _x, _values: reached.append(index),
            should_stop=lambda: bool(reached),
        )

    yield Measurement(
        group, "strange loss, first point of 32 replicas", median_seconds(until_first)
    )
    one = median_seconds(lambda: simulate(simulation, {}, range(32)))
    yield Measurement(group, "strange loss, one arm × 32 seeds", one, aim=1)
    settings = [arm.knobs for arm in simulation.arms for _ in range(64)]
    seeds = [*range(64)] * len(simulation.arms)
    spent = median_seconds(lambda: simulate(simulation, settings, seeds), 1)
    yield Measurement(
        group, f"strange loss, all {len(simulation.arms)} arms × 64 seeds", spent, aim=5
    )
    for what, (file, arms) in EXAMPLES.items():
        name = f"{what}, 2 arms × 64 seeds × 2,000 epochs"
        spent = seconds_of(partial(_train_arms, file, *arms))
        yield Measurement(group, f"{name}, one after the other", spent)
        with ProcessPoolExecutor(len(arms), get_context("spawn")) as workers:
            for ready in [workers.submit(_warm_up) for _ in arms]:
                ready.result()
            spent = seconds_of(partial(_train_in_workers, workers, file, arms))
        yield Measurement(group, f"{name}, an arm a worker", spent, aim=5)


def map_rows() -> Iterator[Measurement]:
    simulation = load_simulation("strange-loss/simulation")
    map_plane = build_plane(simulation.describe(), simulation.maps[0])
    spent = seconds_of(lambda: train_phase_map(simulation, map_plane))
    size = f"{len(map_plane.x_values)} × {len(map_plane.y_values)} × {map_plane.replicas}"
    yield Measurement("phase map", f"strange loss, {size}", spent, aim=120)


def jump_rows() -> Iterator[Measurement]:
    """The exact jump to a step against taking every step, 32 replicas."""
    group = "the exact jump against stepping, noisy quadratic, 32 replicas"
    steps, jump = load_simulation("plateau/steps"), load_simulation("plateau/simulation")
    stepping = median_seconds(lambda: simulate(steps, {}, range(32)), 1)
    yield Measurement(group, "1,000 steps, one by one", stepping, 1.0)
    jumping = median_seconds(lambda: simulate(jump, {}, range(32)))
    ratio = 500 * stepping / jumping
    yield Measurement(group, "500,000 steps, jumped", jumping, ratio, note="ratio: a step's worth")


def evidence_rows() -> Iterator[Measurement]:
    """Seconds for the whole default evidence of each topic: claims, arms and maps, 64 seeds."""
    for topic in Library(Settings().content).snapshot().topics.values():
        if any(question.claims for question in topic.questions):
            spent = seconds_of(partial(verify_topic, topic, range(64)))
            yield Measurement("evidence of a topic", topic.id, spent)


_MEMORY = """
import resource, sys
from pathlib import Path
from quizserver.lab.catalog import load
from quizserver.lab.ensemble import simulate
from quizserver.lab.phase_maps import build_plane
from quizserver.lab.phase_map_training import train_phase_map
simulation = load(Path(sys.argv[1]))
if sys.argv[2] == "map":
    train_phase_map(simulation, build_plane(simulation.describe(), simulation.maps[0]))
else:
    simulate(simulation, simulation.arm(sys.argv[2]).knobs, range(64))
status = Path("/proc/self/status")
if status.exists():  # getrusage also counts the process before it ran this program
    print(1024 * int(status.read_text().split("VmHWM:")[1].split()[0]))
else:
    unit = 1 if sys.platform == "darwin" else 1024
    print(unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def memory_rows() -> Iterator[Measurement]:
    """Peak memory of a fresh process, torch included, that trains what a worker trains."""
    cases = {
        "strange loss, 64 replicas": ("strange-loss/simulation", "healthy"),
        "strange loss, phase map": ("strange-loss/simulation", "map"),
        "sine, 32 units, 64 replicas": ("noiseless/capacity", "thirty-two"),
    }
    for what, (file, arm) in cases.items():
        path = Settings().content / f"{file}.py"
        command = [sys.executable, "-c", _MEMORY, str(path), arm]
        completed = subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1]
        )
        mebibytes = int(completed.stdout) / 1024**2
        note = f"{mebibytes:.0f} MiB{' MORE THAN 1 GiB' if mebibytes > 1024 else ''}"
        yield Measurement("peak memory of a worker", what, note=note)


PARTS: dict[str, Callable[[], Iterator[Measurement]]] = {
    "backends": backend_rows,
    "races": race_rows,
    "runs": learner_rows,
    "map": map_rows,
    "jump": jump_rows,
    "limits": limit_rows,
    "profile": profile_rows,
    "memory": memory_rows,
    "evidence": evidence_rows,
    "classes": class_rows,
    "items": item_rows,
    "start": start_rows,
    "rest": rest_rows,
    "latency": latency_rows,
    "live": live_rows,
    "pages": page_rows,
}


@click.command()
@click.option("--json", "json_", is_flag=True, help="Print JSON for programs.")
@click.option(
    "--only", type=click.Choice(list(PARTS)), multiple=True, help="Measure this part only."
)
def run_benchmarks(json_: bool, only: tuple[str, ...]) -> None:
    """Measure the lab; a table, or JSON."""
    torch.set_num_threads(1)
    rows: list[Measurement] = []
    for name in only or PARTS:
        click.echo(f"measuring {name} …", err=True)
        rows += PARTS[name]()
    click.echo(measurements_json(rows) if json_ else measurements_table(rows))


if __name__ == "__main__":
    run_benchmarks()
