"""``Replicas``, the argument of a simulation's ``train``: a batch, each with its knobs and seed."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from quizserver.lab.knob_values import KnobTensor, KnobValues, plain_values
from quizserver.lab.layers import INITS, Dropout, Linear
from quizserver.lab.model import Knob
from quizserver.lab.planning import PlannedBatch, Planner

_STREAMS = ("init", "data", "dropout")

SHUFFLED_AHEAD = 4096
"""Examples whose order is drawn at once for each replica, over as many epochs as that makes."""


class Replicas:
    """R replicas that train together; the first axis of every tensor is theirs.

    ``knobs`` has one attribute a knob: a tensor (R,) or, for an integer knob, an ``int``. Each seed
    has random streams of its own (initial weights, data, order, dropout), so that replicas of
    different arms with one seed start alike, see the same batches and can be compared pair by pair,
    and so that no replica depends on the others in its batch.
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
    ) -> None:
        self.count = len(seeds)
        self.seeds = tuple(seeds)
        self.device = device
        self.dtype = dtype
        self._planner = planner
        self.knobs = KnobValues(**{knob.name: self._knob_value(knob, settings) for knob in knobs})
        distinct = sorted(set(seeds))
        index_of_seed = {seed: index for index, seed in enumerate(distinct)}
        self._seed_index = torch.tensor([index_of_seed[seed] for seed in seeds])
        self._permutations: dict[int, list[Tensor]] = {}
        self._epochs: dict[int, int] = {}
        self._shufflers = [
            np.random.default_rng(_seed_sequence(seed, "order")) for seed in distinct
        ]
        self._generators = {
            stream: [_seeded_generator(seed, stream) for seed in distinct] for stream in _STREAMS
        }

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
        weight = self._initial_weights(init, inputs, outputs)
        offset = torch.zeros(self.count, 1, outputs, dtype=torch.float64)
        if bias and isinstance(init, str) and init == "default":
            offset = self._draw_per_seed("init", lambda g: INITS["default"](inputs, outputs, g)[:1])
        layer = Linear(
            self._to_own_type(weight * factor),
            self._to_own_type(offset * factor) if bias else None,
        )
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
            self._as_tensor(torch.as_tensor(plain_values(rate)).expand(self.count).tolist()),
            lambda *size: self._to_own_type(
                self._draw_per_seed("dropout", lambda g: torch.rand(*size, generator=g))
            ),
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
        return self._draw_per_seed("init", lambda g: INITS[init](inputs, outputs, g))

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
        return self._to_own_type(
            self._draw_per_seed(
                "data", lambda g: torch.randn(*size, generator=g, dtype=torch.float64)
            )
        )

    def rand(self, *size: int) -> Tensor:
        """Uniform numbers in [0, 1) of shape (R, *size), each replica's from its own seed."""
        return self._to_own_type(
            self._draw_per_seed(
                "data", lambda g: torch.rand(*size, generator=g, dtype=torch.float64)
            )
        )

    def batches(self, *tensors: Tensor, size: int) -> Iterator[tuple[Tensor, ...]]:
        """One epoch of mini-batches of ``tensors`` (R, N, …), shuffled for each seed.

        Every example comes once; the last batch is smaller when ``size`` does not divide N.
        """
        if size < 1:
            raise ValueError(f"a batch of {size} examples is none")
        examples = tensors[0].shape[1]
        if self._planner is not None:
            yield from self._planned_batches(tensors, examples, size)
            return
        permutation = self._next_permutation(examples)
        whole = examples // size * size
        if whole:
            # one gather an epoch, laid out so that each batch is contiguous
            index = permutation[:, :whole].view(self.count, -1, size).transpose(0, 1)
            yield from zip(*(_take_examples(tensor, index) for tensor in tensors), strict=True)
        if whole < examples:
            index = permutation[:, whole:].unsqueeze(0)
            yield tuple(_take_examples(tensor, index)[0] for tensor in tensors)

    def _planned_batches(
        self, tensors: Sequence[Tensor], examples: int, size: int
    ) -> Iterator[tuple[Any, ...]]:
        epoch = self._epochs.get(examples, 0)
        self._epochs[examples] = epoch + 1
        for first in range(0, examples, size):
            span = (epoch, first, min(size, examples - first))
            yield tuple([PlannedBatch(tensor, span) for tensor in tensors])

    def _next_permutation(self, examples: int) -> Tensor:
        """The order of the examples in the next epoch: (R, examples).

        Those of many epochs are drawn at once: drawing one permutation at a time from each seed's
        generator would cost more than the steps of a small network.
        """
        waiting = self._permutations.setdefault(examples, [])
        if not waiting:
            epochs = max(1, SHUFFLED_AHEAD // examples)
            uniform = np.stack([g.random((epochs, examples)) for g in self._shufflers])
            # the ranks of independent uniform numbers are a permutation, every one as likely
            ranks = torch.from_numpy(np.argsort(uniform, axis=2))[self._seed_index]
            waiting.extend(ranks.to(self.device).transpose(0, 1).contiguous().unbind()[::-1])
        return waiting.pop()

    def _draw_per_seed(self, stream: str, draw: Callable[[torch.Generator], Tensor]) -> Tensor:
        """``draw`` once for each seed, laid out a replica: (R, …)."""
        return torch.stack([draw(g) for g in self._generators[stream]])[self._seed_index]

    def _knob_value(self, knob: Knob, settings: Sequence[Mapping[str, float]]) -> Tensor | int:
        if knob.integer:
            return int(settings[0][knob.name])
        values = self._as_tensor([setting[knob.name] for setting in settings])
        if self._planner is None:
            return values
        return KnobTensor.from_values(values, knob.name, self._planner.used_knobs.add)

    def _as_tensor(self, values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=self.dtype, device=self.device)

    def _to_own_type(self, tensor: Tensor) -> Tensor:
        return tensor.to(device=self.device, dtype=self.dtype)


def _seeded_generator(seed: int, stream: str) -> torch.Generator:
    state = _seed_sequence(seed, stream).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0] >> np.uint64(1)))


def _seed_sequence(seed: int, stream: str) -> np.random.SeedSequence:
    # it keeps neighbouring seeds and the streams of one seed independent
    return np.random.SeedSequence([seed, zlib.crc32(stream.encode())])


def _take_examples(tensor: Tensor, index: Tensor) -> Tensor:
    """Examples ``index`` (batches, R, size) of ``tensor`` (R, N, …): (batches, R, size, …)."""
    if tensor.stride(0) == 0:  # shared by all replicas
        return tensor[0][index]
    if tensor.shape[2:].numel() == 1:  # several times as fast where an example is one number
        flat = tensor.reshape(1, len(tensor), -1).expand(len(index), -1, -1)
        return flat.gather(2, index).view(*index.shape, *tensor.shape[2:])
    replica = torch.arange(len(tensor), device=tensor.device).view(1, -1, 1)
    return tensor[replica, index]
