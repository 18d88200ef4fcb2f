"""Trains the arms of a topic's simulations and the settings of its claims, and judges those."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from quizserver.lab.catalog import load
from quizserver.lab.claims import grid, judge
from quizserver.lab.course import quantile
from quizserver.lab.ensemble import Curves, Floats, OnPoints, simulate
from quizserver.lab.evidence import Band, Ensemble, Evidence, Experiment, Finding, Tried, Values
from quizserver.lab.fingerprint import ENGINE_VERSION
from quizserver.lab.shapes import SHAPES
from quizserver.lab.simulation import KnobError, Simulation, SimulationError
from quizserver.lab.words import describe
from quizserver.topics.model import Claim, Question, Topic

SHOWN = 8
"""Replicas whose own curves the evidence keeps."""

AT_ONCE = 2048
"""Replicas whose weights are held in memory at the same time."""

SELECTION_OFFSET = 1_000_000
"""Selection seeds are the claim's seeds plus this: as many, and never the same."""

Setting = tuple[tuple[str, float], ...]
Progress = Callable[[int, int], None]


class VerifyError(Exception):
    """A topic that cannot be verified: a claim about what is not there, a broken simulation."""


@dataclass(slots=True)
class _Plan:
    """Which settings of one simulation train on which seeds, and the curves that came out."""

    simulation: Simulation
    settings: dict[tuple[Setting, range], None] = field(default_factory=dict)
    curves: dict[tuple[Setting, range], dict[str, Floats]] = field(default_factory=dict)
    x: Floats = field(default_factory=lambda: np.zeros(0))

    def want(self, setting: Mapping[str, float], seeds: range) -> None:
        self.settings[_key(setting), seeds] = None

    def get(self, setting: Mapping[str, float], seeds: range) -> dict[str, Floats]:
        return self.curves[_key(setting), seeds]


def verify(
    topic: Topic, seeds: range, *, device: str = "cpu", progress: Progress | None = None
) -> Evidence:
    """Trains one replica a seed of every arm and every claimed setting, and judges each claim.

    ``seeds`` is a range with step 1. ``progress(done, total)`` counts replicas times points. Raises
    ``VerifyError`` when a claim cannot be judged or a simulation fails.
    """
    if len(seeds) == 0 or seeds.step != 1 or seeds.start < 0:
        raise VerifyError(f"seeds {seeds} are no range of at least one seed from 0 up")
    selection = range(seeds.start + SELECTION_OFFSET, seeds.stop + SELECTION_OFFSET)
    _check_simulations(topic)
    plans = {name: _plan(topic, name, seeds, selection) for name in topic.simulations}
    total = sum(len(seeds) * len(plan.settings) * plan.simulation.points for plan in plans.values())
    done = 0

    def advance(replicas: int) -> None:
        nonlocal done
        done += replicas
        if progress is not None:
            progress(done, total)

    for name, plan in plans.items():
        try:
            _train(plan, device, advance)
        except SimulationError as error:
            line = f":{error.line}" if error.line else ""
            raise VerifyError(f"{topic.simulations[name]}{line}: {error.message}") from error
    findings = tuple(
        _finding(plans[question.simulation], question, claim, seeds, selection)
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
            name: _experiment(plan, seeds, [f for f in findings if f.simulation == name])
            for name, plan in plans.items()
        },
        findings=findings,
    )


def _check_simulations(topic: Topic) -> None:
    for question in topic.questions:
        if question.claims and question.simulation not in topic.simulations:
            raise VerifyError(
                f"{question.path}:{question.claims[0].line}: the topic has no simulation "
                f"{question.simulation!r}"
            )


def _plan(topic: Topic, name: str, seeds: range, selection: range) -> _Plan:
    path = topic.simulations[name]
    try:
        plan = _Plan(load(path))
    except SimulationError as error:
        line = f":{error.line}" if error.line else ""
        raise VerifyError(f"{path}{line}: {error.message}") from error
    for arm in plan.simulation.arms:
        plan.want(arm.knobs, seeds)
    for question in topic.questions:
        for claim in question.claims if question.simulation == name else ():
            settings = _settings(plan.simulation, question, claim)
            for setting in settings:
                plan.want(setting, seeds)
                if len(settings) > 1:
                    plan.want(setting, selection)
    return plan


