"""What came out of one claim: its counts, its verdict, and the words for them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from quizserver.lab.bootstrap import median_interval
from quizserver.lab.claims import Judgement, judge
from quizserver.lab.course import Bools, Course, Floats
from quizserver.lab.evidence import End, Finding, Tried
from quizserver.lab.levels import LEVEL_SHAPES
from quizserver.lab.pairs import PAIR_SHAPES
from quizserver.lab.plan import Compared, Plan, compared
from quizserver.lab.shapes import SHAPES
from quizserver.lab.simulation import Simulation
from quizserver.lab.words import describe, describe_level, describe_pairs
from quizserver.topics.model import Claim, Question


def find(plan: Plan, question: Question, claim: Claim, seeds: range, selection: range) -> Finding:
    """The verdict on a claim whose settings ``plan`` has trained; see ``claims`` for the rule."""
    asked = compared(plan.simulation, question, claim)
    counts = [_count(plan, claim, one, seeds) for one in asked]
    found = _judged(plan, claim, asked, counts, seeds, selection)
    decided = asked[found.index]
    turned = [sweep.knob for sweep in claim.over]
    tried = [
        Tried({knob: one.setting[knob] for knob in turned}, k)
        for one, k in zip(asked, counts, strict=True)
    ]
    ends, sentence = _outcome(plan, claim, decided, found, seeds)
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
        ensemble=ensemble_key(plan.simulation, claim.arm, decided.setting),
        tried=tuple(tried) if turned else (),
        versus=claim.versus,
        series=claim.series,
        against=ensemble_key(plan.simulation, claim.versus, decided.against)
        if claim.versus is not None and decided.against is not None
        else None,
        ends=ends,
        sentence=sentence,
        value=claim.value,
    )


def ensemble_key(simulation: Simulation, arm: str, setting: Mapping[str, float]) -> str:
    """The name of a setting in the evidence: the arm's, with the values that are turned."""
    return " ".join(
        [arm, *(f"{knob}={value:g}" for knob, value in _turned(simulation, arm, setting))]
    )


def _turned(
    simulation: Simulation, arm: str, setting: Mapping[str, float]
) -> list[tuple[str, float]]:
    own = simulation.arm(arm).knobs
    return [(knob, value) for knob, value in setting.items() if value != own[knob]]


def _judged(
    plan: Plan,
    claim: Claim,
    asked: list[Compared],
    counts: list[int],
    seeds: range,
    selection: range,
) -> Judgement:
    chosen = [_count(plan, claim, one, selection) for one in asked] if len(asked) > 1 else None
    settings = [one.setting for one in asked]
    arm = dict(plan.simulation.arm(claim.arm).knobs)
    home = settings.index(arm) if arm in settings else None
    return judge(counts, len(seeds), claim.at_least, claim.quantifier, chosen, home)


def _count(plan: Plan, claim: Claim, one: Compared, seeds: range) -> int:
    return int(_shown(plan, claim, one, seeds).sum())


def _shown(plan: Plan, claim: Claim, one: Compared, seeds: range) -> Bools:
    """Which replicas, or pairs of them, show the shape: (R,)."""
    curves = _series(plan, claim, one.setting, seeds)
    if claim.value is not None:
        return LEVEL_SHAPES[claim.shape].holds(plan.x, curves, claim.value)
    if one.against is None:
        return SHAPES[claim.shape].holds(plan.x, curves)
    other = _series(plan, claim, one.against, seeds)
    return PAIR_SHAPES[claim.shape].holds(plan.x, curves, other)


def _series(plan: Plan, claim: Claim, setting: Mapping[str, float], seeds: range) -> Floats:
    curves = plan.get(setting, seeds)
    return curves[claim.series or next(iter(plan.simulation.series))]


def _outcome(
    plan: Plan, claim: Claim, one: Compared, found: Judgement, seeds: range
) -> tuple[tuple[End, ...], str]:
    """Where the arms of a claim that compares end, and what the ensemble's sentence leaves out."""
    curves = _series(plan, claim, one.setting, seeds)
    label = _label(plan.simulation, claim.arm, one.setting)
    if one.against is not None and claim.versus is not None:
        other = _series(plan, claim, one.against, seeds)
        medians = [median_interval(Course(plan.x, values).final) for values in (curves, other)]
        labels = (label, _label(plan.simulation, claim.versus, one.against))
        verb = PAIR_SHAPES[claim.shape].verb
        sentence = describe_pairs(found.k, found.n, verb, labels, medians)
        return tuple(End(*map(_finite, values)) for values in medians), sentence
    words = [_in_words(plan, claim.series, curves)] if claim.series is not None else []
    if claim.value is None:
        return (), " ".join(words)
    end = median_interval(Course(plan.x, curves).final)
    verb = LEVEL_SHAPES[claim.shape].verb
    words.append(describe_level(found.k, found.n, verb, claim.value, label, end))
    return (End(*map(_finite, end)),), " ".join(words)


def _in_words(plan: Plan, series: str, curves: Floats) -> str:
    """What the curves of a series other than the first do, which no ensemble's sentence says."""
    name = plan.simulation.series[series].label
    words = describe(plan.x, curves, label=plan.simulation.x.label)
    return f"{name[:1].upper()}{name[1:]}: {words}"


def _label(simulation: Simulation, arm: str, setting: Mapping[str, float]) -> str:
    """The arm's label, with the knobs that a grid turned away from it."""
    labels = {knob.name: knob.label for knob in simulation.knobs}
    turned = [f"{labels[knob]} {v:g}" for knob, v in _turned(simulation, arm, setting)]
    label = simulation.arm(arm).label
    return f"“{label}” at {', '.join(turned)}" if turned else f"“{label}”"


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
