"""The kernel and the lab's classes in torch train the same networks: in float64, to rounding."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from quizserver.kernel.draws import Stream, example_orders, uniform_numbers
from quizserver.kernel.plan import Activation, Dense, Dropout, Layer, Operation, Plan
from quizserver.kernel.training import Training
from quizserver.lab import layers, losses, optim, schedules
from quizserver.lab.backprop import training_step
from tests.kernel.plans import NAMES, chain, make_plan, rows, slot, slot_values, steps
from tests.kernel.test_training import CHANGES, LOSSES, RULES, SCHEDULES, UNITS

SEEDS = [3, 1, 4, 1, 5]
TORCH_LOSSES = {
    "mse": losses.mse_loss,
    "binary_cross_entropy_with_logits": losses.binary_cross_entropy_with_logits,
    "cross_entropy": losses.cross_entropy,
}
MODULES: dict[str, Any] = {
    "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "relu": nn.ReLU, "gelu": nn.GELU,
    "leaky_relu": lambda: nn.LeakyReLU(0.1), "gelu_tanh": lambda: nn.GELU("tanh"),
}  # fmt: skip


class TorchTraining:
    """A plan's full steps and mini-batches in the lab's torch; losses (operations, R)."""

    def __init__(self, plan: Plan, values: np.ndarray, schedule: Any = None) -> None:
        self.plan = plan
        self.slots = {name: torch.from_numpy(values[slot(name)]) for name in NAMES}
        self.drawn = 0
        self.net = self._network(plan, values)
        optimiser = self._optimiser(plan, self.slots["rate"] if schedule is None else schedule)
        norm = None if plan.optimiser.max_norm is None else self.slots["norm"]
        loss = TORCH_LOSSES[plan.loss]
        self.step = training_step(self.net, loss, optimiser, max_norm=norm)
        data = plan.datasets[0]
        self.inputs, self.targets = (
            torch.from_numpy(part).expand(len(SEEDS), *part.shape)
            for part in (data.inputs, data.targets)
        )

    def run(self) -> np.ndarray:
        return np.stack([self._take(row.tolist()).numpy() for row in self.plan.operations])

    def _take(self, row: list[int]) -> Tensor:
        if row[0] == Operation.STEP:
            return self.step(self.inputs, self.targets)
        _, _, epoch, first, count, *_ = row
        orders = example_orders(SEEDS, self.inputs.shape[1], epoch, 1)[:, 0]
        chosen = torch.from_numpy(orders[:, first : first + count].astype(np.int64))
        replica = torch.arange(len(SEEDS))[:, None]
        return self.step(self.inputs[replica, chosen], self.targets[replica, chosen])

    def _network(self, plan: Plan, values: np.ndarray) -> nn.Sequential:
        starts = iter(plan.starts)
        modules: list[nn.Module] = []
        for layer in plan.layers:
            if isinstance(layer, Dense):
                weight = torch.from_numpy(next(starts).values)
                bias = torch.from_numpy(next(starts).values)[:, None] if layer.bias else None
                modules.append(layers.Linear(weight, bias))
            elif isinstance(layer, Dropout):
                modules.append(layers.Dropout(self.slots["dropout"], self._draw))
            else:
                modules.append(MODULES[layer.kind]())
        return nn.Sequential(*modules)

    def _draw(self, *size: int) -> Tensor:
        count = int(np.prod(size))
        numbers = uniform_numbers(SEEDS, Stream.DROPOUT, self.drawn, count)
        self.drawn += count
        return torch.from_numpy(numbers).reshape(len(SEEDS), *size)

    def _optimiser(self, plan: Plan, rate: Any) -> optim.Optimiser:
        rule, given, slots = plan.optimiser, list(self.net.parameters()), self.slots
        decay = slots["decay"]
        if rule.kind == "sgd":
            return optim.SGD(
                given, rate, momentum=slots["momentum"], weight_decay=decay, nesterov=rule.nesterov
            )
        if rule.kind == "rmsprop":
            return optim.RMSprop(
                given, rate, alpha=slots["alpha"], eps=rule.eps, momentum=slots["momentum"],
                weight_decay=decay,
            )  # fmt: skip
        kind = optim.Adam if rule.kind == "adam" else optim.AdamW
        betas = slots["beta1"], slots["beta2"]
        return kind(given, rate, betas=betas, eps=rule.eps, weight_decay=decay)


def check_against_torch(plan: Plan, schedule: Any = None, **slots: Any) -> None:
    values = slot_values(len(SEEDS), **slots)
    with Training(plan, values, SEEDS) as training:
        training.run(0, len(plan.operations))
        outputs = training.recorded(0, len(plan.operations))
    expected = TorchTraining(plan, values, schedule).run()
    np.testing.assert_allclose(outputs, expected, rtol=1e-10, atol=1e-12)


def plan_of(net: tuple[Layer, ...], operations: np.ndarray, **changes: Any) -> Plan:
    return make_plan(net, operations, dtype="float64", **changes)


@pytest.mark.parametrize("unit", UNITS)
def test_activations(unit: str):
    check_against_torch(plan_of(chain(3, 6, 5, 2, unit=unit), steps(8)))


@pytest.mark.parametrize("loss", LOSSES)
def test_losses(loss: str):
    check_against_torch(plan_of(chain(3, 5, 4), steps(8), loss=loss))


@pytest.mark.parametrize("name", [name for name in RULES if name != "rmsprop_all"])
def test_update_rules(name: str):
    rule = RULES[name]
    changes = {key: value for key, value in rule.items() if key in CHANGES}
    slots = {key: value for key, value in rule.items() if key not in CHANGES}
    check_against_torch(plan_of(chain(2, 4, 1), steps(15), **changes), **slots)


def test_centered_rmsprop_as_in_torch_itself():
    plan = plan_of(chain(2, 4, 1), steps(15), kind="rmsprop", centered=True)
    values = slot_values(len(SEEDS), momentum=0.9, decay=0.1, alpha=0.9)
    with Training(plan, values, SEEDS) as training:
        training.run(0, 15)
        outputs = training.outputs[:15, 0]
    w1, b1, w2, b2 = (
        torch.from_numpy(start.values[0].copy()).requires_grad_() for start in plan.starts
    )
    optimiser = torch.optim.RMSprop(
        [w1, b1, w2, b2], lr=0.05, alpha=0.9, momentum=0.9, weight_decay=0.1, centered=True
    )
    inputs, targets = map(torch.from_numpy, (plan.datasets[0].inputs, plan.datasets[0].targets))
    for value in outputs:
        optimiser.zero_grad()
        loss = nn.functional.mse_loss(torch.tanh(inputs @ w1 + b1) @ w2 + b2, targets)
        loss.backward()
        optimiser.step()
        assert value == pytest.approx(loss.item(), rel=1e-10)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules(name: str):
    factor, length = [0.0, 0.5, 1.0, 1.2, 0.1], [1.0, 3.0, 4.0, 6.5, 100.0]
    values = slot_values(len(SEEDS), rate=0.1, factor=factor, steps=length)
    rate, times, every, final = (
        torch.from_numpy(values[slot(each)]) for each in ("rate", "factor", "steps", "final")
    )
    cosine = schedules.cosine(rate, steps=every, final=final)
    given: dict[str, Any] = {
        "constant": rate,
        "step_down": schedules.step_down(rate, every=every, factor=times),
        "exponential": schedules.exponential(rate, factor=times),
        "cosine": cosine,
        "change_at": schedules.change_at(rate, step=every, factor=times),
        "warm_up": schedules.warm_up(cosine, every),
        "warm_up_of_a_number": schedules.warm_up(rate, every),
    }
    if name == "geometric":
        factor[0] = 0.2  # torch's takes none of 0
        values = slot_values(len(SEEDS), factor=factor)
        times = torch.from_numpy(values[slot("factor")])
        given[name] = schedules.geometric(rate, last_factor=times, steps=every)
    plan = plan_of(chain(2, 4, 1), steps(12), rates=(SCHEDULES[name],) * 4)
    check_against_torch(plan, given[name], rate=0.1, factor=factor, steps=length)


@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_clipping(kind: str):
    plan = plan_of(chain(2, 4, 1), steps(8), kind=kind, max_norm=slot("norm"))
    check_against_torch(plan, norm=[0, 0.001, 0.05, 100, np.inf])


def test_mini_batches_with_dropout():
    net = (
        Dense(3, 6, True), Activation("tanh"), Dropout(slot("dropout")),
        Dense(6, 5, True), Activation("sigmoid"), Dropout(slot("dropout")), Dense(5, 2, True),
    )  # fmt: skip
    batches = [
        (Operation.STEP_BATCH, 0, epoch, first, min(4, 10 - first), 3 * epoch + first // 4)
        for epoch in range(4)
        for first in (0, 4, 8)
    ]
    check_against_torch(plan_of(net, rows(*batches)), dropout=[0, 0.1, 0.5, 0.9, 1])
