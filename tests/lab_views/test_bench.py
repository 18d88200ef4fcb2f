"""The view of the lab bench of a simulation."""

from __future__ import annotations

import json

import pytest

from quizserver.evidence.record import Evidence, read_evidence
from quizserver.lab_views.bench import bench_view
from quizserver.settings import Settings


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    evidence = read_evidence(Settings().content / "strange-loss")
    assert evidence is not None
    return evidence


def test_the_bench_is_set_to_the_arm_and_knobs_that_are_given(evidence: Evidence):
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


def test_a_bench_without_evidence_has_no_curve(evidence: Evidence):
    description = evidence.experiments["simulation"].description
    view = bench_view(
        "strange-loss", "simulation", description, None, runs_url="/runs", source_url="/s",
        stale=None,
    )  # fmt: skip
    assert json.loads(view.config)["recorded"] is None
    assert (view.chart("bench-curve"), list(view.table)) == ("", [])
