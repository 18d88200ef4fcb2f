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

from quizserver.evidence import record as room
from quizserver.evidence.json_text import compact_text, round_floats, round_significant
from quizserver.evidence.record import (
    Band,
    Ensemble,
    Evidence,
    EvidenceError,
    Experiment,
    Finding,
    GridCount,
    read_evidence,
    write_evidence,
)
from quizserver.lab.catalog import SimulationCatalog
from quizserver.lab.fingerprint import ENGINE_VERSION, file_fingerprint
from quizserver.lab.model import Arm, Axis, Description, Knob
from quizserver.topics.model import Claim, KnobValues, Question, Topic

SOURCE = "# the text of a simulation\n"


def description(mark: str = "") -> Description:
    return Description(
        title="Test",
        summary="",
        knobs=(Knob("rate", "Rate", 0.1, 12345.678, default=0.123456789),),
        arms=(Arm("healthy", "Healthy", {"rate": 0.123456789}),),
        x=Axis("epoch"),
        series={"loss": Axis("loss")},
        points=3,
        fingerprint=mark,
    )


def ensemble(replicas: int = 2, points: int = 3) -> Ensemble:
    values = (0.123456, None, *[1234.5678] * (points - 2))
    return Ensemble(
        arm="healthy",
        knobs={"rate": 0.123456789},
        n=64,
        series={"loss": Band(values, values, values, (values,) * replicas)},
        sentence="It falls.",
    )


def finding(question: str = "one", option: str | None = "a", **other: Any) -> Finding:
    given: dict[str, Any] = {
        "question": question, "option": option, "simulation": "simulation", "arm": "healthy",
        "shape": "flat", "quantifier": "could", "at_least": 0.5, "over": {"rate": (0.2, 0.3)},
        "expected": "supported", "k": 63, "n": 64, "low": 0.9166781, "high": 0.9972,
        "verdict": "supported", "ensemble": "healthy rate=0.2",
        "tried": (GridCount({"rate": 0.2}, 63), GridCount({"rate": 0.3}, 1)), **other,
    }  # fmt: skip
    return Finding(**given)


def evidence(mark: str = "", **other: Any) -> Evidence:
    given: dict[str, Any] = {
        "format": 1,
        "topic": "test",
        "first": 0,
        "last": 63,
        "made_with": {"engine": ENGINE_VERSION, "torch": "2"},
        "experiments": {
            "simulation": Experiment(
                description(mark),
                (0.0, 12345.5, 500000.0),
                {"healthy": ensemble(), "healthy rate=0.2": ensemble(), "unused": ensemble()},
            )
        },
        "findings": (finding(), finding("two", None, over={}, ensemble="healthy")),
        **other,
    }
    return Evidence(**given)


def claim(option: str | None, **other: Any) -> Claim:
    given: dict[str, Any] = {
        "option": option, "arm": "healthy", "shape": "flat", "quantifier": "could",
        "at_least": 0.5, "over": (KnobValues("rate", (0.2, 0.3)),), "expected": "supported",
        "line": 1, **other,
    }  # fmt: skip
    return Claim(**given)


def question(name: str, claims: tuple[Claim, ...]) -> Question:
    return Question(
        id=name, topic="test", title="", stem_html="", options=(), hints_html=(),
        explanation_html=None, references_html=None, tags=(), shuffle=True,
        simulation="simulation", claims=claims, described_curve=(), version="", source="", path="",
    )  # fmt: skip


def topic(folder: Path, questions: tuple[Question, ...] | None = None) -> Topic:
    path = folder / "simulation.py"
    if not path.exists():
        path.write_text(SOURCE, encoding="utf-8")
    if questions is None:
        questions = (question("one", (claim("a"),)), question("two", (claim(None, over=()),)))
    return Topic("test", "Test", "", None, questions, {"simulation": path}, folder)


def fresh(folder: Path) -> tuple[Topic, Evidence]:
    about = topic(folder)
    return about, evidence(file_fingerprint(about.simulations["simulation"]))


def test_what_is_written_is_read_again_rounded(tmp_path: Path) -> None:
    written = evidence()
    write_evidence(written, tmp_path)
    found = read_evidence(tmp_path)
    assert found is not None
    assert found.findings[0].low == 0.9167
    experiment = found.experiments["simulation"]
    assert experiment.ensembles["healthy"].series["loss"].median == (0.1235, None, 1235.0)
    # settings, x and the description are exact
    assert experiment.ensembles["healthy"].knobs == {"rate": 0.123456789}
    assert experiment.x == (0.0, 12345.5, 500000.0)
    assert experiment.description == description()
    assert found.findings[0].claim_key == written.findings[0].claim_key
    assert list(found.seeds) == list(range(64))


def test_writing_the_same_evidence_again_changes_no_byte(tmp_path: Path) -> None:
    path = write_evidence(evidence(), tmp_path)
    first = path.read_bytes()
    again = read_evidence(tmp_path)
    assert again is not None
    assert write_evidence(again, tmp_path).read_bytes() == first
    assert [p.name for p in tmp_path.iterdir()] == ["evidence.json"]


def test_the_file_is_plain_json_with_one_line_a_curve(tmp_path: Path) -> None:
    text = write_evidence(evidence(), tmp_path).read_text(encoding="utf-8")
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
    path = write_evidence(evidence(), tmp_path)
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(EvidenceError, match=message) as error:
        read_evidence(tmp_path)
    assert str(path) in str(error.value)
    assert "quizserver verify --update" in str(error.value)


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    write_evidence(evidence(), tmp_path)
    assert read_evidence(tmp_path) == read_evidence(tmp_path)
    write_evidence(evidence(topic="other"), tmp_path)
    found = read_evidence(tmp_path)
    assert found is not None
    assert found.topic == "other"


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = write_evidence(evidence(), tmp_path).read_bytes()

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_evidence(evidence(topic="other"), tmp_path)
    assert (tmp_path / "evidence.json").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["evidence.json"]


