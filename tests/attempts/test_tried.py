"""What a tried question opens: nothing that tells of an option that was not chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from quizserver.attempts.tried import hidden_settings, may_draw, offered_arms
from quizserver.evidence.record import Ensemble, Evidence, Experiment, GridCount
from quizserver.lab.model import Arm, Axis, Description, Knob
from quizserver.topics.model import Claim, KnobValues, Question
from tests.evidence.examples import (
    example_claim,
    example_ensemble,
    example_evidence,
    example_finding,
    example_question,
)

NOW = {"healthy": 0.1, "own": 1.0, "other": 2.0}


def described(rates: Mapping[str, float]) -> Description:
    return Description(
        title="Test",
        summary="",
        knobs=(Knob("rate", "Rate", 0, 10, default=0.1),),
        arms=tuple(Arm(name, name, {"rate": rate}) for name, rate in rates.items()),
        x=Axis("epoch"),
        series={"loss": Axis("loss")},
        points=3,
        fingerprint="",
    )


def recorded(rates: Mapping[str, float], *, tried: tuple[float, ...] = ()) -> Evidence:
    """Evidence of the claims of ``asked``, recorded at these rates."""
    ensembles: dict[str, Ensemble] = {
        name: replace(example_ensemble(), arm=name, knobs={"rate": rate})
        for name, rate in rates.items()
    }
    findings = tuple(
        example_finding(
            "one", option, arm=arm, ensemble=arm,
            over={"rate": tried} if tried and option == "a" else {},
            tried=tuple(GridCount({"rate": rate}, 1) for rate in tried) if option == "a" else (),
        )
        for option, arm in (("a", "own"), ("b", "other"))
    )  # fmt: skip
    experiment = Experiment(described(rates), (0.0, 1.0, 2.0), ensembles)
    return example_evidence(experiments={"simulation": experiment}, findings=findings)


def asked(*, tried: tuple[float, ...] = ()) -> Question:
    over = (KnobValues("rate", tried),) if tried else ()
    claims: tuple[Claim, ...] = (
        example_claim("a", arm="own", over=over),
        example_claim("b", arm="other", over=()),
    )
    return example_question("one", claims)


@pytest.mark.parametrize(
    ("before", "arms"),
    [
        (NOW, {"healthy", "own"}),
        (NOW | {"own": 1.5}, {"healthy", "own"}),  # another setting, which tells of "a" alone
        (NOW | {"own": 0.5, "other": 0.5}, set()),  # one setting when its curve was recorded
        (NOW | {"other": 1.0}, set()),  # what the arm of "b" was, that of "a" is by now
        (NOW | {"healthy": 2.0}, {"own"}),
    ],
)
def test_the_settings_of_the_recording_tell_of_other_options_as_those_of_today_do(
    before: dict[str, float], arms: set[str]
):
    evidence, question = recorded(before), asked()
    assert offered_arms(question, ("a",), described(NOW), evidence) == arms
    hidden = hidden_settings(question, ("a",), described(NOW), evidence)
    drawn = may_draw(evidence, evidence.findings[0], hidden)
    assert drawn == (before["own"] not in (before["other"], NOW["other"]))


@pytest.mark.parametrize(("tried", "drawn"), [((0.5, 3.0), True), ((0.5, 2.0), False)])
def test_counts_over_a_range_that_has_the_setting_of_another_option_are_kept_back(
    tried: tuple[float, ...], drawn: bool
):
    evidence, question = recorded(NOW, tried=tried), asked(tried=tried)
    hidden = hidden_settings(question, ("a",), described(NOW), evidence)
    assert may_draw(evidence, evidence.findings[0], hidden) is drawn


def test_without_evidence_the_settings_of_today_decide():
    assert offered_arms(asked(), ("a",), described(NOW), None) == {"healthy", "own"}
    alike = described(NOW | {"other": 1.0})
    assert offered_arms(asked(), ("a",), alike, None) == set()
