"""The recorded curves that a lab bench draws. Pure, and without numpy."""

from __future__ import annotations

from typing import Any

from quizserver.evidence.record import Band, Ensemble, Evidence, Experiment


def find_recorded_arm(
    evidence: Evidence | None, simulation: str, arm: str
) -> tuple[Ensemble | None, tuple[float, ...]]:
    """What the evidence has of an arm, with its x; (None, ()) when there is nothing."""
    experiment = evidence.experiments.get(simulation) if evidence is not None else None
    if experiment is None:
        return None, ()
    return experiment.ensembles.get(arm), experiment.x


def recorded_arms_json(evidence: Evidence | None, simulation: str) -> dict[str, Any]:
    """x, and for each arm that is recorded as it stands its seeds, sentence and lines; for JSON."""
    experiment = evidence.experiments.get(simulation) if evidence is not None else None
    if experiment is None:
        return {"x": [], "arms": {}}
    names = [arm.name for arm in experiment.description.arms]
    arms = {name: _curve_lines(experiment, name) for name in names if name in experiment.ensembles}
    return {"x": experiment.x, "arms": arms}


def _curve_lines(experiment: Experiment, arm: str) -> dict[str, Any]:
    ensemble = experiment.ensembles[arm]
    band = first_band(ensemble)
    lines = {"median": band.median, "low": band.low, "high": band.high}
    return {"n": ensemble.n, "sentence": ensemble.sentence, **lines}


def first_band(ensemble: Ensemble) -> Band:
    """The series that is drawn and judged unless a claim names another: the first declared."""
    return next(iter(ensemble.series.values()))
