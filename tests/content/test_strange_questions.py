"""The strange loss, deeper: the numbers of its pages come out again, and the networks too."""

from __future__ import annotations

import math
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from quizserver.lab import data
from quizserver.lab.catalog import load
from quizserver.lab.ensemble import Curves, Floats, simulate
from quizserver.lab.replicas import Replicas
from quizserver.lab.shapes.single import SHAPES
from quizserver.lab.simulation import Simulation
from quizserver.topics.library import Library

CONTENT = Path(__file__).resolve().parents[2] / "content"
FOLDER = CONTENT / "strange-loss"
SEEDS = range(64)
FRESH = range(11_000, 11_032)
LOW, SMALL, DECAY = {"learning_rate": 0.32}, {"init_scale": 0.006}, {"weight_decay": 0.024}


@cache
def simulation(name: str) -> Simulation:
    return load(FOLDER / f"{name}.py")


def rings(**knobs: float) -> Floats:
    """The loss of the first experiment's network, epoch by epoch: (64, 301)."""
    return simulate(simulation("simulation"), knobs, SEEDS).series["loss"]


def waits(loss: Floats) -> Floats:
    """The first epoch below 85 % of the start, (R,); infinite where there is none."""
    below = loss < 0.85 * loss[:, :1]
    return np.where(below.any(axis=1), below.argmax(axis=1), np.inf)


@cache
def wide(rate: float, layers: int = 2) -> Curves:
    """The ReLU network on fresh seeds."""
    return simulate(simulation("wide_relu"), {"learning_rate": rate, "layers": layers}, FRESH)


def span(values: Floats, digits: int = 0) -> tuple[float, float]:
    """The smallest and the largest value, rounded."""
    return round(float(values.min()), digits), round(float(values.max()), digits)


def page(name: str) -> str:
    return (FOLDER / f"{name}.md").read_text("utf-8")


def rows(name: str) -> dict[str, list[str]]:
    """The rows of a page's tables by their first cell; a later row of one name wins."""
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page(name).splitlines()
        if line.startswith("|")
    ]
    return {row[0]: row[1:] for row in cells}


def test_the_lesson_asks_every_question_of_the_topic() -> None:
    topic = Library(CONTENT).snapshot().topics["strange-loss"]
    question_ids = re.findall(r"```question\n(.+)\n```", page("lesson"))
    assert sorted(question_ids) == sorted(question.id for question in topic.questions)
    assert len(question_ids) >= 6


@pytest.mark.parametrize(
    "arm",
    ["low-fourfold", "low-larger", "low-momentum", "small-usual", "small-momentum", "decay-less"],
)
def test_remedies_end_the_wait_on_fresh_seeds(arm: str) -> None:
    loaded = simulation("second")
    curves = simulate(loaded, loaded.arm(arm).knobs, FRESH)
    assert SHAPES["early-drop"].shown_by(curves.x, curves.series["loss"]).mean() >= 0.85


def test_the_second_run_trains_the_network_of_the_first() -> None:
    for arm in ("low", "small", "decay", "decay-momentum"):
        loaded = simulation("second")
        knobs = loaded.arm(arm).knobs
        ours = simulate(loaded, knobs, FRESH[:4])
        first = simulate(simulation("simulation"), knobs, FRESH[:4])
        np.testing.assert_array_equal(ours.x, first.x[::6])
        np.testing.assert_array_equal(ours.series["loss"], first.series["loss"][:, ::6])


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("learning rate", "learning_rate"),
        ("first weights", "init_scale"),
        ("weight decay", "weight_decay"),
    ],
)
def test_a_wait_in_the_lesson_is_the_median_of_64_runs(name: str, values: str) -> None:
    lines = page("lesson").splitlines()
    (start,) = (number for number, line in enumerate(lines) if line.startswith(f"| {name} |"))
    settings, epochs = ([float(v) for v in lines[start + row].split("|")[2:-1]] for row in (0, 2))
    assert len(settings) >= 4
    for setting, epoch in zip(settings, epochs, strict=True):
        assert abs(np.median(waits(rings(**{values: setting}))) - epoch) <= 0.5, setting


