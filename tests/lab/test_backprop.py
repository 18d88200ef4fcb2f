"""A training step by hand does what autograd does."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from quizserver.lab import losses, optim
from quizserver.lab.backprop import training_step
from quizserver.lab.norms import gradient_norms
from quizserver.lab.replicas import Replicas

REPLICAS = 5
Loss = Callable[[Tensor, Tensor], Tensor]


def replicas_of(dtype: torch.dtype = torch.float64) -> Replicas:
    cpu = torch.device("cpu")
    return Replicas([], [{}] * REPLICAS, range(3, 3 + REPLICAS), device=cpu, dtype=dtype)


def network(sizes: list[int], between: list[Callable[[Replicas], nn.Module]]) -> nn.Sequential:
    """The same network at each call, with the same random numbers to come."""
    replicas = replicas_of()
    parts: list[nn.Module] = []
    for index, (width, following) in enumerate(pairwise(sizes)):
        parts.append(replicas.linear(width, following, bias=index != 1))
        parts += [make(replicas) for make in between]
    return nn.Sequential(*parts[: -len(between) or None])


def numbers(*size: int, seed: int = 0) -> Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def both(
    make: Callable[[], nn.Module],
    loss: Loss,
    data: tuple[Tensor, Tensor],
    *,
    by_hand: bool = True,
    max_norm: Any = None,
) -> None:
    """Five steps of one network as a training step, and of its twin as in PyTorch."""
    ours, theirs = make(), make()
    optimiser = optim.SGD(ours.parameters(), 0.1, momentum=0.5)
    step = training_step(ours, loss, optimiser, max_norm=max_norm)
    assert step.by_hand == by_hand
    other = optim.SGD(theirs.parameters(), 0.1, momentum=0.5)
    for _ in range(5):
        value = step(*data)
        other.zero_grad()
        expected = loss(theirs(data[0]), data[1])
        expected.sum().backward()  # type: ignore[no-untyped-call]
        if max_norm is not None:
            optim.clip_grad_norm(theirs.parameters(), max_norm)
        other.step()
        assert not value.requires_grad
        torch.testing.assert_close(value, expected.detach(), rtol=1e-10, atol=1e-12)
        for mine, its in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(mine.grad, its.grad, rtol=1e-9, atol=1e-12)
            torch.testing.assert_close(mine, its, rtol=1e-9, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 20), min_size=2, max_size=4),
    examples=st.integers(1, 40),
    between=st.lists(
        st.sampled_from(
            [
                lambda _: nn.Tanh(),
                lambda _: nn.Sigmoid(),
                lambda _: nn.ReLU(),
                lambda _: nn.GELU(),
                lambda _: nn.GELU(approximate="tanh"),
                lambda _: nn.Identity(),
                lambda _: nn.Sequential(nn.Tanh(), nn.ReLU()),
                lambda replicas: replicas.dropout(0.3),
            ]
        ),
        max_size=2,
    ),
    shared=st.booleans(),
)
def test_any_chain_has_autograds_gradients(
    sizes: list[int],
    examples: int,
    between: list[Callable[[Replicas], nn.Module]],
    shared: bool,
) -> None:
    inputs = numbers(1 if shared else REPLICAS, examples, sizes[0]).expand(REPLICAS, -1, -1)
    target = numbers(REPLICAS, examples, sizes[-1], seed=1)
    both(lambda: network(sizes, between), losses.mse_loss, (inputs, target))


def _scaled(output: Tensor, target: Tensor) -> Tensor:
    """A loss that an author might write."""
    return (output - target).abs().flatten(1).mean(1)


CLASSES = torch.arange(REPLICAS * 9).reshape(REPLICAS, 9) % 3
CHANCES = numbers(REPLICAS, 9, 3, seed=2).sigmoid()


@pytest.mark.parametrize(
    ("loss", "target", "last"),
    [
        (losses.mse_loss, CHANCES, nn.Identity()),
        (losses.binary_cross_entropy_with_logits, CHANCES, nn.Identity()),
        (losses.binary_cross_entropy, CHANCES, nn.Sigmoid()),
        (losses.cross_entropy, CLASSES, nn.Identity()),
        (_scaled, CHANCES, nn.Identity()),
    ],
    ids=["mse", "logits", "probabilities", "classes", "own"],
)
def test_any_loss_has_autograds_gradients(loss: Loss, target: Tensor, last: nn.Module) -> None:
    both(
        lambda: nn.Sequential(network([4, 6, 3], [lambda _: nn.Tanh()]), last),
        loss,
        (numbers(REPLICAS, 9, 4), target),
    )


@pytest.mark.parametrize("max_norm", [0.05, torch.tensor([0.01, 0.1, 1.0, 10.0, 0.001])])
def test_gradients_are_clipped_replica_by_replica(max_norm: Any) -> None:
    data = numbers(REPLICAS, 9, 4), numbers(REPLICAS, 9, 3, seed=1)
    make = lambda: network([4, 6, 3], [lambda _: nn.Tanh()])  # noqa: E731
    both(make, losses.mse_loss, data, max_norm=max_norm)


class Odd(nn.Module):
    """A layer that nobody has written out."""

    def forward(self, values: Tensor) -> Tensor:
        return functional.softplus(values)


class TwiceGelu(nn.GELU):
    def forward(self, values: Tensor) -> Tensor:
        return 2 * super().forward(values)


def _shares_a_layer() -> nn.Module:
    layer = replicas_of().linear(4, 4)
    return nn.Sequential(layer, nn.Tanh(), layer)


@pytest.mark.parametrize(
    "make",
    [
        lambda: network([4, 6, 4], [lambda _: Odd()]),
        lambda: network([4, 6, 4], [lambda _: TwiceGelu()]),
        _shares_a_layer,
    ],
    ids=["an unknown layer", "a known one changed", "a layer used twice"],
)
def test_what_is_not_written_out_is_left_to_autograd(make: Callable[[], nn.Module]) -> None:
    data = numbers(REPLICAS, 9, 4), numbers(REPLICAS, 9, 4, seed=1)
    both(make, losses.mse_loss, data, by_hand=False)


def test_a_layer_that_the_optimiser_does_not_have_stays_as_it_is() -> None:
    net = network([4, 6, 3], [lambda _: nn.Tanh()])
    last: Any = net[-1]
    before = last.weight.detach().clone()
    first = list(net[0].parameters())
    step = training_step(net, losses.mse_loss, optim.SGD(first, 0.5))
    assert not step.by_hand
    values = [
        step(numbers(REPLICAS, 9, 4), numbers(REPLICAS, 9, 3, seed=1)).mean().item()
        for _ in range(30)
    ]
    assert values[-1] < values[0]
    assert torch.equal(last.weight, before)


def test_the_data_stay_as_they_are_and_gradients_can_be_looked_at() -> None:
    net = nn.Sequential(nn.Tanh(), network([4, 6, 3], [lambda _: nn.ReLU()]))
    inputs, target = numbers(REPLICAS, 8, 4), numbers(REPLICAS, 8, 3, seed=1)
    before = inputs.clone(), target.clone()
    optimiser = optim.SGD(net.parameters(), 0.1)
    step = training_step(net, losses.mse_loss, optimiser)
    step(inputs, target)
    assert torch.equal(inputs, before[0])
    assert torch.equal(target, before[1])
    assert (gradient_norms(net)[0] > 0).all()
    optimiser.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    step(inputs, target)
    assert (gradient_norms(net)[1] > 0).all()


def test_data_of_the_wrong_shape_are_refused() -> None:
    net = network([4, 6, 3], [lambda _: nn.Tanh()])
    step = training_step(net, losses.mse_loss, optim.SGD(net.parameters(), 0.1))
    with pytest.raises(ValueError, match=r"replicas\.share"):
        step(numbers(9, 4), numbers(9, 3))
    with pytest.raises(ValueError, match="they must be the same"):
        step(numbers(REPLICAS, 9, 4), numbers(REPLICAS, 9, 1))


def test_a_parameter_has_one_optimiser_the_one_made_last() -> None:
    net = network([4, 6, 3], [lambda _: nn.Tanh()])
    first = optim.SGD(net.parameters(), 0.1)
    second = optim.SGD(list(net[0].parameters()), 0.1)
    step = training_step(net, losses.mse_loss, first)
    data = numbers(REPLICAS, 9, 4), numbers(REPLICAS, 9, 3, seed=1)
    with pytest.raises(ValueError, match="another optimiser that was made later"):
        step(*data)
    losses.mse_loss(net(data[0]), data[1]).sum().backward()  # type: ignore[no-untyped-call]
    with pytest.raises(ValueError, match="another optimiser that was made later"):
        first.step()
    second.step()


def test_parameters_of_different_types_need_optimisers_of_their_own() -> None:
    one, other = nn.Parameter(torch.zeros(2, 3)), nn.Parameter(torch.zeros(2, 3).double())
    with pytest.raises(ValueError, match="need optimisers of their own"):
        optim.SGD([one, other], 0.1)


def test_a_rate_may_change_in_place_in_one_group_and_in_all() -> None:
    rate = torch.tensor([0.5, 0.25])
    one, two, three = (nn.Parameter(torch.zeros(2, 1, 1)) for _ in range(3))
    alone = optim.SGD([three], lr=rate)
    groups = optim.SGD([{"params": [one], "lr": rate}, {"params": [two]}], lr=1.0)
    for factor in (1, 2):
        rate.mul_(factor)
        for parameter in (one, two, three):
            parameter.grad = torch.ones_like(parameter)
        alone.step()
        groups.step()
    assert one.flatten().tolist() == three.flatten().tolist() == [-1.5, -0.75]
    assert two.flatten().tolist() == [-2, -2]
