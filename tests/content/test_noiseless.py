"""Noiseless and still stuck: the networks are those its pages describe, and so are the ends."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from quizserver.evidence.record import MAX_EVIDENCE_BYTES, Evidence, read_evidence
from quizserver.lab.catalog import load
from quizserver.lab.ensemble import Curves, simulate
from quizserver.lab.replicas import Replicas
from quizserver.lab.simulation import Simulation
from quizserver.topics.library import Library
from quizserver.topics.model import Topic

CONTENT = Path(__file__).resolve().parents[2] / "content"
FOLDER = CONTENT / "noiseless"
FRESH = range(9_000, 9_032)
EPOCHS = 6


@cache
def simulation(name: str) -> Simulation:
    return load(FOLDER / f"{name}.py")


@cache
def start_of(arm: str) -> Curves:
    """The first 120 epochs of the line, on fresh seeds."""
    loaded = simulation("sigmoid_start")
    return simulate(loaded, loaded.arm(arm).knobs, FRESH)


@pytest.fixture(scope="module")
def topic() -> Topic:
    return Library(CONTENT).snapshot().topics["noiseless"]


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    recorded = read_evidence(FOLDER)
    assert recorded is not None
    return recorded


def test_the_evidence_is_fresh_small_and_as_the_keys_say(topic: Topic, evidence: Evidence) -> None:
    assert evidence.stale_reason(topic) is None
    assert evidence.agrees
    assert evidence.seeds == range(64)
    assert (FOLDER / "evidence.json").stat().st_size <= MAX_EVIDENCE_BYTES


def test_the_lesson_asks_every_question_of_the_topic(topic: Topic) -> None:
    question_ids = re.findall(r"```question\n(.+)\n```", (FOLDER / "lesson.md").read_text("utf-8"))
    assert sorted(question_ids) == sorted(question.id for question in topic.questions)
    assert len(question_ids) >= 6


def line() -> tuple[Tensor, Tensor]:
    x = torch.linspace(0, 1, 100, dtype=torch.float64).unsqueeze(1)
    return x, 2 * x + 1


def sine() -> tuple[Tensor, Tensor]:
    x = torch.from_numpy(np.random.RandomState(42).rand(100, 1) * 10)
    return x, 5 * torch.sin(x) + 2


def parabola() -> tuple[Tensor, Tensor]:
    x = torch.linspace(-1, 1, 100, dtype=torch.float64).unsqueeze(1)
    return x, x**2


def sgd(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=0.1)


def adam(rate: float) -> Callable[[Any], torch.optim.Optimizer]:
    return lambda parameters: torch.optim.Adam(parameters, lr=rate, eps=1e-7)


@pytest.mark.parametrize(
    ("name", "arm", "data", "widths", "unit", "optimiser"),
    [
        ("sigmoid_relu", "sigmoid", line, (1, 16, 8, 1), nn.Sigmoid, sgd),
        ("sigmoid_relu", "relu", line, (1, 16, 8, 1), nn.ReLU, sgd),
        ("capacity", "ten", sine, (1, 10, 1), nn.Tanh, adam(0.01)),
        ("capacity", "thirty-two", sine, (1, 32, 1), nn.Tanh, adam(0.01)),
        ("rates", "low-rate", parabola, (1, 10, 1), nn.ReLU, adam(0.001)),
        ("rates", "high-rate", parabola, (1, 10, 1), nn.ReLU, adam(0.1)),
    ],
)
def test_each_arm_is_the_training_loop_that_the_page_describes(
    name: str,
    arm: str,
    data: Callable[[], tuple[Tensor, Tensor]],
    widths: tuple[int, ...],
    unit: type[nn.Module],
    optimiser: Callable[[Any], torch.optim.Optimizer],
) -> None:
    """One replica beside ``torch.nn`` and ``torch.optim``, epoch by epoch, in float64."""
    loaded, seed = simulation(name), 5
    setting = {**loaded.arm(arm).knobs, "epochs_per_point": 1}
    ours = _losses(loaded, setting, seed)
    x, y = data()
    replicas = Replicas(
        loaded.knobs, [setting], [seed], device=torch.device("cpu"), dtype=torch.float64
    )
    net = _network(replicas, widths, unit)
    stepper = optimiser(net.parameters())
    shared = replicas.share(x, y)
    theirs = [_mse(net(x), y)]
    for _ in range(EPOCHS):
        sizes = []
        for some, labels in replicas.batches(*shared, size=32):
            sizes.append(some.shape[1])
            stepper.zero_grad()
            _mse(net(some[0]), labels[0]).backward()  # type: ignore[no-untyped-call]
            stepper.step()
        assert sizes == [32, 32, 32, 4]
        theirs.append(_mse(net(x), y))
    np.testing.assert_allclose(ours, [loss.item() for loss in theirs], rtol=1e-6)


def _losses(loaded: Simulation, setting: dict[str, float], seed: int) -> list[float]:
    seen: list[float] = []
    simulate(
        loaded,
        setting,
        [seed],
        dtype="float64",
        on_points=lambda _index, _x, values: seen.append(float(values["loss"][0])),
        should_stop=lambda: len(seen) > EPOCHS,
    )
    return seen


def _network(replicas: Replicas, widths: tuple[int, ...], unit: type[nn.Module]) -> nn.Sequential:
    """Plain layers with Glorot-uniform weights from the replica's own seed, and zero biases."""
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(widths):
        drawn = replicas.linear(inputs, outputs, init="glorot_uniform").weight[0].detach()
        assert float(drawn.abs().max()) <= (6 / (inputs + outputs)) ** 0.5
        layer = nn.Linear(inputs, outputs, dtype=torch.float64)
        with torch.no_grad():
            layer.weight.copy_(drawn.T)
            layer.bias.zero_()
        layers += [layer, unit()]
    return nn.Sequential(*layers[:-1])