@pytest.mark.parametrize(
    ("row", "sick"), [("low rate", LOW), ("small weights", SMALL), ("strong decay", DECAY)]
)
def test_what_each_remedy_does_to_the_wait(row: str, sick: dict[str, float]) -> None:
    usual = {"learning_rate": 1.6, "init_scale": 0.2} | sick
    remedies = [
        {},
        {"learning_rate": 4 * usual["learning_rate"]},
        {"init_scale": 4 * usual["init_scale"]},
        {"momentum": 0.8},
        {"weight_decay": 0.004} if row == "strong decay" else None,
    ]
    shown = rows("remedies")[row]
    for remedy, cell in zip(remedies, shown, strict=True):
        if remedy is None:
            assert cell == "–"
            continue
        loss = rings(**{**sick, **remedy})
        assert abs(np.median(waits(loss)) - float(cell.split(",")[0])) <= 0.5, remedy
        assert ("swings" in cell) == bool(np.median(loss.max(axis=1)) > 1), remedy
    doubled = (
        waits(rings(**sick, learning_rate=2 * usual["learning_rate"]))
        if row != "low rate"
        else waits(rings(learning_rate=0.64))
    )
    assert rows("second-run")[row] == [shown[0], f"{np.median(doubled):g}"]


def test_what_the_curves_alone_tell() -> None:
    """Every mark that the page names, on the seeds that it was written for."""
    words = " ".join(page("second-run").split())
    low, small, decay = (rings(**sick) for sick in (LOW, SMALL, DECAY))
    assert "at epoch 100 it stands between 0.683 and 0.685 where the two others are" in words
    assert "are between 0.691 and 0.692, in every run" in words
    assert span(low[:, 100], digits=3) == (0.683, 0.685)
    assert span(np.vstack([small, decay])[:, 100], digits=3) == (0.691, 0.692)
    falls = [
        (loss < 0.5 * loss[:, :1]).argmax(axis=1) - waits(loss) for loss in (low, small, decay)
    ]
    assert "within 13 to 24 epochs from 85 % to 50 %, where the low rate takes 55 to 58" in words
    assert "the strong decay takes 24 to 62 epochs" in words
    assert [span(fall) for fall in falls] == [(55, 58), (13, 24), (24, 62)]
    assert "between epochs 156 and 170 of 300; every run ends below half of it" in words
    assert span(np.array([np.median(waits(loss)) for loss in (low, small, decay)])) == (156, 170)
    assert all((loss[:, -1] < 0.5 * loss[:, 0]).all() for loss in (low, small, decay))
    halves = [
        {"learning_rate": 0.8},
        {"init_scale": 0.1},
        {"learning_rate": 0.8, "init_scale": 0.1},
    ]
    assert "at epoch 69, first weights of 0.1 alone at epoch 84, both together at 165" in words
    medians = [float(np.median(waits(rings(**half)))) for half in halves]
    np.testing.assert_allclose(medians, [69, 84, 165], atol=0.5)


@pytest.mark.parametrize(
    ("name", "says", "arm", "end"),
    [
        ("second-run", "at epoch 300 it is 0.17 against 0.18", "low", 0.17),
        ("second-run", "at epoch 300 it is 0.17 against 0.18", "decay", 0.18),
        ("remedies", "it ends at 0.03 rather than 0.18", "decay-less", 0.03),
        ("remedies", "the loss still comes to rest at 0.15", "decay-momentum", 0.15),
    ],
)
def test_an_end_in_the_text_is_the_median_of_64_runs(
    name: str, says: str, arm: str, end: float
) -> None:
    assert says in " ".join(page(name).replace("\n  >", "").split())
    loaded = simulation("second")
    loss = simulate(loaded, loaded.arm(arm).knobs, SEEDS).series["loss"]
    assert round(float(np.median(loss[:, -1])), 2) == end


