"""The views of recorded findings: the verdict as it was counted, the curve as it was recorded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from quizserver.evidence.record import Evidence, Finding, read_evidence
from quizserver.lab_views.evidence import option_evidence
from quizserver.settings import Settings

QUESTION = "strange-loss"
DESCRIBED = ((0.0, 1.0), (0.6, 0.9), (1.0, 0.1))


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    evidence = read_evidence(Settings().content / "strange-loss")
    assert evidence is not None
    return evidence


def finding_about(evidence: Evidence, option: str) -> Finding:
    """The first finding about an option of the question."""
    return next(f for f in evidence.findings if (f.question, f.option) == (QUESTION, option))


def test_a_view_has_what_was_counted(evidence: Evidence):
    finding = finding_about(evidence, "regularisation")
    view = option_evidence(evidence, [finding], DESCRIBED, "e")
    (verdict,) = view.verdicts
    assert (verdict.word, verdict.k, verdict.n) == (finding.verdict, finding.k, finding.n)
    assert (verdict.low, verdict.high) == (finding.low, finding.high)
    assert view.sentence == evidence.ensemble_of(finding).sentence
    assert "as described" in view.svg


@pytest.mark.parametrize(("word", "sign"), [("supported", "✓"), ("refuted", "✗"), ("mixed", "~")])
def test_each_verdict_has_a_word_and_a_sign(evidence: Evidence, word: str, sign: str):
    finding = finding_about(evidence, "low-rate")
    view = option_evidence(evidence, [replace(finding, verdict=word)], DESCRIBED, "e")
    assert (view.verdicts[0].word, view.verdicts[0].sign) == (word, sign)


def test_a_claim_over_a_range_shows_every_setting_that_was_tried(evidence: Evidence):
    finding = finding_about(evidence, "regularisation")
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
    finding = finding_about(evidence, "low-rate")
    changed = replace(finding, quantifier=quantifier, at_least=at_least)
    assert words in option_evidence(evidence, [changed], (), "e").verdicts[0].quantifier_text


def test_a_pair_shows_both_curves_and_names_the_other(evidence: Evidence):
    finding = finding_about(evidence, "low-rate")
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
    finding = finding_about(evidence, "low-rate")
    sentence = "Of 64 runs, 34 end at or above 2."
    level = replace(
        finding, shape="ends-above", value=2.0, k=34, over={}, tried=(), sentence=sentence,
    )  # fmt: skip
    view = option_evidence(evidence, [level], DESCRIBED, "e")
    assert view.svg.count('<line class="level"') == 1
    assert ">ends at or above 2</text>" in view.svg
    assert (view.verdicts[0].shape_title, view.verdicts[0].unit) == ("Ends at or above 2", "seeds")
    assert view.sentence == f"{evidence.ensemble_of(finding).sentence} {sentence}"
    assert sentence in view.svg
    both = option_evidence(evidence, [finding, level], DESCRIBED, "e")
    assert both.svg.count('<svg class="plot"') == both.svg.count('<line class="level"') == 1
    assert both.sentence == view.sentence
    assert '<line class="level"' not in option_evidence(evidence, [finding], DESCRIBED, "e").svg


def test_a_series_that_asks_for_a_log_axis_gets_one():
    plateau = read_evidence(Settings().content / "plateau")
    assert plateau is not None
    finding = next(
        f
        for f in plateau.findings
        if f.series is None
        and next(iter(plateau.experiments[f.simulation].description.series.values())).scale == "log"
    )
    svg = option_evidence(plateau, [finding], (), "e").svg
    assert ">0<" not in svg.split('class="tick-x"')[0]


def test_each_series_of_a_claim_has_a_chart_of_its_own(evidence: Evidence):
    finding = finding_about(evidence, "low-rate")
    other = replace(finding, series="loss", sentence="Training loss: flat.")
    view = option_evidence(evidence, [finding, other, finding], DESCRIBED, "e")
    assert view.svg.count('<svg class="plot"') == 2
    assert view.sentence == f"{evidence.ensemble_of(finding).sentence} Training loss: flat."
    assert "e-1-title" in view.svg
