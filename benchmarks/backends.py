"""The kernel against torch, JAX and plain loops: the same work on one core, round by round.

Processor time of one pinned thread, medians of interleaved rounds, so that a machine that others
use too changes all of them alike. JAX comes with the extra ``bench``; without it its row is left
out.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch

from benchmarks import plain_loops
from benchmarks.measurement import Measurement
from quizserver.kernel.plan import Plan
from quizserver.kernel.training import Training
from quizserver.lab.batches import PAD
from quizserver.lab.catalog import load
from quizserver.lab.ensemble import simulate
from quizserver.lab.kernel_batch import PlannedTraining, plan_training
from quizserver.lab.model import Backend
from quizserver.lab.phase_map_training import train_phase_map
from quizserver.lab.phase_maps import build_plane
from quizserver.lab.simulation import Simulation
from quizserver.settings import Settings

REPLICAS, ROUNDS = 64, 7
EXAMPLES = {
    "sigmoid against ReLU": ("noiseless/sigmoid_relu", ("sigmoid", "relu")),
    "10 against 32 units": ("noiseless/capacity", ("ten", "thirty-two")),
    "a low against a high rate": ("noiseless/rates", ("low-rate", "high-rate")),
}
"""The pairs of arms that the topic on noiseless data shows first."""
LINEAR = {
    "a parabola, step by step": ("plateau/steps", ("plateau", "standardised")),
    "a loss and its floor": ("zero-error/floor", ("clean", "batches", "drawn")),
    "an exact fit in two formats": ("zero-error/precision", ("float32", "float64")),
}
"""What is one unit with eight weights or fewer: the cost of a step is hardly any arithmetic."""

Work = Callable[[], object]


def backend_rows() -> Iterator[Measurement]:
    """Milliseconds of one core a curve or a piece of work, and ratios of speed."""
    with _one_core():
        yield from _strange_loss_rows()
        yield from _example_rows()
        yield from _map_rows()


def _strange_loss_rows() -> Iterator[Measurement]:
    simulation = load_simulation("strange-loss/simulation")
    seeds = range(REPLICAS)
    planned = _plan(simulation, "healthy")
    works: dict[str, Work] = {
        "plain PyTorch, one replica": lambda: plain_loops.train_strange_loss(0, 301),
        "torch, whole": lambda: simulate(simulation, {}, seeds, backend="torch"),
        "kernel, whole": lambda: simulate(simulation, {}, seeds, backend="kernel"),
        "kernel, training alone": lambda: _run_plan(planned),
    }
    try:
        from benchmarks.jax_loop import compiled_strange_loss

        works["JAX, training alone"] = compiled_strange_loss(REPLICAS)
    except ImportError:
        pass
    spent = _median_times(works)
    spent["plain PyTorch, one replica"] *= REPLICAS
    group = f"strange loss, 301 epochs × {REPLICAS} replicas: against torch"
    baseline = spent["torch, whole"]
    aims = {"kernel, whole": 6.0, "kernel, training alone": 8.0}
    for what, seconds in spent.items():
        yield Measurement(group, what, seconds / REPLICAS, baseline / seconds, aims.get(what))
    kernel, whole = spent["kernel, training alone"], spent["kernel, whole"]
    group = "strange loss, the kernel against others"
    if "JAX, training alone" in spent:
        ratio = spent["JAX, training alone"] / kernel
        yield Measurement(group, "training alone, against JAX", kernel / REPLICAS, ratio, 4)
    ratio = spent["plain PyTorch, one replica"] / whole
    yield Measurement(group, "whole, against the plain loop", whole / REPLICAS, ratio, 100)
    yield _arithmetic_row(planned.plan, kernel)


def _example_rows() -> Iterator[Measurement]:
    named = [(6.0, name) for name in EXAMPLES] + [(2.0, name) for name in LINEAR]
    for aim, what in named:
        file, arms = {**EXAMPLES, **LINEAR}[what]
        simulation = load_simulation(file)
        settings = [simulation.arm(arm).knobs for arm in arms for _ in range(REPLICAS)]
        group = f"{what}, {len(arms)} arms × {REPLICAS} seeds, whole: against torch"
        yield from _backend_pair(group, lambda s=simulation, k=settings: _simulator(s, k), aim, 3)


def _map_rows() -> Iterator[Measurement]:
    simulation = load_simulation("strange-loss/simulation")
    plane = build_plane(simulation.describe(), simulation.maps[0])
    size = f"{len(plane.x_values)} × {len(plane.y_values)} × {plane.replicas}"

    def train_map(backend: Backend) -> Work:
        return lambda: train_phase_map(simulation, plane, backend=backend)

    yield from _backend_pair(f"phase map of the strange loss, {size}", lambda: train_map, 6, 1)


def _backend_pair(
    group: str, make: Callable[[], Callable[[Backend], Work]], aim: float, rounds: int
) -> Iterator[Measurement]:
    start = make()
    spent = _median_times({"torch": start("torch"), "kernel": start("kernel")}, rounds)
    yield Measurement(group, "torch", spent["torch"], 1.0)
    yield Measurement(group, "kernel", spent["kernel"], spent["torch"] / spent["kernel"], aim)


def _simulator(
    simulation: Simulation, settings: Sequence[Mapping[str, float]]
) -> Callable[[Backend], Work]:
    seeds = [*range(REPLICAS)] * (len(settings) // REPLICAS)
    return lambda backend: lambda: simulate(simulation, settings, seeds, backend=backend)


def _arithmetic_row(plan: Plan, seconds: float) -> Measurement:
    """What share of the core's peak the training of a plan of whole-batch steps comes to."""
    steps = sum(plan.datasets[row[1]].examples for row in plan.operations)
    rate = steps * REPLICAS * _operations_per_example(plan) / seconds
    peak = _peak_rate()
    return Measurement(
        "strange loss, the kernel against others",
        "share of this core's peak, a product of matrices",
        amount=100 * rate / peak,
        unit="%",
        note=f"{rate / 1e9:.0f} of {peak / 1e9:.0f} GFLOP/s, which fuses product and sum",
    )


