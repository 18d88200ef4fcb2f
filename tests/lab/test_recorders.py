"""What a curve may show of a training, and rates that change at a step or step by step."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from quizserver.lab import losses, norms, optim, schedules
from quizserver.lab.backprop import training_step
from quizserver.lab.replicas import Replicas


class Trained:
    """A net with dropout in three replicas, after one step."""

    def __init__(self) -> None:
        replicas = Replicas(
            [], [{}] * 3, (1, 2, 3), device=torch.device("cpu"), dtype=torch.float64
        )
        self.hidden, self.second = replicas.linear(2, 5), replicas.linear(5, 4)
        self.net = nn.Sequential(
            self.hidden, nn.ReLU(), replicas.dropout(0.5), self.second, nn.ReLU(),
            replicas.linear(4, 1),
        )  # fmt: skip
        self.x, self.y = replicas.randn(20, 2), replicas.randn(20, 1)
        optimiser = optim.SGD(self.net.parameters(), 0.1)
        self.step: Any = training_step(self.net, losses.mse_loss, optimiser)
        self.step(self.x, self.y)

    def without_dropout(self) -> Tensor:
        self.net.eval()
        output: Tensor = self.net(self.x)
        self.net.train()
        return output


def test_recorders_see_the_whole_net_and_leave_everything_as_it_is() -> None:
    one, other = Trained(), Trained()
    output = other.without_dropout()
    loss = losses.mse_loss(output, other.y)
    missing = output.detach() - other.y
    other.net.zero_grad()
    loss.sum().backward()  # type: ignore[no-untyped-call]
    before = [p.grad.clone() for p in one.net.parameters() if p.grad is not None]
    torch.testing.assert_close(one.step.loss(one.x, one.y), loss.detach())
    for recorded, expected in (
        (one.step.gradient_norms(one.x, one.y), norms.gradient_norms(other.net)),
        (one.step.weight_norms(), norms.weight_norms(other.net)),
    ):
        assert len(recorded) == 3
        for mine, theirs in zip(recorded, expected, strict=True):
            torch.testing.assert_close(mine, theirs)
    torch.testing.assert_close(
        one.step.unexplained(one.x, one.y), missing.var((1, 2)) / other.y.var((1, 2))
    )
    after = [p.grad for p in one.net.parameters() if p.grad is not None]
    assert all(map(torch.equal, before, after))
    assert all(module.training for module in one.net.modules())
    # the same units are dropped in the next step as where nobody had looked
    unwatched = Trained()
    assert torch.equal(one.step(one.x, one.y), unwatched.step(unwatched.x, unwatched.y))


def test_units_are_alive_where_their_sum_is_above_zero_at_some_example() -> None:
    trained = Trained()
    with torch.no_grad():
        trained.hidden.weight.zero_()
        bias, second = trained.hidden.bias, trained.second.bias
        assert bias is not None
        assert second is not None
        bias.copy_(torch.tensor([1.0, 1, 1, -1, 0]))
        trained.second.weight.zero_()
        second.copy_(torch.tensor([1.0, -1, -1, -1]))
        bias[2, 0, 0] = torch.inf
    alive = trained.step.share_alive
    torch.testing.assert_close(
        alive(trained.x, trained.hidden)[:2], torch.full((2,), 0.6, dtype=torch.float64)
    )
    assert alive(trained.x, trained.hidden)[2].isnan(), "beyond being alive or dead"
    fewest = alive(trained.x, trained.hidden, trained.second)
    assert fewest[:2].tolist() == [0.25, 0.25]
    assert fewest[2].isnan()
    for wrong in ([], [nn.ReLU()], [trained.hidden, nn.ReLU()]):
        with pytest.raises(ValueError, match="linear layers of the network"):
            alive(trained.x, *wrong)


def test_classes_have_no_variance() -> None:
    trained = Trained()
    with pytest.raises(ValueError, match="no variance"):
        trained.step.unexplained(trained.x, torch.zeros(3, 20, dtype=torch.int64))


def test_a_rate_changes_at_a_step_or_by_the_same_factor_at_each() -> None:
    rate = torch.tensor([1.0, 2.0])
    change = schedules.change_at(rate, step=torch.tensor([2, 3]), factor=torch.tensor([0.5, 10]))
    assert [change(step).tolist() for step in range(4)] == [[1, 2], [1, 2], [0.5, 2], [0.5, 20]]
    falling = schedules.geometric(rate, last_factor=torch.tensor([0.01, 1]), steps=4)
    first = [falling(step)[0].item() for step in (0, 1, 2, 4, 99)]
    assert first == pytest.approx([1, 0.01**0.25, 0.1, 0.01, 0.01])
    assert falling(3)[1] == 2
    with pytest.raises(ValueError, match="last_factor must be above 0"):
        schedules.geometric(rate, last_factor=0.0, steps=4)
