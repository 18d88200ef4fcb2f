"""The strange loss: what its page says of each arm holds on seeds that nobody chose it by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from quizserver.evidence.claims import count_verdict
from quizserver.evidence.record import Evidence, read_evidence
from quizserver.lab.catalog import load
from quizserver.lab.ensemble import simulate
from quizserver.lab.shapes.single import SHAPES
from quizserver.lab.simulation import Simulation
from quizserver.topics.library import Library
from quizserver.topics.model import Topic

CONTENT = Path(__file__).resolve().parents[2] / "content"
FOLDER = CONTENT / "strange-loss"
FRESH = range(7_000, 7_064)


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return load(FOLDER / "simulation.py")


@pytest.fixture(scope="module")
def topic() -> Topic:
    return Library(CONTENT).snapshot().topics["strange-loss"]


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    recorded = read_evidence(FOLDER)
    assert recorded is not None
    return recorded


def test_each_arm_is_one_knob_from_its_base(simulation: Simulation) -> None:
    described = simulation.describe()
    changes = {arm.name: described.knob_change(arm.name) for arm in described.arms}
    assert {name: change and change.knob.name for name, change in changes.items()} == {
        "healthy": None,
        "low-rate": "learning_rate",
        "stuck": "init_scale",
        "strong-decay": "weight_decay",
        "high-rate": "learning_rate",
        "higher-rate": "learning_rate",
        "more-decay": "weight_decay",
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arm", "shape", "at_least"),
    [
        ("healthy", "steady-decrease", 0.9),
        ("low-rate", "plateau-then-drop", 0.9),
        ("stuck", "plateau-then-drop", 0.9),
        ("strong-decay", "plateau-then-drop", 0.9),
        ("high-rate", "oscillates", 0.9),
        ("higher-rate", "early-drop", 0.9),
        ("more-decay", "flat", 0.9),
    ],
)
def test_arms_show_their_shape_on_fresh_seeds(
    simulation: Simulation, arm: str, shape: str, at_least: float
) -> None:
    curves = simulate(simulation, simulation.arm(arm).knobs, FRESH)
    k = int(SHAPES[shape].shown_by(curves.x, curves.series["loss"]).sum())
    assert count_verdict(k, len(FRESH), at_least) == "supported", f"{k} of {len(FRESH)}"
    if arm in ("healthy", "high-rate"):
        assert not SHAPES["plateau-then-drop"].shown_by(curves.x, curves.series["loss"]).any()


def test_the_evidence_is_fresh_and_agrees_with_the_key(topic: Topic, evidence: Evidence) -> None:
    assert evidence.stale_reason(topic) is None
    assert evidence.agrees
    options = {option.id for question in topic.questions for option in question.options}
    assert {finding.option for finding in evidence.findings} >= options


def test_the_evidence_is_what_the_simulation_does(
    simulation: Simulation, evidence: Evidence
) -> None:
    recorded = evidence.experiments["simulation"].ensembles["low-rate"]
    curves = simulate(simulation, recorded.knobs, evidence.seeds)
    median = np.median(curves.series["loss"], axis=0)
    band = recorded.series["loss"]
    np.testing.assert_allclose(np.array(band.median, dtype=float), median, rtol=5e-3)
    for row, stored_row in zip(curves.series["loss"], band.replicas, strict=False):
        np.testing.assert_allclose(np.array(stored_row, dtype=float), row, rtol=5e-3)
