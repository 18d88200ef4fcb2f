"""Evidence is a file that diffs well, is replaced as a whole, and knows when it is out of date."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from quizserver.evidence.json_text import compact_text, round_floats, round_significant
from quizserver.evidence.record import (
    MAX_EVIDENCE_BYTES,
    Evidence,
    EvidenceError,
    Experiment,
    read_evidence,
    recorded_description,
    write_evidence,
)
from quizserver.lab.catalog import SimulationCatalog
from quizserver.topics.model import KnobValues

from .examples import (
    PLACEHOLDER,
    example_claim,
    example_description,
    example_ensemble,
    example_evidence,
    example_finding,
    example_question,
    fresh_topic,
)


def test_what_is_written_is_read_again_rounded(tmp_path: Path) -> None:
    written = example_evidence()
    write_evidence(written, tmp_path)
    recorded = read_evidence(tmp_path)
    assert recorded is not None
    assert recorded.findings[0].low == 0.9167
    experiment = recorded.experiments["simulation"]
    assert experiment.ensembles["healthy"].series["loss"].median == (0.1235, None, 1235.0)
    # settings, x and the description are exact
    assert experiment.ensembles["healthy"].knobs == {"rate": 0.123456789}
    assert experiment.x == (0.0, 12345.5, 500000.0)
    assert experiment.description == example_description()
    assert recorded.findings[0].claim_key == written.findings[0].claim_key
    assert list(recorded.seeds) == list(range(64))


def test_writing_the_same_evidence_again_changes_no_byte(tmp_path: Path) -> None:
    path = write_evidence(example_evidence(), tmp_path)
    first = path.read_bytes()
    again = read_evidence(tmp_path)
    assert again is not None
    assert write_evidence(again, tmp_path).read_bytes() == first
    assert [p.name for p in tmp_path.iterdir()] == ["evidence.json"]


def test_the_file_is_plain_json_with_one_line_a_curve(tmp_path: Path) -> None:
    text = write_evidence(example_evidence(), tmp_path).read_text(encoding="utf-8")
    assert json.loads(text)["topic"] == "test"
    assert '   "x": [0, 12345.5, 500000],\n' in text
    assert text.count('"median": [0.1235, null, 1235],\n') == 3
    assert text.endswith("}\n")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.00012345678, 0.0001235),
        (98765.4, 98770.0),
        (0.0, 0.0),
        (-1.23456, -1.235),
        (2e-300, 2e-300),
    ],
)
def test_four_significant_digits(value: float, expected: float) -> None:
    assert round_significant(value) == expected


def test_whole_numbers_are_written_without_a_point_and_huge_ones_with_an_exponent() -> None:
    assert compact_text(round_floats([2.0, 1.23456e38, 0.5])) == "[2, 1.235e+38, 0.5]"


def test_no_finite_number_is_null() -> None:
    assert [round_significant(value) for value in (math.nan, math.inf, -math.inf)] == [None] * 3


def test_no_file_is_no_evidence(tmp_path: Path) -> None:
    assert read_evidence(tmp_path) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[: len(text) // 2], "Invalid JSON"),
        (lambda text: "[]", "the file"),
        (lambda text: text.replace('"format": 1', '"format": 99'), "format: Input should be 1"),
        (lambda text: text.replace('"k": 63', '"k": "many"'), r"findings\.0\.k"),
        (lambda text: text.replace('"verdict": "supported"', '"verdict": "maybe"'), "verdict"),
        (lambda text: text.replace('"ensemble": "healthy"', '"ensemble": "gone"'), "no ensemble"),
        (lambda text: text.replace('"points": 3', '"pints": 3'), "no description of a simulation"),
    ],
)
def test_a_broken_file_is_an_error_that_says_what_to_do(
    tmp_path: Path, change: Any, message: str
) -> None:
    path = write_evidence(example_evidence(), tmp_path)
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(EvidenceError, match=message) as error:
        read_evidence(tmp_path)
    assert str(path) in str(error.value)
    assert "quizserver verify --update" in str(error.value)


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    write_evidence(example_evidence(), tmp_path)
    assert read_evidence(tmp_path) == read_evidence(tmp_path)
    write_evidence(example_evidence(topic="other"), tmp_path)
    recorded = read_evidence(tmp_path)
    assert recorded is not None
    assert recorded.topic == "other"


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = write_evidence(example_evidence(), tmp_path).read_bytes()

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_evidence(example_evidence(topic="other"), tmp_path)
    assert (tmp_path / "evidence.json").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["evidence.json"]


def _sized(replicas: int, points: int) -> Evidence:
    experiment = Experiment(
        example_description(),
        tuple(float(x) for x in range(points)),
        {name: example_ensemble(replicas, points) for name in ("healthy", "healthy rate=0.2")},
    )
    return example_evidence(experiments={"simulation": experiment})


def test_large_evidence_keeps_fewer_single_replicas(tmp_path: Path) -> None:
    path = write_evidence(_sized(8, 2000), tmp_path)
    assert path.stat().st_size <= MAX_EVIDENCE_BYTES
    recorded = read_evidence(tmp_path)
    assert recorded is not None
    band = recorded.experiments["simulation"].ensembles["healthy"].series["loss"]
    assert len(band.replicas) == 8 // 2
    assert len(band.median) == 2000


def test_evidence_that_cannot_be_small_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="fewer points"):
        write_evidence(_sized(8, 6000), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_evidence_agrees_when_every_finding_does() -> None:
    assert example_evidence().agrees
    for verdict, expected, agrees in (
        ("mixed", "supported", False), ("refuted", "supported", False),
        ("mixed", "refuted", True), ("supported", "refuted", False),
    ):  # fmt: skip
        recorded = example_finding(verdict=verdict, expected=expected)
        assert recorded.agrees is agrees
        assert example_evidence(findings=(example_finding(), recorded)).agrees is agrees


def test_fresh_evidence_is_not_stale(tmp_path: Path) -> None:
    topic, recorded = fresh_topic(tmp_path)
    assert recorded.stale_reason(topic) is None
    assert recorded.stale_reason(topic, "one") is None
    write_evidence(recorded, tmp_path)
    again = read_evidence(tmp_path)
    assert again is not None
    assert again.stale_reason(topic) is None


def test_a_changed_simulation_is_reported(tmp_path: Path) -> None:
    topic, recorded = fresh_topic(tmp_path)
    topic.simulations["simulation"].write_text(PLACEHOLDER + "x = 1\n", encoding="utf-8")
    assert recorded.stale_reason(topic) == "simulation.py changed since this evidence was made."
    topic.simulations["simulation"].unlink()
    assert recorded.stale_reason(topic) == "The simulation simulation.py cannot be read."


def test_a_changed_engine_is_reported(tmp_path: Path) -> None:
    topic, _ = fresh_topic(tmp_path)
    old = example_evidence("made by another engine", made_with={"engine": "0"})
    assert old.stale_reason(topic) == "The engine changed since this evidence was made."


def test_changed_claims_are_reported_for_the_question_they_belong_to(tmp_path: Path) -> None:
    topic, recorded = fresh_topic(tmp_path)
    one, two = topic.questions
    for changed in (
        example_claim("a", at_least=0.9),
        example_claim("a", shape="diverges"),
        example_claim("a", over=(KnobValues("rate", (0.2,)),)),
        example_claim("a", expected="refuted"),
        example_claim("a", versus="other"),
        example_claim("a", series="loss"),
        example_claim("a", value=0.0),
    ):
        current = replace(topic, questions=(replace(one, claims=(changed,)), two))
        assert recorded.stale_reason(current) == "The claims changed since this evidence was made."
        assert (
            recorded.stale_reason(current, "one")
            == "The claims changed since this evidence was made."
        )
        assert recorded.stale_reason(current, "two") is None
    more = replace(topic, questions=(one, two, example_question("three", (example_claim("a"),))))
    assert recorded.stale_reason(more) is not None
    swapped = replace(topic, questions=(two, one))
    assert recorded.stale_reason(swapped) is not None
    assert recorded.stale_reason(swapped, "one") is None
    assert recorded.stale_reason(topic) is None, "what is remembered is of the very same topic"
    moved = replace(topic, questions=(replace(one, claims=(example_claim("a", line=99),)), two))
    assert recorded.stale_reason(moved) is None


def test_a_catalog_takes_a_fresh_description_from_the_evidence(tmp_path: Path) -> None:
    topic, recorded = fresh_topic(tmp_path)
    path: Mapping[str, Path] = topic.simulations
    write_evidence(recorded, tmp_path)
    # the file itself defines no simulation: only the evidence can tell
    described = SimulationCatalog(recorded=recorded_description).describe(path["simulation"])
    assert described == recorded.experiments["simulation"].description


def test_evidence_from_before_there_were_pairs_is_still_read(tmp_path: Path) -> None:
    topic, recorded = fresh_topic(tmp_path)
    path = write_evidence(recorded, tmp_path)
    data = json.loads(path.read_text(encoding="utf-8"))
    assert (
        not {"versus", "series", "against", "ends", "sentence", "value"}
        & data["findings"][0].keys()
    )
    old = read_evidence(tmp_path)
    assert old is not None
    assert old.findings == tuple(
        replace(f, low=round_significant(f.low), high=round_significant(f.high))  # type: ignore[arg-type]
        for f in recorded.findings
    )
    assert old.stale_reason(topic) is None


@pytest.mark.parametrize("value", [0.0, -1.5, 0.123456789])
def test_the_number_of_a_claim_is_stored_to_the_last_digit(value: float, tmp_path: Path) -> None:
    write_evidence(
        example_evidence(findings=(example_finding(value=value, shape="ends-above"),)), tmp_path
    )
    again = read_evidence(tmp_path)
    assert again is not None
    assert again.findings[0].value == value


def test_a_pair_names_both_of_its_ensembles(tmp_path: Path) -> None:
    pair = example_finding(versus="other", against="unused", shape="ends-below")
    recorded = example_evidence(findings=(pair,))
    assert recorded.other_ensemble_of(pair) == example_ensemble()
    assert recorded.ensemble_of(pair).arm == "healthy"
    write_evidence(example_evidence(findings=(replace(pair, against="gone"),)), tmp_path)
    with pytest.raises(EvidenceError, match="no ensemble 'gone'"):
        read_evidence(tmp_path)
