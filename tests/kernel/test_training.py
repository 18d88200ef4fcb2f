"""The kernel trains what the formulas say: layers, losses, update rules, recorders."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from quizserver.kernel.plan import (
    Activation,
    ChangeAt,
    Cosine,
    Dataset,
    Dense,
    Dropout,
    Exponential,
    Geometric,
    Operation,
    Plan,
    PlanError,
    Start,
    StepDown,
    WarmUp,
)
from quizserver.kernel.training import Training
from tests.kernel.plans import (
    chain,
    dataset,
    make_plan,
    rows,
    slot,
    slot_values,
    steps,
    tensor_shapes,
)
from tests.kernel.reference import Reference

UNITS = ("tanh", "sigmoid", "relu", "leaky_relu", "gelu", "gelu_tanh")
LOSSES = ("mse", "binary_cross_entropy_with_logits", "cross_entropy")
SEEDS = [3, 1, 4, 1, 5]
# of float64 functions within 2 units in the last place, summed up over a training
TOLERANCE = {"float64": 1e-9, "float32": 2e-4}


def outputs_of(plan: Plan, slots: np.ndarray, seeds: list[int]) -> np.ndarray:
    with Training(plan, slots, seeds) as training:
        training.run(0, len(plan.operations))
        return training.outputs


def check_against_formulas(plan: Plan, seeds: list[int] = SEEDS, **slots: Any) -> None:
    """Both types: what is recorded is what the formulas say."""
    values = slot_values(len(seeds), **slots)
    for dtype, tolerance in TOLERANCE.items():
        typed = replace(plan, dtype=dtype)
        outputs = outputs_of(typed, values, seeds)
        for replica, seed in enumerate(seeds):
            expected = Reference(typed, values[:, replica], seed, replica).run()
            np.testing.assert_allclose(
                outputs[:, replica], expected, rtol=tolerance, atol=tolerance, err_msg=dtype
            )


def everything(layers: int, outputs: int = 30) -> np.ndarray:
    """A few steps, then each recorder, then more steps, then each recorder again."""
    recorders = [
        (Operation.LOSS, 0),
        (Operation.GRADIENT_NORMS, 0),
        (Operation.ALIVE, 0, 0),
        (Operation.ALIVE, 0, layers - 2),
        (Operation.UNEXPLAINED, 0),
        (Operation.PREDICT, 0),
        (Operation.WEIGHT_NORMS,),
    ]
    operations: list[tuple[int, ...]] = []
    place = 0
    for _ in range(2):
        operations += [(Operation.STEP, 0, place + step) for step in range(3)]
        place += 3
        for recorder in recorders:
            operations.append((*recorder, place))
            place += outputs
    return rows(*operations)


@pytest.mark.parametrize("unit", UNITS)
def test_every_activation_and_recorder(unit):
    net = chain(3, 6, 5, 2, unit=unit)
    check_against_formulas(make_plan(net, everything(len(net)), outputs=450))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("width", [1, 2, 7])
def test_every_loss(loss, width):
    check_against_formulas(make_plan(chain(3, 5, width), steps(6), loss=loss), rate=0.4)


@pytest.mark.parametrize(
    "sizes", [(1, 1), (1, 10, 1), (2, 24, 1), (1, 16, 8, 1), (4, 1, 4), (9, 3, 17, 5, 2), (5, 33)]
)
def test_layers_of_every_width(sizes):
    for bias in (True, False):
        check_against_formulas(make_plan(chain(*sizes, bias=bias), steps(5)), rate=0.2)


@pytest.mark.parametrize("examples", [1, 2, 3, 4, 5, 8, 11])
def test_batches_of_every_size(examples):
    data = dataset(examples, 3, 2)
    check_against_formulas(make_plan(chain(3, 4, 2), steps(4), datasets=(data,)))


def test_data_of_each_replicas_own():
    own = dataset(7, 3, 2, replicas=len(SEEDS))
    shared = dataset(7, 3, 2)
    for data in (own, replace(shared, targets=own.targets), replace(own, targets=shared.targets)):
        batches = [(Operation.STEP_BATCH, 0, epoch, 2, 5, epoch) for epoch in range(4)]
        recorders = [(Operation.UNEXPLAINED, 0, 4), (Operation.LOSS, 0, 5)]
        plan = make_plan(chain(3, 4, 2), rows(*batches, *recorders), datasets=(data,))
        check_against_formulas(plan)


@pytest.mark.parametrize("own", [None, len(SEEDS)])
def test_classes_in_mini_batches(own):
    data = dataset(9, 3, 4, classes=True, replicas=own)
    batches = [
        (Operation.STEP_BATCH, 0, e, f, 3, 3 * e + f // 3) for e in (0, 1) for f in (0, 3, 6)
    ]
    plan = make_plan(chain(3, 5, 4), rows(*batches), loss="cross_entropy", datasets=(data,))
    check_against_formulas(plan, rate=0.5)


@pytest.mark.parametrize("examples", [1, 2, 5, 33, 100])
def test_mini_batches_come_in_each_seeds_own_order(examples):
    data = dataset(examples, 2, 1)
    size = max(1, examples // 3)
    batches = [
        (Operation.STEP_BATCH, 0, epoch, first, min(size, examples - first), 0, replace)
        for epoch, replace in ((0, 0), (1, 0), (1, 1), (7, 1), (7, 0))
        for first in range(0, examples, size)
    ]
    ends = [(Operation.PREDICT, 0, 1)]
    plan = make_plan(chain(2, 3, 1), rows(*batches, *ends), datasets=(data,))
    check_against_formulas(plan, [0, 2**64 - 1, 2**32, 12345678901234567890, 7])


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("unit", UNITS)
def test_the_loss_in_float64_sees_the_weights_of_float32_without_rounding(unit, loss):
    recorders = [(Operation.LOSS, 0, 0), (Operation.WIDE_LOSS, 0, 1)]
    net = (*chain(3, 9, 4, unit=unit), Dropout(slot("dropout")))
    data = dataset(10, 3, 4, classes=loss == "cross_entropy", replicas=len(SEEDS))
    plan = make_plan(net, rows(*recorders), loss=loss, datasets=(data,))
    held = replace(
        plan,
        dtype="float64",
        starts=tuple(replace(s, values=as_float32(s.values)) for s in plan.starts),
        datasets=tuple(held_data(d) for d in plan.datasets),
        operations=rows(recorders[0]),
    )
    narrow, wide = outputs_of(plan, slot_values(len(SEEDS)), SEEDS)[:2]
    (exact,) = outputs_of(held, slot_values(len(SEEDS)), SEEDS)[:1]
    np.testing.assert_array_equal(wide, exact)
    np.testing.assert_allclose(narrow, exact, rtol=1e-5)
    assert (narrow != exact).all()


def as_float32(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32).astype(np.float64)


def held_data(data: Dataset) -> Dataset:
    targets = data.targets
    return Dataset(
        as_float32(data.inputs), targets if targets.dtype.kind == "i" else as_float32(targets)
    )


def test_numbers_are_computed_from_recorded_ones():
    functions = [(Operation.DERIVE, f, 0, -1 - slot("final"), 2 + f) for f in range(8)]
    chained = [(Operation.DERIVE, 1, 9, 8, 10), (Operation.DERIVE, 3, -1 - slot("norm"), 10, 11)]
    recorders = [(Operation.STEP, 0, 0), (Operation.LOSS, 0, 1), *functions, *chained]
    check_against_formulas(
        make_plan(chain(2, 3, 1), rows(*recorders)), final=[2, 0.01, 3, 0.5, 0.1]
    )


def test_what_is_no_number_stays_so_and_a_logarithm_of_nothing_is_infinite():
    given = np.array([np.nan, 0.0, -1.0, np.inf, 1000.0])
    rate = -1 - slot("rate")
    operations = [(Operation.DERIVE, f, rate, -1 - slot("one"), f) for f in range(8)]
    plan = make_plan(chain(2, 3, 1), rows(*operations))
    found = outputs_of(plan, slot_values(len(SEEDS), rate=given), SEEDS)
    np.testing.assert_array_equal(found[4], [np.nan, 1, 1, np.inf, 1000])
    np.testing.assert_array_equal(found[5], [np.nan, 0, -1, 1, 1])
    for row, log in ((6, np.log(1000)), (7, 3)):
        np.testing.assert_allclose(found[row], [np.nan, -np.inf, np.nan, np.inf, log], rtol=1e-15)


SCHEDULES = {
    "constant": slot("rate"),
    "step_down": StepDown(slot("rate"), slot("steps"), slot("factor")),
    "exponential": Exponential(slot("rate"), slot("factor")),
    "cosine": Cosine(slot("rate"), slot("steps"), slot("final")),
    "geometric": Geometric(slot("rate"), slot("factor"), slot("steps")),
    "change_at": ChangeAt(slot("rate"), slot("steps"), slot("factor")),
    "warm_up": WarmUp(Cosine(slot("rate"), slot("steps"), slot("final")), slot("steps")),
    "warm_up_of_a_number": WarmUp(slot("rate"), slot("steps")),
}
RULES: dict[str, dict[str, Any]] = {
    "sgd": {},
    "momentum": {"momentum": 0.9},
    "nesterov": {"momentum": 0.9, "nesterov": True},
    "sgd_decay": {"momentum": [0, 0.5, 0.9, 0, 0.99], "decay": [0.1, 0, 0.1, 0.3, 0]},
    "adam": {"kind": "adam"},
    "adam_decay": {"kind": "adam", "decay": 0.1, "beta1": [0.9, 0.3, 0.5, 0, 0.99], "beta2": 0.9},
    "adamw": {"kind": "adamw", "decay": 0.1},
    "rmsprop": {"kind": "rmsprop"},
    "rmsprop_all": {"kind": "rmsprop", "decay": 0.1, "momentum": 0.9, "centered": True,
                    "alpha": [0.9, 0.5, 0.99, 0.3, 0.9]},
    "eps": {"kind": "adam", "eps": 0.01},
}  # fmt: skip
CHANGES = ("kind", "nesterov", "centered", "eps")


def rule_plan(name: str, operations: np.ndarray, **arguments: Any) -> tuple[Plan, dict[str, Any]]:
    """A plan with one of ``RULES``, and the values of its slots."""
    rule = RULES[name]
    changes = {key: value for key, value in rule.items() if key in CHANGES}
    slots = {key: value for key, value in rule.items() if key not in CHANGES}
    return make_plan(chain(2, 4, 1), operations, **changes, **arguments), slots


@pytest.mark.parametrize("name", RULES)
def test_every_update_rule(name):
    plan, slots = rule_plan(name, steps(12))
    check_against_formulas(plan, rate=[0.05, 0.01, 0.1, 0.02, 0.03], **slots)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule(schedule):
    other = slot("final")
    rates = (SCHEDULES[schedule], other, SCHEDULES[schedule], other)
    plan = make_plan(chain(2, 4, 1), steps(12), rates=rates)
    check_against_formulas(plan, rate=0.1, steps=[1, 3, 4, 6.5, 100], factor=[0, 0.5, 1, 1.2, 0.1])


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_clipping_by_the_norm(name):
    plan, slots = rule_plan(name, steps(6), max_norm=slot("norm"))
    check_against_formulas(plan, norm=[0, 0.001, 0.05, 100, np.inf], rate=0.3, **slots)


def test_weight_decay_and_rate_of_each_tensor():
    changes = {
        "rates": tuple(map(slot, ("rate", "final", "factor", "rate"))),
        "weight_decay": tuple(map(slot, ("decay", "final", "final", "decay"))),
    }
    check_against_formulas(make_plan(chain(2, 4, 1), steps(6), **changes), decay=0.3)


@pytest.mark.parametrize("sizes", [(2, 3, 1), (3, 5, 4)])
def test_dropout_by_the_seeds_own_draws(sizes):
    inputs, units, outputs = sizes
    net = (
        Dropout(slot("dropout")),
        Dense(inputs, units, True),
        Activation("tanh"),
        Dropout(slot("dropout")),
        Activation("gelu"),
        Dense(units, outputs, True),
    )
    batches = [(Operation.STEP_BATCH, 0, 0, 0, 3, 0), (Operation.STEP, 0, 1)]
    recorders = [(Operation.LOSS, 0, 2), (Operation.GRADIENT_NORMS, 0, 3)]
    more = [(Operation.STEP, 0, 5), (Operation.PREDICT, 0, 6)]
    plan = make_plan(net, rows(*batches, *recorders, *more))
    check_against_formulas(plan, dropout=[0, 0.1, 0.5, 0.9, 1])


def test_activations_that_follow_each_other():
    net = (
        Activation("relu"),
        Dense(3, 4, True),
        Activation("tanh"),
        Activation("relu"),
        Activation("leaky_relu", 0.2),
        Dense(4, 2, False),
        Activation("sigmoid"),
    )
    check_against_formulas(make_plan(net, everything(len(net)), outputs=450), rate=0.5)


def test_several_data_sets_in_one_plan():
    data = (dataset(6, 2, 1), dataset(9, 2, 1), dataset(6, 2, 1, replicas=len(SEEDS)))
    operations = rows(
        (Operation.STEP_BATCH, 0, 0, 0, 4, 0),
        (Operation.STEP_BATCH, 1, 0, 0, 4, 1),
        (Operation.STEP_BATCH, 2, 0, 4, 2, 2),
        (Operation.LOSS, 0, 3),
        (Operation.LOSS, 1, 4),
        (Operation.GRADIENT_NORMS, 1, 5),
        (Operation.LOSS, 2, 7),
        (Operation.STEP, 1, 8),
    )
    check_against_formulas(make_plan(chain(2, 3, 1), operations, datasets=data))


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_those_of_finite_differences(loss):
    """Each replica's weights differ from the first one's by a little in one number."""
    net, move = chain(3, 4, 2, unit="gelu"), 1e-5
    shapes = tensor_shapes(net)
    sizes = [int(np.prod(shape)) for shape in shapes]
    values = np.random.default_rng(0).normal(size=sum(sizes))
    moved = np.concatenate([values[None], values + move * np.eye(len(values)),
                            values - move * np.eye(len(values))])  # fmt: skip
    parts = np.split(moved, np.cumsum(sizes)[:-1], axis=1)
    plan = make_plan(
        net, rows((Operation.LOSS, 0, 0), (Operation.GRADIENT_NORMS, 0, 1)), loss=loss,
        dtype="float64", outputs=3,
    )  # fmt: skip
    starts = tuple(
        Start(part.reshape(-1, *shape)) for part, shape in zip(parts, shapes, strict=True)
    )
    plan = replace(plan, starts=starts)
    outputs = outputs_of(plan, slot_values(len(moved)), [0] * len(moved))
    above, below = np.split(outputs[0, 1:], 2)
    gradients = np.split((above - below) / (2 * move), np.cumsum(sizes)[:-1])
    norms = [np.linalg.norm(gradients[0]), np.linalg.norm(gradients[2])]
    np.testing.assert_allclose(outputs[1:, 0], norms, rtol=1e-6)


def test_what_does_not_fit_the_plan_is_refused():
    plan = make_plan(chain(2, 3, 1), steps(1))
    values = slot_values(5)
    with pytest.raises(PlanError, match="4 seeds; the plan is for 5"):
        Training(plan, slot_values(4), [0] * 4)
    with pytest.raises(PlanError, match="no seed"):
        Training(plan, values, [])
    with pytest.raises(PlanError, match="slots are"):
        Training(plan, values[:-1], [0] * 5)
    with pytest.raises(PlanError, match="64 bits"):
        Training(plan, values, [0, 0, 0, 0, 2**64])


def test_operations_are_executed_once_and_in_order():
    plan = make_plan(chain(2, 3, 1), steps(4))
    with Training(plan, slot_values(5), SEEDS) as training:
        training.run(0, 2)
        for first, last in ((0, 2), (3, 4), (2, 5), (2, 1)):
            with pytest.raises(ValueError, match="2 of 4 have been executed"):
                training.run(first, last)
    with pytest.raises(ValueError, match="closed"):
        training.run(2, 4)
