"""Zero error, almost: what its pages say of rounding, noise and batches holds on fresh seeds."""

from __future__ import annotations

import json
import math
import os
import re
import runpy
import subprocess
import sys
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from quizserver.evidence.findings import make_finding
from quizserver.evidence.plan import TrainingPlan
from quizserver.evidence.record import Evidence, read_evidence
from quizserver.lab.catalog import load
from quizserver.lab.ensemble import simulate
from quizserver.lab.shapes.pair import PAIR_SHAPES
from quizserver.lab.simulation import Simulation
from quizserver.topics.library import Library
from quizserver.topics.model import Topic

CONTENT = Path(__file__).resolve().parents[2] / "content"
FOLDER = CONTENT / "zero-error"
FRESH = range(7_000, 7_032)
ROUNDING = {"bfloat16": 2.0**-8, "float16": 2.0**-11, "float32": 2.0**-24, "float64": 2.0**-53}

DEPTH_ARMS = ("sigmoid", "relu", "tanh", "large-sigmoid", "large-tanh")

Floats = NDArray[np.float64]
extended = pytest.mark.skipif(
    np.finfo(np.longdouble).nmant <= np.finfo(np.float64).nmant,
    reason="this platform has no float longer than float64 to compare with",
)


@cache
def simulation(name: str) -> Simulation:
    return load(FOLDER / f"{name}.py")


@cache
def curves(name: str, arm: str, series: str = "loss") -> Floats:
    """A series of an arm on fresh seeds, (R, P)."""
    loaded = simulation(name)
    return simulate(loaded, loaded.arm(arm).knobs, FRESH).series[series]


def end(name: str, arm: str) -> float:
    return float(np.median(curves(name, arm)[:, -1]))


def late_loss(arm: str) -> Floats:
    """Each replica's mean loss over the last half of the run."""
    loss = curves("floor", arm)
    return np.asarray(loss[:, loss.shape[1] // 2 :].mean(axis=1))


def in_every_pair(name: str, lower: str, higher: str) -> bool:
    points = np.arange(simulation(name).points)
    shape = PAIR_SHAPES["ends-below"]
    return bool(shape.shown_by(points, curves(name, lower), curves(name, higher)).all())


@pytest.fixture(scope="module")
def topic() -> Topic:
    return Library(CONTENT).snapshot().topics["zero-error"]


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    recorded = read_evidence(FOLDER)
    assert recorded is not None
    return recorded


def test_the_evidence_is_fresh_and_agrees_with_the_key(topic: Topic, evidence: Evidence) -> None:
    assert evidence.stale_reason(topic) is None
    assert evidence.agrees
    for question in topic.questions:
        options = {f.option for f in evidence.findings if f.question == question.id}
        assert options >= {option.id for option in question.options}


@pytest.mark.parametrize(
    ("name", "arm"), [("sum", "own-target"), ("precision", "bfloat16"), ("floor", "drawn")]
)
def test_the_evidence_is_what_the_simulations_do(evidence: Evidence, name: str, arm: str) -> None:
    """On every processor: these sum so that the order of the terms does not show in the medians."""
    recorded = evidence.experiments[name].ensembles[arm]
    curves = simulate(simulation(name), recorded.knobs, evidence.seeds)
    for series, band in recorded.series.items():
        median = np.median(curves.series[series], axis=0)
        np.testing.assert_allclose(np.array(band.median, dtype=float), median, rtol=5e-3)


@pytest.mark.parametrize("arm", DEPTH_ARMS)
def test_rounding_grows_alike_on_every_processor(evidence: Evidence, arm: str) -> None:
    """The growth a layer to 3 %, and each layer's median error within a factor of three.

    More than that is not the same everywhere. MKL sums the 64 terms of a product in the order that
    suits the processor's instructions, so that the rounding error of the first layer alone differs
    by a quarter (medians of "relu": 1.9 units with AVX-512, 2.4 with AVX2 or SSE), and large tanh
    layers amplify other errors: their medians differ by up to a factor of two.
    """
    recorded = _recorded_errors(evidence, arm)
    knobs = evidence.experiments["depth"].ensembles[arm].knobs
    median = np.median(simulate(simulation("depth"), knobs, evidence.seeds).series["error"], axis=0)
    assert _growth(median) == pytest.approx(_growth(recorded), rel=0.03)
    assert (median < 3 * recorded).all()
    assert (recorded < 3 * median).all()


def test_every_verdict_on_rounding_is_the_same_on_every_processor(
    topic: Topic, evidence: Evidence
) -> None:
    (question,) = (q for q in topic.questions if q.simulation == "depth")
    no_selection = range(0)  # which only claims over a grid need
    plan = TrainingPlan(simulation("depth"))
    for claim in question.claims:
        plan.add_claim(question, claim, evidence.seeds, no_selection)
    plan.train_settings("cpu", "torch", lambda _replicas: None)
    findings = [make_finding(plan, c, evidence.seeds, no_selection) for c in plan.claims]
    assert [(finding.arm, finding.verdict) for finding in findings] == [
        (finding.arm, finding.verdict)
        for finding in evidence.findings
        if finding.question == question.id
    ]


@pytest.mark.skipif(not torch.backends.mkl.is_available(), reason="torch has no MKL here")
def test_with_the_kernels_for_any_processor_rounding_is_the_recorded_one_to_four_digits(
    evidence: Evidence,
) -> None:
    """MKL's compatible mode sums in one order on all x86-64 processors.

    The evidence is recorded with these two settings, since every such processor can do that again.
    The libraries read them when they are loaded, hence the process. torch's own kernels give the
    same numbers with AVX2 as with AVX-512, others on older processors.
    """
    knobs = {arm: dict(evidence.experiments["depth"].ensembles[arm].knobs) for arm in DEPTH_ARMS}
    completed = subprocess.run(
        [sys.executable, "-c", _PRINT_MEDIANS, str(FOLDER / "depth.py"), json.dumps(knobs)],
        env={**os.environ, "MKL_CBWR": "COMPATIBLE", "ATEN_CPU_CAPABILITY": "avx2"},
        capture_output=True,
        text=True,
        check=True,
    )
    for arm, median in json.loads(completed.stdout).items():
        # half a unit of the fourth digit is at most 5e-4 of a number
        np.testing.assert_allclose(median, _recorded_errors(evidence, arm), rtol=6e-4)


_PRINT_MEDIANS = """
import json, sys
from pathlib import Path
import numpy as np
from quizserver.lab.catalog import load
from quizserver.lab.ensemble import simulate
simulation = load(Path(sys.argv[1]))
curves = {
    arm: simulate(simulation, knobs, range(64)).series["error"]
    for arm, knobs in json.loads(sys.argv[2]).items()
}
print(json.dumps({arm: np.median(values, axis=0).tolist() for arm, values in curves.items()}))
"""


def _recorded_errors(evidence: Evidence, arm: str) -> Floats:
    band = evidence.experiments["depth"].ensembles[arm].series["error"]
    return np.array(band.median, dtype=np.float64)


def _growth(errors: Floats) -> float:
    """The factor by which the error grows a layer, over the first 30 of 40 layers.

    After those the largest errors are as large as the result itself, and stop growing.
    """
    slope, _start = np.polyfit(np.arange(30), np.log(errors[:30]), 1)
    return math.exp(slope)


def test_the_sum_is_off_by_its_target_and_not_by_rounding() -> None:
    x, b = np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.2])
    y = np.array([[0.5, 0.2, 0.3], [0.1, 0.7, 0.2]]) @ x + b
    assert np.linalg.norm(y - np.array([2.8, 2.6])) == pytest.approx(math.sqrt(0.9), rel=1e-14)
    rounding = [
        abs(Fraction(float(v)) - Fraction(t)) for v, t in zip(y, ("1.9", "2.3"), strict=True)
    ]
    assert max(rounding) < 1e-15
    given, own = curves("sum", "given", "error"), curves("sum", "own-target", "error")
    np.testing.assert_allclose(given[:, -1], math.sqrt(0.9), rtol=1e-14)
    assert (own[:, -1] < 1e-15).all()


