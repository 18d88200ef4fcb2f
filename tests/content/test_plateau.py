"""The plateau: a jump is what stepping leads to, and what the pages lean on holds."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from quizserver.evidence.record import Evidence, read_evidence
from quizserver.lab.catalog import load
from quizserver.lab.ensemble import Curves, simulate
from quizserver.lab.replicas import Replicas
from quizserver.lab.simulation import Simulation
from quizserver.topics.library import Library
from tests.content.plateau_pictures import FOLDER, RATE, SEED, Descent

Floats = NDArray[np.float64]
FRESH = range(9_000, 9_064)


@pytest.fixture(scope="module")
def jumps() -> Simulation:
    return load(FOLDER / "simulation.py")


@pytest.fixture(scope="module")
def steps() -> Simulation:
    return load(FOLDER / "steps.py")


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    recorded = read_evidence(FOLDER)
    assert recorded is not None
    return recorded


def _stepped(
    setting: Mapping[str, float], simulation: Simulation, seed: int, until: int
) -> list[float]:
    """The loss after each step of the plainest autograd loop, on the data of a seed."""
    draw = Replicas(
        simulation.knobs, [setting], [seed], device=torch.device("cpu"), dtype=torch.float64
    )
    params = draw.randn(20)[0, :3].clone().requires_grad_()
    clock = torch.arange(-20 if setting.get("wide") else 0, 20, dtype=torch.float64)
    noise = setting["noise"] * draw.randn(2, 40)[0, 0, : len(clock)]
    speed = 0.75 * (clock - 9.5) ** 2 + 1 + noise
    a_time = clock - setting["zero"]
    losses = []
    for _ in range(until + 1):
        a, b, c = params
        loss = ((a * a_time**2 + b * a_time + c - speed) ** 2).mean()
        losses.append(loss.item())
        (gradient,) = torch.autograd.grad(loss, params)
        params.data -= setting["learning_rate"] * gradient
    return losses


@pytest.mark.parametrize("arm", ["narrow", "wide", "centred", "narrow-faster", "wide-faster"])
def test_a_jump_agrees_with_taking_every_step(jumps: Simulation, arm: str) -> None:
    setting = dict(jumps.arm(arm).knobs)
    curves = simulate(jumps, setting, [SEED])
    reached = curves.x <= 3000
    stepped = np.array(_stepped(setting, jumps, SEED, 3000))
    expected = stepped[curves.x[reached].astype(int)]
    np.testing.assert_allclose(curves.series["loss"][0, reached], expected, rtol=1e-9)


@pytest.mark.slow
def test_the_last_jump_agrees_with_half_a_million_steps(jumps: Simulation) -> None:
    descent = Descent()
    parameters = descent.first
    gradient = 2 / 20 * descent.x.T
    for _ in range(500_000):
        parameters = parameters - RATE * (gradient @ (descent.x @ parameters - descent.speed))
    jumped = simulate(jumps, {}, [SEED]).series["loss"][0, -1]
    assert descent.loss(parameters) == pytest.approx(jumped, rel=1e-9)


def test_both_simulations_give_one_seed_the_same_descent(
    jumps: Simulation, steps: Simulation
) -> None:
    seeds = range(8)
    jumped, stepped = (simulate(s, {}, seeds) for s in (jumps, steps))
    _, one, other = np.intersect1d(jumped.x, stepped.x, return_indices=True)
    assert len(one) >= 15
    np.testing.assert_allclose(
        jumped.series["loss"][:, one], stepped.series["loss"][:, other], rtol=1e-9
    )


@pytest.mark.parametrize("name", ["jumps", "steps"])
def test_a_seed_is_the_same_alone_and_among_others(
    name: str, request: pytest.FixtureRequest
) -> None:
    simulation: Simulation = request.getfixturevalue(name)
    alone = simulate(simulation, {}, [5]).series["loss"][0]
    among = simulate(simulation, {}, range(40)).series["loss"][5]
    np.testing.assert_allclose(alone, among, rtol=1e-12)


def test_the_excess_is_what_least_squares_would_take_away(jumps: Simulation) -> None:
    curves = simulate(jumps, {}, [SEED])
    descent = Descent()
    floor = descent.loss(descent.best)
    np.testing.assert_allclose(
        curves.series["loss"][0] - curves.series["excess"][0], floor, rtol=1e-9
    )


def test_the_validation_loss_belongs_to_the_same_parameters(jumps: Simulation) -> None:
    """Without noise, the loss between the points follows from the parameters of the picture."""
    curves = simulate(jumps, {"noise": 0}, [SEED])
    descent = Descent()
    descent.speed = 0.75 * (descent.time - 9.5) ** 2 + 1
    descent.best = np.array([0.75, -14.25, 68.6875])
    between = descent.time[:-1] + 0.5
    x = np.stack([between**2, between, np.ones(19)], axis=1)
    truth = 0.75 * (between - 9.5) ** 2 + 1
    expected = [np.mean((x @ descent.at(int(k)) - truth) ** 2) for k in curves.x]
    np.testing.assert_allclose(curves.series["validation"][0], expected, rtol=1e-7)


def test_orthogonal_features_have_a_hessian_that_is_twice_the_identity(jumps: Simulation) -> None:
    """So one step at the rate one half arrives, whatever the degree."""
    for degree in (2, 7, 19):
        setting = {"orthogonal": 1, "degree": degree, "learning_rate": 0.5}
        excess = simulate(jumps, setting, range(4)).series["excess"]
        assert excess.max() < 1e-20


@pytest.mark.parametrize(
    ("name", "factor", "diverges"), [("below", 0.99, False), ("above", 1.01, True)]
)
def test_the_largest_eigenvalue_caps_the_rate(
    jumps: Simulation, name: str, factor: float, diverges: bool
) -> None:
    for setting, cap in (({}, 2 / 56_499.36), ({"wide": 1}, 2 / 64_270.21)):
        loss = simulate(jumps, {**setting, "learning_rate": factor * cap}, range(8)).series["loss"]
        assert (np.isinf(loss[:, -1]) == diverges).all(), name


def _figures(curves: Curves, name: str = "loss") -> dict[int, Floats]:
    return {int(x): curves.series[name][:, i] for i, x in enumerate(curves.x)}


@pytest.mark.slow
def test_what_the_lesson_says_holds_on_fresh_seeds(jumps: Simulation, steps: Simulation) -> None:
    narrow, wide, centred, fitted = (
        _figures(simulate(jumps, jumps.arm(arm).knobs, FRESH))
        for arm in ("narrow", "wide", "centred", "fitted")
    )
    floor = fitted[500_000]
    assert ((narrow[10] > 450) & (narrow[10] < 850)).all()  # the plateau …
    assert (narrow[30] / narrow[10] > 0.999).all()  # … stays over twenty more steps
    assert np.mean(floor) == pytest.approx(9 * 17 / 20, rel=0.2)
    assert (floor / narrow[10] < 0.03).all()  # noise explains next to nothing of it
    assert np.median(narrow[500_000]) == pytest.approx(55, rel=0.1)
    assert np.median(wide[500_000]) == pytest.approx(8.0, rel=0.2)
    assert (narrow[80_000] < wide[80_000]).mean() > 0.9
    assert (narrow[120_000] > wide[120_000]).mean() > 0.9
    assert np.median(centred[100]) < 40
    scaled = _figures(simulate(steps, steps.arm("standardised-fast").knobs, FRESH))
    assert (scaled[200] / floor < 1.05).all()


def test_the_evidence_is_fresh_and_agrees(evidence: Evidence) -> None:
    topic = Library(FOLDER.parent).snapshot().topics["plateau"]
    assert evidence.stale_reason(topic) is None
    assert evidence.agrees
    assert len(topic.questions) >= 4


def test_every_option_has_a_claim() -> None:
    topic = Library(FOLDER.parent).snapshot().topics["plateau"]
    for question in topic.questions:
        claimed = {claim.option for claim in question.claims} - {None}
        assert claimed == {option.id for option in question.options}, question.id
