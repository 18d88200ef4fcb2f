"""``Replicas``, the argument of a simulation's ``train``: a batch, each with its knobs and seed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from quizserver.kernel.draws import Stream
from quizserver.lab.knob_values import KnobTensor, KnobValues, plain_values
from quizserver.lab.layers import Dropout, Linear
from quizserver.lab.model import Knob
from quizserver.lab.nudges import nudge_last_place
from quizserver.lab.planning import PlannedBatch, Planner
from quizserver.lab.seed_draws import INITS, Floats, SeedDraws


class Replicas:
    """R replicas that train together; the first axis of every tensor is theirs.

    ``knobs`` has one attribute a knob: a tensor (R,) or, for an integer knob, an ``int``. Each seed
    has random streams of its own (initial weights, data, order, dropout), so that replicas of
    different arms with one seed start alike, see the same batches and can be compared pair by pair,
    and so that no replica depends on the others in its batch.

    ``nudged`` says of each replica whether its numbers and first weights are moved by one unit in
    the last place of their type; of none without it. What dropout drops and the orders of
    mini-batches stay: they are compared and sorted, and no curve comes from their last place.
    """

    def __init__(
        self,
        knobs: Sequence[Knob],
        settings: Sequence[Mapping[str, float]],
        seeds: Sequence[int],
        *,
        device: torch.device,
        dtype: torch.dtype,
        planner: Planner | None = None,
        nudged: Sequence[bool] = (),
    ) -> None:
        self.count = len(seeds)
        self.seeds = tuple(seeds)
        self.device = device
        self.dtype = dtype
        self._planner = planner
        self._nudged = torch.tensor(nudged, device=device) if any(nudged) else None
        self.knobs = KnobValues(**{knob.name: self._knob_value(knob, settings) for knob in knobs})
        self._draws = SeedDraws(seeds)

    def linear(
        self,
        inputs: int,
        outputs: int,
        *,
        init: str | Tensor = "default",
        scale: float | Tensor = 1.0,
        bias: bool = True,
    ) -> Linear:
        """A linear layer for ``torch.nn.Sequential``, its initial values multiplied by ``scale``.

        ``init``: "default" is what ``torch.nn.Linear`` does, biases too. With "glorot_uniform",
        "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal", "orthogonal",
        "normal", "uniform" (±1), "zeros", or weights of your own in the shape (R, inputs, outputs)
        or (inputs, outputs), the biases start at zero.
        """
        factor = (
            torch.as_tensor(plain_values(scale), dtype=torch.float64, device="cpu")
            .expand(self.count)
            .view(-1, 1, 1)
        )
        is_drawn = isinstance(init, str)
        weight = self._initial_weights(init, inputs, outputs)
        offset = torch.zeros(self.count, 1, outputs, dtype=torch.float64)
        if bias and is_drawn and init == "default":
            numbers = self._draws.uniform(Stream.INIT, 1, outputs)
            offset = torch.from_numpy((2 * numbers - 1) / math.sqrt(inputs))
        first = [self._to_own_type(values * factor) for values in (weight, offset)]
        if is_drawn:
            first = [self._nudge(values) for values in first]
        layer = Linear(first[0], first[1] if bias else None)
        if self._planner is not None:
            layer.weight = self._planner.watch_parameter(layer.weight, weight, scale)
            if layer.bias is not None:
                layer.bias = self._planner.watch_parameter(layer.bias, offset, scale)
        return layer

    def dropout(self, rate: float | Tensor) -> Dropout:
        """``torch.nn.Dropout`` with a rate a replica; seeds drop the same units in every arm.

        Raises ``ValueError`` for a rate outside 0 to 1.
        """
        layer = Dropout(
            self._as_tensor(
                torch.as_tensor(plain_values(rate), dtype=torch.float64).expand(self.count).tolist()
            ),
            lambda *size: self._from_float64(self._draws.uniform(Stream.DROPOUT, *size)),
        )
        layer.given_rate = rate
        return layer

    def use(self, dtype: torch.dtype) -> None:
        """Switches later layers, data and random numbers to another floating-point type.

        For a simulation in which a knob chooses the type; knobs keep the type that they have.
        """
        if not dtype.is_floating_point:
            raise ValueError(f"{dtype} is no floating-point type")
        self.dtype = dtype

    def _initial_weights(self, init: str | Tensor, inputs: int, outputs: int) -> Tensor:
        if isinstance(init, Tensor):
            return init.to("cpu", torch.float64).expand(self.count, inputs, outputs)
        if init not in INITS:
            raise ValueError(f"init is {init!r}; there are {', '.join(INITS)}")
        return torch.from_numpy(self._draws.weights(init, inputs, outputs))

    def share(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The same data for every replica: (N, …) to (R, N, …), floats in the replicas' type."""
        return tuple(
            (self._to_own_type(tensor) if tensor.is_floating_point() else tensor.to(self.device))
            .unsqueeze(0)
            .expand(self.count, *tensor.shape)
            for tensor in tensors
        )

    def randn(self, *size: int) -> Tensor:
        """Standard normal numbers (R, *size), each replica's from its own seed."""
        return self._nudge(self._from_float64(self._draws.normal(Stream.DATA, *size)))

    def rand(self, *size: int) -> Tensor:
        """Uniform numbers in [0, 1) of shape (R, *size), each replica's from its own seed."""
        numbers = self._from_float64(self._draws.uniform(Stream.DATA, *size))
        return self._nudge(numbers, below=1)

    def batches(
        self, *tensors: Tensor, size: int, replace: bool = False
    ) -> Iterator[tuple[Tensor, ...]]:
        """One epoch of mini-batches of ``tensors`` (R, N, …), shuffled for each seed.

        Every example comes once; the last batch is smaller when ``size`` does not divide N. With
        ``replace`` there are as many examples, each drawn from all N, whichever came before.
        """
        if size < 1:
            raise ValueError(f"a batch of {size} examples is none")
        examples = tensors[0].shape[1]
        if self._planner is not None:
            yield from self._planned_batches(tensors, examples, size, replace)
            return
        permutation = self._draws.next_order(examples, replace).to(self.device)
        whole = examples // size * size
        if whole:
            # one gather an epoch, laid out so that each batch is contiguous
            index = permutation[:, :whole].view(self.count, -1, size).transpose(0, 1)
            yield from zip(*(_take_examples(tensor, index) for tensor in tensors), strict=True)
        if whole < examples:
            index = permutation[:, whole:].unsqueeze(0)
            yield tuple(_take_examples(tensor, index)[0] for tensor in tensors)

    def _planned_batches(
        self, tensors: Sequence[Tensor], examples: int, size: int, replace: bool
    ) -> Iterator[tuple[Any, ...]]:
        epoch = self._draws.next_epoch(examples, replace)
        for first in range(0, examples, size):
            span = (epoch, first, min(size, examples - first), int(replace))
            yield tuple([PlannedBatch(tensor, span) for tensor in tensors])

    def _knob_value(self, knob: Knob, settings: Sequence[Mapping[str, float]]) -> Tensor | int:
        if knob.integer:
            return int(settings[0][knob.name])
        values = self._as_tensor([setting[knob.name] for setting in settings])
        if self._planner is None:
            return values
        return KnobTensor.from_values(values, knob.name, self._planner.used_knobs.add)

    def _nudge(self, numbers: Tensor, *, below: float | None = None) -> Tensor:
        if self._nudged is None:
            return numbers
        return nudge_last_place(numbers, self._nudged, below=below)

    def _as_tensor(self, values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=self.dtype, device=self.device)

    def _from_float64(self, numbers: Floats) -> Tensor:
        return self._to_own_type(torch.from_numpy(numbers))

    def _to_own_type(self, tensor: Tensor) -> Tensor:
        return tensor.to(device=self.device, dtype=self.dtype)


def _take_examples(tensor: Tensor, index: Tensor) -> Tensor:
    """Examples ``index`` (batches, R, size) of ``tensor`` (R, N, …): (batches, R, size, …)."""
    if tensor.stride(0) == 0:  # shared by all replicas
        return tensor[0][index]
    if tensor.shape[2:].numel() == 1:  # several times as fast where an example is one number
        flat = tensor.reshape(1, len(tensor), -1).expand(len(index), -1, -1)
        return flat.gather(2, index).view(*index.shape, *tensor.shape[2:])
    replica = torch.arange(len(tensor), device=tensor.device).view(1, -1, 1)
    return tensor[replica, index]
