"""Reports as JSON have the promised fields; as text, a row for each claim."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from quizserver.evidence.report import all_keys_hold, curves_json, report_json, report_table
from quizserver.evidence.verify import verify_topic
from quizserver.kernel.recipe import source_version
from quizserver.lab.ensemble import Curves

from .examples import claim_about, write_topic


def test_the_report_for_programs_has_the_fields_that_are_promised(tmp_path: Path) -> None:
    claims = [claim_about("still", "flat"), claim_about("still", "diverges")]
    evidence = verify_topic(write_topic(tmp_path, claims), range(3, 67))
    report = json.loads(json.dumps(report_json([evidence])))
    assert list(report) == ["topics"]
    assert report["topics"][0]["topic"] == "test"
    assert report["topics"][0]["seeds"] == list(range(3, 67))
    first = report["topics"][0]["claims"][0]
    assert first.pop("low") == pytest.approx(0.9434, abs=1e-4)
    assert first == {
        "question": "one", "option": "a", "arm": "still", "shape": "flat", "k": 64, "n": 64,
        "high": 1.0, "verdict": "supported", "expected": "supported", "agrees": True,
        "nudged": {"k": 64, "changed": 0}, "on_edge": False,
    }  # fmt: skip
    assert not report["topics"][0]["claims"][1]["agrees"]
    pair = claim_about("still", "crosses", versus="healthy", series="twice")
    ((other,),) = (
        t["claims"]
        for t in report_json([verify_topic(write_topic(tmp_path, [pair]), range(2))])["topics"]
    )
    assert other.keys() - first.keys() == {"low", "versus", "series"}
    assert (other["versus"], other["series"]) == ("healthy", "twice")
    assert not all_keys_hold([evidence])
    assert all_keys_hold([])


def test_the_report_for_people_has_a_line_a_claim(tmp_path: Path) -> None:
    claims = [claim_about("still", "flat"), claim_about("still", "diverges")]
    pair = claim_about("still", "crosses", versus="healthy", series="twice")
    lines = report_table(
        verify_topic(write_topic(tmp_path, [*claims, pair]), range(64))
    ).splitlines()
    assert "still / healthy  crosses (twice)" in lines[4]
    assert lines[0] == "test: seeds 0 to 63"
    assert lines[2].split()[:4] == ["one", "a", "still", "flat"]
    assert "64 of 64" in lines[2]
    assert lines[2].endswith("supported")
    assert lines[3].endswith("refuted    but the key says supported")
    assert report_table(verify_topic(write_topic(tmp_path, []), range(1))).endswith("no claims")


def test_curves_for_programs_have_null_where_there_is_no_number() -> None:
    curves = Curves(
        x=np.array([0.0, 1.0]),
        series={"loss": np.array([[1.0, np.nan], [2.0, np.inf]])},
        seeds=(7, 8),
        settings=({"rate": 1.0},) * 2,
        backends=("torch",),
    )
    printed = json.dumps(curves_json("t", "a", {"rate": 1.0}, curves), allow_nan=False)
    assert json.loads(printed) == {
        "topic": "t", "arm": "a", "knobs": {"rate": 1.0}, "seeds": [7, 8], "backends": ["torch"],
        "x": [0, 1],
        "series": {"loss": [[1, None], [2, None]]},
    }  # fmt: skip
    both = replace(curves, backends=("kernel", "torch"))
    assert curves_json("t", "a", {}, both)["kernel"] == source_version()