def _settings(simulation: Simulation, question: Question, claim: Claim) -> list[dict[str, float]]:
    """The settings of a claim's grid, checked; raises ``VerifyError`` with the claim's place."""
    where = f"{question.path}:{claim.line}"
    if claim.shape not in SHAPES:
        raise VerifyError(f"{where}: there is no shape {claim.shape!r}; see {', '.join(SHAPES)}")
    try:
        arm = simulation.arm(claim.arm)
        return [simulation.check_knobs(setting) for setting in grid(claim, arm.knobs)]
    except KeyError as error:
        raise VerifyError(f"{where}: {error.args[0]}") from None
    except KnobError as error:
        raise VerifyError(f"{where}: {error.message}") from None


def _train(plan: _Plan, device: str, advance: Callable[[int], None]) -> None:
    """All settings and seeds of a simulation as one ensemble, ``AT_ONCE`` replicas at a time."""
    replicas = [(key, seed) for key in plan.settings for seed in key[1]]
    for start in range(0, len(replicas), AT_ONCE):
        wave = replicas[start : start + AT_ONCE]
        curves = simulate(
            plan.simulation,
            [dict(key[0]) for key, _ in wave],
            [seed for _, seed in wave],
            on_points=_counted(len(wave), advance),
            device=device,
        )
        plan.x = curves.x
        _collect(plan, [key for key, _ in wave], curves)


def _counted(replicas: int, advance: Callable[[int], None]) -> OnPoints:
    return lambda _index, _x, _values: advance(replicas)


def _collect(plan: _Plan, keys: Sequence[tuple[Setting, range]], curves: Curves) -> None:
    for key in dict.fromkeys(keys):
        rows = [index for index, other in enumerate(keys) if other == key]
        for name, values in curves.series.items():
            so_far = plan.curves.setdefault(key, {}).get(name)
            part = values[rows]
            plan.curves[key][name] = part if so_far is None else np.concatenate([so_far, part])


def _finding(
    plan: _Plan, question: Question, claim: Claim, seeds: range, selection: range
) -> Finding:
    settings = _settings(plan.simulation, question, claim)
    shape = SHAPES[claim.shape]
    judged = next(iter(plan.simulation.series))  # claims speak of the first series declared

    def counts(on: range) -> list[int]:
        curves = (plan.get(setting, on)[judged] for setting in settings)
        return [int(shape.holds(plan.x, curve).sum()) for curve in curves]

    own = counts(seeds)
    chosen = counts(selection) if len(settings) > 1 else None
    arm = dict(plan.simulation.arm(claim.arm).knobs)
    home = settings.index(arm) if arm in settings else None
    found = judge(own, len(seeds), claim.at_least, claim.quantifier, chosen, home)
    turned = [sweep.knob for sweep in claim.over]
    return Finding(
        question=question.id,
        option=claim.option,
        simulation=str(question.simulation),
        arm=claim.arm,
        shape=claim.shape,
        quantifier=claim.quantifier,
        at_least=claim.at_least,
        over={sweep.knob: sweep.values for sweep in claim.over},
        expected=claim.expected,
        k=found.k,
        n=found.n,
        low=found.low,
        high=found.high,
        verdict=found.verdict,
        ensemble=_name(plan.simulation, claim.arm, settings[found.index]),
        tried=tuple(
            Tried({knob: setting[knob] for knob in turned}, k)
            for setting, k in zip(settings, own, strict=True)
        )
        if turned
        else (),
    )


def _experiment(plan: _Plan, seeds: range, findings: Iterable[Finding]) -> Experiment:
    simulation = plan.simulation
    ensembles = {arm.name: _ensemble(plan, arm.name, arm.knobs, seeds) for arm in simulation.arms}
    for finding in findings:
        if finding.ensemble not in ensembles:
            setting = _turned(simulation, finding)
            ensembles[finding.ensemble] = _ensemble(plan, finding.arm, setting, seeds)
    return Experiment(
        description=simulation.describe(),
        x=tuple(float(x) for x in plan.x),
        ensembles=ensembles,
    )


def _turned(simulation: Simulation, finding: Finding) -> dict[str, float]:
    """The setting of a grid that a finding rests on, found again by its name."""
    arm = dict(simulation.arm(finding.arm).knobs)
    settings = (simulation.check_knobs({**arm, **tried.knobs}) for tried in finding.tried)
    return next(s for s in settings if _name(simulation, finding.arm, s) == finding.ensemble)


def _name(simulation: Simulation, arm: str, setting: Mapping[str, float]) -> str:
    base = simulation.arm(arm).knobs
    turned = [f"{knob}={value:g}" for knob, value in setting.items() if value != base[knob]]
    return " ".join([arm, *turned])


def _ensemble(plan: _Plan, arm: str, setting: Mapping[str, float], seeds: range) -> Ensemble:
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


def _key(setting: Mapping[str, float]) -> Setting:
    return tuple(sorted(setting.items()))
