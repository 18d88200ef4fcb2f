"""What a page shows of evidence: the verdict as it was counted, the curve as it was recorded."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from quizserver.evidence.record import Evidence, read_evidence
from quizserver.lab_views.bench import bench_view, option_evidence
from quizserver.settings import Settings

QUESTION = "strange-loss"
DESCRIBED = ((0.0, 1.0), (0.6, 0.9), (1.0, 0.1))


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    found = read_evidence(Settings().content / "strange-loss")
    assert found is not None
    return found


def test_a_view_says_what_was_counted(evidence: Evidence):
    finding = evidence.finding_for(QUESTION, "regularisation")
    assert finding is not None
    view = option_evidence(evidence, [finding], DESCRIBED, "e")
    (verdict,) = view.verdicts
    assert (verdict.word, verdict.k, verdict.n) == (finding.verdict, finding.k, finding.n)
    assert (verdict.low, verdict.high) == (finding.low, finding.high)
    assert view.sentence == evidence.ensemble_of(finding).sentence
    assert "as described" in view.svg


@pytest.mark.parametrize(("word", "sign"), [("supported", "✓"), ("refuted", "✗"), ("mixed", "~")])
def test_each_verdict_has_a_word_and_a_sign(evidence: Evidence, word: str, sign: str):
    finding = evidence.finding_for(QUESTION, "low-rate")
    assert finding is not None
    view = option_evidence(evidence, [replace(finding, verdict=word)], DESCRIBED, "e")
    assert (view.verdicts[0].word, view.verdicts[0].sign) == (word, sign)


def test_a_claim_over_a_range_shows_every_setting_that_was_tried(evidence: Evidence):
    finding = evidence.finding_for(QUESTION, "regularisation")
    assert finding is not None
    tried = option_evidence(evidence, [finding], (), "e").tried
    assert tried is not None
    assert [k for _, k, _ in tried.rows] == [t.k for t in finding.tried]
    assert sum(shown for _, _, shown in tried.rows) == 1


@pytest.mark.parametrize(
    ("quantifier", "at_least", "words"),
    [("will", 0.9, "every setting below"), ("could", 0.9, "at least 90 %"), ("could", 0.5, "most")],
)
def test_the_quantifier_is_said_in_words(
    evidence: Evidence, quantifier: str, at_least: float, words: str
):
    finding = evidence.finding_for(QUESTION, "low-rate")
    assert finding is not None
    changed = replace(finding, quantifier=quantifier, at_least=at_least)
    assert words in option_evidence(evidence, [changed], (), "e").verdicts[0].quantifier_text


def test_the_bench_is_set_to_the_arm_and_knobs_that_were_asked_for(evidence: Evidence):
    description = evidence.experiments["simulation"].description
    view = bench_view(
        "strange-loss", "simulation", description, evidence, runs_url="/runs",
        source_url="/simulations/strange-loss/simulation", stale=None, arm_name="low-rate",
        knobs={"momentum": 0.5}, replicas_max=64,
    )  # fmt: skip
    config = json.loads(view.config)
    assert config["initial"]["arm"] == "low-rate"
    expected = dict(description.arm("low-rate").knobs) | {"momentum": 0.5}
    assert config["initial"]["knobs"] == expected
    assert config["recorded"]["arm"] == "low-rate"
    assert [arm["index"] for arm in config["arms"]] == list(range(len(description.arms)))
    assert len(view.table) == description.points


def test_a_bench_without_evidence_still_stands(evidence: Evidence):
    description = evidence.experiments["simulation"].description
    view = bench_view(
        "strange-loss", "simulation", description, None, runs_url="/runs", source_url="/s",
        stale=None,
    )  # fmt: skip
    assert json.loads(view.config)["recorded"] is None
    assert (view.chart("bench-curve"), list(view.table)) == ("", [])


def test_a_pair_shows_both_curves_and_names_the_other(evidence: Evidence):
    finding = evidence.finding_for(QUESTION, "low-rate")
    assert finding is not None
    pair = replace(
        finding, shape="ends-below", versus="healthy", against="healthy", over={}, tried=(),
        sentence="In 3 of 64 pairs.", k=3,
    )  # fmt: skip
    view = option_evidence(evidence, [pair], (), "e")
    assert view.versus == ((0, "Healthy run"),)
    assert view.svg.count('class="median ') == 2
    assert (view.verdicts[0].unit, view.verdicts[0].k) == ("pairs", 3)
    assert view.verdicts[0].shape_title == "Ends below “Healthy run”"
    assert view.sentence == "In 3 of 64 pairs."


def test_a_number_that_a_curve_is_compared_with_is_a_line_with_its_name(evidence: Evidence):
    finding = evidence.finding_for(QUESTION, "low-rate")
    assert finding is not None
    told = "Of 64 runs, 34 end at or above 2."
    level = replace(
        finding, shape="ends-above", value=2.0, k=34, over={}, tried=(), sentence=told,
    )  # fmt: skip
    view = option_evidence(evidence, [level], DESCRIBED, "e")
    assert view.svg.count('<line class="level"') == 1
    assert ">ends at or above 2</text>" in view.svg
    assert (view.verdicts[0].shape_title, view.verdicts[0].unit) == ("Ends at or above 2", "seeds")
    assert view.sentence == f"{evidence.ensemble_of(finding).sentence} {told}"
    assert told in view.svg
    beside = option_evidence(evidence, [finding, level], DESCRIBED, "e")
    assert beside.svg.count('<svg class="plot"') == beside.svg.count('<line class="level"') == 1
    assert beside.sentence == view.sentence
    assert '<line class="level"' not in option_evidence(evidence, [finding], DESCRIBED, "e").svg


def test_a_series_that_asks_for_a_log_axis_gets_one():
    found = read_evidence(Settings().content / "plateau")
    assert found is not None
    finding = next(
        f
        for f in found.findings
        if f.series is None
        and next(iter(found.experiments[f.simulation].description.series.values())).scale == "log"
    )
    svg = option_evidence(found, [finding], (), "e").svg
    assert ">0<" not in svg.split('class="tick-x"')[0]


def test_each_series_that_is_judged_has_a_chart_of_its_own(evidence: Evidence):
    finding = evidence.finding_for(QUESTION, "low-rate")
    assert finding is not None
    other = replace(finding, series="loss", sentence="Training loss: flat.")
    view = option_evidence(evidence, [finding, other, finding], DESCRIBED, "e")
    assert view.svg.count('<svg class="plot"') == 2
    assert view.sentence == f"{evidence.ensemble_of(finding).sentence} Training loss: flat."
    assert "e-1-title" in view.svg
