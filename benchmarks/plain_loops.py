"""The plain loops that the ensemble is measured against: one replica, ordinary torch.nn and optim.

They train what the topics train, written as one would write it for a single run.
"""

from __future__ import annotations

import torch
from torch import nn


def two_rings() -> tuple[torch.Tensor, torch.Tensor]:
    """64 points on two rings and their classes, like those of the strange loss."""
    angle = torch.arange(32) / 32 * 2 * torch.pi
    circle = torch.stack([angle.cos(), angle.sin()], dim=1)
    noise = 0.2 * torch.randn(2, 32, 2, generator=torch.Generator().manual_seed(0))
    rings = torch.stack([0.3 * circle, 1.6 * circle]) + noise
    classes = torch.tensor([0.0, 1.0]).repeat_interleave(32).unsqueeze(1)
    return 2 * rings.flatten(0, 1), classes


def strange_loss(seed: int, epochs: int = 300) -> list[float]:
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
        loss = nn.functional.binary_cross_entropy_with_logits(net(points), classes)
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return losses
