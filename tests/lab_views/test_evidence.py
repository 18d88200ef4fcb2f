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
    view = option_evidence(evidence, [finding], DESCRIBED, 0)
    (verdict,) = view.verdicts
    assert (verdict.word, verdict.k, verdict.n) == (finding.verdict, finding.k, finding.n)
    assert (verdict.low, verdict.high) == (finding.low, finding.high)
    assert view.sentence == evidence.ensemble_of(finding).sentence
    assert "as described" in view.draw_charts("e")


@pytest.mark.parametrize("word", ["supported", "refuted", "mixed"])
def test_a_verdict_is_a_word_that_says_of_what_and_how_often(evidence: Evidence, word: str):
    finding = finding_about(evidence, "low-rate")
    (verdict,) = option_evidence(evidence, [replace(finding, verdict=word)], DESCRIBED, 0).verdicts
    assert (verdict.word, verdict.shape_title) == (word, "Plateau, then drop")
    assert verdict.count_text == f"{finding.k} of {finding.n} seeds at 0.32"
    alone = replace(finding, over={}, tried=())
    (verdict,) = option_evidence(evidence, [alone], DESCRIBED, 0).verdicts
    assert verdict.count_text == f"{finding.k} of {finding.n} seeds"


def test_an_interval_is_rounded_outwards(evidence: Evidence):
    finding = replace(finding_about(evidence, "low-rate"), low=0.9443, high=0.9961)
    (verdict,) = option_evidence(evidence, [finding], DESCRIBED, 0).verdicts
    assert verdict.interval_text == "95\u00a0% interval 94 to 100\u00a0% of seeds"
    pair = replace(finding, versus="healthy", against="healthy", shape="ends-below")
    (verdict,) = option_evidence(evidence, [pair], DESCRIBED, 0).verdicts
    assert verdict.interval_text.endswith("of pairs")


def test_a_small_picture_has_the_median_the_band_and_the_described_curve(evidence: Evidence):
    finding = finding_about(evidence, "regularisation")
    small = option_evidence(evidence, [finding], DESCRIBED, 0).small_svg
    for name in ("median", "band", "described"):
        assert f'class="{name}' in small
    assert len(small) < 1500
    hidden = option_evidence(evidence, [finding], DESCRIBED, 0, is_drawn=False)
    assert (hidden.small_svg, hidden.draw_charts("e")) == ("", "")


def test_a_claim_over_a_range_shows_every_setting_that_was_tried(evidence: Evidence):
    finding = finding_about(evidence, "regularisation")
    tried = option_evidence(evidence, [finding], (), 0).tried
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
    assert words in option_evidence(evidence, [changed], (), 0).verdicts[0].quantifier_text


def test_a_pair_shows_both_curves_and_names_the_other(evidence: Evidence):
    finding = finding_about(evidence, "low-rate")
    pair = replace(
        finding, shape="ends-below", versus="healthy", against="healthy", over={}, tried=(),
        sentence="In 3 of 64 pairs.", k=3,
    )  # fmt: skip
    view = option_evidence(evidence, [pair], (), 0)
    assert view.versus == ((0, "Healthy run"),)
    assert view.draw_charts("e").count('class="median ') == 2
    assert (view.verdicts[0].unit, view.verdicts[0].k) == ("pairs", 3)
    assert view.verdicts[0].shape_title == "Ends below “Healthy run”"
    assert view.sentence == "In 3 of 64 pairs."


def test_a_number_that_a_curve_is_compared_with_is_a_line_with_its_name(evidence: Evidence):
    finding = finding_about(evidence, "low-rate")
    sentence = "Of 64 runs, 34 end at or above 2."
    level = replace(
        finding, shape="ends-above", value=2.0, k=34, over={}, tried=(), sentence=sentence,
    )  # fmt: skip
    view = option_evidence(evidence, [level], DESCRIBED, 0)
    assert view.draw_charts("e").count('<line class="level"') == 1
    assert ">ends at or above 2</text>" in view.draw_charts("e")
    assert (view.verdicts[0].shape_title, view.verdicts[0].unit) == ("Ends at or above 2", "seeds")
    assert view.sentence == f"{evidence.ensemble_of(finding).sentence} {sentence}"
    assert sentence in view.draw_charts("e")
    both = option_evidence(evidence, [finding, level], DESCRIBED, 0)
    assert (
        both.draw_charts("e").count('<svg class="plot"')
        == both.draw_charts("e").count('<line class="level"')
        == 1
    )
    assert both.sentence == view.sentence
    assert '<line class="level"' not in option_evidence(
        evidence, [finding], DESCRIBED, 0
    ).draw_charts("e")


def test_a_series_that_asks_for_a_log_axis_gets_one():
    plateau = read_evidence(Settings().content / "plateau")
    assert plateau is not None
    finding = next(
        f
        for f in plateau.findings
        if f.series is None
        and next(iter(plateau.experiments[f.simulation].description.series.values())).scale == "log"
    )
    svg = option_evidence(plateau, [finding], (), 0).draw_charts("e")
    assert ">0<" not in svg.split('class="tick-x"')[0]


def test_each_series_of_a_claim_has_a_chart_of_its_own(evidence: Evidence):
    finding = finding_about(evidence, "low-rate")
    other = replace(finding, series="loss", sentence="Training loss: flat.")
    view = option_evidence(evidence, [finding, other, finding], DESCRIBED, 0)
    assert view.draw_charts("e").count('<svg class="plot"') == 2
    assert view.sentence == f"{evidence.ensemble_of(finding).sentence} Training loss: flat."
    assert "e-1-title" in view.draw_charts("e")


def test_a_verdict_that_the_mark_does_not_explain_says_how_it_bears_on_the_option(
    evidence: Evidence,
):
    refuted = replace(finding_about(evidence, "low-rate"), verdict="refuted", expected="refuted")

    def remarks(is_right: bool | None, *findings: Finding) -> list[str]:
        view = option_evidence(evidence, findings, DESCRIBED, 0, is_right=is_right)
        return [verdict.remark for verdict in view.verdicts]

    assert remarks(True, refuted) == ["as the option says"]
    assert remarks(False, refuted) == [""]
    assert remarks(None, refuted) == [""], "nothing that tells the key"
    supported = replace(refuted, verdict="supported", expected="supported")
    assert remarks(False, supported) == ["this much is so"]
    assert remarks(True, supported) == [""]
    less = replace(supported, at_least=0.1, over={}, tried=())
    more = replace(refuted, at_least=0.8, over={}, tried=())
    assert remarks(None, less, more) == [
        "claimed for at least 10 % of the seeds",
        "claimed for at least 80 % of the seeds",
    ], "two claims of one shape are told apart"


def test_a_sentence_that_another_repeats_is_said_once(evidence: Evidence):
    finding = finding_about(evidence, "low-rate")
    sentence = evidence.ensemble_of(finding).sentence
    longer = replace(finding, series="loss", sentence=f"{sentence} And it ends low.")
    view = option_evidence(evidence, [finding, longer], DESCRIBED, 0)
    assert view.sentence == longer.sentence
