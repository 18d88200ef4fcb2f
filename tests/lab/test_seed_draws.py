"""Random numbers and data that no processor and no company changes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from quizserver.kernel.draws import Stream
from quizserver.lab import data
from quizserver.lab.seed_draws import SeedDraws, orthonormal_columns


def test_draws_of_a_stream_go_on_where_the_last_ended_and_touch_no_other() -> None:
    whole, parts = SeedDraws([3, 9, 3]), SeedDraws([9])
    numbers = whole.uniform(Stream.DATA, 6)
    np.testing.assert_array_equal(numbers[0], numbers[2])
    first = parts.uniform(Stream.DATA, 2)
    parts.normal(Stream.INIT, 50)
    np.testing.assert_array_equal(
        np.concatenate([first, parts.uniform(Stream.DATA, 4)], axis=1), numbers[1:2]
    )
    assert not np.array_equal(SeedDraws([9]).uniform(Stream.INIT, 6), numbers[1:2])


def test_orders_drawn_ahead_are_those_drawn_one_by_one() -> None:
    ahead, counting = SeedDraws([5, 6]), SeedDraws([6])
    orders = [ahead.next_order(1500) for _ in range(4)]
    for _ in range(3):
        counting.next_order(1500)
    assert torch.equal(orders[3][1], counting.next_order(1500)[0])
    assert torch.equal(orders[3].sort(1).values[0], torch.arange(1500))
    assert ahead.next_epoch(1500) == 4
    assert ahead.next_epoch(7) == 0, "data sets of another size count epochs of their own"


@pytest.mark.parametrize(("rows", "columns"), [(6, 6), (40, 7), (5, 1)])
def test_orthonormal_columns_are_those_of_a_qr_decomposition(rows: int, columns: int) -> None:
    matrices = np.random.default_rng(1).normal(size=(3, rows, columns))
    found = orthonormal_columns(matrices)
    for matrix, own in zip(matrices, found, strict=True):
        q, r = np.linalg.qr(matrix)
        np.testing.assert_allclose(own, q * np.sign(np.diag(r)), atol=1e-12)
        np.testing.assert_allclose(own.T @ own, np.eye(columns), atol=1e-15)


def test_fixed_data_are_always_the_same_and_no_replicas_own() -> None:
    normal, uniform = data.normal(0, 40, 5), data.uniform(0, 200)
    assert (normal.shape, normal.dtype) == ((40, 5), torch.float64)
    assert torch.equal(normal, data.normal(0, 40, 5))
    assert not torch.equal(normal, data.normal(1, 40, 5))
    assert abs(normal.mean()) < 0.3
    assert 0 <= uniform.min() < 0.05 < 0.95 < uniform.max() < 1
    for stream in Stream:
        own = SeedDraws([0]).uniform(stream, 200)
        assert not np.isin(own, uniform.numpy()).any()


@pytest.mark.parametrize("reach", [1, 10, 1e6])
def test_sine_and_cosine_are_right_to_the_last_digits(reach: float) -> None:
    angles = torch.linspace(-reach, reach, 5001, dtype=torch.float64)
    for mine, exact in ((data.sin, math.sin), (data.cos, math.cos)):
        expected = [exact(angle) for angle in angles.tolist()]
        assert np.abs(mine(angles).numpy() - expected).max() <= 2.3e-16
    assert data.cos(torch.zeros(2, 3)).tolist() == [[1, 1, 1]] * 2
    assert data.sin(torch.tensor([0.0, -0.0])).tolist() == [0, 0]


@pytest.mark.parametrize("angle", [math.inf, math.nan, 2e6])
def test_angles_that_cannot_be_reduced_are_refused(angle: float) -> None:
    with pytest.raises(ValueError, match="between"):
        data.sin(torch.tensor([0.0, angle]))
