"""The view of the lab bench of a simulation."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from quizserver.evidence.record import Evidence, read_evidence
from quizserver.lab_views.bench import BenchUrls, BenchView, bench_view
from quizserver.lab_views.recorded_arm import arm_views, recorded_arm
from quizserver.settings import Settings

URLS = BenchUrls(
    runs="/runs", source="/s", recorded="/recorded", maps="/maps", arm=lambda arm: f"/arms/{arm}"
)


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    evidence = read_evidence(Settings().content / "strange-loss")
    assert evidence is not None
    return evidence


def test_the_bench_is_set_to_the_arm_and_knobs_that_are_given(evidence: Evidence):
    description = evidence.experiments["simulation"].description
    view = bench_view(
        "strange-loss", "simulation", description, evidence, URLS, stale=None,
        arm_name="low-rate", knobs={"momentum": 0.5}, replicas_max=64,
    )  # fmt: skip
    config = json.loads(view.config)
    assert config["initial"]["arm"] == "low-rate"
    expected = dict(description.arm("low-rate").knobs) | {"momentum": 0.5}
    assert config["initial"]["knobs"] == expected
    assert config["x_range"] == [0, 300]
    assert (view.arm_url, view.maps_url) == ("/arms/low-rate", "/maps")
    ensemble = evidence.experiments["simulation"].ensembles["low-rate"]
    assert view.sentence == ensemble.sentence
    assert [arm["index"] for arm in config["arms"]] == list(range(len(description.arms)))


def test_a_bench_without_evidence_has_no_curve(evidence: Evidence):
    description = evidence.experiments["simulation"].description
    view = bench_view("strange-loss", "simulation", description, None, URLS, stale=None)
    assert json.loads(view.config)["x_range"] is None
    assert (view.chart("bench-curve"), view.sentence, view.arm_url) == ("", "", "")
    assert view.maps_url, "a map can be computed"
    assert not view.has_maps


def test_what_a_script_reads_of_a_bench_holds_no_markup(evidence: Evidence):
    description = replace(evidence.experiments["simulation"].description, points=7)
    arm = replace(description.arms[0], label="<b>a & b</b></template>")
    description = replace(description, arms=(arm, *description.arms[1:]))
    view = bench_view("strange-loss", "simulation", description, evidence, URLS, stale=None)
    assert not set("<&") & set(view.config)
    assert json.loads(view.config)["arms"][0]["label"] == arm.label


def test_a_recorded_arm_has_every_number_of_its_curve(evidence: Evidence):
    description = evidence.experiments["simulation"].description
    view = next(view for view in arm_views(description) if view.name == "low-rate")
    recorded = recorded_arm(description, evidence, "simulation", view)
    assert recorded is not None
    assert len(recorded.rows) == len(recorded.x) == 301
    assert recorded.rows[0][0] == "0"
    assert 'class="replica"' in recorded.draw_chart("arm", with_replicas=True)
    assert 'class="replica"' not in recorded.draw_chart("arm")
    assert recorded_arm(description, None, "simulation", view) is None


def test_many_arms_wait_behind_a_fold_but_those_of_the_options(evidence: Evidence):
    description = evidence.experiments["second"].description
    assert len(description.arms) > 8

    def view(**kwargs: object) -> BenchView:
        return bench_view("t", "second", description, evidence, URLS, stale=None, **kwargs)  # type: ignore[arg-type]

    first = description.arms[0].name
    few = view(main_arms={"small"})
    assert [arm.name for arm in few.arms] == [first, "small"]
    assert len(few.other_arms) == len(description.arms) - 2
    assert len(json.loads(few.config)["arms"]) == len(description.arms)
    assert not view().other_arms