def test_the_smallest_network_that_waits_obeys_the_formula_of_the_lesson() -> None:
    rate, penalty, start = 0.01, 0.3, 1e-3
    weights = torch.tensor([start, start], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.SGD([weights], lr=rate)
    steps = 0
    while float(weights[0].detach()) < 0.1:
        optimiser.zero_grad()
        loss = 0.5 * (1 - weights.prod()) ** 2 + 0.5 * penalty * weights.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        before = weights[0].item()
        optimiser.step()
        expected = rate * before * (1 - penalty - before**2)
        assert weights[0].item() - before == pytest.approx(expected, rel=1e-9)
        steps += 1
    assert steps == pytest.approx(math.log(0.1 / start) / (rate * (1 - penalty)), rel=0.02)


def test_the_relu_network_is_the_one_that_the_page_describes() -> None:
    """One healthy replica beside ``torch.nn``, layer by layer, in float64."""
    loaded, seed = simulation("wide_relu"), 3
    setting = loaded.arm("healthy").knobs
    replicas = Replicas(
        loaded.knobs, [setting], [seed], device=torch.device("cpu"), dtype=torch.float64
    )
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise((8, 32, 32, 4)):
        init = "he_normal" if outputs == 32 else "lecun_normal"
        layer = nn.Linear(inputs, outputs, dtype=torch.float64)
        with torch.no_grad():
            layer.weight.copy_(replicas.linear(inputs, outputs, init=init).weight[0].detach().T)
            layer.bias.zero_()
        layers += [layer, nn.ReLU()]
    net = nn.Sequential(*layers[:-1])
    points, classes = clouds()
    optimiser = torch.optim.SGD(net.parameters(), lr=0.6)
    theirs = []
    for _ in range(31):
        loss = nn.functional.cross_entropy(net(points), classes)
        theirs.append(loss.item())
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    ours = simulate(loaded, setting, [seed], dtype="float64").series["loss"][0, :11]
    np.testing.assert_allclose(ours, theirs[::3], rtol=1e-6)


def clouds() -> tuple[Tensor, Tensor]:
    centres = data.normal(12, 8, 8)
    points = centres.repeat_interleave(16, dim=0) + 0.7 * data.normal(13, 128, 8)
    return 0.3 * points, torch.tensor([0, 1, 2, 3, 0, 1, 2, 3]).repeat_interleave(16)


def biases_alone(rate: float) -> float:
    """Where four biases end that alone have to tell four equally frequent classes."""
    biases = np.array([0.3, -0.1, 0.2, -0.4])
    for _ in range(2000):
        biases -= rate * (np.exp(biases) / np.exp(biases).sum() - 0.25)
    return float(np.log(np.exp(biases).sum()) - biases.mean())


@pytest.mark.parametrize(("rate", "rests_at", "near"), [(7.5, math.log(4), 1e-3), (9, 1.57, 5e-3)])
def test_a_dead_network_ends_where_its_last_biases_do(
    rate: float, rests_at: float, near: float
) -> None:
    """On fresh seeds most runs die, and those rest where the biases alone come to rest."""
    curves = wide(rate)
    dead = curves.series["alive"][:, -1] == 0
    assert dead.mean() >= 0.75
    assert biases_alone(rate) == pytest.approx(rests_at, abs=near)
    ends = curves.series["loss"][dead, -3:]
    assert (np.abs(ends - biases_alone(rate)) < near).mean() >= 0.95
    assert f"{rests_at:.2f}" in page("flat") or "1.386" in page("flat")


def test_the_tables_of_the_line_at_ln_4_hold_on_fresh_seeds() -> None:
    healthy, mild, high = wide(0.6), wide(2.4), wide(30)
    assert not (healthy.series["alive"] == 0).any()
    assert (healthy.series["loss"][:, -1] < 0.5).all()
    assert (mild.series["loss"][:, -1] < 0.5).mean() >= 0.85
    assert "most of them with large swings on the way" in rows("flat")["2.4"][0]
    assert SHAPES["oscillates"].shown_by(mild.x, mild.series["loss"]).mean() >= 0.6
    assert (high.series["alive"][:, -1] == 0).mean() >= 0.85
    assert 5 < np.median(high.series["loss"][:, -5:]) < 20
    one, four = wide(7.5, layers=1), wide(7.5, layers=4)
    assert 0.2 <= (one.series["alive"][:, -1] == 0).mean() <= 0.65
    overflow = ~np.isfinite(four.series["loss"]).all(axis=1)
    assert 0.15 <= overflow.mean() <= 0.6
    assert (np.abs(four.series["loss"][~overflow, -1] - math.log(4)) < 0.01).mean() >= 0.9


def test_two_runs_with_one_loss_are_a_waiting_and_a_dead_one() -> None:
    """At epoch 30 both guess; one has living units in every layer, and its future ahead."""
    loaded = simulation("wide_relu")
    waiting = simulate(loaded, loaded.arm("waiting").knobs, FRESH)
    dead = wide(7.5)
    at = list(waiting.x).index(30)
    for curves in (waiting, dead):
        assert abs(np.median(curves.series["loss"][:, at]) - math.log(4)) < 0.01
    assert np.median(waiting.series["alive"][:, at]) == pytest.approx(0.97, abs=0.005)
    assert np.median(dead.series["alive"][:, at]) == 0
    assert (waiting.series["loss"][:, -1] < 1).mean() >= 0.9
    slowed = simulate(loaded, loaded.arm("slowed").knobs, FRESH)
    rested = dead.series["alive"][:, at] == 0
    assert (np.abs(slowed.series["loss"][rested, -1] - math.log(4)) < 0.01).all()
