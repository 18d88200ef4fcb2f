"""The strange loss, its counts: each "k of 64" in the text is that of the recorded runs."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from quizserver.evidence.record import Evidence, read_evidence
from quizserver.lab.catalog import load
from quizserver.lab.ensemble import simulate
from quizserver.lab.shapes.single import SHAPES
from quizserver.lab.simulation import Simulation

FOLDER = Path(__file__).resolve().parents[2] / "content" / "strange-loss"
SEEDS = range(64)


@cache
def simulation(name: str) -> Simulation:
    return load(FOLDER / f"{name}.py")


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    recorded = read_evidence(FOLDER)
    assert recorded is not None
    return recorded


def words_of(page: str) -> str:
    """A page's text with its line breaks and the marks of quoted lines taken out."""
    text = (FOLDER / f"{page}.md").read_text("utf-8")
    return " ".join(re.sub(r"^ *> ?", "", text, flags=re.MULTILINE).split())


@pytest.mark.parametrize(
    ("page", "says", "question", "arm", "shape"),
    [
        ("flat", "Yes, in {} runs, and there", "strange-flat", "high-rate", "reaches"),
        ("flat", "the loss overflows in {} runs", "strange-flat", "leaky", "diverges"),
        ("flat", "never the drop, in {}.", "strange-flat", "high-rate", "plateau-then-drop"),
        ("lesson", "a layer was dead in {} runs", "strange-waiting", "high-rate", "reaches"),
        ("lesson", "only waiting, in {}. A network", "strange-waiting", "waiting", "reaches"),
        ("lesson", "which helped {}. Going on", "strange-waiting", "restarted", "early-drop"),
        ("lesson", "weight decay, {} runs", "strange-remedies", "decay-less", "early-drop"),
        ("lesson", "0.3, {} dropped early", "strange-remedies", "small-usual", "early-drop"),
        ("lesson", "early in {} runs for", "strange-remedies", "low-momentum", "early-drop"),
        ("lesson", "early in {} runs for", "strange-remedies", "small-momentum", "early-drop"),
        ("lesson", "early in {} runs for", "strange-remedies", "decay-momentum", "early-drop"),
        ("lesson", "cured {} of the runs", "strange-remedies", "low-fourfold", "early-drop"),
        ("second-run", "Yes, in {} pairs.", "strange-second-run", "low", "crosses"),
    ],
)
def test_a_count_in_the_text_is_the_recorded_one(
    evidence: Evidence, page: str, says: str, question: str, arm: str, shape: str
) -> None:
    (finding,) = (
        f for f in evidence.findings if (f.question, f.arm, f.shape) == (question, arm, shape)
    )
    assert says.format(f"{finding.k} of {finding.n}") in words_of(page)


@pytest.mark.parametrize("rate", [7.5, 9, 30])
def test_the_table_of_rates_counts_the_dead_layers_of_64_runs(rate: float) -> None:
    """Up to two seeds of 64: another processor rounds otherwise."""
    alive = simulate(simulation("wide_relu"), {"learning_rate": rate}, SEEDS).series["alive"]
    row = re.search(rf"^\| {rate:g} \| (\d+) have a dead layer", _text("flat"), re.MULTILINE)
    assert row is not None
    assert abs(int((alive[:, -1] == 0).sum()) - int(row[1])) <= 2


def _text(page: str) -> str:
    return (FOLDER / f"{page}.md").read_text("utf-8")


def test_four_layers_rest_or_overflow_as_often_as_the_table_says(evidence: Evidence) -> None:
    assert "| 4 | a third to a half overflow, and nearly all others rest at ln 4 |" in _text("flat")
    (deep,) = (f for f in evidence.findings if f.arm == "deep")
    assert 0.3 < deep.k / deep.n < 0.6


@pytest.mark.parametrize("fault", [{"init_scale": 0.006}, {"weight_decay": 0.024}])
def test_four_times_a_rate_that_was_right_makes_nearly_every_run_swing(
    fault: dict[str, float],
) -> None:
    assert "the same step made nearly every run swing." in words_of("lesson")
    curves = simulate(simulation("simulation"), {**fault, "learning_rate": 6.4}, SEEDS)
    assert SHAPES["oscillates"].shown_by(curves.x, curves.series["loss"]).mean() >= 0.9