def _mse(output: Tensor, target: Tensor) -> Tensor:
    return nn.functional.mse_loss(output, target)


def test_the_sigmoid_network_waits_at_the_variance_and_then_learns_on_fresh_seeds() -> None:
    curves = start_of("sigmoid")
    unexplained, epoch = curves.series["unexplained"], curves.x
    assert (unexplained[:, epoch <= 4] > 0.75).all()
    half = epoch[(unexplained < 0.5).argmax(axis=1)]
    assert 60 <= np.median(half) <= 95
    assert np.median(unexplained[:, -1]) < 0.1


def test_cures_end_the_wait_and_four_times_the_rate_does_not_on_fresh_seeds() -> None:
    within = {arm: _under_way(arm) for arm in ("relu", "tanh", "better-init", "momentum")}
    assert min(within.values()) >= 0.7, within
    assert _under_way("quadruple-rate") <= 0.25
    assert _under_way("small-init") == 0


def _under_way(arm: str) -> float:
    """The share of seeds that explain at least 15 % of the variance by epoch 24."""
    curves = start_of(arm)
    at = curves.series["unexplained"][:, curves.x == 24]
    return float((at < 0.85).mean())


def test_ten_units_end_in_one_of_two_places_on_fresh_seeds() -> None:
    loaded = simulation("capacity")
    seeds = FRESH[:24]
    ends = simulate(loaded, loaded.arm("ten").knobs, seeds).series["loss"][:, -4:]
    end = np.median(ends, axis=1)
    between = (end > 0.4) & (end < 1.5)
    assert between.mean() <= 0.15
    assert (end <= 0.4).any()
    assert (end >= 1.5).any()


def test_fewer_epochs_between_points_give_a_shorter_run() -> None:
    for name in ("sigmoid_relu", "capacity", "rates"):
        loaded = simulation(name)
        curves = simulate(loaded, {"epochs_per_point": 1}, [1])
        assert curves.x[-1] == loaded.points - 1
