"""Makes a topic's evidence: trains the arms and claimed settings, and decides every claim."""

from __future__ import annotations

import platform
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from quizserver.evidence.findings import ensemble_key, make_finding
from quizserver.evidence.plan import TrainingPlan, VerifyError
from quizserver.evidence.record import Band, CurveValues, Ensemble, Evidence, Experiment, Finding
from quizserver.kernel.recipe import source_version
from quizserver.lab.catalog import load
from quizserver.lab.curve_text import describe_curves
from quizserver.lab.curves import Floats, replica_quantile
from quizserver.lab.fingerprint import ENGINE_VERSION
from quizserver.lab.isolation import check_seed_isolation
from quizserver.lab.model import DEFAULT_BACKEND, Arm, Backend, SimulationError
from quizserver.lab.phase_map_training import train_phase_map
from quizserver.lab.phase_maps import CELL_REPLICAS, PhaseMap, Plane, build_plane
from quizserver.lab.simulation import Simulation
from quizserver.topics.model import Topic

__all__ = ["Progress", "VerifyError", "verify_topic"]

STORED_REPLICAS = 8
"""Replicas whose own curves the evidence holds."""

SELECTION_OFFSET = 1_000_000
"""Added to the claim's seeds it gives the selection seeds: as many, and never the same."""

Progress = Callable[[int, int], None]


def verify_topic(
    topic: Topic,
    seeds: range,
    *,
    device: str = "cpu",
    backend: Backend = DEFAULT_BACKEND,
    progress: Progress | None = None,
    maps: bool = True,
    all_arms: bool = True,
    threads: int = 1,
) -> Evidence:
    """Trains one replica a seed of every arm and every claimed setting, and decides each claim.

    Then trains the maps that the simulations declare, on the first ``CELL_REPLICAS`` of the seeds;
    no verdict depends on them, and ``maps=False`` leaves them out. ``all_arms=False`` leaves out
    the arms that no claim is about: such evidence is for its findings alone, pages need all arms.
    ``seeds`` is a range with step 1. ``progress(done, total)`` counts replicas times points. The
    kernel trains in up to ``threads`` threads. Raises ``VerifyError`` when a claim cannot be
    decided or a simulation fails.
    """
    if len(seeds) == 0 or seeds.step != 1 or seeds.start < 0:
        raise VerifyError(f"seeds {seeds} are no range of at least one seed from 0 up")
    selection = range(seeds.start + SELECTION_OFFSET, seeds.stop + SELECTION_OFFSET)
    _check_simulations(topic)
    plans = {
        name: _plan_simulation(topic, name, seeds, selection, all_arms)
        for name in topic.simulations
    }
    planes = {
        name: _declared_planes(plan.simulation, seeds) if maps else []
        for name, plan in plans.items()
    }
    total = sum(
        plan.simulation.points
        * (plan.replica_count + sum(plane.cell_count * plane.replicas for plane in planes[name]))
        for name, plan in plans.items()
    )
    done = 0

    def count_progress(replicas: int) -> None:
        nonlocal done
        done += replicas
        if progress is not None:
            progress(done, total)

    trained_maps: dict[str, tuple[PhaseMap, ...]] = {}
    for name, plan in plans.items():
        with _simulation_errors(topic.simulations[name]):
            plan.train_settings(device, backend, count_progress, threads)
            _check_arms_isolated(plan, seeds, device, backend)
            trained_maps[name] = _train_maps(
                plan.simulation, planes[name], device, backend, count_progress, threads
            )
    findings = tuple(
        make_finding(plan, planned, seeds, selection)
        for question in topic.questions
        for plan in plans.values()
        for planned in plan.claims
        if planned.question is question
    )
    return Evidence(
        format=1,
        topic=topic.id,
        first=seeds[0],
        last=seeds[-1],
        made_with=_current_versions(set().union(*(plan.backends for plan in plans.values()))),
        experiments={
            name: _make_experiment(
                plan, seeds, [f for f in findings if f.simulation == name], trained_maps[name]
            )
            for name, plan in plans.items()
        },
        findings=findings,
    )


