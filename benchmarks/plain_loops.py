"""The plain loops that the ensemble is measured against: one replica, ordinary torch.nn and optim.

They train what the topics train, written for a single run: one mini-batch at a time. Each takes a
seed and returns its losses, so that no part of the work can be optimised away.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

Losses = list[float]


def two_rings() -> tuple[Tensor, Tensor]:
    """64 points on two rings and their classes, like those of the strange loss."""
    angle = torch.arange(32) / 32 * 2 * torch.pi
    circle = torch.stack([angle.cos(), angle.sin()], dim=1)
    noise = 0.2 * torch.randn(2, 32, 2, generator=torch.Generator().manual_seed(0))
    rings = torch.stack([0.3 * circle, 1.6 * circle]) + noise
    classes = torch.tensor([0.0, 1.0]).repeat_interleave(32).unsqueeze(1)
    return 2 * rings.flatten(0, 1), classes


def train_strange_loss(seed: int, epochs: int = 300) -> Losses:
    """One full-batch run of the strange loss's healthy arm; the loss before each epoch."""
    torch.manual_seed(seed)
    points, classes = two_rings()
    net = nn.Sequential(nn.Linear(2, 24), nn.Tanh(), nn.Linear(24, 1))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(0.2)
    optimiser = torch.optim.SGD(net.parameters(), lr=1.6)
    losses = []
    for _ in range(epochs):
        loss = functional.binary_cross_entropy_with_logits(net(points), classes)
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return losses


def train_parabola_steps(seed: int, steps: int = 1000) -> Losses:
    """Gradient descent on the noisy quadratic, in float64; the loss of each tenth step."""
    torch.manual_seed(seed)
    time = torch.arange(20.0, dtype=torch.float64)
    speed = 0.75 * (time - 9.5) ** 2 + 1 + 3 * torch.randn(20, dtype=torch.float64)
    features = torch.stack([time**2, time, torch.ones_like(time)], dim=1)
    weights = torch.randn(3, dtype=torch.float64, requires_grad=True)
    losses = []
    for step in range(steps):
        loss = (features @ weights - speed).square().mean()
        loss.backward()  # type: ignore[no-untyped-call]
        assert weights.grad is not None
        with torch.no_grad():
            weights -= 1e-5 * weights.grad
        weights.grad = None
        if step % 10 == 9:
            losses.append(loss.item())
    return losses


def train_noisy_batches(seed: int, epochs: int = 600) -> Losses:
    """A linear unit on mini-batches of 16 with noisy targets; the loss of each 15th epoch."""
    torch.manual_seed(seed)
    x = torch.randn(64, 8)
    y = x @ (torch.randn(8, 1) / 8**0.5) + 0.1 * torch.randn(64, 1)
    net = nn.Linear(8, 1, bias=False)
    nn.init.zeros_(net.weight)
    return _train_mini_batches(net, torch.optim.SGD(net.parameters(), lr=0.1), x, y, 16, epochs, 15)


def train_line(unit: nn.Module, seed: int, epochs: int) -> Losses:
    """y = 2x + 1 by a 1-16-8-1 network; the loss of each 25th epoch."""
    torch.manual_seed(seed)
    x = torch.linspace(0, 1, 100).unsqueeze(1)
    net = nn.Sequential(nn.Linear(1, 16), unit, nn.Linear(16, 8), unit, nn.Linear(8, 1))
    return _train_mini_batches(
        net, torch.optim.SGD(net.parameters(), lr=0.1), x, 2 * x + 1, 32, epochs, 25
    )


def train_sine(units: int, seed: int, epochs: int) -> Losses:
    """y = 5 sin x + 2 by one hidden layer of tanh units and Adam."""
    torch.manual_seed(seed)
    x = 10 * torch.rand(100, 1)
    net = nn.Sequential(nn.Linear(1, units), nn.Tanh(), nn.Linear(units, 1))
    optimiser = torch.optim.Adam(net.parameters(), lr=0.01, eps=1e-7)
    return _train_mini_batches(net, optimiser, x, 5 * torch.sin(x) + 2, 32, epochs, 25)


def train_parabola(rate: float, seed: int, epochs: int) -> Losses:
    """y = x² by ten ReLU units and Adam."""
    torch.manual_seed(seed)
    x = torch.linspace(-1, 1, 100).unsqueeze(1)
    net = nn.Sequential(nn.Linear(1, 10), nn.ReLU(), nn.Linear(10, 1))
    optimiser = torch.optim.Adam(net.parameters(), lr=rate, eps=1e-7)
    return _train_mini_batches(net, optimiser, x, x**2, 32, epochs, 25)


def _train_mini_batches(
    net: nn.Module,
    optimiser: torch.optim.Optimizer,
    x: Tensor,
    y: Tensor,
    size: int,
    epochs: int,
    every: int,
) -> Losses:
    losses = [functional.mse_loss(net(x), y).item()]
    for epoch in range(1, epochs + 1):
        permutation = torch.randperm(len(x))
        for indices in permutation.split(size):  # type: ignore[no-untyped-call]
            loss = functional.mse_loss(net(x[indices]), y[indices])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        if epoch % every == 0:
            losses.append(functional.mse_loss(net(x), y).item())
    return losses
