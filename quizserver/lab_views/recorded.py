"""The recorded curves that a lab bench draws. Pure, and without numpy."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from quizserver.evidence.record import Band, Ensemble, Evidence, Experiment


def find_recorded_arm(
    evidence: Evidence | None, simulation: str, arm: str
) -> tuple[Ensemble | None, tuple[float, ...]]:
    """The recorded ensemble of an arm, and its x; (None, ()) without one."""
    experiment = evidence.experiments.get(simulation) if evidence is not None else None
    if experiment is None:
        return None, ()
    return experiment.ensembles.get(arm), experiment.x


def recorded_arms_json(
    evidence: Evidence | None, simulation: str, visible_arms: Collection[str] | None = None
) -> dict[str, Any]:
    """x, and for each recorded arm its number of seeds, sentence and lines; ready for JSON.

    Of ``visible_arms`` alone (None: of all).
    """
    experiment = evidence.experiments.get(simulation) if evidence is not None else None
    if experiment is None:
        return {"x": [], "arms": {}}
    names = [
        arm.name
        for arm in experiment.description.arms
        if visible_arms is None or arm.name in visible_arms
    ]
    arms = {name: _curve_lines(experiment, name) for name in names if name in experiment.ensembles}
    return {"x": experiment.x, "arms": arms}


def recorded_replicas_json(evidence: Evidence | None, simulation: str, arm: str) -> dict[str, Any]:
    """The replicas of a recorded arm, each over the x of ``recorded_arms_json``; none where it is
    not recorded."""
    ensemble, _x = find_recorded_arm(evidence, simulation, arm)
    return {"replicas": first_band(ensemble).replicas if ensemble is not None else []}


def _curve_lines(experiment: Experiment, arm: str) -> dict[str, Any]:
    ensemble = experiment.ensembles[arm]
    band = first_band(ensemble)
    lines = {"median": band.median, "low": band.low, "high": band.high}
    return {"n": ensemble.n, "sentence": ensemble.sentence, **lines}


def first_band(ensemble: Ensemble) -> Band:
    """The band of the first declared series, which claims are about unless they name another."""
    return next(iter(ensemble.series.values()))