def _current_versions(backends: Collection[str]) -> dict[str, str]:
    """The versions that a curve depends on, as evidence records them.

    The kernel's, where it trained; the processor, where torch did, whose sums depend on it.
    """
    versions = {
        "engine": ENGINE_VERSION,
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
    if "kernel" in backends:
        versions["kernel"] = source_version()
    if "torch" in backends:
        abilities = torch.backends.cpu.get_cpu_capability()
        versions["processor"] = f"{platform.machine()} {abilities}"
    return versions


@contextmanager
def _simulation_errors(path: Path) -> Iterator[None]:
    """Turns a ``SimulationError`` into a ``VerifyError`` with the file and its line."""
    try:
        yield
    except SimulationError as error:
        line = f":{error.line}" if error.line else ""
        raise VerifyError(f"{path}{line}: {error.message}") from error


def _check_arms_isolated(plan: TrainingPlan, seeds: range, device: str, backend: Backend) -> None:
    """Trains the first seed of every trained arm again alone; see ``check_seed_isolation``."""
    for arm in _trained_arms(plan, seeds):
        first_row = {name: rows[0] for name, rows in plan.get_curves(arm.knobs, seeds).items()}
        check_seed_isolation(
            plan.simulation, arm.knobs, seeds[0], first_row, device=device, backend=backend
        )


def _declared_planes(simulation: Simulation, seeds: range) -> list[Plane]:
    """The planes of the declared maps, on the first of the seeds."""
    replicas = min(CELL_REPLICAS, len(seeds))
    return [
        build_plane(simulation.describe(), declared, replicas=replicas, first_seed=seeds.start)
        for declared in simulation.maps
    ]


def _train_maps(
    simulation: Simulation,
    planes: Iterable[Plane],
    device: str,
    backend: Backend,
    advance: Callable[[int], None],
    threads: int,
) -> tuple[PhaseMap, ...]:
    maps = []
    for map_plane in planes:
        replicas = map_plane.replicas

        def report_cells(
            cells: Sequence[int], _counts: Sequence[int], replicas: int = replicas
        ) -> None:
            advance(len(cells) * replicas * simulation.points)

        maps.append(
            train_phase_map(
                simulation,
                map_plane,
                on_cells=report_cells,
                device=device,
                backend=backend,
                threads=threads,
            )
        )
    return tuple(phase_map for phase_map in maps if phase_map is not None)


def _check_simulations(topic: Topic) -> None:
    for question in topic.questions:
        if question.claims and question.simulation not in topic.simulations:
            raise VerifyError(
                f"{question.path}:{question.claims[0].line}: the topic has no simulation "
                f"{question.simulation!r}"
            )


def _plan_simulation(
    topic: Topic, name: str, seeds: range, selection: range, all_arms: bool
) -> TrainingPlan:
    path = topic.simulations[name]
    with _simulation_errors(path):
        plan = TrainingPlan(load(path))
    for arm in plan.simulation.arms if all_arms else ():
        plan.add_setting(arm.knobs, seeds)
    for question in topic.questions:
        for claim in question.claims if question.simulation == name else ():
            plan.add_claim(question, claim, seeds, selection)
    return plan


def _trained_arms(plan: TrainingPlan, seeds: range) -> list[Arm]:
    return [arm for arm in plan.simulation.arms if plan.trains(arm.knobs, seeds)]


def _make_experiment(
    plan: TrainingPlan, seeds: range, findings: Iterable[Finding], maps: tuple[PhaseMap, ...]
) -> Experiment:
    """Every trained arm, and the settings of grids that a finding rests on or compares with."""
    simulation = plan.simulation
    ensembles = {
        arm.name: _make_ensemble(plan, arm.name, arm.knobs, seeds)
        for arm in _trained_arms(plan, seeds)
    }
    used_keys = {key for finding in findings for key in (finding.ensemble, finding.against)}
    for arm_name, setting in _claimed_settings(plan):
        key = ensemble_key(simulation, arm_name, setting)
        if key in used_keys and key not in ensembles:
            ensembles[key] = _make_ensemble(plan, arm_name, setting, seeds)
    return Experiment(
        description=simulation.describe(),
        x=tuple(float(x) for x in plan.x),
        ensembles=ensembles,
        maps=maps,
        backends=tuple(sorted(plan.backends)),
    )


def _claimed_settings(plan: TrainingPlan) -> Iterator[tuple[str, Mapping[str, float]]]:
    """Each setting of the claims, with the arm that it belongs to."""
    for planned in plan.claims:
        for pair in planned.pairs:
            yield planned.claim.arm, pair.setting
            if planned.claim.versus is not None and pair.against is not None:
                yield planned.claim.versus, pair.against


def _make_ensemble(
    plan: TrainingPlan, arm: str, setting: Mapping[str, float], seeds: range
) -> Ensemble:
    curves = plan.get_curves(setting, seeds)
    first_series = next(iter(plan.simulation.series))
    return Ensemble(
        arm=arm,
        knobs=dict(setting),
        n=len(seeds),
        series={name: _make_band(values) for name, values in curves.items()},
        sentence=describe_curves(plan.x, curves[first_series], label=plan.simulation.x.label),
    )


def _make_band(values: Floats) -> Band:
    return Band(
        median=_finite_values(replica_quantile(values, 0.5)),
        low=_finite_values(replica_quantile(values, 0.1)),
        high=_finite_values(replica_quantile(values, 0.9)),
        replicas=tuple(_finite_values(row) for row in values[:STORED_REPLICAS]),
    )


def _finite_values(row: Floats) -> CurveValues:
    return tuple(float(value) if np.isfinite(value) else None for value in row)
