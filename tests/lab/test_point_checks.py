"""What an author's ``train`` gets wrong is reported with its line, before any curve is used."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from quizserver.lab import Knob
from quizserver.lab.ensemble import simulate
from quizserver.lab.isolation import check_seed_isolation
from quizserver.lab.model import SimulationError
from quizserver.lab.simulation import Simulation

from .examples import plain


def ten(value: Any, points: int = 6, **other: Any) -> Simulation:
    """``value(replicas, step)`` is the loss (R,) of each step."""
    simulation = plain(points, **other)

    @simulation.train
    def train(replicas: Any) -> Any:
        for step in range(points):
            yield step, {"loss": value(replicas, step)}

    return simulation


def at(x: Any) -> Simulation:
    simulation = plain(2)

    @simulation.train
    def train(replicas: Any) -> Any:
        for step in range(2):
            yield x(replicas, step), {"loss": torch.ones(replicas.count)}

    return simulation


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (lambda _r, _s: 0, "x must grow from point to point, but 0 comes after 0"),
        (lambda _r, s: -s, "x must grow from point to point, but 0 comes after 0|-1 comes after 0"),
        (lambda _r, _s: float("nan"), "x must be a finite number"),
        (lambda r, _s: r.randn(1).flatten(), r"it is a tensor of shape \(32,\)"),
        (lambda _r, _s: "first", "x must be a finite number.*it is a str"),
    ],
)
def test_an_x_that_no_curve_can_be_drawn_over_is_explained(x: Any, message: str) -> None:
    with pytest.raises(SimulationError, match=message):
        simulate(at(x), {}, [0])


def test_arms_that_train_apart_must_agree_on_x() -> None:
    simulation = plain(2, knobs=[Knob("size", "Size", 1, 9, default=1, integer=True)])

    @simulation.train
    def train(replicas: Any) -> Any:
        for step in range(2):
            yield step * replicas.knobs.size, {"loss": torch.ones(replicas.count)}

    with pytest.raises(SimulationError, match="x is 1 at a point of one arm and 3 at that of"):
        simulate(simulation, [{"size": 1}, {"size": 3}], [0, 0])
    assert simulate(simulation, {"size": 3}, [0]).x.tolist() == [0, 3]


def test_a_wrong_series_is_reported_at_its_yield() -> None:
    simulation = plain(2)

    @simulation.train
    def train(_replicas: Any) -> Any:
        loss = torch.zeros(())

        yield 0, {"loss": loss}

    with pytest.raises(SimulationError, match=r"shape \(32,\).*it is a tensor of shape \(\)") as e:
        simulate(simulation, {}, [0])
    assert e.value.line == train.__code__.co_firstlineno + 4


@pytest.mark.parametrize(
    "draw",
    [
        lambda r: torch.randn(r.count),
        lambda r: nn.Dropout(0.5)(torch.ones(r.count)),
        lambda r: torch.from_numpy(np.random.rand(r.count)),
    ],
    ids=["torch", "dropout", "numpy"],
)
def test_random_numbers_that_no_seed_decides_are_refused(draw: Any) -> None:
    with pytest.raises(SimulationError, match="that no seed decides: take replicas"):
        simulate(ten(lambda r, _s: draw(r)), {}, [0])


def test_random_numbers_of_a_later_point_are_refused_at_the_end() -> None:
    def late(replicas: Any, step: int) -> Any:
        return torch.randn(replicas.count) if step == 20 else torch.ones(replicas.count)

    with pytest.raises(SimulationError, match="that no seed decides"):
        simulate(ten(late, 30), {}, [0])


def test_a_layer_of_torch_that_draws_its_own_weights_is_named_beside_what_then_failed() -> None:
    def value(_replicas: Any, _step: int) -> Any:
        return nn.Linear(1, 1)(torch.ones(3, 2))

    with pytest.raises(SimulationError, match=r"RuntimeError: .*\. Besides, train uses random"):
        simulate(ten(value), {}, [0])


def test_the_error_of_a_misspelt_knob_lists_the_knobs() -> None:
    with pytest.raises(SimulationError, match="there is no knob 'rat'; the knobs are rate"):
        simulate(ten(lambda r, _s: r.knobs.rat), {}, [0])


def check_first_seed(simulation: Simulation, *, device: str = "cpu") -> None:
    curves = simulate(simulation, {}, range(5, 9)).series
    rows = {name: values[0] for name, values in curves.items()}
    check_seed_isolation(simulation, simulation.check_knobs({}), 5, rows, device=device)


def test_a_curve_that_leans_on_its_neighbours_is_found_out() -> None:
    def mixing(replicas: Any, _step: int) -> Any:
        loss = replicas.rand(1).flatten()
        return loss - loss.mean()

    with pytest.raises(SimulationError, match="seed 5 has another curve alone") as e:
        check_first_seed(ten(mixing))
    assert e.value.line is not None
    check_first_seed(ten(mixing), device="cuda")  # there a curve is the same up to rounding only
    check_first_seed(ten(mixing, dtype="bfloat16"))


def test_a_curve_of_its_seed_alone_passes_even_where_it_is_no_number() -> None:
    check_first_seed(
        ten(lambda r, s: r.rand(1).flatten() / (0.0 if s == 1 else 1.0) - torch.inf * (s == 2))
    )


def test_a_batch_normalisation_that_takes_the_replicas_for_examples_is_found_out() -> None:
    simulation = plain(4)

    @simulation.train
    def train(replicas: Any) -> Any:
        net = nn.Sequential(replicas.linear(1, 5), nn.BatchNorm1d(3, affine=False))
        for step in range(4):
            yield step, {"loss": net(replicas.rand(3, 1)).square().mean((1, 2))}

    with pytest.raises(SimulationError, match="BatchNorm1d"):
        check_first_seed(simulation)
