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
    question: Question, chosen: Collection[str], description: Description
) -> frozenset[str]:
    """The arms that the bench offers after an answer with these options; perhaps none.

    The arms of the chosen options' claims; and beside each, where they tell of no other option
    either, the one that it is compared with and the first, healthy one.
    """
    hidden = hidden_settings(question, chosen, description)
    knobs_by_arm = {arm.name: arm.knobs for arm in description.arms}

    def is_open(arm: str) -> bool:
        return arm in knobs_by_arm and _setting(knobs_by_arm[arm]) not in hidden

    healthy = description.arms[0].name
    return frozenset(
        arm
        for claim in question.claims
        if claim.option in chosen and is_open(claim.arm)
        for arm in (*_arms(claim), healthy)
        if is_open(arm)
    )


def hidden_settings(
    question: Question, chosen: Collection[str], description: Description
) -> frozenset[Setting]:
    """The settings that claims of options use which were not chosen."""
    return frozenset(
        setting
        for claim in question.claims
        if claim.option is not None and claim.option not in chosen
        for setting in _claim_settings(claim, description)
    )


def may_draw(evidence: Evidence, finding: Finding, hidden: Collection[Setting]) -> bool:
    """Whether the curves of a chosen option's finding may be shown."""
    ensembles = (evidence.ensemble_of(finding), evidence.other_ensemble_of(finding))
    return all(ensemble is None or _setting(ensemble.knobs) not in hidden for ensemble in ensembles)


def _arms(claim: Claim) -> Iterator[str]:
    yield claim.arm
    if claim.versus is not None:
        yield claim.versus


def _claim_settings(claim: Claim, description: Description) -> Iterator[Setting]:
    """The settings of a claim's arms, and those of its range."""
    names = [sweep.knob for sweep in claim.over]
    for arm in description.arms:
        if arm.name in _arms(claim):
            yield _setting(arm.knobs)
            for values in itertools.product(*(sweep.values for sweep in claim.over)):
                yield _setting({**arm.knobs, **dict(zip(names, values, strict=True))})


def _setting(knobs: Mapping[str, float]) -> Setting:
    return tuple(sorted((name, float(value)) for name, value in knobs.items()))
