"""The strange loss, its counts: each "k of 64" in the text is that of the recorded runs."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
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
        ("flat", "That is so in {} runs, and there", "strange-flat", "high-rate", "reaches"),
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
        ("second-run", "It does so in {} pairs.", "strange-second-run", "low", "crosses"),
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
    assert "| 4 | about a third overflow, and the others rest at ln 4 |" in _text("flat")
    (deep,) = (f for f in evidence.findings if f.arm == "deep")
    assert 0.3 < deep.k / deep.n < 0.4
    loss = simulate(simulation("wide_relu"), {"learning_rate": 7.5, "layers": 4}, SEEDS)
    ends = loss.series["loss"][:, -1]
    rest = np.abs(ends[np.isfinite(ends)] - np.log(4)) < 0.01
    assert rest.all()
    assert abs(len(rest) - (deep.n - deep.k)) <= 2


def test_one_layer_swings_and_dies_as_often_as_the_table_says(evidence: Evidence) -> None:
    row = re.search(
        r"^\| 1 \| all swing, and (\d+) die in the end \|$", _text("flat"), re.MULTILINE
    )
    assert row is not None
    (shallow,) = (f for f in evidence.findings if f.arm == "shallow")
    assert shallow.k == shallow.n
    alive = simulate(simulation("wide_relu"), {"learning_rate": 7.5, "layers": 1}, SEEDS)
    assert abs(int((alive.series["alive"][:, -1] == 0).sum()) - int(row[1])) <= 2


def test_the_settings_of_a_could_are_those_at_which_nine_of_ten_runs_show_it(
    evidence: Evidence,
) -> None:
    words = words_of("could-will")
    (could,) = (f for f in evidence.findings if f.option == "could-decay")
    shares = {tried.knobs["weight_decay"]: tried.k / could.n for tried in could.tried}
    assert [decay for decay, share in shares.items() if share >= 0.9] == [0.024, 0.028]
    assert "at 0.024 and 0.028. Two settings of nine." in words
    assert len(shares) == 9
    assert "At 0.02 two runs of three show it" in words
    assert shares[0.02] == pytest.approx(2 / 3, abs=0.02)
    assert "here there are six" in words
    assert sum(share < 0.5 for share in shares.values()) == 6
    (low,) = (f for f in evidence.findings if f.option == "will-low")
    assert "At 0.32 and 0.4 it does, in all runs." in words
    assert [tried.knobs["learning_rate"] for tried in low.tried if tried.k == low.n] == [0.32, 0.4]


def test_momentum_depends_on_the_points_as_the_remedies_say(tmp_path: Path) -> None:
    """Six more draws of the rings, each with the three causes."""
    source = (FOLDER / "second.py").read_text("utf-8")
    counts: dict[str, list[int]] = {"low": [], "small": [], "decay": []}
    for data_seed in range(6):
        path = tmp_path / f"rings_{data_seed}.py"
        path.write_text(source.replace("data.normal(6,", f"data.normal({data_seed},"), "utf-8")
        rings = load(path)
        for cause, cured in counts.items():
            curves = simulate(rings, rings.arm(f"{cause}-momentum").knobs, SEEDS)
            shown = SHAPES["early-drop"].shown_by(curves.x, curves.series["loss"])
            cured.append(int(shown.sum()))
    assert counts["low"] == [64] * 6
    words = words_of("remedies")
    assert "the low rate in 64 of 64 runs each time" in words
    for cause, says in (("small", "the small weights in"), ("decay", "the strong decay in")):
        row = re.search(rf"{says} (\d+) to (\d+)", words)
        assert row is not None
        least, most = map(int, row.groups())
        assert abs(min(counts[cause]) - least) <= 2
        assert abs(max(counts[cause]) - most) <= 2
    assert "was as low as 11 of 64" in words_of("lesson")
    assert abs(min(counts["small"]) - 11) <= 2


@pytest.mark.parametrize("fault", [{"init_scale": 0.006}, {"weight_decay": 0.024}])
def test_four_times_a_rate_that_was_right_makes_nearly_every_run_swing(
    fault: dict[str, float],
) -> None:
    assert "the same step made nearly every run swing." in words_of("lesson")
    curves = simulate(simulation("simulation"), {**fault, "learning_rate": 6.4}, SEEDS)
    assert SHAPES["oscillates"].shown_by(curves.x, curves.series["loss"]).mean() >= 0.9


def test_which_runs_at_the_high_rate_end_low_is_chance_and_how_many_is_not(
    evidence: Evidence,
) -> None:
    text = words_of("strange-loss")
    assert "about half of all even below the healthy one" in text
    assert "Most of these small networks then settle at a low loss" in text
    assert "most of the runs end low" in text
    assert "about one seed in five ends the other way" in text
    for value, least, most in ((None, 0.4, 0.7), (0.35, 0.5, 0.9)):
        (finding,) = (
            f
            for f in evidence.findings
            if (f.question, f.arm, f.shape, f.value)
            == ("strange-loss", "high-rate", "ends-below", value)
        )
        assert finding.on_edge
        assert finding.nudged is not None
        assert 64 / 8 < finding.nudged.changed < 64 / 3
        for k in (finding.k, finding.nudged.k):
            assert 64 * least < k < 64 * most


@pytest.mark.parametrize(
    "topic", sorted(path.parent.name for path in FOLDER.parent.glob("*/*.json"))
)
def test_no_key_rests_on_a_knifes_edge(topic: str) -> None:
    recorded = read_evidence(FOLDER.parent / topic)
    assert recorded is not None
    assert recorded.tells_edges
    assert recorded.key_holds