def _operations_per_example(plan: Plan) -> int:
    """Additions and multiplications of one step: forward, gradients, and slopes of the inputs of
    all layers but the first. A tanh is 24 of them, its slope 3."""
    dense = [2 * layer.inputs * layer.outputs for layer in plan.dense_layers]
    hidden = sum(layer.outputs for layer in plan.dense_layers[:-1])
    return 3 * sum(dense) - dense[0] + 27 * hidden


def _peak_rate() -> float:
    """Of one thread, measured: a product of matrices that lie in cache."""
    size = 384
    left, right = torch.randn(size, size), torch.randn(size, size)
    seconds = min(_time_of(lambda: torch.mm(left, right)) for _ in range(50))
    return 2 * size**3 / seconds


def _plan(simulation: Simulation, arm: str) -> PlannedTraining:
    settings = [simulation.arm(arm).knobs] * REPLICAS
    return plan_training(simulation, settings, range(REPLICAS), dtype=torch.float32, pad=PAD)


def _run_plan(planned: PlannedTraining) -> object:
    with Training(planned.plan, planned.slot_values, planned.seeds) as training:
        training.run(0, len(planned.plan.operations))
        return training.outputs


def _median_times(works: Mapping[str, Work], rounds: int = ROUNDS) -> dict[str, float]:
    """Median seconds of processor time of each, after one run that does not count."""
    spent: dict[str, list[float]] = {what: [] for what in works}
    for work in works.values():
        work()
    for _ in range(rounds):
        for what, work in works.items():
            spent[what].append(_time_of(work))
    return {what: statistics.median(times) for what, times in spent.items()}


def _time_of(work: Work) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


@contextmanager
def _one_core() -> Iterator[None]:
    """Pins this process to one of its cores meanwhile, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def load_simulation(file: str) -> Simulation:
    return load(Settings().content / f"{file}.py")
