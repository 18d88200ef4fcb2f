"""Plans a simulation for some replicas, and trains them by the kernel, point by point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from quizserver.kernel import plan
from quizserver.kernel.plan import FIELDS, Operation, PlanError
from quizserver.kernel.training import Training
from quizserver.lab import backprop
from quizserver.lab.model import SimulationError
from quizserver.lab.planned_step import OUTPUT_COLUMN, PlannedStep
from quizserver.lab.planning import (
    PlannedValue,
    Planner,
    SmallestValue,
    UnplannedError,
)
from quizserver.lab.point_checks import UnseededRandomness, checked_point
from quizserver.lab.replicas import Replicas
from quizserver.lab.simulation import Simulation
from quizserver.lab.unnoticed_uses import may_use_knobs_unnoticed, names_in

Floats = NDArray[np.float64]
Recorded = tuple[int, ...] | Floats
"""A series at a point: the outputs of which it is the smallest, or numbers (R,) that no training
changes."""


PLACED = (PlannedValue, SmallestValue)
"""What is yielded for numbers that operations of the plan will record."""


@dataclass(frozen=True, slots=True)
class PlannedPoint:
    """``x``, each series, and how many operations of the plan come before it."""

    x: float
    series: Mapping[str, Recorded]
    operations: int


@dataclass(frozen=True, slots=True)
class PlannedTraining:
    """A plan for some replicas, and which of its outputs are drawn where.

    ``slot_values`` is (slots, R). ``slot_knobs`` says which slots are a knob as it is: turning one
    changes no more than that number. Turning one of ``structural_knobs`` makes another plan.
    """

    plan: plan.Plan
    slot_values: Floats
    seeds: tuple[int, ...]
    points: tuple[PlannedPoint, ...]
    slot_knobs: Mapping[int, str]
    structural_knobs: frozenset[str]


def plan_training(
    simulation: Simulation,
    settings: Sequence[Mapping[str, float]],
    seeds: Sequence[int],
    *,
    dtype: torch.dtype,
    pad: int,
    nudged: Sequence[bool] = (),
) -> PlannedTraining:
    """The plan of ``simulation`` for one replica for each of ``seeds``.

    ``nudged`` is that of ``Replicas``. ``train`` sees a multiple of ``pad`` replicas, as it does
    when it trains in torch. Raises ``UnplannedError`` when the kernel cannot train it, and whatever
    the author's code raises.
    """
    if not may_take_training_step(simulation):
        raise UnplannedError("it makes no training_step", simulation.train_line)
    padding = -len(seeds) % pad
    planner = Planner(simulation.file)
    randomness = UnseededRandomness()
    with planner.listening():
        replicas = Replicas(
            simulation.knobs,
            [*settings, *[settings[-1]] * padding],
            [*seeds, *[seeds[-1]] * padding],
            device=torch.device("cpu"),
            dtype=dtype,
            planner=planner,
            nudged=[*nudged, *([nudged[-1]] * padding if nudged else [])],
        )
        try:
            points = _planned_points(simulation, planner, replicas)
        except Exception:
            if planner.refusal is not None:
                raise planner.refusal from None
            raise
    if planner.refusal is not None:
        raise planner.refusal
    randomness.check_unused(0, simulation.points)
    return _assemble_plan(simulation, planner, points, tuple(seeds))


def may_take_training_step(simulation: Simulation) -> bool:
    """Whether ``train`` could take a training step: its file has the function, or speaks of it.

    What never does is not planned, so that its set-up does not run twice.
    """
    function: Any = simulation.train_function
    names = getattr(function, "__globals__", {})
    steps = (backprop, backprop.training_step)
    return any(
        value in steps for value in names.values() if callable(value) or value is backprop
    ) or "training_step" in names_in(function)


@dataclass(slots=True)
class _YieldedPoint:
    x: float
    series: Mapping[str, Any]
    operations: int


def _planned_points(
    simulation: Simulation, planner: Planner, replicas: Replicas
) -> list[_YieldedPoint]:
    points: list[_YieldedPoint] = []
    generator = simulation.start_training(replicas)
    for _ in range(simulation.points):
        item = _next_with_gradients(generator)
        if item is None:
            raise SimulationError(
                f"train yielded {len(points)} points, but points={simulation.points}"
            )
        points.append(_read_point(simulation, planner, replicas.count, item))
    if planner.step is None:
        planner.refuse("it makes no training_step")
    planner.check_untouched()
    planner.step.check_unchanged()
    return points


def _next_with_gradients(generator: Iterator[Any]) -> Any:
    """The next item, None at the end; gradients are on meanwhile, and then as they were before.

    As in ``torch.enable_grad``, which the planner would listen to four times a point.
    """
    before = torch.is_grad_enabled()
    if not before:
        torch.set_grad_enabled(True)
    try:
        return next(generator, None)
    finally:
        if torch.is_grad_enabled() != before:
            torch.set_grad_enabled(before)


def _read_point(
    simulation: Simulation, planner: Planner, replicas: int, item: Any
) -> _YieldedPoint:
    x, values = checked_point(item, simulation.series, replicas, stand_ins=PLACED)
    series: dict[str, Any] = {}
    for name in simulation.series:
        if isinstance(values[name], PLACED):
            series[name] = values[name]
            continue
        numbers = values[name].detach().double().numpy().copy()
        if planner.step is not None and np.isnan(numbers).any():
            # Weights are NaN by now, so this may come from one that was read in some hidden way.
            planner.refuse(f"the series {name!r} is NaN, which no training has made it")
        series[name] = numbers
    return _YieldedPoint(x, series, 0 if planner.step is None else len(planner.step.rows))


def _assemble_plan(
    simulation: Simulation,
    planner: Planner,
    points: Sequence[_YieldedPoint],
    seeds: tuple[int, ...],
) -> PlannedTraining:
    step = planner.step
    assert step is not None
    outputs = _number_outputs(points, step.operands)
    rows, before = _operation_rows(step, outputs.first)
    count = len(seeds)
    try:
        whole = plan.Plan(
            dtype=step.dtype_name,
            layers=step.layers,
            loss=step.loss_name,
            optimiser=step.optimiser,
            starts=tuple(plan.Start(s.values[:count], s.scale) for s in step.starts),
            datasets=tuple(_without_padding(data, count) for data in step.datasets),
            operations=rows,
            slots=len(step.slots),
            outputs=outputs.total,
        )
    except PlanError as error:
        raise UnplannedError(str(error), simulation.train_line) from None
    whole_numbers = {knob.name for knob in simulation.knobs if knob.integer}
    may_hide = may_use_knobs_unnoticed(simulation)
    unnoticed = {knob.name for knob in simulation.knobs} if may_hide else set()
    return PlannedTraining(
        plan=whole,
        slot_values=step.slots.values[:, :count],
        seeds=seeds,
        points=tuple(
            PlannedPoint(
                point.x,
                {
                    name: _recorded(value, outputs.first, count)
                    for name, value in point.series.items()
                },
                int(before[point.operations]),
            )
            for point in points
        ),
        slot_knobs=dict(step.slots.knobs),
        structural_knobs=frozenset(planner.used_knobs | whole_numbers | unnoticed),
    )


class _Outputs(NamedTuple):
    """How many outputs there are, and the first of each operation (by its row) that has any."""

    total: int
    first: Mapping[int, int]


def _number_outputs(
    points: Sequence[_YieldedPoint], operands: Mapping[int, Sequence[PlannedValue | int]]
) -> _Outputs:
    """Outputs for each operation whose numbers are yielded, or that such a number is computed
    from."""
    width: dict[int, int] = {}
    for point in points:
        for value in point.series.values():
            width |= {part.row: part.width for part in _parts(value)}
    for row in sorted(operands, reverse=True):  # what a number is computed from comes before it
        if row in width:
            values = (value for value in operands[row] if isinstance(value, PlannedValue))
            width |= {value.row: value.width for value in values}
    rows = sorted(width)
    ends = list(accumulate((width[row] for row in rows), initial=0))
    return _Outputs(ends[-1], dict(zip(rows, ends, strict=False)))


def _operation_rows(
    step: PlannedStep, first_output: Mapping[int, int]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The operations of a plan, without recorders that nobody wants; how many come before each."""
    whole = np.array(step.rows, dtype=np.int32).reshape(-1, FIELDS)
    wanted = np.isin(whole[:, 0], [Operation.STEP, Operation.STEP_BATCH])
    for row, output in first_output.items():
        whole[row, OUTPUT_COLUMN[Operation(step.rows[row][0])]] = output
        wanted[row] = True
        if row in step.operands:
            whole[row, 2:4] = [
                first_output[value.row] + value.offset
                if isinstance(value, PlannedValue)
                else -1 - value
                for value in step.operands[row]
            ]
    return whole[wanted], np.concatenate([[0], np.cumsum(wanted)])


