"""What a simulation's training code gets: its own random numbers, weights and batches a replica."""

from __future__ import annotations

import math

import pytest
import torch

from quizserver.lab.replicas import Replicas

from .examples import SCALE


def replicas(*seeds: int, scale: float = 1.0, dtype: torch.dtype = torch.float64) -> Replicas:
    return Replicas(
        [SCALE],
        [{"scale": scale}] * len(seeds),
        list(seeds),
        device=torch.device("cpu"),
        dtype=dtype,
    )


def test_random_numbers_belong_to_the_seed_and_not_to_the_place() -> None:
    first, second = replicas(3, 5, 3), replicas(5, 9)
    numbers, others = first.randn(4, 2), second.randn(4, 2)
    assert numbers.shape == (3, 4, 2)
    assert torch.equal(numbers[0], numbers[2])
    assert torch.equal(numbers[1], others[0])
    assert not torch.equal(numbers[0], numbers[1])
    assert not torch.equal(first.randn(4, 2), numbers), "a second draw is a new one"


def test_weights_do_not_depend_on_what_the_data_drew() -> None:
    plain, busy = replicas(3), replicas(3)
    busy.rand(100)
    assert torch.equal(plain.linear(2, 3).weight, busy.linear(2, 3).weight)


def test_neighbouring_seeds_are_independent() -> None:
    numbers = replicas(*range(400)).randn(25)
    correlation = torch.corrcoef(numbers[:, :2].T)[0, 1]
    along = (numbers[1:] * numbers[:-1]).mean()
    assert abs(correlation) < 4 / math.sqrt(400)
    assert abs(along) < 4 / math.sqrt(399 * 25)


@pytest.mark.parametrize(
    ("init", "variance", "bound"),
    [
        ("default", 1 / (3 * 50), 1 / math.sqrt(50)),
        ("glorot_uniform", 2 / (50 + 30), math.sqrt(6 / 80)),
        ("glorot_normal", 2 / (50 + 30), math.inf),
        ("he_uniform", 2 / 50, math.sqrt(6 / 50)),
        ("he_normal", 2 / 50, math.inf),
        ("lecun_normal", 1 / 50, math.inf),
    ],
)
def test_init_schemes_have_the_variance_of_their_definition(
    init: str, variance: float, bound: float
) -> None:
    layer = replicas(*range(40)).linear(50, 30, init=init)
    weights = layer.weight.detach()
    assert weights.var().item() == pytest.approx(variance, rel=0.02)
    assert weights.abs().max() <= bound
    assert layer.bias is not None
    assert (layer.bias == 0).all() == (init != "default")


def test_default_biases_are_uniform_within_one_over_the_root_of_the_inputs() -> None:
    bias = replicas(*range(40)).linear(16, 200).bias
    assert bias is not None
    assert bias.abs().max() <= 0.25
    assert bias.var().item() == pytest.approx(0.25**2 / 3, rel=0.03)


def test_the_scale_is_each_replicas_own() -> None:
    one, other = replicas(3), replicas(3, scale=0.5)
    assert torch.equal(
        one.linear(4, 4, scale=one.knobs.scale).weight * 0.5,
        other.linear(4, 4, scale=other.knobs.scale).weight,
    )


def test_weights_of_ones_own_are_taken_as_they_are() -> None:
    own = torch.arange(6.0).reshape(2, 3)
    layer = replicas(1, 2).linear(2, 3, init=own, scale=torch.tensor([1.0, 2.0]))
    assert torch.equal(layer.weight.data, torch.stack([own, 2 * own]).double())
    signed = torch.stack([own, -own])
    assert torch.equal(replicas(1, 2).linear(2, 3, init=signed).weight.data, signed.double())
    with pytest.raises(ValueError, match="init is 'xavier'; there are default, glorot_uniform"):
        replicas(1).linear(2, 3, init="xavier")


def test_a_layer_without_bias_has_none() -> None:
    assert [name for name, _ in replicas(1).linear(2, 3, bias=False).named_parameters()] == [
        "weight"
    ]


@pytest.mark.parametrize(("size", "sizes"), [(4, [4, 4, 2]), (5, [5, 5]), (10, [10]), (99, [10])])
def test_an_epoch_shows_every_example_once_in_an_order_of_the_seed(
    size: int, sizes: list[int]
) -> None:
    group = replicas(3, 5, 3)
    numbers, squares = group.share(torch.arange(10.0), torch.arange(10.0) ** 2)
    batches = list(group.batches(numbers, squares, size=size))
    assert [batch.shape[1] for batch, _ in batches] == sizes
    seen = torch.cat([batch for batch, _ in batches], dim=1)
    assert torch.equal(seen.sort(dim=1).values, numbers)
    assert torch.equal(torch.cat([batch for _, batch in batches], dim=1), seen**2)
    assert torch.equal(seen[0], seen[2])
    assert not torch.equal(seen[0], seen[1])
    again = torch.cat([batch for (batch,) in group.batches(numbers, size=size)], dim=1)
    assert not torch.equal(again, seen), "the next epoch has another order"


def test_data_of_each_replica_stays_with_it() -> None:
    group = replicas(3, 5)
    own = group.rand(7, 2)
    seen = torch.cat([batch for (batch,) in group.batches(own, size=3)], dim=1)
    for replica in range(2):
        assert torch.equal(seen[replica].sort(dim=0).values, own[replica].sort(dim=0).values)


def test_a_batch_of_nothing_is_refused() -> None:
    group = replicas(1)
    with pytest.raises(ValueError, match="a batch of 0 examples"):
        list(group.batches(group.rand(5), size=0))


def test_shared_data_takes_the_replicas_type_and_keeps_class_numbers_whole() -> None:
    floats, classes = replicas(1, 2, dtype=torch.float32).share(
        torch.zeros(5, 2, dtype=torch.float64), torch.zeros(5, dtype=torch.int64)
    )
    assert (floats.shape, floats.dtype) == ((2, 5, 2), torch.float32)
    assert (classes.shape, classes.dtype) == ((2, 5), torch.int64)
