"""Counts that rounding moves stand on a knife's edge: they are told, and no key rests on one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from quizserver.evidence.claims import ClaimDecision, NudgedCount, find_nudged_count
from quizserver.evidence.edges import edge_sentence, find_edges
from quizserver.evidence.record import (
    Evidence,
    evidence_from_text,
    evidence_to_text,
    read_evidence,
    write_evidence,
)
from quizserver.evidence.report import all_keys_hold, report_json, report_table, report_text
from quizserver.evidence.verify import verify_topic
from quizserver.topics.model import Claim, Topic

from .examples import LOGISTIC, claim_about, example_evidence, example_finding, write_topic


def verify_maps(folder: Path, *claims: Claim, seeds: int = 64) -> tuple[Topic, Evidence]:
    topic = write_topic(folder, claims, LOGISTIC)
    return topic, verify_topic(topic, range(seeds))


def chaotic_claim(option: str | None, **other: object) -> Claim:
    fields = {"value": 0.5, "expected": "refuted", "at_least": 0.9, "line": 7, **other}
    return replace(claim_about("chaotic", "ends-above", **fields), option=option)


def test_a_chaotic_count_stands_on_an_edge_and_a_calm_one_does_not(tmp_path: Path) -> None:
    calm = claim_about("calm", "ends-above", value=0.5, at_least=0.9)
    _, evidence = verify_maps(tmp_path, chaotic_claim("a"), calm)
    chaotic_finding, calm_finding = evidence.findings
    assert chaotic_finding.nudged is not None
    assert chaotic_finding.on_edge
    assert 16 < chaotic_finding.nudged.changed < 48, "about half of the seeds change sides"
    assert calm_finding.nudged == NudgedCount(calm_finding.k, 0)
    assert not calm_finding.on_edge


def test_a_mark_on_an_edge_keeps_the_key_from_holding_though_the_verdict_agrees(
    tmp_path: Path,
) -> None:
    topic, evidence = verify_maps(tmp_path, chaotic_claim("a"))
    assert evidence.agrees
    assert not evidence.key_holds
    assert not all_keys_hold([evidence])
    (problem,) = find_edges(topic, evidence)
    assert (problem.code, problem.line, problem.is_warning) == ("knifes-edge", 7, False)
    assert "No mark may rest on it." in problem.hint


def test_a_claim_of_no_option_on_an_edge_is_a_warning_alone(tmp_path: Path) -> None:
    topic, evidence = verify_maps(tmp_path, chaotic_claim(None))
    assert evidence.findings[0].on_edge
    assert evidence.key_holds
    assert all_keys_hold([evidence])
    (warning,) = find_edges(topic, evidence)
    assert warning.is_warning
    assert "No mark" not in str(warning)


def test_the_report_names_the_place_both_counts_and_what_to_do(tmp_path: Path) -> None:
    topic, evidence = verify_maps(tmp_path, chaotic_claim("a"))
    question = replace(topic.questions[0], path="test/one.md")
    topic = replace(topic, questions=(question,))
    finding = evidence.findings[0]
    assert finding.nudged is not None
    assert report_table(evidence).endswith("refuted  on a knife's edge")
    assert report_text(topic, evidence).splitlines()[-1] == (
        'test/one.md:7:1: This claim of the option "a" stands on a knife\'s edge: '
        f"{finding.k} of 64 seeds show it, and {finding.nudged.k} when draws change in their last "
        f"place; {finding.nudged.changed} seeds then come out the other way. No mark may rest on "
        "it. Choose a setting, a number or a shape for which rounding does not decide."
    )
    (claim,) = report_json([evidence])["topics"][0]["claims"]
    assert claim["on_edge"]
    assert claim["nudged"] == {"k": finding.nudged.k, "changed": finding.nudged.changed}


def test_one_seed_that_changes_is_one_seed() -> None:
    finding = example_finding(k=4, n=8, nudged=NudgedCount(5, 1))
    assert str(edge_sentence(finding)).endswith("; 1 seed then comes out the other way")
    pair = example_finding(k=4, n=8, nudged=NudgedCount(6, 2), versus="other")
    assert str(edge_sentence(pair)).endswith("; 2 pairs then come out the other way")


@pytest.mark.parametrize(
    ("k", "nudged", "changed", "n", "is_edge"),
    [
        (40, 42, 2, 64, False), (40, 38, 2, 64, False), (40, 43, 3, 64, True),
        (40, 37, 3, 64, True), (40, 40, 4, 64, False), (40, 41, 5, 64, True),
        (400, 432, 32, 1024, False), (400, 433, 33, 1024, True),
        (8, 7, 1, 8, True), (8, 8, 0, 8, False), (16, 15, 1, 32, False),
    ],
)  # fmt: skip
def test_an_edge_is_more_than_two_of_64_or_four_that_change_sides(
    k: int, nudged: int, changed: int, n: int, is_edge: bool
) -> None:
    assert NudgedCount(nudged, changed).is_edge_of(k, n) is is_edge


def test_a_verdict_by_the_most_extreme_count_is_compared_with_the_extreme_nudged_count() -> None:
    shown = [[True, True, False, False], [True, False, False, False]]
    nudged = [[True, False, False, False], [True, True, True, False]]
    refuted = ClaimDecision("refuted", 0, 2, 4, 0, 1)
    assert find_nudged_count(refuted, "could", shown, nudged) == NudgedCount(3, 1)
    assert find_nudged_count(refuted, "will", shown, nudged) == NudgedCount(1, 1)
    supported = replace(refuted, verdict="supported")
    assert find_nudged_count(supported, "could", shown, nudged) == NudgedCount(1, 1)
    assert find_nudged_count(supported, "will", shown[::-1], nudged[::-1]) == NudgedCount(1, 2)


def test_the_nudged_count_is_recorded_and_old_evidence_says_that_it_has_none(
    tmp_path: Path,
) -> None:
    _, evidence = verify_maps(tmp_path, chaotic_claim("a"))
    write_evidence(evidence, tmp_path)
    again = read_evidence(tmp_path)
    assert again is not None
    assert again.tells_edges
    assert again.findings[0].nudged == evidence.findings[0].nudged
    old = example_evidence()
    text = evidence_to_text(old, tmp_path / "evidence.json")
    assert "nudged" not in text
    read = evidence_from_text(text)
    assert not read.tells_edges
    assert read.key_holds, "what was not counted is no edge"
