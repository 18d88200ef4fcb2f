"""Draws that are changed in their last place: by one unit, in the replicas that are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from quizserver.lab import losses, optim
from quizserver.lab.backprop import training_step
from quizserver.lab.ensemble import simulate
from quizserver.lab.model import Backend
from quizserver.lab.nudges import nudge_last_place
from quizserver.lab.replicas import Replicas
from quizserver.lab.simulation import Simulation

from .examples import SCALE, plain

DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def replicas(*nudged: bool, dtype: torch.dtype = torch.float32) -> Replicas:
    """Replicas of seed 7, some of which are nudged."""
    return Replicas(
        [SCALE],
        [{"scale": 1.0}] * len(nudged),
        [7] * len(nudged),
        device=torch.device("cpu"),
        dtype=dtype,
        nudged=nudged,
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_second_number_becomes_the_next_larger_one(dtype: torch.dtype) -> None:
    size = torch.finfo(dtype).eps
    numbers = torch.tensor([[1.5, 1.5, -3.0, -3.0, 0.0]] * 2, dtype=dtype)
    plain, nudged = nudge_last_place(numbers, torch.tensor([False, True]))
    assert torch.equal(plain, numbers[0])
    wanted = [1.5 + size, 1.5 - size, -3 - 2 * size, -3 + 2 * size, 0]
    assert torch.equal(nudged, torch.tensor(wanted, dtype=dtype))


def test_the_smallest_numbers_move_too_and_a_bound_is_not_reached() -> None:
    smallest = np.nextafter(np.float32(0), np.float32(1)).item()
    almost = np.nextafter(np.float32(1), np.float32(0)).item()
    numbers = torch.tensor([[smallest, smallest, almost]])
    (free,) = nudge_last_place(numbers, torch.tensor([True]))
    assert free.tolist() == [2 * smallest, 0.0, 1.0]
    (bounded,) = nudge_last_place(numbers, torch.tensor([True]), below=1)
    assert bounded[2] == torch.nextafter(torch.tensor(almost), torch.tensor(0.0))


@pytest.mark.parametrize("dtype", DTYPES[2:])
def test_draws_and_first_weights_are_nudged_and_dropout_and_orders_are_not(
    dtype: torch.dtype,
) -> None:
    pair = replicas(False, True, dtype=dtype)
    layer = pair.linear(5, 4)
    assert layer.bias is not None
    drawn = [pair.randn(6, 2), pair.rand(50), layer.weight, layer.bias, pair.linear(3, 2).weight]
    for numbers in drawn:
        plain, nudged = numbers.detach()
        up = torch.nextafter(plain, torch.full_like(plain, torch.inf).copysign(plain))
        down = torch.nextafter(plain, torch.zeros_like(plain))
        assert ((nudged == up) | (nudged == down)).all()
        assert (nudged != plain).all()
    dropped = pair.dropout(0.5)(torch.ones(2, 8, 4, dtype=dtype))
    assert torch.equal(dropped[0], dropped[1])
    x = torch.arange(40, dtype=dtype).view(1, 40, 1).expand(2, -1, -1)
    for (batch,) in pair.batches(x, size=8):
        assert torch.equal(batch[0], batch[1])


def test_what_no_seed_draws_stays() -> None:
    pair = replicas(False, True)
    own = torch.full((3, 2), 0.1)
    layers = [pair.linear(3, 2, init=own), pair.linear(3, 2, init="zeros")]
    for layer in layers:
        assert torch.equal(layer.weight[0], layer.weight[1])
    glorot = pair.linear(3, 2, init="glorot_uniform")
    assert glorot.bias is not None
    assert not glorot.bias.any(), "biases that start at zero are not drawn"
    (shared,) = pair.share(own)
    assert torch.equal(shared[0], shared[1])


def line(dtype: str = "float32") -> Simulation:
    """Random points that a network of tanh units learns, in a training that is not chaotic."""
    simulation = plain(points=6, dtype=dtype)

    @simulation.train
    def train(replicas: Any) -> Iterator[tuple[float, dict[str, Any]]]:
        x, y = replicas.randn(16, 2), replicas.rand(16, 1)
        net = nn.Sequential(replicas.linear(2, 8), nn.Tanh(), replicas.linear(8, 1))
        optimiser = optim.SGD(net.parameters(), lr=replicas.knobs.rate)
        step = training_step(net, losses.mse_loss, optimiser)
        for point in range(6):
            yield point, {"loss": step(x, y)}

    return simulation


BACKENDS: tuple[Backend, ...] = ("kernel", "torch")


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_nudged_replica_has_another_curve_and_changes_no_other(backend: Backend) -> None:
    simulation, nudged = line(), [False, True, False, True]
    alone = simulate(simulation, {}, [3, 4], backend=backend).series["loss"]
    mixed = simulate(simulation, {}, [3, 3, 4, 4], nudged=nudged, backend=backend)
    assert mixed.backends == (backend,)
    curves = mixed.series["loss"]
    np.testing.assert_array_equal(curves[[0, 2]], alone)
    assert (curves[[1, 3]] != alone).any(axis=1).all()
    np.testing.assert_allclose(curves[[1, 3]], alone, rtol=1e-5)


def test_kernel_and_torch_nudge_alike() -> None:
    """By the same nudge: they start from the same bits, and differ by rounding alone."""
    by_kernel, by_torch = (
        simulate(line("float64"), {}, [3, 4], nudged=[True, True], backend=backend).series["loss"]
        for backend in BACKENDS
    )
    as_drawn = simulate(line("float64"), {}, [3, 4], backend="kernel").series["loss"]
    np.testing.assert_allclose(by_kernel, by_torch, rtol=1e-13)
    assert (by_kernel != as_drawn).any()
