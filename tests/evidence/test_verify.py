"""The claims of a topic are decided by training the settings that they are about."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from quizserver.evidence.record import read_evidence, write_evidence
from quizserver.evidence.report import report_json, report_table
from quizserver.evidence.verify import VerifyError, verify_topic
from quizserver.lab.catalog import load
from quizserver.lab.ensemble import simulate
from quizserver.topics.model import Claim

from .examples import FALLING, claim_about, write_topic


def test_each_claim_is_counted_over_the_given_seeds(tmp_path: Path) -> None:
    claims = [claim_about("healthy", "steady-decrease"), claim_about("still", "steady-decrease"),
              claim_about("still", "flat"), claim_about("unlucky", "flat")]  # fmt: skip
    evidence = verify_topic(write_topic(tmp_path, claims), range(5, 69))
    assert [(f.arm, f.shape, f.n, f.verdict) for f in evidence.findings] == [
        ("healthy", "steady-decrease", 64, "supported"),
        ("still", "steady-decrease", 64, "refuted"),
        ("still", "flat", 64, "supported"),
        ("unlucky", "flat", 64, "mixed"),
    ]
    counts = [f.k for f in evidence.findings]
    assert counts[:3] == [64, 0, 64]
    flat = (
        np.ptp(
            simulate(load(tmp_path / "simulation.py"), {"luck": 0.5}, range(5, 69)).series["loss"],
            axis=1,
        )
        == 0
    )
    assert counts[3] == flat.sum()
    assert (evidence.first, evidence.last) == (5, 68)
    assert evidence.stale_reason(write_topic(tmp_path, claims)) is None


def test_evidence_holds_every_arm_with_its_curves_and_a_sentence(tmp_path: Path) -> None:
    evidence = verify_topic(
        write_topic(tmp_path, [claim_about("healthy", "steady-decrease")]), range(20)
    )
    experiment = evidence.experiments["simulation"]
    assert list(experiment.ensembles) == ["healthy", "still", "unlucky", "overflow"]
    assert experiment.x == tuple(range(11))
    band = experiment.ensembles["healthy"].series["loss"]
    assert band.median == pytest.approx([math.exp(-0.5 * step) for step in range(11)], rel=1e-6)
    assert band.low == band.median == band.high
    assert len(band.replicas) == 8
    assert experiment.ensembles["healthy"].series["twice"].median[0] == 2
    unlucky = experiment.ensembles["unlucky"].series["loss"]
    assert unlucky.low[-1] < 0.01 < unlucky.high[-1] == 1  # type: ignore[operator]
    assert experiment.ensembles["still"].sentence.startswith("The median stays within 1 %")
    assert evidence.made_with.keys() == {"engine", "torch", "numpy", "python", "processor"}
    assert experiment.backends == ("torch",), "it makes no training step"


def test_overflow_is_stored_as_null(tmp_path: Path) -> None:
    evidence = verify_topic(write_topic(tmp_path, [claim_about("overflow", "diverges")]), range(40))
    assert evidence.findings[0].verdict == "supported"
    write_evidence(evidence, tmp_path)
    again = read_evidence(tmp_path)
    assert again is not None
    band = again.experiments["simulation"].ensembles["overflow"].series["loss"]
    assert band.median[5] is not None
    assert band.median[6:] == (None,) * 5
    assert "overflow" in again.experiments["simulation"].ensembles["overflow"].sentence


def test_a_claim_over_a_grid_tells_every_setting_and_rests_on_one(tmp_path: Path) -> None:
    claims = [claim_about("still", "steady-decrease", over={"rate": (0.0, 0.01, 0.5, 1.0)})]
    evidence = verify_topic(write_topic(tmp_path, claims), range(64))
    finding = evidence.findings[0]
    assert (finding.verdict, finding.k, finding.ensemble) == ("supported", 64, "still rate=0.5")
    assert [(dict(t.knobs), t.k) for t in finding.tried] == [
        ({"rate": 0.0}, 0), ({"rate": 0.01}, 0), ({"rate": 0.5}, 64), ({"rate": 1.0}, 64),
    ]  # fmt: skip
    assert evidence.ensemble_of(finding).knobs["rate"] == 0.5
    will = [claim_about("still", "steady-decrease", quantifier="will", over={"rate": (0.0, 0.5)})]
    assert verify_topic(write_topic(tmp_path, will), range(64)).findings[0].verdict == "refuted"


def test_a_wrong_option_over_a_grid_is_refuted_with_the_largest_count(tmp_path: Path) -> None:
    claims = [claim_about("unlucky", "flat", expected="refuted", at_least=0.9,
                    over={"luck": (0.4, 0.5, 1.0)})]  # fmt: skip
    finding = verify_topic(write_topic(tmp_path, claims), range(64)).findings[0]
    assert finding.verdict == "refuted"
    assert finding.k == max(tried.k for tried in finding.tried)
    assert finding.agrees


def test_pairs_are_counted_seed_by_seed(tmp_path: Path) -> None:
    """Unlucky seeds tie with the still arm; all others end below it."""
    claims = [claim_about("unlucky", "ends-below", versus="still"),
              claim_about("still", "ends-below", versus="healthy"),
              claim_about("healthy", "ends-below", versus="overflow", at_least=0.9)]  # fmt: skip
    evidence = verify_topic(write_topic(tmp_path, claims), range(64))
    lucky = (
        64
        - verify_topic(write_topic(tmp_path, [claim_about("unlucky", "flat")]), range(64))
        .findings[0]
        .k
    )
    assert [f.k for f in evidence.findings] == [lucky, 0, 64]
    assert [f.verdict for f in evidence.findings] == ["mixed", "refuted", "supported"]
    one = evidence.findings[0]
    assert (one.ensemble, one.against, one.versus) == ("unlucky", "still", "still")
    assert [end.median for end in evidence.findings[1].ends] == [1.0, pytest.approx(math.exp(-5))]
    assert evidence.findings[1].sentence.startswith(
        "In 0 of 64 pairs of runs with the same seed, “Still” ends below “Healthy”. "
        "The medians at the end are 1 (95 % interval 1 to 1) against 0.0067 ("
    )
    assert evidence.findings[2].ends[1].median is None
    assert "against overflow" in evidence.findings[2].sentence
    write_evidence(evidence, tmp_path)
    assert read_evidence(tmp_path) is not None


def test_a_grid_turns_both_arms_of_a_pair_in_what_they_share(tmp_path: Path) -> None:
    over: dict[str, tuple[float, ...]] = {"rate": (0.0, 0.25)}
    claims = [claim_about("unlucky", "ends-below", versus="overflow", over=over),
              claim_about("still", "ends-below", versus="healthy", over=over)]  # fmt: skip
    both, alone = verify_topic(write_topic(tmp_path, claims), range(40)).findings
    assert both.against == both.ensemble.replace("unlucky", "overflow")
    assert [t.k for t in both.tried] == [40, 40]
    assert (alone.ensemble, alone.against) == ("still", "healthy")
    assert [t.k for t in alone.tried] == [0, 0]


def test_a_claim_may_speak_of_another_series(tmp_path: Path) -> None:
    claims = [claim_about("healthy", "early-drop", series="twice"),
              claim_about("healthy", "ends-below", versus="still", series="twice")]  # fmt: skip
    one, pair = verify_topic(write_topic(tmp_path, claims), range(20)).findings
    assert (one.k, pair.k) == (20, 20)
    assert one.sentence.startswith("Twice the loss: The median starts at 2, ")
    assert pair.ends[1].median == 2


def test_a_claim_beside_a_number_is_counted_run_by_run(tmp_path: Path) -> None:
    """Unlucky seeds stay at 1, all others end at exp(-5); diverged runs end above every number."""
    claims = [claim_about("unlucky", "ends-above", value=1.0),
              claim_about("unlucky", "ends-below", value=1.0),
              claim_about("unlucky", "reaches", value=0.0),
              claim_about("overflow", "ends-above", value=1e9),
              claim_about("unlucky", "ends-above", value=1.5, series="twice")]  # fmt: skip
    evidence = verify_topic(write_topic(tmp_path, claims), range(64))
    flat = (
        verify_topic(write_topic(tmp_path, [claim_about("unlucky", "flat")]), range(64))
        .findings[0]
        .k
    )
    assert [f.k for f in evidence.findings] == [flat, 64 - flat, 0, 64, flat]
    above, below, _, lost, twice = evidence.findings
    assert (above.value, above.versus, above.against, len(above.ends)) == (1.0, None, None, 1)
    assert above.ends[0].median in (1.0, pytest.approx(math.exp(-5)))
    middle = "1" if above.ends[0].median == 1 else "0.0067"
    assert above.sentence.startswith(
        f"Of 64 runs of “Unlucky”, {flat} end at or above 1. The median at the end is {middle} (95 "
    )
    assert f"{64 - flat} end below 1." in below.sentence
    assert lost.sentence.startswith("Of 64 runs of “Overflow”, all 64 end at or above 1e9. ")
    assert lost.ends[0].median is None
    assert "Twice the loss: The median" in twice.sentence
    assert "at or above 1.5." in twice.sentence
    write_evidence(evidence, tmp_path)
    again = read_evidence(tmp_path)
    assert again is not None
    assert [f.value for f in again.findings] == [1.0, 1.0, 0.0, 1e9, 1.5]
    assert again.stale_reason(write_topic(tmp_path, claims)) is None
    assert "ends-above 1.5 (twice)" in report_table(evidence)
    claims_json = report_json([evidence])["topics"][0]["claims"]
    assert [claim["value"] for claim in claims_json] == [1.0, 1.0, 0.0, 1e9, 1.5]


def test_a_number_is_compared_over_a_grid_too(tmp_path: Path) -> None:
    over: dict[str, tuple[float, ...]] = {"rate": (0.0, 0.25, 1.0)}
    claims = [
        claim_about("healthy", "ends-below", value=0.1, over=over, quantifier=quantifier)
        for quantifier in ("could", "will")
    ]
    could, will = verify_topic(write_topic(tmp_path, claims), range(40)).findings
    assert [t.k for t in could.tried] == [0, 40, 40]
    assert (could.verdict, will.verdict) == ("supported", "refuted")
    assert will.sentence.startswith("Of 40 runs of “Healthy” at Rate 0, 0 end below 0.1. ")


def test_verify_twice_is_the_same_evidence(tmp_path: Path) -> None:
    subject = write_topic(tmp_path, [claim_about("unlucky", "flat")])
    assert verify_topic(subject, range(10)) == verify_topic(subject, range(10))


def test_progress_runs_to_its_total(tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    subject = write_topic(tmp_path, [claim_about("unlucky", "flat", over={"luck": (0.4, 0.5)})])
    verify_topic(subject, range(10), progress=lambda done, total: heard.append((done, total)))
    # four arms and one more setting on the claim's seeds, two settings on the selection seeds and
    # again on the claim's with nudged draws
    assert heard[-1] == (9 * 10 * 11, 9 * 10 * 11)
    assert [done for done, _ in heard] == sorted(done for done, _ in heard)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (claim_about("gone", "flat", line=7), "no arm 'gone'; there are healthy, still"),
        (claim_about("still", "crosses", versus="gone"), "no arm 'gone'"),
        (claim_about("still", "crosses"), "compares two arms"),
        (claim_about("still", "reaches"), "compares with a number, but the claim gives none"),
        (claim_about("still", "flat", value=1.0), "does not compare with a number"),
        (claim_about("still", "ends-above", value=math.nan), "must be a finite number, not nan"),
        (claim_about("still", "flat", versus="healthy"), "is about one curve"),
        (claim_about("still", "flat", series="los"), "no series 'los'; there are loss, twice"),
        (claim_about("still", "round"), 'no shape "round". There are plateau-then-drop'),
        (claim_about("still", "flat", over={"rate": (2.0,)}), "Rate must be between 0 and 1"),
        (claim_about("still", "flat", over={"speed": (2.0,)}), "no knob 'speed'"),
    ],
)
def test_a_claim_about_what_is_not_there_is_an_error(
    tmp_path: Path, wrong: Claim, message: str
) -> None:
    with pytest.raises(VerifyError, match=message):
        verify_topic(write_topic(tmp_path, [wrong]), range(3))


def test_a_simulation_that_fails_is_an_error_with_its_line(tmp_path: Path) -> None:
    broken = FALLING.replace("2 * loss", "2 * lost")
    with pytest.raises(VerifyError, match=r"simulation\.py:32: NameError"):
        verify_topic(write_topic(tmp_path, [claim_about("still", "flat")], broken), range(3))
    with pytest.raises(VerifyError, match=r"simulation\.py:1: SyntaxError"):
        verify_topic(write_topic(tmp_path, [claim_about("still", "flat")], "def\n"), range(3))
    with pytest.raises(VerifyError, match="no range of at least one seed"):
        verify_topic(write_topic(tmp_path, [claim_about("still", "flat")]), range(3, 3))


def test_curves_that_are_others_each_time_are_no_evidence(tmp_path: Path) -> None:
    unsteady = "import os\n" + FALLING.replace(
        "2 * loss", "2 * loss + int.from_bytes(os.urandom(8), 'little')"
    )
    with pytest.raises(VerifyError, match=r"simulation\.py:25: seed 3 has another curve alone"):
        verify_topic(write_topic(tmp_path, [claim_about("still", "flat")], unsteady), range(3, 5))