def _parts(value: Any) -> tuple[PlannedValue, ...]:
    if isinstance(value, SmallestValue):
        return value.parts
    return (value,) if isinstance(value, PlannedValue) else ()


def _recorded(value: Any, first: Mapping[int, int], count: int) -> Recorded:
    parts = _parts(value)
    if not parts:
        numbers: Floats = value[:count]
        return numbers
    return tuple(first[part.row] + part.offset for part in parts)


def _without_padding(data: plan.Dataset, count: int) -> plan.Dataset:
    return plan.Dataset(
        data.inputs[:count] if data.inputs_differ else data.inputs,
        data.targets[:count] if data.targets_differ else data.targets,
    )


class KernelBatch:
    """Some replicas that the kernel trains by ``planned``."""

    backend = "kernel"

    def __init__(self, planned: PlannedTraining) -> None:
        self._points = planned.points
        self._training = Training(planned.plan, planned.slot_values, planned.seeds)
        self._executed = 0

    def train_to(self, index: int) -> None:
        """Executes what comes before point ``index``; other threads may train other batches."""
        last = self._points[index].operations
        if last > self._executed:
            self._training.run(self._executed, last)
            self._executed = last

    def next_point(self, index: int) -> tuple[float, dict[str, Floats]]:
        """x and each series (R,) of point ``index``; the points come in order."""
        point = self._points[index]
        self.train_to(index)
        series = {
            name: self._smallest_of(of) if isinstance(of, tuple) else of
            for name, of in point.series.items()
        }
        if index == len(self._points) - 1:
            self._training.close()
        return point.x, series

    def _smallest_of(self, outputs: tuple[int, ...]) -> Floats:
        """The smallest of these outputs; NaN where one of them is."""
        values = [self._recorded(output) for output in outputs]
        smallest: Floats = values[0] if len(values) == 1 else np.minimum.reduce(values)
        return smallest

    def _recorded(self, output: int) -> Floats:
        return self._training.recorded(output, output + 1).reshape(-1)
