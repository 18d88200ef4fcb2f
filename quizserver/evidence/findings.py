"""The finding on one claim: its counts, its verdict and a sentence about them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from quizserver.evidence.claims import ClaimDecision, decide_claim, find_nudged_count
from quizserver.evidence.intervals import median_interval
from quizserver.evidence.plan import PlannedClaim, SettingPair, TrainingPlan
from quizserver.evidence.record import EndInterval, Finding, GridCount
from quizserver.lab.curve_text import describe_curves, describe_pairs, describe_threshold
from quizserver.lab.curves import Bools, Floats, RelativeCurves
from quizserver.lab.shapes.pair import PAIR_SHAPES
from quizserver.lab.shapes.single import SHAPES
from quizserver.lab.shapes.threshold import THRESHOLD_SHAPES
from quizserver.lab.simulation import Simulation
from quizserver.topics.model import Claim


def make_finding(
    plan: TrainingPlan, planned: PlannedClaim, seeds: range, selection: range
) -> Finding:
    """The verdict on a claim whose settings ``plan`` has trained, by ``claims.decide_claim``."""
    question, claim, pairs = planned.question, planned.claim, planned.pairs
    shown, nudged = (
        [_replicas_showing(plan, claim, pair, seeds, is_nudged).tolist() for pair in pairs]
        for is_nudged in (False, True)
    )
    counts = [sum(replicas) for replicas in shown]
    decision = _decide_verdict(plan, claim, pairs, counts, seeds, selection)
    deciding_pair = pairs[decision.index]
    grid_knobs = [sweep.knob for sweep in claim.over]
    grid_counts = [
        GridCount({knob: pair.setting[knob] for knob in grid_knobs}, k)
        for pair, k in zip(pairs, counts, strict=True)
    ]
    ends, sentence = _ends_and_sentence(plan, claim, deciding_pair, decision, seeds)
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
        k=decision.k,
        n=decision.n,
        low=decision.low,
        high=decision.high,
        verdict=decision.verdict,
        ensemble=ensemble_key(plan.simulation, claim.arm, deciding_pair.setting),
        tried=tuple(grid_counts) if grid_knobs else (),
        versus=claim.versus,
        series=claim.series,
        against=ensemble_key(plan.simulation, claim.versus, deciding_pair.against)
        if claim.versus is not None and deciding_pair.against is not None
        else None,
        ends=ends,
        sentence=sentence,
        value=claim.value,
        nudged=find_nudged_count(decision, claim.quantifier, shown, nudged),
    )


def ensemble_key(simulation: Simulation, arm: str, setting: Mapping[str, float]) -> str:
    """The key of a setting in the evidence: the arm's name, and each knob that differs from it."""
    return " ".join(
        [arm, *(f"{knob}={value:g}" for knob, value in _turned_knobs(simulation, arm, setting))]
    )


def _turned_knobs(
    simulation: Simulation, arm: str, setting: Mapping[str, float]
) -> list[tuple[str, float]]:
    arm_knobs = simulation.arm(arm).knobs
    return [(knob, value) for knob, value in setting.items() if value != arm_knobs[knob]]


def _decide_verdict(
    plan: TrainingPlan,
    claim: Claim,
    pairs: list[SettingPair],
    counts: list[int],
    seeds: range,
    selection: range,
) -> ClaimDecision:
    selection_counts = (
        [int(_replicas_showing(plan, claim, pair, selection).sum()) for pair in pairs]
        if len(pairs) > 1
        else None
    )
    settings = [pair.setting for pair in pairs]
    arm = dict(plan.simulation.arm(claim.arm).knobs)
    home = settings.index(arm) if arm in settings else None
    return decide_claim(
        counts, len(seeds), claim.at_least, claim.quantifier, selection_counts, home
    )


def _replicas_showing(
    plan: TrainingPlan, claim: Claim, pair: SettingPair, seeds: range, nudged: bool = False
) -> Bools:
    """Which replicas, or pairs of them, show the shape: (R,)."""
    curves = plan.claimed_series(claim, pair.setting, seeds, nudged)
    if claim.value is not None:
        return THRESHOLD_SHAPES[claim.shape].shown_by(plan.x, curves, claim.value)
    if pair.against is None:
        return SHAPES[claim.shape].shown_by(plan.x, curves)
    other = plan.claimed_series(claim, pair.against, seeds, nudged)
    return PAIR_SHAPES[claim.shape].shown_by(plan.x, curves, other)


def _ends_and_sentence(
    plan: TrainingPlan, claim: Claim, pair: SettingPair, decision: ClaimDecision, seeds: range
) -> tuple[tuple[EndInterval, ...], str]:
    """Where the arms of a claim that compares end, and what its ensemble's sentence omits."""
    curves = plan.claimed_series(claim, pair.setting, seeds)
    label = _setting_label(plan.simulation, claim.arm, pair.setting)
    if pair.against is not None and claim.versus is not None:
        other = plan.claimed_series(claim, pair.against, seeds)
        medians = [
            median_interval(RelativeCurves(plan.x, values).absolute_end)
            for values in (curves, other)
        ]
        labels = (label, _setting_label(plan.simulation, claim.versus, pair.against))
        verb = PAIR_SHAPES[claim.shape].verb
        sentence = describe_pairs(decision.k, decision.n, verb, labels, medians)
        return tuple(EndInterval(*map(_finite_or_none, values)) for values in medians), sentence
    sentences = [_series_sentence(plan, claim.series, curves)] if claim.series is not None else []
    if claim.value is None:
        return (), " ".join(sentences)
    end = median_interval(RelativeCurves(plan.x, curves).absolute_end)
    verb = THRESHOLD_SHAPES[claim.shape].verb
    sentences.append(describe_threshold(decision.k, decision.n, verb, claim.value, label, end))
    return (EndInterval(*map(_finite_or_none, end)),), " ".join(sentences)


def _series_sentence(plan: TrainingPlan, series: str, curves: Floats) -> str:
    """Describes a series other than the first, which the ensemble's sentence is about."""
    name = plan.simulation.series[series].label
    sentence = describe_curves(plan.x, curves, label=plan.simulation.x.label)
    return f"{name[:1].upper()}{name[1:]}: {sentence}"


def _setting_label(simulation: Simulation, arm: str, setting: Mapping[str, float]) -> str:
    """The arm's label, and each knob that the setting turns away from it."""
    labels = {knob.name: knob.label for knob in simulation.knobs}
    turned = [f"{labels[knob]} {v:g}" for knob, v in _turned_knobs(simulation, arm, setting)]
    label = simulation.arm(arm).label
    return f"“{label}” at {', '.join(turned)}" if turned else f"“{label}”"


def _finite_or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None