def test_rounding_to_24_bits_is_what_float32_does() -> None:
    rounded = runpy.run_path(str(FOLDER / "sum.py"))["rounded"]
    values = torch.randn(10_000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.equal(rounded(values, 24), values.float().double())
    assert torch.equal(rounded(values, 8), values.bfloat16().double())
    assert torch.equal(rounded(values, 53), values)


@extended
def test_one_sigmoid_is_about_one_unit_in_the_last_place_off() -> None:
    z = torch.rand(1_000_000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    z = (160 * z - 80).float()
    exact = 1 / (1 + np.exp(-z.numpy().astype(np.longdouble)))
    off = np.abs(torch.sigmoid(z).numpy() - exact) / np.spacing(exact.astype(np.float32))
    assert 0.2 < off.mean() < 0.5
    assert 1.5 < off.max() < 3
    for arm in ("single", "double", "textbook"):
        error, close = curves("sigmoid", arm, "error"), curves("sigmoid", arm, "close")
        assert (close == 1).all()
        assert np.median(error, axis=0).max() < 0.6
    # where the result is not simply 1 the best possible rounding errs by a quarter in the mean
    assert np.median(curves("sigmoid", "single", "error")[:, 0]) > 0.25


@extended
def test_the_other_formula_overflows_before_an_input_of_100() -> None:
    far = curves("sigmoid", "turned-far", "error")
    at = np.argmax(~np.isfinite(far), axis=1) / (far.shape[1] - 1) * 100
    assert (~np.isfinite(far[:, -1])).all()
    assert ((at > 88) & (at <= 92.5)).all()


def test_sigmoids_forget_old_errors_and_large_tanh_layers_amplify_them() -> None:
    last = {
        arm: np.median(curves("depth", arm, "error")[:, -1])
        for arm in ("sigmoid", "large-sigmoid", "relu", "large-tanh")
    }
    assert last["sigmoid"] < 1.2
    assert last["large-sigmoid"] < 2.2
    first = np.median(curves("depth", "relu", "error")[:, 0])
    assert 2 * first < last["relu"] < math.sqrt(40) * 2 * first
    assert last["large-tanh"] * ROUNDING["float32"] > 0.3


def test_the_floor_of_each_format_is_a_small_multiple_of_its_squared_rounding() -> None:
    for arm, rounding in ROUNDING.items():
        assert 4 < end("precision", arm) / rounding**2 < 30, arm


def test_the_floor_follows_the_inverse_square_of_the_learning_rate() -> None:
    middle = end("precision", "float32")
    assert 25 / 2 < end("precision", "low-rate") / middle < 25 * 2
    assert 9 / 2 < middle / end("precision", "high-rate") < 9 * 3.5
    assert in_every_pair("precision", "high-rate", "float32")
    assert in_every_pair("precision", "float32", "low-rate")


def test_training_longer_changes_nothing_at_the_floor() -> None:
    short, long = curves("precision", "float32"), curves("precision", "longer")
    assert np.array_equal(short[:, -1], long[:, -1])


def test_with_clean_targets_no_suspect_holds_the_loss_up() -> None:
    for arm in ("clean", "sigmoid", "batches", "clean-high"):
        assert curves("floor", arm)[:, -1].max() < 0.009 * 1e-8, arm
    assert in_every_pair("floor", "batches", "clean")


def test_noisy_targets_leave_what_the_weights_cannot_fit() -> None:
    floor = curves("floor", "noisy")[:, -1]
    spread = 0.01 * math.sqrt(2 * 56) / 64  # of 0.01 times a chi-square of 56 freedoms over 64
    assert floor.mean() == pytest.approx(0.00875, abs=4 * spread / math.sqrt(len(FRESH)))
    np.testing.assert_allclose(curves("floor", "noisy-double")[:, -1], floor, rtol=1e-6)


def test_drawn_batches_cost_what_the_formula_says_and_dealt_ones_less() -> None:
    best = late_loss("noisy-high-full")
    cost = {
        arm: float(((late_loss(arm) - best) / best).mean())
        for arm in ("drawn-low", "drawn", "drawn-high", "noisy-low", "noisy-batches", "noisy-high")
    }
    assert cost["drawn-low"] == pytest.approx(0.02 * 8 / 16, rel=0.2)
    assert cost["drawn"] == pytest.approx(0.1 * 8 / 16, rel=0.3)
    assert cost["noisy-low"] < cost["drawn-low"] / 100
    assert cost["noisy-batches"] == pytest.approx(cost["drawn"] / 10, rel=0.4)
    assert cost["noisy-high"] == pytest.approx(cost["drawn-high"] * 3 / 4, rel=0.25)
    exponent = math.log(cost["noisy-batches"] / cost["noisy-low"], 5)
    assert 2.5 < exponent < 3.7
    assert "The runs come to 1 % and 6 %." in (FOLDER / "noisy-batches.md").read_text("utf-8")
    assert [f"{cost[arm]:.0%}" for arm in ("drawn-low", "drawn")] == ["1%", "6%"]


def test_a_page_says_how_the_recorded_floor_follows_the_rate(evidence: Evidence) -> None:
    floors = {
        finding.arm: finding.ends
        for finding in evidence.findings
        if finding.question == "precision-floor" and finding.versus == "float32"
    }
    low, high = floors["low-rate"], floors["high-rate"]
    assert low is not None
    assert high is not None
    page_text = " ".join((FOLDER / "precision-floor.md").read_text("utf-8").split())
    assert "between 30 and 40, and about 20." in page_text
    (slow, usual), (fast, same) = ([end.median for end in ends] for ends in (low, high))
    assert slow is not None
    assert usual is not None
    assert fast is not None
    assert same == usual
    assert 30 < slow / usual < 40
    assert 17 < usual / fast < 23


def test_double_precision_stops_at_the_same_height_to_seven_digits() -> None:
    single, double = (curves("floor", arm)[:, -1] for arm in ("noisy", "noisy-double"))
    assert "to seven digits or so" in (FOLDER / "above-zero.md").read_text("utf-8")
    off = np.median(np.abs(single - double) / double)
    assert 1e-8 < off < 2e-7


def test_the_lesson_lists_the_floors_that_the_evidence_holds(evidence: Evidence) -> None:
    rows = dict(
        re.findall(
            r"^\| (\w+) \| ([0-9.e-]+) \| \d+ \|$", (FOLDER / "lesson.md").read_text("utf-8"), re.M
        )
    )
    assert set(rows) == set(ROUNDING)
    for arm, floor in rows.items():
        measured = evidence.experiments["precision"].ensembles[arm].series["loss"].median[-1]
        assert measured is not None
        assert float(floor) == pytest.approx(measured, rel=0.05), arm
