"""A topic's claims are judged by training what they speak of, and told to people and programs."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quizserver.evidence.record import read_evidence, write_evidence
from quizserver.evidence.report import all_agree, curves_json, report_json, report_table
from quizserver.evidence.verify import VerifyError, verify_topic
from quizserver.lab.catalog import load
from quizserver.lab.ensemble import Curves, simulate
from quizserver.topics.model import Claim, KnobValues, Topic

from .test_evidence import claim, question, topic

# Each replica falls at its knob's rate; "luck" makes some seeds stay flat instead, "overflow"
# makes every replica overflow halfway.
SOURCE = """\
import torch

from quizserver.lab import Arm, Axis, Knob, Simulation

simulation = Simulation(
    "Falling",
    knobs=[
        Knob("rate", "Rate", 0, 1, default=0.5),
        Knob("luck", "Luck", 0, 1, default=1),
        Knob("overflow", "Overflow", 0, 1, default=0),
    ],
    arms=[
        Arm("healthy", "Healthy"),
        Arm("still", "Still", {"rate": 0}),
        Arm("unlucky", "Unlucky", {"luck": 0.5}),
        Arm("overflow", "Overflow", {"overflow": 1}),
    ],
    x=Axis("step"),
    series={"loss": Axis("loss"), "twice": Axis("twice the loss")},
    points=11,
)


@simulation.train
def train(replicas):
    knobs = replicas.knobs
    lucky = (replicas.rand(1).flatten() < knobs.luck).float()
    for step in range(11):
        loss = torch.exp(-knobs.rate * lucky * step)
        if step > 5:
            loss = loss + torch.where(knobs.overflow > 0.5, torch.inf, 0.0)
        yield step, {"loss": loss, "twice": 2 * loss}
