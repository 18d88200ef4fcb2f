"""The training step of a simulation that is planned: each call is recorded, none computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from quizserver.kernel import plan
from quizserver.kernel.plan import Operation
from quizserver.lab import layers, losses, optim
from quizserver.lab.plan_parts import SlotTable, modules_in_order, plan_layer, plan_optimiser
from quizserver.lab.planning import (
    PlannedBatch,
    PlannedPrediction,
    PlannedValue,
    Planner,
    SmallestValue,
    off_the_record,
)

Loss = Callable[[Tensor, Tensor], Tensor]

LossName: TypeAlias = Literal["mse", "binary_cross_entropy_with_logits", "cross_entropy"]
DtypeName: TypeAlias = Literal["float32", "float64"]

LOSSES: Mapping[Loss, LossName] = {
    losses.mse_loss: "mse",
    losses.binary_cross_entropy_with_logits: "binary_cross_entropy_with_logits",
    losses.cross_entropy: "cross_entropy",
}
DTYPES: Mapping[torch.dtype, DtypeName] = {torch.float32: "float32", torch.float64: "float64"}

DATASETS_MAX = 64
"""Data sets of a plan. A simulation that makes new data at every step needs no plan."""


STEP_BATCH = Operation.STEP_BATCH
OUTPUT_COLUMN = {
    Operation.STEP: 2, Operation.STEP_BATCH: 5, Operation.LOSS: 2, Operation.GRADIENT_NORMS: 2,
    Operation.WEIGHT_NORMS: 1, Operation.ALIVE: 3, Operation.UNEXPLAINED: 2, Operation.PREDICT: 2,
    Operation.WIDE_LOSS: 2, Operation.DERIVE: 4,
}  # fmt: skip
"""Where the row of each operation says to which output its first number goes."""


@dataclass(slots=True)
class _GivenData:
    inputs: Tensor
    targets: Tensor | None
    dataset: plan.Dataset


class PlannedStep:
    """What ``backprop.training_step`` gives while a simulation is planned; see ``TrainingStep``.

    Raises ``UnplannedError`` through ``planner`` where the kernel cannot do what is asked.
    """

    by_hand = True

    def __init__(
        self,
        planner: Planner,
        net: nn.Module,
        loss: Loss,
        optimiser: optim.Optimiser,
        max_norm: float | Tensor | None,
    ) -> None:
        if planner.step is not None:
            planner.refuse("a plan has one training step, not two")
        planner.step = self
        self._refuse = planner.refuse
        self.rows: list[tuple[int, ...]] = []
        """The operations so far; what they record goes nowhere yet (-1)."""
        self.operands: dict[int, tuple[PlannedValue | int, PlannedValue | int]] = {}
        """Of each row that computes from recorded numbers: two of them, or slots."""
        self._data: dict[tuple[object, object], int] = {}
        self._numbers: dict[tuple[int, int], tuple[int, Any, Any]] = {}
        self._given: list[_GivenData] = []
        with off_the_record():
            self._describe_network(planner, net, loss)
            self.optimiser = plan_optimiser(
                optimiser, self._parameters, max_norm, self.slots, self._refuse
            )
            self.starts = tuple(
                self._plan_start(planner, parameter, parameter is linear.bias)
                for linear in self._linears
                for parameter in linear.parameters()
            )
            planner.spoil_weights()

    def __call__(self, inputs: Any, target: Any) -> PlannedValue:
        if self._dropouts and not all(dropout.training for dropout in self._dropouts):
            self._refuse("a step without dropout, after net.eval(), is none of a plan's")
        if type(inputs) is PlannedBatch and type(target) is PlannedBatch:
            if inputs.span != target.span:
                self._refuse("the inputs and targets of a step are not of one mini-batch")
            dataset = self._dataset_of(inputs.tensor, target.tensor)
            *span, replace = inputs.span
            return self._record(STEP_BATCH, dataset, *span, -1, replace, 0)
        return self._record(Operation.STEP, self._dataset_of(inputs, target), -1, 0, 0, 0, 0, 0)

    def loss(self, inputs: Any, target: Any) -> PlannedValue:
        return self._record(Operation.LOSS, self._dataset_of(inputs, target), -1, 0, 0, 0, 0, 0)

    def float64_loss(self, inputs: Any, target: Any) -> PlannedValue:
        if self.dtype_name == "float64":
            return self.loss(inputs, target)
        dataset = self._dataset_of(inputs, target)
        return self._record(Operation.WIDE_LOSS, dataset, -1, 0, 0, 0, 0, 0)

    def derive(self, function: str, first: Any, second: Any) -> PlannedValue:
        """The number that one of ``plan.FUNCTIONS`` gives for recorded numbers, or others."""
        operands = self._operand(first), self._operand(second)
        value = self._record(Operation.DERIVE, plan.FUNCTIONS.index(function), 0, 0, -1, 0, 0, 0)
        self.operands[value.row] = operands
        return value

    def gradient_norms(self, inputs: Any, target: Any) -> list[PlannedValue]:
        dataset = self._dataset_of(inputs, target)
        first = self._record(Operation.GRADIENT_NORMS, dataset, -1, 0, 0, 0, 0, 0)
        return first.and_following(len(self._linears))

    def weight_norms(self) -> list[PlannedValue]:
        first = self._record(Operation.WEIGHT_NORMS, -1, 0, 0, 0, 0, 0, 0)
        return first.and_following(len(self._linears))

    def unexplained(self, inputs: Any, target: Any) -> PlannedValue:
        if self.loss_name == "cross_entropy":
            self._refuse("class numbers have no variance to explain")
        dataset = self._dataset_of(inputs, target)
        return self._record(Operation.UNEXPLAINED, dataset, -1, 0, 0, 0, 0, 0)

    def predict(self, inputs: Any) -> PlannedPrediction:
        dataset = self._dataset_of(inputs, None)
        row = self._record(Operation.PREDICT, dataset, -1, 0, 0, 0, 0, 0).row
        return PlannedPrediction(row, self._given[dataset].dataset.examples, self._outputs)

    def share_alive(self, inputs: Any, *hidden: nn.Module) -> PlannedValue | SmallestValue:
        dataset = self._dataset_of(inputs, None)
        places = [self._places.get(id(layer), -1) for layer in hidden]
        if not places or min(places) < 0:
            self._refuse("share_alive takes linear layers of the network")
        parts = [self._record(Operation.ALIVE, dataset, place, -1, 0, 0, 0, 0) for place in places]
        return parts[0] if len(parts) == 1 else SmallestValue(tuple(parts))

    @property
    def datasets(self) -> tuple[plan.Dataset, ...]:
        return tuple(given.dataset for given in self._given)

    def check_unchanged(self) -> None:
        """Refuses where data or numbers that the plan holds were changed after it took them."""
        self.slots.check_unchanged()
        for given in self._given:
            now = self._read_data(given.inputs, given.targets)
            for before, after in (
                (given.dataset.inputs, now.inputs),
                (given.dataset.targets, now.targets),
            ):
                if not np.array_equal(before, after, equal_nan=True):
                    self._refuse("data were changed while the network was training on them")

    def _describe_network(self, planner: Planner, net: nn.Module, loss: Loss) -> None:
        if loss not in LOSSES:
            self._refuse(f"the kernel has no loss {getattr(loss, '__name__', 'of this kind')}")
        self.loss_name = LOSSES[loss]
        modules = list(modules_in_order(net))
        self._linears = [m for m in modules if isinstance(m, layers.Linear)]
        self._dropouts = [m for m in modules if isinstance(m, layers.Dropout)]
        self._parameters = [p for linear in self._linears for p in linear.parameters()]
        if not self._parameters or not all(p in planner.starts for p in self._parameters):
            self._refuse("the weights of a plan are those of replicas.linear")
        self._replicas = len(self._parameters[0])
        self._dtype = self._parameters[0].dtype
        if self._dtype not in DTYPES:
            self._refuse("the kernel trains in float32 and float64")
        self.dtype_name = DTYPES[self._dtype]
        self.slots = SlotTable(self._replicas, self._refuse)
        self._places: dict[int, int] = {}
        planned: list[plan.Layer] = []
        for module in modules:
            layer = plan_layer(module, self.slots, self._refuse)
            if layer is not None:
                self._places[id(module)] = len(planned)
                planned.append(layer)
        self.layers = tuple(planned)
        self._features = self._linears[0].weight.shape[1]
        self._outputs = self._linears[-1].weight.shape[2]

    def _plan_start(self, planner: Planner, parameter: nn.Parameter, is_bias: bool) -> plan.Start:
        """Where a weight starts: as it was drawn, or as the author has changed it since."""
        values, scale = planner.starts[parameter]
        slot = None
        if isinstance(scale, Tensor) or scale != 1:
            slot = self.slots.slot_for("a scale of first weights", scale)
        factor = 1.0 if slot is None else torch.from_numpy(self.slots.values[slot]).view(-1, 1, 1)
        now = parameter.detach()
        if not torch.equal((values * factor).to(now.dtype), now):
            if slot in self.slots.knobs:
                planner.used_knobs.add(self.slots.knobs[slot])
            values, slot = now.double(), None
        # a bias is (R, 1, outputs) in torch, (R, outputs) in a plan
        return plan.Start(np.array((values[:, 0] if is_bias else values).numpy()), slot)

    def _operand(self, value: Any) -> PlannedValue | int:
        if isinstance(value, PlannedValue):
            return value
        if isinstance(value, bool) or not isinstance(value, int | float | Tensor):
            self._refuse("arithmetic on a number of the training takes numbers, one a replica")
        slot = self.slots.slot_for("a number of a series", value)
        if np.isnan(self.slots.values[slot]).any():
            # Weights are NaN by now, so this may come from one that was read in some hidden way.
            self._refuse("a number of a series is NaN, which no training has made it")
        return slot

    def _record(self, *row: int) -> PlannedValue:
        number = len(self.rows)
        if number >= plan.MAX_OPERATIONS:
            self._refuse(f"a plan has at most {plan.MAX_OPERATIONS:,} steps and recorded values")
        self.rows.append(row)
        return PlannedValue(number)

    def _dataset_of(self, inputs: Any, targets: Any) -> int:
        """The number of this data set; the targets may be None for what looks at inputs alone."""
        key = id(inputs), id(targets)
        if key not in self._numbers:
            # both are kept, so that no other object gets their place in memory
            self._numbers[key] = self._find_dataset(inputs, targets), inputs, targets
        return self._numbers[key][0]

    def _find_dataset(self, inputs: Any, targets: Any) -> int:
        with off_the_record():
            place, target_place = _place_of(inputs), _place_of(targets)
            if targets is None:
                known = (n for (other, _), n in self._data.items() if other == place)
            else:
                known = (n for key, n in self._data.items() if key == (place, target_place))
            number = next(known, None)
            if number is None:
                if len(self._given) >= DATASETS_MAX:
                    self._refuse(f"a plan has at most {DATASETS_MAX} data sets")
                dataset = self._read_data(inputs, targets)
                number = self._data[place, target_place] = len(self._given)
                self._given.append(_GivenData(inputs, targets, dataset))
        return number

    def _read_data(self, inputs: Any, targets: Any) -> plan.Dataset:
        for tensor in (inputs, targets):
            if isinstance(tensor, PlannedBatch):
                self._refuse("the recorders look at whole data sets, not at a mini-batch")
            if tensor is not None and not isinstance(tensor, Tensor):
                self._refuse(f"data are a {type(tensor).__name__}, not a tensor")
        if inputs.ndim != 3 or len(inputs) != self._replicas or inputs.dtype != self._dtype:
            self._refuse(
                f"the inputs are {inputs.dtype} of shape {tuple(inputs.shape)}, not "
                f"{self._dtype} of shape (replicas, examples, {self._features})"
            )
        return plan.Dataset(
            _shared_or_own(inputs).astype(np.float64), self._read_targets(inputs, targets)
        )

    def _read_targets(self, inputs: Tensor, targets: Tensor | None) -> NDArray[Any]:
        classes = self.loss_name == "cross_entropy"
        if targets is None:
            examples = inputs.shape[1]
            shape = (examples,) if classes else (examples, self._outputs)
            return np.zeros(shape, dtype=np.int64 if classes else np.float64)
        wanted = inputs.shape[:2] if classes else (*inputs.shape[:2], self._outputs)
        if targets.shape != wanted:
            self._refuse(f"the targets have shape {tuple(targets.shape)}, not {tuple(wanted)}")
        if classes:
            if targets.is_floating_point():
                self._refuse("class numbers are whole numbers")
            return _shared_or_own(targets).astype(np.int64)
        if targets.dtype != self._dtype:
            self._refuse(f"the targets are {targets.dtype}, not {self._dtype}")
        return _shared_or_own(targets).astype(np.float64)


def _place_of(tensor: Any) -> object:
    """What two views have in common exactly if they are the same data."""
    if not isinstance(tensor, Tensor):
        return id(tensor)
    return tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype


def _shared_or_own(tensor: Tensor) -> NDArray[Any]:
    """A copy of the data: (N, …) where all replicas share them, else (R, N, …)."""
    values = tensor.detach()
    return np.array((values[0] if values.stride(0) == 0 else values).numpy())
