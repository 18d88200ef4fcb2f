"""Trains the arms of a topic's simulations and the settings of its claims, and judges those."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import torch

from quizserver.lab.catalog import load
from quizserver.lab.company import check_company
from quizserver.lab.course import Floats, quantile
from quizserver.lab.evidence import Band, Ensemble, Evidence, Experiment, Finding, Values
from quizserver.lab.findings import ensemble_key, find
from quizserver.lab.fingerprint import ENGINE_VERSION
from quizserver.lab.model import SimulationError
from quizserver.lab.phases import REPLICAS, PhaseMap, Plane, plane
from quizserver.lab.plan import Plan, VerifyError, compared
from quizserver.lab.simulation import Simulation
from quizserver.lab.sweep import sweep
from quizserver.lab.words import describe
from quizserver.topics.model import Topic

__all__ = ["Progress", "VerifyError", "verify"]

SHOWN = 8
"""Replicas whose own curves the evidence keeps."""

SELECTION_OFFSET = 1_000_000
"""Selection seeds are the claim's seeds plus this: as many, and never the same."""

Progress = Callable[[int, int], None]


def verify(
    topic: Topic,
    seeds: range,
    *,
    device: str = "cpu",
    progress: Progress | None = None,
    maps: bool = True,
) -> Evidence:
    """Trains one replica a seed of every arm and every claimed setting, and judges each claim.

    Then the maps that the simulations declare, on the first ``REPLICAS`` of the seeds; no verdict
    rests on them, and ``maps=False`` leaves them out. ``seeds`` is a range with step 1.
    ``progress(done, total)`` counts replicas times points. Raises ``VerifyError`` when a claim
    cannot be judged or a simulation fails.
    """
    if len(seeds) == 0 or seeds.step != 1 or seeds.start < 0:
        raise VerifyError(f"seeds {seeds} are no range of at least one seed from 0 up")
    selection = range(seeds.start + SELECTION_OFFSET, seeds.stop + SELECTION_OFFSET)
    _check_simulations(topic)
    plans = {name: _plan(topic, name, seeds, selection) for name in topic.simulations}
    planes = {name: _planes(plan.simulation, seeds) if maps else [] for name, plan in plans.items()}
    total = sum(
        plan.simulation.points
        * (plan.replicas + sum(each.cells * each.replicas for each in planes[name]))
        for name, plan in plans.items()
    )
    done = 0

    def advance(replicas: int) -> None:
        nonlocal done
        done += replicas
        if progress is not None:
            progress(done, total)

    counted: dict[str, tuple[PhaseMap, ...]] = {}
    for name, plan in plans.items():
        try:
            plan.train(device, advance)
            for arm in plan.simulation.arms:
                first = {key: rows[0] for key, rows in plan.get(arm.knobs, seeds).items()}
                check_company(plan.simulation, arm.knobs, seeds[0], first, device=device)
            counted[name] = _maps(plan.simulation, planes[name], device, advance)
        except SimulationError as error:
            line = f":{error.line}" if error.line else ""
            raise VerifyError(f"{topic.simulations[name]}{line}: {error.message}") from error
    findings = tuple(
        find(plans[question.simulation], question, claim, seeds, selection)
        for question in topic.questions
        for claim in question.claims
        if question.simulation is not None
    )
    return Evidence(
        format=1,
        topic=topic.id,
        first=seeds[0],
        last=seeds[-1],
        made_with={
            "engine": ENGINE_VERSION,
            "torch": str(torch.__version__),
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        experiments={
            name: _experiment(topic, name, plan, seeds, findings, counted[name])
            for name, plan in plans.items()
        },
        findings=findings,
    )


def _planes(simulation: Simulation, seeds: range) -> list[Plane]:
    """What the declared maps ask, on the first of the seeds."""
    replicas = min(REPLICAS, len(seeds))
    return [
        plane(simulation.describe(), each, replicas=replicas, first_seed=seeds.start)
        for each in simulation.maps
    ]


def _maps(
    simulation: Simulation, planes: Iterable[Plane], device: str, advance: Callable[[int], None]
) -> tuple[PhaseMap, ...]:
    found = []
    for asked in planes:
        replicas = asked.replicas

        def count(cells: Sequence[int], _counts: Sequence[int], replicas: int = replicas) -> None:
            advance(len(cells) * replicas * simulation.points)

        found.append(sweep(simulation, asked, on_cells=count, device=device))
    return tuple(each for each in found if each is not None)


def _check_simulations(topic: Topic) -> None:
    for question in topic.questions:
        if question.claims and question.simulation not in topic.simulations:
            raise VerifyError(
                f"{question.path}:{question.claims[0].line}: the topic has no simulation "
                f"{question.simulation!r}"
            )


def _plan(topic: Topic, name: str, seeds: range, selection: range) -> Plan:
    path = topic.simulations[name]
    try:
        plan = Plan(load(path))
    except SimulationError as error:
        line = f":{error.line}" if error.line else ""
        raise VerifyError(f"{path}{line}: {error.message}") from error
    for arm in plan.simulation.arms:
        plan.want(arm.knobs, seeds)
    for question in topic.questions:
        for claim in question.claims if question.simulation == name else ():
            plan.want_claim(question, claim, seeds, selection)
    return plan


def _experiment(
    topic: Topic,
    name: str,
    plan: Plan,
    seeds: range,
    findings: Iterable[Finding],
    maps: tuple[PhaseMap, ...],
) -> Experiment:
    """Every arm, and the settings of grids that the findings rest on."""
    simulation = plan.simulation
    ensembles = {arm.name: _ensemble(plan, arm.name, arm.knobs, seeds) for arm in simulation.arms}
    used = {key for f in findings if f.simulation == name for key in (f.ensemble, f.against)}
    for question in topic.questions:
        for claim in question.claims if question.simulation == name else ():
            for one in compared(simulation, question, claim):
                for arm, setting in ((claim.arm, one.setting), (claim.versus, one.against)):
                    if arm is None or setting is None:
                        continue
                    key = ensemble_key(simulation, arm, setting)
                    if key in used and key not in ensembles:
                        ensembles[key] = _ensemble(plan, arm, setting, seeds)
    return Experiment(
        description=simulation.describe(),
        x=tuple(float(x) for x in plan.x),
        ensembles=ensembles,
        maps=maps,
    )


def _ensemble(plan: Plan, arm: str, setting: Mapping[str, float], seeds: range) -> Ensemble:
    curves = plan.get(setting, seeds)
    first = next(iter(plan.simulation.series))
    return Ensemble(
        arm=arm,
        knobs=dict(setting),
        n=len(seeds),
        series={name: _band(values) for name, values in curves.items()},
        sentence=describe(plan.x, curves[first], label=plan.simulation.x.label),
    )


def _band(values: Floats) -> Band:
    return Band(
        median=_values(quantile(values, 0.5)),
        low=_values(quantile(values, 0.1)),
        high=_values(quantile(values, 0.9)),
        replicas=tuple(_values(row) for row in values[:SHOWN]),
    )


def _values(row: Floats) -> Values:
    return tuple(float(value) if np.isfinite(value) else None for value in row)