def _sized(replicas: int, points: int) -> Evidence:
    experiment = Experiment(
        description(),
        tuple(float(x) for x in range(points)),
        {name: ensemble(replicas, points) for name in ("healthy", "healthy rate=0.2")},
    )
    return evidence(experiments={"simulation": experiment})


def test_large_evidence_keeps_fewer_single_replicas(tmp_path: Path) -> None:
    path = write_evidence(_sized(8, 2000), tmp_path)
    assert path.stat().st_size <= room.MAX_EVIDENCE_BYTES
    found = read_evidence(tmp_path)
    assert found is not None
    band = found.experiments["simulation"].ensembles["healthy"].series["loss"]
    assert len(band.replicas) == 8 // 2
    assert len(band.median) == 2000


def test_evidence_that_cannot_be_small_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="fewer points"):
        write_evidence(_sized(8, 6000), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_slice_holds_only_what_the_question_is_about() -> None:
    whole = evidence()
    part = whole.for_question("one")
    assert [f.question for f in part.findings] == ["one"]
    assert list(part.experiments["simulation"].ensembles) == ["healthy rate=0.2"]
    assert part.ensemble_of(part.findings[0]).n == 64
    assert whole.for_question("elsewhere").experiments == {}
    assert whole.finding_for("one", "a") == whole.findings[0]
    assert whole.finding_for("one", "b") is None


def test_evidence_agrees_when_every_finding_does() -> None:
    assert evidence().agrees
    for verdict, expected, agrees in (
        ("mixed", "supported", False), ("refuted", "supported", False),
        ("mixed", "refuted", True), ("supported", "refuted", False),
    ):  # fmt: skip
        found = finding(verdict=verdict, expected=expected)
        assert found.agrees is agrees
        assert evidence(findings=(finding(), found)).agrees is agrees


def test_fresh_evidence_is_not_stale(tmp_path: Path) -> None:
    about, recorded = fresh(tmp_path)
    assert recorded.stale_reason(about) is None
    assert recorded.stale_reason(about, "one") is None
    write_evidence(recorded, tmp_path)
    again = read_evidence(tmp_path)
    assert again is not None
    assert again.stale_reason(about) is None


def test_a_changed_simulation_is_told(tmp_path: Path) -> None:
    about, recorded = fresh(tmp_path)
    about.simulations["simulation"].write_text(SOURCE + "x = 1\n", encoding="utf-8")
    assert recorded.stale_reason(about) == "simulation.py changed since this evidence was made."
    about.simulations["simulation"].unlink()
    assert recorded.stale_reason(about) == "The simulation simulation.py cannot be read."


def test_a_changed_engine_is_told(tmp_path: Path) -> None:
    about, _ = fresh(tmp_path)
    old = evidence("made by another engine", made_with={"engine": "0"})
    assert old.stale_reason(about) == "The engine changed since this evidence was made."


def test_changed_claims_are_told_for_the_question_they_belong_to(tmp_path: Path) -> None:
    about, recorded = fresh(tmp_path)
    one, two = about.questions
    for changed in (
        claim("a", at_least=0.9),
        claim("a", shape="diverges"),
        claim("a", over=(KnobValues("rate", (0.2,)),)),
        claim("a", expected="refuted"),
        claim("a", versus="other"),
        claim("a", series="loss"),
        claim("a", value=0.0),
    ):
        now = replace(about, questions=(replace(one, claims=(changed,)), two))
        assert recorded.stale_reason(now) == "The claims changed since this evidence was made."
        assert (
            recorded.stale_reason(now, "one") == "The claims changed since this evidence was made."
        )
        assert recorded.stale_reason(now, "two") is None
    more = replace(about, questions=(one, two, question("three", (claim("a"),))))
    assert recorded.stale_reason(more) is not None
    moved = replace(about, questions=(replace(one, claims=(claim("a", line=99),)), two))
    assert recorded.stale_reason(moved) is None


def test_a_catalog_takes_a_fresh_description_from_the_evidence(tmp_path: Path) -> None:
    about, recorded = fresh(tmp_path)
    path: Mapping[str, Path] = about.simulations
    write_evidence(recorded, tmp_path)
    # the file itself defines no simulation: only the evidence can tell
    described = SimulationCatalog().describe(path["simulation"])
    assert described == recorded.experiments["simulation"].description


def test_evidence_from_before_there_were_pairs_is_still_read(tmp_path: Path) -> None:
    about, recorded = fresh(tmp_path)
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
    assert old.stale_reason(about) is None


@pytest.mark.parametrize("value", [0.0, -1.5, 0.123456789])
def test_the_number_of_a_claim_is_kept_to_the_last_digit(value: float, tmp_path: Path) -> None:
    write_evidence(evidence(findings=(finding(value=value, shape="ends-above"),)), tmp_path)
    again = read_evidence(tmp_path)
    assert again is not None
    assert again.findings[0].value == value


def test_a_pair_brings_both_of_its_ensembles(tmp_path: Path) -> None:
    pair = finding(versus="other", against="unused", shape="ends-below")
    recorded = evidence(findings=(pair,))
    assert recorded.other_ensemble_of(pair) == ensemble()
    kept = recorded.for_question("one").experiments["simulation"].ensembles
    assert list(kept) == ["healthy rate=0.2", "unused"]
    write_evidence(evidence(findings=(replace(pair, against="gone"),)), tmp_path)
    with pytest.raises(EvidenceError, match="no ensemble 'gone'"):
        read_evidence(tmp_path)