"""


def made(folder: Path, claims: Sequence[Claim], source: str = SOURCE) -> Topic:
    (folder / "simulation.py").write_text(source, encoding="utf-8")
    return topic(folder, (question("one", tuple(claims)),))


def about(
    arm: str, shape: str, *, over: dict[str, tuple[float, ...]] | None = None, **other: Any
) -> Claim:
    sweeps = tuple(KnobValues(knob, values) for knob, values in (over or {}).items())
    return claim("a", **{"arm": arm, "shape": shape, "over": sweeps, **other})


def test_each_claim_is_counted_over_the_seeds_it_was_asked_for(tmp_path: Path) -> None:
    claims = [about("healthy", "steady-decrease"), about("still", "steady-decrease"),
              about("still", "flat"), about("unlucky", "flat")]  # fmt: skip
    found = verify_topic(made(tmp_path, claims), range(5, 69))
    assert [(f.arm, f.shape, f.n, f.verdict) for f in found.findings] == [
        ("healthy", "steady-decrease", 64, "supported"),
        ("still", "steady-decrease", 64, "refuted"),
        ("still", "flat", 64, "supported"),
        ("unlucky", "flat", 64, "mixed"),
    ]
    counts = [f.k for f in found.findings]
    assert counts[:3] == [64, 0, 64]
    flat = (
        np.ptp(
            simulate(load(tmp_path / "simulation.py"), {"luck": 0.5}, range(5, 69)).series["loss"],
            axis=1,
        )
        == 0
    )
    assert counts[3] == flat.sum()
    assert (found.first, found.last) == (5, 68)
    assert found.stale_reason(made(tmp_path, claims)) is None


def test_evidence_holds_every_arm_with_its_curves_and_a_sentence(tmp_path: Path) -> None:
    found = verify_topic(made(tmp_path, [about("healthy", "steady-decrease")]), range(20))
    experiment = found.experiments["simulation"]
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
    assert found.made_with.keys() == {"engine", "torch", "numpy", "python"}


def test_overflow_is_kept_as_null(tmp_path: Path) -> None:
    found = verify_topic(made(tmp_path, [about("overflow", "diverges")]), range(40))
    assert found.findings[0].verdict == "supported"
    write_evidence(found, tmp_path)
    again = read_evidence(tmp_path)
    assert again is not None
    band = again.experiments["simulation"].ensembles["overflow"].series["loss"]
    assert band.median[5] is not None
    assert band.median[6:] == (None,) * 5
    assert "overflow" in again.experiments["simulation"].ensembles["overflow"].sentence


def test_a_claim_over_a_grid_tells_every_setting_and_rests_on_one(tmp_path: Path) -> None:
    claims = [about("still", "steady-decrease", over={"rate": (0.0, 0.01, 0.5, 1.0)})]
    found = verify_topic(made(tmp_path, claims), range(64))
    finding = found.findings[0]
    assert (finding.verdict, finding.k, finding.ensemble) == ("supported", 64, "still rate=0.5")
    assert [(dict(t.knobs), t.k) for t in finding.tried] == [
        ({"rate": 0.0}, 0), ({"rate": 0.01}, 0), ({"rate": 0.5}, 64), ({"rate": 1.0}, 64),
    ]  # fmt: skip
    assert found.ensemble_of(finding).knobs["rate"] == 0.5
    will = [about("still", "steady-decrease", quantifier="will", over={"rate": (0.0, 0.5)})]
    assert verify_topic(made(tmp_path, will), range(64)).findings[0].verdict == "refuted"


def test_a_wrong_option_over_a_grid_is_refuted_with_the_largest_count(tmp_path: Path) -> None:
    claims = [about("unlucky", "flat", expected="refuted", at_least=0.9,
                    over={"luck": (0.4, 0.5, 1.0)})]  # fmt: skip
    finding = verify_topic(made(tmp_path, claims), range(64)).findings[0]
    assert finding.verdict == "refuted"
    assert finding.k == max(tried.k for tried in finding.tried)
    assert finding.agrees


def test_pairs_are_counted_seed_by_seed(tmp_path: Path) -> None:
    """Unlucky seeds tie with the still arm; all others end below it."""
    claims = [about("unlucky", "ends-below", versus="still"),
              about("still", "ends-below", versus="healthy"),
              about("healthy", "ends-below", versus="overflow", at_least=0.9)]  # fmt: skip
    found = verify_topic(made(tmp_path, claims), range(64))
    lucky = 64 - verify_topic(made(tmp_path, [about("unlucky", "flat")]), range(64)).findings[0].k
    assert [f.k for f in found.findings] == [lucky, 0, 64]
    assert [f.verdict for f in found.findings] == ["mixed", "refuted", "supported"]
    one = found.findings[0]
    assert (one.ensemble, one.against, one.versus) == ("unlucky", "still", "still")
    assert [end.median for end in found.findings[1].ends] == [1.0, pytest.approx(math.exp(-5))]
    assert found.findings[1].sentence.startswith(
        "In 0 of 64 pairs of runs with the same seed, “Still” ends below “Healthy”. "
        "The medians at the end are 1 (95 % interval 1 to 1) against 0.0067 ("
    )
    assert found.findings[2].ends[1].median is None
    assert "against overflow" in found.findings[2].sentence
    write_evidence(found, tmp_path)
    assert read_evidence(tmp_path) is not None


def test_a_grid_turns_both_arms_of_a_pair_in_what_they_share(tmp_path: Path) -> None:
    over: dict[str, tuple[float, ...]] = {"rate": (0.0, 0.25)}
    claims = [about("unlucky", "ends-below", versus="overflow", over=over),
              about("still", "ends-below", versus="healthy", over=over)]  # fmt: skip
    both, alone = verify_topic(made(tmp_path, claims), range(40)).findings
    assert both.against == both.ensemble.replace("unlucky", "overflow")
    assert [t.k for t in both.tried] == [40, 40]
    assert (alone.ensemble, alone.against) == ("still", "healthy")
    assert [t.k for t in alone.tried] == [0, 0]


def test_a_claim_may_speak_of_another_series(tmp_path: Path) -> None:
    claims = [about("healthy", "early-drop", series="twice"),
              about("healthy", "ends-below", versus="still", series="twice")]  # fmt: skip
    one, pair = verify_topic(made(tmp_path, claims), range(20)).findings
    assert (one.k, pair.k) == (20, 20)
    assert one.sentence.startswith("Twice the loss: The median starts at 2, ")
    assert pair.ends[1].median == 2


def test_a_claim_beside_a_number_is_counted_run_by_run(tmp_path: Path) -> None:
    """Unlucky seeds stay at 1, all others end at exp(-5); diverged runs end above every number."""
    claims = [about("unlucky", "ends-above", value=1.0),
              about("unlucky", "ends-below", value=1.0),
              about("unlucky", "reaches", value=0.0),
              about("overflow", "ends-above", value=1e9),
              about("unlucky", "ends-above", value=1.5, series="twice")]  # fmt: skip
    found = verify_topic(made(tmp_path, claims), range(64))
    flat = verify_topic(made(tmp_path, [about("unlucky", "flat")]), range(64)).findings[0].k
    assert [f.k for f in found.findings] == [flat, 64 - flat, 0, 64, flat]
    above, below, _, lost, twice = found.findings
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
    write_evidence(found, tmp_path)
    again = read_evidence(tmp_path)
    assert again is not None
    assert [f.value for f in again.findings] == [1.0, 1.0, 0.0, 1e9, 1.5]
    assert again.stale_reason(made(tmp_path, claims)) is None
    assert "ends-above 1.5 (twice)" in report_table(found)
    told = report_json([found])["topics"][0]["claims"]
    assert [claim["value"] for claim in told] == [1.0, 1.0, 0.0, 1e9, 1.5]


def test_a_number_is_compared_over_a_grid_too(tmp_path: Path) -> None:
    over: dict[str, tuple[float, ...]] = {"rate": (0.0, 0.25, 1.0)}
    claims = [about("healthy", "ends-below", value=0.1, over=over),
              about("healthy", "ends-below", value=0.1, over=over, quantifier="will")]  # fmt: skip
    could, will = verify_topic(made(tmp_path, claims), range(40)).findings
    assert [t.k for t in could.tried] == [0, 40, 40]
    assert (could.verdict, will.verdict) == ("supported", "refuted")
    assert will.sentence.startswith("Of 40 runs of “Healthy” at Rate 0, 0 end below 0.1. ")


def test_verify_twice_is_the_same_evidence(tmp_path: Path) -> None:
    subject = made(tmp_path, [about("unlucky", "flat")])
    assert verify_topic(subject, range(10)) == verify_topic(subject, range(10))


def test_progress_runs_to_its_total(tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    subject = made(tmp_path, [about("unlucky", "flat", over={"luck": (0.4, 0.5)})])
    verify_topic(subject, range(10), progress=lambda done, total: heard.append((done, total)))
    # four arms and one more setting on the claim's seeds, two settings on the selection seeds
    assert heard[-1] == (7 * 10 * 11, 7 * 10 * 11)
    assert [done for done, _ in heard] == sorted(done for done, _ in heard)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (about("gone", "flat", line=7), "no arm 'gone'; there are healthy, still"),
        (about("still", "crosses", versus="gone"), "no arm 'gone'"),
        (about("still", "crosses"), "compares two arms"),
        (about("still", "reaches"), "compares with a number, but the claim gives none"),
        (about("still", "flat", value=1.0), "does not compare with a number"),
        (about("still", "ends-above", value=math.nan), "must be a finite number, not nan"),
        (about("still", "flat", versus="healthy"), "is about one curve"),
        (about("still", "flat", series="los"), "no series 'los'; there are loss, twice"),
        (about("still", "round"), 'no shape "round". There are plateau-then-drop'),
        (about("still", "flat", over={"rate": (2.0,)}), "Rate must be between 0 and 1"),
        (about("still", "flat", over={"speed": (2.0,)}), "no knob 'speed'"),
    ],
)
def test_a_claim_about_what_is_not_there_is_an_error(
    tmp_path: Path, wrong: Claim, message: str
) -> None:
    with pytest.raises(VerifyError, match=message):
        verify_topic(made(tmp_path, [wrong]), range(3))


def test_a_simulation_that_fails_is_an_error_with_its_line(tmp_path: Path) -> None:
    broken = SOURCE.replace("2 * loss", "2 * lost")
    with pytest.raises(VerifyError, match=r"simulation\.py:32: NameError"):
        verify_topic(made(tmp_path, [about("still", "flat")], broken), range(3))
    with pytest.raises(VerifyError, match=r"simulation\.py:1: SyntaxError"):
        verify_topic(made(tmp_path, [about("still", "flat")], "def\n"), range(3))
    with pytest.raises(VerifyError, match="no range of at least one seed"):
        verify_topic(made(tmp_path, [about("still", "flat")]), range(3, 3))


def test_curves_that_are_others_each_time_are_no_evidence(tmp_path: Path) -> None:
    unsteady = "import os\n" + SOURCE.replace(
        "2 * loss", "2 * loss + int.from_bytes(os.urandom(8), 'little')"
    )
    with pytest.raises(VerifyError, match=r"simulation\.py:25: seed 3 has another curve alone"):
        verify_topic(made(tmp_path, [about("still", "flat")], unsteady), range(3, 5))


def test_the_report_for_programs_has_the_fields_that_are_promised(tmp_path: Path) -> None:
    claims = [about("still", "flat"), about("still", "diverges")]
    found = verify_topic(made(tmp_path, claims), range(3, 67))
    report = json.loads(json.dumps(report_json([found])))
    assert list(report) == ["topics"]
    assert report["topics"][0]["topic"] == "test"
    assert report["topics"][0]["seeds"] == list(range(3, 67))
    first = report["topics"][0]["claims"][0]
    assert first.pop("low") == pytest.approx(0.9434, abs=1e-4)
    assert first == {
        "question": "one", "option": "a", "arm": "still", "shape": "flat", "k": 64, "n": 64,
        "high": 1.0, "verdict": "supported", "expected": "supported", "agrees": True,
    }  # fmt: skip
    assert not report["topics"][0]["claims"][1]["agrees"]
    pair = about("still", "crosses", versus="healthy", series="twice")
    ((other,),) = (
        t["claims"] for t in report_json([verify_topic(made(tmp_path, [pair]), range(2))])["topics"]
    )
    assert other.keys() - first.keys() == {"low", "versus", "series"}
    assert (other["versus"], other["series"]) == ("healthy", "twice")
    assert not all_agree([found])
    assert all_agree([])


def test_the_report_for_people_has_a_line_a_claim(tmp_path: Path) -> None:
    claims = [about("still", "flat"), about("still", "diverges")]
    pair = about("still", "crosses", versus="healthy", series="twice")
    lines = report_table(verify_topic(made(tmp_path, [*claims, pair]), range(64))).splitlines()
    assert "still / healthy  crosses (twice)" in lines[4]
    assert lines[0] == "test: seeds 0 to 63"
    assert lines[2].split()[:4] == ["one", "a", "still", "flat"]
    assert "64 of 64" in lines[2]
    assert lines[2].endswith("supported")
    assert lines[3].endswith("refuted    but the key says supported")
    assert report_table(verify_topic(made(tmp_path, []), range(1))).endswith("no claims")


def test_curves_for_programs_have_null_where_there_is_no_number() -> None:
    curves = Curves(
        x=np.array([0.0, 1.0]),
        series={"loss": np.array([[1.0, np.nan], [2.0, np.inf]])},
        seeds=(7, 8),
        settings=({"rate": 1.0},) * 2,
    )
    printed = json.dumps(curves_json("t", "a", {"rate": 1.0}, curves), allow_nan=False)
    assert json.loads(printed) == {
        "topic": "t", "arm": "a", "knobs": {"rate": 1.0}, "seeds": [7, 8], "x": [0, 1],
        "series": {"loss": [[1, None], [2, None]]},
    }  # fmt: skip
