"""A plan holds what ``train`` asks of the lab, and nothing that a plan can't hold is missed."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from quizserver.kernel import plan
from quizserver.kernel.plan import Operation
from quizserver.lab import Axis, Knob, losses, norms, optim, schedules
from quizserver.lab.backprop import training_step
from quizserver.lab.ensemble import simulate
from quizserver.lab.kernel_batch import PlannedTraining, plan_training
from quizserver.lab.model import SimulationError
from quizserver.lab.planning import UnplannedError
from quizserver.lab.simulation import Simulation

from .examples import DECAY, MOMENTUM, RATE, SCALE, mlp, plain, task

UNITS = Knob("units", "Units", 1, 9, default=4, integer=True)
Point = tuple[Any, dict[str, Any]]


class Parts:
    """What most simulations have: data, a net, its optimiser and its step."""

    def __init__(self, replicas: Any, **given: Any) -> None:
        self.replicas, self.knobs = replicas, replicas.knobs
        self.x, self.y = replicas.share(*task((2, 1), 20))
        self.hidden, self.last = replicas.linear(2, 4), replicas.linear(4, 1)
        self.net = nn.Sequential(self.hidden, nn.Tanh(), self.last)
        self.rate = self.knobs.rate
        self.optimiser = optim.SGD(self.net.parameters(), given.pop("lr", self.rate))
        self.step: Any = training_step(self.net, losses.mse_loss, self.optimiser, **given)


def planned(simulation: Simulation, seeds: range = range(3), **knobs: float) -> PlannedTraining:
    setting = simulation.check_knobs(knobs)
    return plan_training(
        simulation, [setting] * len(seeds), seeds, dtype=getattr(torch, simulation.dtype), pad=32
    )


def simulation_of(body: Callable[[Parts], Iterator[Point]], points: int = 3) -> Simulation:
    simulation = plain(points, knobs=[RATE, MOMENTUM, DECAY, SCALE, UNITS])

    @simulation.train
    def train(replicas: Any) -> Iterator[Point]:
        yield from body(Parts(replicas))

    return simulation


def one_point(use: Callable[[Parts, Any], Any]) -> Simulation:
    """A simulation that takes a step, and in whose file ``use`` then does something."""

    def body(parts: Parts) -> Iterator[Point]:
        loss = parts.step(parts.x, parts.y)
        given = use(parts, loss)
        yield 0, {"loss": loss if given is None else given}
        yield 1, {"loss": parts.step(parts.x, parts.y)}

    return simulation_of(body, 2)


def rows(of: PlannedTraining) -> list[list[int]]:
    return [row[: 1 + FIELDS[row[0]]] for row in of.plan.operations.tolist()]


FIELDS = {
    Operation.STEP: 2, Operation.STEP_BATCH: 5, Operation.LOSS: 2, Operation.GRADIENT_NORMS: 2,
    Operation.WEIGHT_NORMS: 1, Operation.ALIVE: 3, Operation.UNEXPLAINED: 2, Operation.PREDICT: 2,
    Operation.WIDE_LOSS: 2, Operation.DERIVE: 4,
}  # fmt: skip


def test_steps_and_recorders_become_operations_in_their_order() -> None:
    names = ("loss", "before", "gradient", "weight", "alive", "left")
    simulation = plain(2, knobs=[RATE], series={name: Axis(name) for name in names})

    @simulation.train
    def train(replicas: Any) -> Iterator[Point]:
        parts = Parts(replicas)
        step, x, y = parts.step, parts.x, parts.y
        other_x, other_y = x[:, :7], y[:, :7]
        for point in range(2):
            step.loss(x, y)  # nobody wants it
            before = step(x, y)
            for some, wanted in replicas.batches(x, y, size=12):
                step(some, wanted)
            numbers = (
                step.loss(other_x, other_y), before, step.gradient_norms(x, y)[1],
                step.weight_norms()[0], step.share_alive(x, parts.hidden, parts.last),
                step.unexplained(x[:, :7], y[:, :7]),
            )  # fmt: skip
            yield point, dict(zip(names, numbers, strict=True))

    of = planned(simulation)
    assert rows(of)[:9] == [
        [Operation.STEP, 0, 0],
        [Operation.STEP_BATCH, 0, 0, 0, 12, -1],
        [Operation.STEP_BATCH, 0, 0, 12, 8, -1],
        [Operation.LOSS, 1, 1],
        [Operation.GRADIENT_NORMS, 0, 2],
        [Operation.WEIGHT_NORMS, 4],
        [Operation.ALIVE, 0, 0, 6],
        [Operation.ALIVE, 0, 2, 7],
        [Operation.UNEXPLAINED, 1, 8],
    ]
    assert rows(of)[10] == [Operation.STEP_BATCH, 0, 1, 0, 12, -1], "each epoch has its own order"
    assert [point.operations for point in of.points] == [9, 18]
    assert of.points[0].series == {
        "loss": (1,), "before": (0,), "gradient": (3,), "weight": (4,), "alive": (6, 7),
        "left": (8,),
    }  # fmt: skip
    assert [data.examples for data in of.plan.datasets] == [20, 7], "equal views are one data set"
    assert of.plan.datasets[0].inputs.shape == (20, 2), "what all replicas share is there once"
    assert of.plan.outputs == 18
    layers = of.plan.layers
    assert layers == (plan.Dense(2, 4, True), plan.Activation("tanh"), plan.Dense(4, 1, True))


def test_a_knob_handed_over_is_a_slot_and_one_computed_with_is_structural() -> None:
    def body(parts: Parts) -> Iterator[Point]:
        knobs, replicas = parts.knobs, parts.replicas
        assert knobs.rate.shape == (replicas.count,)
        layers = [replicas.linear(2, knobs.units, scale=knobs.scale, init="normal")]
        net = nn.Sequential(*layers, nn.Tanh(), replicas.linear(knobs.units, 1))
        optimiser = optim.SGD(
            [{"params": net[0].parameters(), "weight_decay": knobs.decay},
             {"params": net[2].parameters()}],
            lr=schedules.warm_up(schedules.cosine(knobs.rate, steps=9), 2),
            momentum=1 - knobs.momentum,
        )  # fmt: skip
        step = training_step(net, losses.mse_loss, optimiser, max_norm=knobs.rate)
        yield 0, {"loss": step(parts.x, parts.y)}

    simulation = simulation_of(body, 2)

    @simulation_of_train(simulation)
    def train(replicas: Any) -> Iterator[Point]:
        parts = Parts.__new__(Parts)
        parts.replicas, parts.knobs = replicas, replicas.knobs
        parts.x, parts.y = replicas.share(*task((2, 1), 20))
        yield from body(parts)
        yield 1, {"loss": replicas.knobs.rate}

    of = planned(simulation, rate=0.25, momentum=0.25, scale=0.5)
    by_knob = {name: slot for slot, name in of.slot_knobs.items()}
    assert by_knob.keys() == {"rate", "decay", "scale"}
    assert of.structural_knobs == {"momentum", "units", "rate"}, "a knob that is yielded is, too"
    rule = of.plan.optimiser
    warm = rule.rates[0]
    assert isinstance(warm, plan.WarmUp)
    assert isinstance(warm.base, plan.Cosine)
    assert warm.base.rate == rule.max_norm == by_knob["rate"]
    assert of.slot_values[warm.base.rate].tolist() == [0.25] * 3
    assert of.slot_values[rule.momentum].tolist() == [0.75] * 3
    assert rule.weight_decay[:2] == (by_knob["decay"],) * 2
    assert rule.weight_decay[2] != by_knob["decay"]
    assert [start.scale for start in of.plan.starts] == [by_knob["scale"]] * 2 + [None] * 2
    np.testing.assert_array_equal(of.points[1].series["loss"], [0.25] * 3)


def simulation_of_train(simulation: Simulation) -> Callable[[Any], Any]:
    simulation._train = None
    return simulation.train


def test_first_weights_that_were_changed_are_given_as_they_are() -> None:
    simulation = plain(2, knobs=[RATE, SCALE])

    @simulation.train
    def train(replicas: Any) -> Iterator[Point]:
        x, y = replicas.share(*task((2, 1), 20))
        hidden = replicas.linear(2, 4, scale=replicas.knobs.scale)
        with torch.no_grad():
            hidden.bias += 1.5
        net = nn.Sequential(hidden, nn.Tanh(), replicas.linear(4, 1, bias=False))
        step = training_step(net, losses.mse_loss, optim.Adam(net.parameters(), 0.1))
        for point in range(2):
            yield point, {"loss": step(x, y)}

    of = planned(simulation, scale=2.0)
    weight, bias, last = of.plan.starts
    assert (weight.scale is None, bias.scale, last.scale) == (False, None, None)
    assert of.structural_knobs == {"scale"}, "another scale makes other biases"
    unscaled = planned(simulation, scale=1.0).plan.starts[1].values
    np.testing.assert_allclose((bias.values - 1.5) / 2, unscaled - 1.5, rtol=1e-6)
    assert bias.values.shape == (3, 4)
    assert weight.values.shape == (3, 2, 4)


def in_place(parts: Parts, _loss: Any) -> None:
    with torch.no_grad():
        parts.hidden.weight.mul_(2)


def test_arithmetic_on_recorded_numbers_becomes_operations_and_slots() -> None:
    def body(parts: Parts) -> Iterator[Point]:
        for point in range(2):
            before, after = parts.step(parts.x, parts.y), parts.step.float64_loss(parts.x, parts.y)
            parts.step.loss(parts.x, parts.y) * 3  # nobody wants it
            yield point, {"loss": (parts.rate * (before - after) / 2).clamp(min=0).log10()}

    of = planned(simulation_of(body, 2), rate=0.25)
    derive, names = Operation.DERIVE, plan.FUNCTIONS
    two, rate = (-1 - list(of.slot_values[:, 0]).index(number) for number in (2.0, 0.25))
    zeros = {-1 - slot for slot in np.flatnonzero(of.slot_values[:, 0] == 0)}
    found = rows(of)
    assert found[:4] == [
        [Operation.STEP, 0, 0],
        [Operation.WIDE_LOSS, 0, 1],
        [derive, names.index("subtract"), 0, 1, 2],
        [derive, names.index("multiply"), rate, 2, 3],
    ]
    assert found[4] == [derive, names.index("divide"), 3, two, 4]
    assert found[5][:3] == [derive, names.index("at_least"), 4]
    assert found[5][3] in zeros
    assert found[6][:3] == [derive, names.index("log10"), 5]
    assert [point.series["loss"] for point in of.points] == [(6,), (13,)]
    assert of.slot_knobs[-1 - rate] == "rate", "turning it is no other plan"
    assert "rate" not in of.structural_knobs


def test_in_float64_its_loss_is_the_loss() -> None:
    simulation = plain(2, knobs=[RATE, MOMENTUM, DECAY, SCALE, UNITS], dtype="float64")

    @simulation.train
    def train(replicas: Any) -> Iterator[Point]:
        parts = Parts(replicas)
        for point in range(2):
            yield point, {"loss": parts.step.float64_loss(parts.x, parts.y)}
            parts.step(parts.x, parts.y)

    assert rows(planned(simulation))[0] == [Operation.LOSS, 0, 0]


USES: dict[str, tuple[str, Callable[[Parts, Any], Any]]] = {
    "net": ("a weight", lambda parts, _: losses.mse_loss(parts.net(parts.x), parts.y)),
    "layer": ("a weight", lambda parts, _: parts.hidden(parts.x).mean((1, 2))),
    "weight": ("a weight", lambda parts, _: parts.hidden.weight.square().sum((1, 2))),
    "detached": ("a weight", lambda parts, _: parts.hidden.weight.detach()),
    "data": ("a weight", lambda parts, _: parts.hidden.weight.data.norm()),
    "numpy": ("a weight", lambda parts, _: np.asarray(parts.hidden.weight)),
    "grad": ("a weight", lambda parts, _: parts.hidden.weight.grad),
    "stack": ("a weight", lambda parts, _: torch.stack([parts.last.weight] * 2)),
    "index": ("a weight", lambda parts, _: parts.last.bias[:, 0, 0]),
    "in place": ("a weight", in_place),
    "norms": ("a weight", lambda parts, _: norms.weight_norms(parts.net)[0]),
    "zero_grad": ("a weight", lambda parts, _: parts.optimiser.zero_grad()),
    "optimiser": ("a weight", lambda parts, _: parts.optimiser.step()),
    "state": ("a weight", lambda parts, _: parts.net.state_dict()),
    "copy": ("a weight", lambda parts, _: copy.deepcopy(parts.net)),
    "print": ("a weight", lambda parts, _: str(parts.hidden.weight)),
    "minus": ("a number of the training", lambda _, loss: -loss),
    "remainder": ("a number of the training", lambda _, loss: loss % 2),
    "right": ("a number of the training", lambda _, loss: 2**loss),
    "power": ("a number of the training", lambda _, loss: loss**2),
    "tensor": ("a number of the training", lambda parts, loss: parts.rate // loss),
    "less": ("a number of the training", lambda _, loss: loss < 1),
    "equal": ("a number of the training", lambda _, loss: loss == 1),
    "if": ("a number of the training", lambda _, loss: loss or None),
    "len": ("a number of the training", lambda _, loss: len(loss)),
    "loop": ("a number of the training", lambda _, loss: list(loss)),
    "item": ("a number of the training", lambda _, loss: loss.item()),
    "method": ("a number of the training", lambda _, loss: loss.mean()),
    "first": ("a number of the training", lambda _, loss: loss[0]),
    "float": ("a number of the training", lambda _, loss: float(loss)),
    "math": ("a number of the training", lambda _, loss: math.log(loss)),
    "print loss": ("a number of the training", lambda _, loss: f"{loss}"),
    "torch": ("a number of the training", lambda _, loss: torch.exp(loss)),
    "list": ("a number of the training", lambda _, loss: torch.stack([loss, loss])),
    "array": ("a number of the training", lambda _, loss: np.asarray(loss)),
    "examples": ("a number of a series has shape", lambda parts, loss: loss + parts.y[0, :, 0]),
    "weights added": ("a number of a series is NaN|a weight",
                      lambda parts, loss: loss + parts.optimiser.buffer.values[:, 0]),
    "words added": ("takes numbers", lambda _, loss: loss + "1"),
    "parameter added": ("a weight", lambda parts, loss: loss * parts.last.bias),
    "smallest": (
        "the smallest of several",
        lambda parts, _: parts.step.share_alive(parts.x, parts.hidden, parts.last) * 2,
    ),
    "prediction": ("what the network answers", lambda p, _: p.step.predict(p.x).mean((1, 2))),
    "predictions": ("what the network answers", lambda p, _: p.step.predict(p.x)[:, 0]),
    "no such prediction": ("what the network answers", lambda p, _: p.step.predict(p.x)[:, 0, 1]),
    "rate in place": (
        "a learning rate is a tensor that was changed",
        lambda parts, _: parts.rate.mul_(0.5) * 0,
    ),
    "data in place": (
        "data were changed",
        lambda parts, _: (parts.x[0].add_(1), parts.rate * 0)[1],
    ),
    "another step": (
        "one training step",
        lambda parts, _: training_step(parts.net, losses.mse_loss, parts.optimiser) and None,
    ),
    "batch": (
        "a mini-batch is used otherwise",
        lambda parts, _: [some + 1 for (some,) in parts.replicas.batches(parts.x, size=5)],
    ),
    "batch through the net": (
        "a mini-batch is used otherwise|a weight",
        lambda parts, _: [parts.net(some) for (some,) in parts.replicas.batches(parts.x, size=5)],
    ),
    "batch recorded": (
        "whole data sets",
        lambda parts, _: [
            parts.step.loss(some, some) for (some,) in parts.replicas.batches(parts.x, size=5)
        ],
    ),
    "batches mixed": (
        "not of one mini-batch",
        lambda parts, _: [
            parts.step(some, other)
            for (some,), (other,) in zip(
                parts.replicas.batches(parts.x, size=5),
                parts.replicas.batches(parts.y, size=5),
                strict=True,
            )
        ],
    ),
    "fresh data": (
        "at most 64 data sets",
        lambda parts, _: [parts.step(parts.x + number, parts.y) for number in range(70)],
    ),
    "numbers for data": ("not a tensor", lambda parts, _: parts.step.loss(3.0, parts.y)),
    "types": ("torch.float64", lambda parts, _: parts.step.loss(parts.x.double(), parts.y)),
    "shape": ("the targets have shape", lambda parts, _: parts.step.loss(parts.x, parts.x)),
    "alive": ("linear layers", lambda parts, _: parts.step.share_alive(parts.x, nn.Tanh())),
}  # fmt: skip


@pytest.mark.parametrize("name", USES)
def test_whatever_a_plan_cannot_hold_is_refused_at_its_line(name: str) -> None:
    reason, use = USES[name]
    simulation = one_point(use)
    with pytest.raises(UnplannedError, match=reason) as caught:
        planned(simulation)
    assert caught.value.line is not None
    if name not in ("rate in place", "data in place"):  # these are noticed at the end
        assert (
            use.__code__.co_firstlineno
            <= caught.value.line
            <= 5 + max(line for *_, line in use.__code__.co_lines() if line)
        )


def test_a_refusal_that_the_code_swallows_still_counts() -> None:
    def swallow(parts: Parts, loss: Any) -> None:
        try:
            if loss.mean() > 1:
                parts.step(parts.x, parts.y)
        except Exception:
            pass

    with pytest.raises(UnplannedError, match="a number of the training"):
        planned(one_point(swallow))


class OwnGelu(nn.GELU):
    def forward(self, values: Tensor) -> Tensor:
        return 2 * values


class OwnOptimiser(optim.SGD):
    pass


def own_loss(output: Tensor, target: Tensor) -> Tensor:
    return losses.mse_loss(output, target)


def with_parts(make: Callable[[Any], tuple[nn.Module, Any, optim.Optimiser]]) -> Simulation:
    simulation = plain(2, knobs=[RATE])

    @simulation.train
    def train(replicas: Any) -> Iterator[Point]:
        x, y = replicas.share(*task((2, 1), 20))
        step = training_step(*make(replicas))
        for point in range(2):
            yield point, {"loss": step(x.to(replicas.dtype), y.to(replicas.dtype))}

    return simulation


def small(replicas: Any, *modules: nn.Module) -> nn.Sequential:
    return nn.Sequential(replicas.linear(2, 3), *modules, replicas.linear(3, 1))


def build(
    *modules: nn.Module, loss: Any = losses.mse_loss, kind: Any = optim.SGD, **given: Any
) -> Callable[[Any], tuple[nn.Module, Any, optim.Optimiser]]:
    def make(replicas: Any) -> tuple[nn.Module, Any, optim.Optimiser]:
        net = small(replicas, *modules)
        return net, loss, kind(net.parameters(), **{"lr": 0.1, **given})

    return make


def some_weights(replicas: Any) -> tuple[nn.Module, Any, optim.Optimiser]:
    net = small(replicas)
    return net, losses.mse_loss, optim.SGD(net[0].parameters(), 0.1)


def own_weights(replicas: Any) -> tuple[nn.Module, Any, optim.Optimiser]:
    net = small(replicas)
    net[0].weight = nn.Parameter(net[0].weight.detach() + 1)
    return net, losses.mse_loss, optim.SGD(net.parameters(), 0.1)


def sixteen_bits(replicas: Any) -> tuple[nn.Module, Any, optim.Optimiser]:
    replicas.use(torch.bfloat16)
    return build()(replicas)


def two_momenta(replicas: Any) -> tuple[nn.Module, Any, optim.Optimiser]:
    net = small(replicas)
    groups = [{"params": net[0].parameters(), "momentum": 0.5}, {"params": net[1].parameters()}]
    return net, losses.mse_loss, optim.SGD(groups, 0.1)


@pytest.mark.parametrize(
    ("reason", "make"),
    [
        ("no layer Softplus", build(nn.Softplus())),
        ("no layer OwnGelu", build(OwnGelu())),
        ("no loss own_loss", build(loss=own_loss)),
        ("no optimiser OwnOptimiser", build(kind=OwnOptimiser)),
        ("none of your own", build(lr=lambda step: 0.1 / (step + 1))),
        ("exactly the weights", some_weights),
        ("those of replicas.linear", own_weights),
        ("float32 and float64", sixteen_bits),
        ("one momentum", two_momenta),
    ],
)
def test_parts_that_the_kernel_does_not_know_are_named(reason: str, make: Any) -> None:
    simulation = with_parts(make)
    with pytest.raises(UnplannedError, match=reason) as caught:
        planned(simulation)
    assert caught.value.line is not None


def test_what_never_takes_a_training_step_is_not_run_at_all_for_a_plan() -> None:
    def train(replicas: Any) -> Iterator[Point]:
        raise AssertionError("it was run")
        yield

    simulation = plain(2)
    names = {"__builtins__": __builtins__}
    simulation.train(type(train)(train.__code__.replace(co_name="train"), names))
    with pytest.raises(UnplannedError, match="no training_step"):
        planned(simulation)


def test_a_simulation_without_a_step_has_no_plan() -> None:
    simulation = plain(2)

    @simulation.train
    def train(replicas: Any) -> Iterator[Point]:
        for point in range(2):
            yield point, {"loss": replicas.knobs.rate}

    with pytest.raises(UnplannedError, match="no training_step"):
        planned(simulation)


def test_what_a_plan_was_refused_for_trains_in_torch_as_if_nobody_had_asked() -> None:
    simulation = one_point(lambda parts, loss: loss**2)
    by_torch = simulate(simulation, {}, range(3), backend="torch")
    chosen = simulate(simulation, {}, range(3), backend="auto")
    assert chosen.backends == by_torch.backends == ("torch",)
    np.testing.assert_array_equal(chosen.series["loss"], by_torch.series["loss"])
    with pytest.raises(SimulationError, match=r"the kernel cannot train this: a number of") as e:
        simulate(simulation, {}, range(3), backend="kernel")
    assert e.value.line == one_line_of(
        test_what_a_plan_was_refused_for_trains_in_torch_as_if_nobody_had_asked
    )


def one_line_of(function: Any) -> int:
    return int(function.__code__.co_firstlineno) + 1


def test_what_is_wrong_with_a_file_is_said_by_torch_where_it_happens() -> None:
    def body(parts: Parts) -> Iterator[Point]:
        yield 0, {"loss": parts.step(parts.x, parts.y)}
        raise ValueError("too hot")

    heard: list[int] = []
    with pytest.raises(SimulationError, match="too hot"):
        simulate(
            simulation_of(body), {}, range(3), backend="auto",
            on_points=lambda index, _x, _series: heard.append(index),
        )  # fmt: skip
    assert heard == [0]


def test_numbers_that_no_seed_decides_are_refused_as_ever() -> None:
    def body(parts: Parts) -> Iterator[Point]:
        torch.rand(3)
        for point in range(3):
            yield point, {"loss": parts.step(parts.x, parts.y)}

    for backend in ("auto", "kernel"):
        with pytest.raises(SimulationError, match="no seed decides"):
            simulate(simulation_of(body), {}, range(3), backend=backend)  # type: ignore[arg-type]


def test_a_plan_does_not_depend_on_the_company_of_a_seed() -> None:
    simulation = mlp((2, 5, 1), by_hand=True, points=2)

    @simulation_of_train(simulation)
    def train(replicas: Any) -> Iterator[Point]:
        parts = Parts(replicas)
        x = torch.sin(parts.x * replicas.knobs.scale.view(-1, 1, 1)) + replicas.randn(20, 2)
        for point in range(2):
            yield point, {"loss": parts.step(x, parts.y)}

    many, one = planned(simulation, range(40)), planned(simulation, range(17, 18))
    for start, alone in zip(many.plan.starts, one.plan.starts, strict=True):
        np.testing.assert_array_equal(start.values[17], alone.values[0])
    np.testing.assert_array_equal(many.plan.datasets[0].inputs[17], one.plan.datasets[0].inputs[0])


def test_an_endless_training_is_refused_rather_than_recorded_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plan, "MAX_OPERATIONS", 100)

    def body(parts: Parts) -> Iterator[Point]:
        while True:
            loss = parts.step(parts.x, parts.y)
        yield 0, {"loss": loss}

    with pytest.raises(UnplannedError, match="at most 100 steps"):
        planned(simulation_of(body))


CONVERSIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tensor": torch.tensor,
    "as_tensor": torch.as_tensor,
    "asarray": torch.asarray,
    "new_tensor": torch.zeros(1).new_tensor,
    "as_tensor with a type": lambda weight: torch.as_tensor(weight, dtype=torch.float64),
}


@pytest.mark.filterwarnings("ignore:To copy construct")
@pytest.mark.parametrize("name", CONVERSIONS)
def test_a_conversion_of_a_weight_that_torch_tells_no_subclass_of_is_noticed(name: str):
    convert = CONVERSIONS[name]
    with pytest.raises(UnplannedError, match="a weight or its gradient is read"):
        planned(one_point(lambda parts, _: convert(parts.hidden.weight).mean((1, 2))))


def test_a_weight_that_is_read_in_a_hidden_way_shows_no_untrained_curve():
    def read(parts: Parts, _: Any) -> Tensor:
        return torch.Tensor(parts.hidden.weight).mean((1, 2))  # torch tells nobody of this one

    with pytest.raises(UnplannedError, match="NaN"):
        planned(one_point(read))


@pytest.mark.filterwarnings("ignore:To copy construct")
@pytest.mark.parametrize("name", CONVERSIONS)
def test_a_knob_that_is_converted_takes_part_in_the_plan(name: str):
    convert = CONVERSIONS[name]
    used = planned(one_point(lambda parts, _: convert(parts.knobs.momentum)))
    assert "momentum" in used.structural_knobs


def _doubled(knob: Tensor) -> Tensor:
    return twice(lambda value: 2 * value)(knob)


twice = torch.func.vmap


@pytest.mark.parametrize(
    "use",
    [
        lambda knob: torch.vmap(lambda value: 2 * value)(knob),
        lambda knob: torch.Tensor(knob),
        lambda knob: torch.FloatTensor(knob),
        lambda knob: torch.zeros(0).set_(knob),
        _doubled,
    ],
    ids=["vmap", "Tensor", "FloatTensor", "set_", "a function of the file, by another name"],
)
def test_where_a_use_can_hide_every_knob_counts_as_used(use: Callable[[Tensor], Tensor]) -> None:
    def body(parts: Parts) -> Iterator[Point]:
        used = use(parts.knobs.momentum).as_strided((parts.replicas.count,), (1,))
        for point in range(3):
            parts.step(parts.x, parts.y)
            yield point, {"loss": used}

    simulation = simulation_of(body)
    assert planned(simulation).structural_knobs == {knob.name for knob in simulation.knobs}
