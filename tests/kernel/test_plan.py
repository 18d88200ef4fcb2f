"""A plan that would lead the kernel out of its memory, or to no end, is refused at the start."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from quizserver.kernel import plan as plan_module
from quizserver.kernel.plan import (
    Activation,
    Cosine,
    Dataset,
    Dense,
    Dropout,
    Exponential,
    Operation,
    Plan,
    PlanError,
    Start,
    WarmUp,
)
from quizserver.kernel.plan_checks import check_slot_values, check_work
from tests.kernel.plans import chain, dataset, make_plan, rows, slot, slot_values, steps

NET = chain(2, 3, 1)


def plan_of(*operations: tuple[int, ...], **arguments: object) -> Plan:
    return make_plan(NET, rows(*operations), outputs=20, **arguments)


def test_a_whole_plan_says_how_it_is_built():
    plan = make_plan(NET, steps(3), replicas=7)
    assert plan.tensor_shapes == ((2, 3), (3,), (3, 1), (1,))
    assert plan.parameters == 13
    assert plan.layer_widths == (3, 3, 1)
    assert plan.replicas == 7


def test_a_plan_of_shared_parts_is_for_any_number_of_replicas():
    plan = make_plan(NET, steps(1))
    shared = tuple(Start(start.values[0]) for start in plan.starts)
    assert replace(plan, starts=shared).replicas is None


@pytest.mark.parametrize(
    "row",
    [
        (10, 0, 0),
        (-1, 0, 0),
        (Operation.STEP, 1, 0),
        (Operation.STEP, -1, 0),
        (Operation.STEP, 0, 20),
        (Operation.STEP, 0, -2),
        (Operation.STEP_BATCH, 0, -1, 0, 1, 0),
        (Operation.STEP_BATCH, 0, 0, 5, 6, 0),
        (Operation.STEP_BATCH, 0, 0, -1, 3, 0),
        (Operation.STEP_BATCH, 0, 0, 0, 0, 0),
        (Operation.STEP_BATCH, 0, 0, 2**31 - 1, 2**31 - 1, 0),
        (Operation.STEP_BATCH, 0, 0, 0, 1, 20),
        (Operation.STEP_BATCH, 0, 0, 0, 1, 0, 2),
        (Operation.LOSS, 0, -1),
        (Operation.LOSS, 7, 0),
        (Operation.GRADIENT_NORMS, 0, 19),
        (Operation.WEIGHT_NORMS, 19),
        (Operation.WEIGHT_NORMS, -1),
        (Operation.ALIVE, 0, 3, 0),
        (Operation.ALIVE, 0, -1, 0),
        (Operation.ALIVE, 0, 0, 20),
        (Operation.UNEXPLAINED, 0, 2**31 - 1),
        (Operation.PREDICT, 0, 11),
        (Operation.WIDE_LOSS, 0, 20),
        (Operation.WIDE_LOSS, 1, 0),
        (Operation.DERIVE, 8, 0, 0, 0),
        (Operation.DERIVE, -1, 0, 0, 0),
        (Operation.DERIVE, 0, 20, 0, 0),
        (Operation.DERIVE, 0, 0, -14, 0),
        (Operation.DERIVE, 0, 0, 0, 20),
        (Operation.DERIVE, 0, 0, 0, -1),
    ],
)
def test_an_operation_that_points_nowhere_is_refused(row):
    with pytest.raises(PlanError, match="operation 1"):
        plan_of((Operation.STEP, 0, 0), row)


@pytest.mark.parametrize(
    "row",
    [
        (Operation.STEP, 0, -1),
        (Operation.STEP_BATCH, 0, 0, 9, 1, 19),
        (Operation.STEP_BATCH, 0, 2**31 - 1, 0, 10, -1),
        (Operation.GRADIENT_NORMS, 0, 18),
        (Operation.WEIGHT_NORMS, 18),
        (Operation.ALIVE, 0, 2, 19),
        (Operation.PREDICT, 0, 10),
        (Operation.WIDE_LOSS, 0, 19),
        (Operation.DERIVE, 7, 19, -13, 19),
    ],
)
def test_an_operation_at_the_edge_is_not(row):
    assert len(plan_of((Operation.STEP, 0, 0), row).operations) == 2


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((), "1 to 64 layers"),
        ((Activation("tanh"),), "dense"),
        ((Dense(2, 3, True), Dense(4, 1, True)), "4 inputs; 3 come"),
        ((Dense(0, 1, True),), "inputs is 0"),
        ((Dense(2, 5000, True),), "outputs is 5000"),
        ((Dense(2, 1, True), Activation("swish")), "swish"),
        ((Dense(2, 1, True), Activation("leaky_relu", -0.1)), "slope"),
        ((Dense(2, 1, True), Activation("leaky_relu", float("nan"))), "slope"),
        ((Dense(2, 1, True), Dropout(99)), "slot 99"),
        ((Dense(2, 1, True), "tanh"), "no layer"),
        ((Dense(2, 1, True),) + (Activation("tanh"),) * 64, "1 to 64 layers"),
    ],
)
def test_a_chain_that_does_not_fit_is_refused(layers, message):
    plan = make_plan(NET, steps(1))
    with pytest.raises(PlanError, match=message):
        replace(plan, layers=layers)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "lion"}, "lion"),
        ({"rates": (0,)}, "4 tensors"),
        ({"weight_decay": (0, 0, 0, 99)}, "slot 99"),
        ({"rates": (0, 0, 0, -1)}, "slot -1"),
        ({"rates": (0, 0, 0, True)}, "slot True"),
        ({"rates": (0, 0, 0, Cosine(0, 1, 99))}, "Cosine.final is slot 99"),
        ({"rates": (0, 0, 0, WarmUp(WarmUp(99, 0), 0))}, "slot 99"),
        ({"momentum": 99}, "momentum is slot 99"),
        ({"kind": "adam", "beta2": 99}, "beta2 is slot 99"),
        ({"kind": "rmsprop", "alpha": 99}, "alpha is slot 99"),
        ({"max_norm": 99}, "max_norm is slot 99"),
        ({"eps": float("nan")}, "eps"),
    ],
)
def test_an_optimiser_that_does_not_fit_is_refused(changes, message):
    plan = make_plan(NET, steps(1))
    with pytest.raises(PlanError, match=message):
        replace(plan, optimiser=replace(plan.optimiser, **changes))


def test_schedules_nest_only_so_deep():
    plan = make_plan(NET, steps(1))
    rate = 0
    for _ in range(plan_module.MAX_NESTED_RATES + 1):
        rate = WarmUp(rate, 0)
    with pytest.raises(PlanError, match="nest"):
        replace(plan, optimiser=replace(plan.optimiser, rates=(rate,) * 4))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (Dataset(np.zeros((4, 3)), np.zeros((4, 1))), "inputs are"),
        (Dataset(np.zeros((4, 2), "f"), np.zeros((4, 1))), "inputs are"),
        (Dataset(np.zeros((4, 2)), np.zeros((5, 1))), "targets are"),
        (Dataset(np.zeros((4, 2)), np.zeros(4)), "targets are"),
        (Dataset(np.zeros((0, 2)), np.zeros((0, 1))), "no example"),
        (Dataset(np.zeros((6, 4, 2)), np.zeros((4, 1))), "6 replicas; another part has 5|5.*6"),
        (Dataset(np.zeros((4, 2)), np.zeros((6, 4, 1))), "replicas"),
    ],
)
def test_data_that_do_not_fit_are_refused(data, message):
    plan = make_plan(NET, steps(1))
    with pytest.raises(PlanError, match=message):
        replace(plan, datasets=(data,))


@pytest.mark.parametrize("classes", [[0, 3], [-1, 0], [0.0, 1.0]])
def test_classes_that_the_network_does_not_have_are_refused(classes):
    with pytest.raises(PlanError, match="class"):
        make_plan(
            chain(2, 3),
            steps(1),
            loss="cross_entropy",
            datasets=(Dataset(np.zeros((2, 2)), np.array(classes)),),
        )


def test_unexplained_variance_of_classes_is_refused():
    with pytest.raises(PlanError, match="no variance"):
        make_plan(chain(2, 3), rows((Operation.UNEXPLAINED, 0, 0)), loss="cross_entropy")


def test_the_loss_in_float64_of_a_plan_in_float64_is_refused():
    with pytest.raises(PlanError, match="in float64 LOSS is the same"):
        plan_of((Operation.WIDE_LOSS, 0, 0), dtype="float64")


def test_a_start_of_another_shape_is_refused():
    plan = make_plan(NET, steps(1))
    for values in (np.zeros((3, 2)), np.zeros((5, 3, 2)), np.zeros((5, 5, 2, 3)), np.zeros(())):
        with pytest.raises(PlanError, match="start 0 has shape"):
            replace(plan, starts=(Start(values), *plan.starts[1:]))
    with pytest.raises(PlanError, match="scale"):
        replace(plan, starts=(Start(plan.starts[0].values, 99), *plan.starts[1:]))


def test_work_without_end_is_refused():
    wide = chain(1000, 4096, 4096, 1)
    shared = tuple(Start(np.zeros(shape)) for shape in ((1000, 4096), (4096,), (4096, 4096)))
    last = (Start(np.zeros(4096)), Start(np.zeros((4096, 1))), Start(np.zeros(1)))
    plan = replace(make_plan(NET, steps(1)))
    operations = np.tile(rows((Operation.STEP, 0, -1)), (100_000, 1))
    tensors = 6
    with pytest.raises(PlanError, match="multiplications"):
        replace(
            plan,
            layers=wide,
            starts=shared + last,
            datasets=(dataset(64, 1000, 1),),
            operations=operations,
            optimiser=replace(plan.optimiser, rates=(0,) * tensors, weight_decay=(0,) * tensors),
        )


def test_many_replicas_are_refused_by_their_work_and_memory():
    plan = make_plan(NET, steps(1))
    check_work(plan, 1000, 2**20)
    with pytest.raises(PlanError, match="take fewer replicas, steps"):
        check_work(plan, 10**12, 2**20)
    with pytest.raises(PlanError, match="take fewer replicas, units"):
        check_work(plan, 5, 2**31)


def test_slots_that_a_layer_or_schedule_can_not_work_with_are_refused():
    plan = make_plan((*NET[:2], Dropout(slot("dropout")), NET[2]), steps(1))
    check_slot_values(plan, slot_values(5), 5)
    for bad in (1.1, -0.1, float("nan")):
        with pytest.raises(PlanError, match="dropout"):
            check_slot_values(plan, slot_values(5, dropout=bad), 5)
    rate = WarmUp(Cosine(slot("rate"), slot("steps"), slot("final")), slot("one"))
    scheduled = replace(plan, optimiser=replace(plan.optimiser, rates=(rate,) * 4))
    with pytest.raises(PlanError, match="Cosine: steps"):
        check_slot_values(scheduled, slot_values(5, steps=0.0), 5)
    with pytest.raises(PlanError, match="WarmUp: steps"):
        check_slot_values(scheduled, slot_values(5, one=[1, 1, 1, 1, 0]), 5)
    falling = replace(
        plan,
        optimiser=replace(plan.optimiser, rates=(Exponential(slot("rate"), slot("factor")),) * 4),
    )
    check_slot_values(falling, slot_values(5, factor=0.0), 5)
    with pytest.raises(PlanError, match="factor must be 0 or more"):
        check_slot_values(falling, slot_values(5, factor=[1, 1, 1, 1, -0.5]), 5)
