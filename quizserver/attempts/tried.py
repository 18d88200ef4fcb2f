"""What a tried question opens of its experiments: what gives no option away that was not chosen.

Pure. A setting that an option's claim rests on tells what that claim is worth. So the arm of a
chosen option is offered only where no claim of an unchosen one uses the same setting.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping

from quizserver.evidence.record import Evidence, Finding
from quizserver.lab.model import Description
from quizserver.topics.model import Claim, Question

Setting = tuple[tuple[str, float], ...]
"""The value of every knob, by name."""


def offered_arms(
    question: Question, chosen: Collection[str], description: Description, evidence: Evidence | None
) -> frozenset[str]:
    """The arms that the bench offers after an answer with these options; perhaps none.

    The arms of the chosen options' claims; and beside each, where they tell of no other option
    either, the one that it is compared with and the first, healthy one. The recorded curve of an
    arm must tell of none, too: it may be of another setting than the arm has by now.
    """
    hidden = hidden_settings(question, chosen, description, evidence)
    settings = {arm.name: {_setting(arm.knobs)} for arm in description.arms}
    experiment = evidence.experiments.get(question.simulation or "") if evidence else None
    for name, ensemble in experiment.ensembles.items() if experiment is not None else ():
        settings.get(name, set()).add(_setting(ensemble.knobs))

    def is_open(arm: str) -> bool:
        return arm in settings and not settings[arm] & hidden

    healthy = description.arms[0].name
    return frozenset(
        arm
        for claim in question.claims
        if claim.option in chosen and is_open(claim.arm)
        for arm in (*_arms(claim), healthy)
        if is_open(arm)
    )


def hidden_settings(
    question: Question, chosen: Collection[str], description: Description, evidence: Evidence | None
) -> frozenset[Setting]:
    """The settings that claims of options use which were not chosen: as ``description`` has them,
    and as they were when the evidence was recorded."""
    claims: list[Claim | Finding] = [*question.claims]
    if evidence is not None:
        claims += [finding for finding in evidence.findings if finding.question == question.id]
    return frozenset(
        setting
        for claim in claims
        if claim.option is not None and claim.option not in chosen
        for setting in _claim_settings(claim, _description_of(claim, description, evidence))
    )


def may_draw(evidence: Evidence, finding: Finding, hidden: Collection[Setting]) -> bool:
    """Whether the curves of a chosen option's finding may be shown, and its counts by setting."""
    ensembles = [evidence.ensemble_of(finding), evidence.other_ensemble_of(finding)]
    return not any(
        _setting({**ensemble.knobs, **changed}) in hidden
        for ensemble in ensembles
        if ensemble is not None
        for changed in ({}, *(setting.knobs for setting in finding.tried))
    )


def _description_of(
    claim: Claim | Finding, description: Description, evidence: Evidence | None
) -> Description:
    if isinstance(claim, Finding) and evidence is not None:
        return evidence.experiments[claim.simulation].description
    return description


def _arms(claim: Claim | Finding) -> Iterator[str]:
    yield claim.arm
    if claim.versus is not None:
        yield claim.versus


def _claim_settings(claim: Claim | Finding, description: Description) -> Iterator[Setting]:
    """The settings of a claim's arms, and those of its range."""
    over = (
        dict(claim.over)
        if isinstance(claim, Finding)
        else {sweep.knob: sweep.values for sweep in claim.over}
    )
    for arm in description.arms:
        if arm.name in _arms(claim):
            yield _setting(arm.knobs)
            for values in itertools.product(*over.values()):
                yield _setting({**arm.knobs, **dict(zip(over, values, strict=True))})


def _setting(knobs: Mapping[str, float]) -> Setting:
    return tuple(sorted((name, float(value)) for name, value in knobs.items()))
