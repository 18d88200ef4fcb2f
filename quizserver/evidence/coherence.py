"""Whether the parts of a topic's evidence fit each other. Pure.

Each part may be well formed by itself and yet be of another recording, as after a merge of two
versions of the file line by line. What doesn't fit can't be drawn: pages would fail at it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from numbers import Real
from typing import TYPE_CHECKING

from quizserver.lab.model import Description
from quizserver.lab.shapes.registry import find_misfit
from quizserver.lab.shapes.single import SHAPES

if TYPE_CHECKING:  # it imports this module
    from quizserver.evidence.record import Ensemble, Evidence, Experiment, Finding


def find_incoherence(evidence: Evidence) -> str | None:
    """The first part of the evidence that doesn't fit the others: where, and why. Else None."""
    return next(_incoherences(evidence), None)


def _incoherences(evidence: Evidence) -> Iterator[str]:
    for name, experiment in evidence.experiments.items():
        for fault in _experiment_faults(experiment):
            yield f"{name}: {fault}"
    for number, finding in enumerate(evidence.findings, 1):
        for fault in _finding_faults(evidence, finding):
            yield f"finding {number}: {fault}"


def _experiment_faults(experiment: Experiment) -> Iterator[str]:
    description = experiment.description
    yield from _description_faults(description)
    if not experiment.x:
        yield "x has no values"
    if description.x.scale == "log" and any(value <= 0 for value in experiment.x):
        yield "x has a log scale and a value that is not above 0"
    for key, ensemble in experiment.ensembles.items():
        for fault in _ensemble_faults(experiment, ensemble):
            yield f"the ensemble {key!r} {fault}"
    for phase_map in experiment.maps:
        plane = phase_map.plane
        if not {plane.x, plane.y} <= plane.setting.keys():
            yield f"a map is of the knobs {plane.x!r} and {plane.y!r}, which its setting lacks"
        if plane.shape not in SHAPES:
            yield f"a map counts the shape {plane.shape!r}, which there is not"
        if plane.series is not None and plane.series not in description.series:
            yield f"a map is of the series {plane.series!r}, which there is not"


def _description_faults(description: Description) -> Iterator[str]:
    if not description.arms:
        yield "there are no arms"
    if not description.series:
        yield "there are no series"
    for axis in (description.x, *description.series.values()):
        if axis.scale not in ("linear", "log"):
            yield f"an axis has the scale {axis.scale!r}, not linear or log"
    for arm in description.arms:
        if not _is_setting(description, arm.knobs):
            yield f"the arm {arm.name!r} has other knobs than the simulation"


def _ensemble_faults(experiment: Experiment, ensemble: Ensemble) -> Iterator[str]:
    description = experiment.description
    if ensemble.arm not in {arm.name for arm in description.arms}:
        yield f"is of the arm {ensemble.arm!r}, which there is not"
    if not _is_setting(description, ensemble.knobs):
        yield "has other knobs than the simulation"
    if ensemble.n < 1:
        yield "has no replicas"
    if list(ensemble.series) != list(description.series):
        yield "has other series than the simulation"
    for band in ensemble.series.values():
        curves = (band.median, band.low, band.high, *band.replicas)
        if any(len(curve) != len(experiment.x) for curve in curves):
            yield f"has a curve that has not {len(experiment.x)} points, as x has"


def _finding_faults(evidence: Evidence, finding: Finding) -> Iterator[str]:
    experiment = evidence.experiments.get(finding.simulation)
    if experiment is None:
        yield f"there is no simulation {finding.simulation!r}"
        return
    for key in (finding.ensemble, finding.against):
        if key is not None and key not in experiment.ensembles:
            yield f"there is no ensemble {key!r}"
    description = experiment.description
    misfit = find_misfit(finding.shape, finding.arm, finding.versus, finding.value)
    if misfit is not None:
        yield misfit.message
    arms = {arm.name for arm in description.arms}
    for arm in (finding.arm, finding.versus):
        if arm is not None and arm not in arms:
            yield f"there is no arm {arm!r}"
    if finding.series is not None and finding.series not in description.series:
        yield f"there is no series {finding.series!r}"
    if not (0 <= finding.k <= finding.n and finding.n > 0):
        yield f"{finding.k} of {finding.n} is no count"
    if not 0 <= finding.low <= finding.high <= 1:
        yield f"{finding.low:g} to {finding.high:g} is no interval of shares"
    knobs = {knob.name for knob in description.knobs}
    for swept in (finding.over, *(setting.knobs for setting in finding.tried)):
        if not swept.keys() <= knobs:
            yield "it is over a knob that the simulation has not"
    if any(not finding.over.keys() <= setting.knobs.keys() for setting in finding.tried):
        yield "what was tried lacks a knob that it is over"
    if any(not 0 <= setting.k <= finding.n for setting in finding.tried):
        yield f"a count of its range is not between 0 and {finding.n}"


def _is_setting(description: Description, knobs: Mapping[str, float]) -> bool:
    """Whether ``knobs`` has a number for every knob of the simulation, and for no other."""
    return (
        isinstance(knobs, Mapping)
        and knobs.keys() == {knob.name for knob in description.knobs}
        and all(isinstance(value, Real) for value in knobs.values())
    )
