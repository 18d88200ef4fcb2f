"""The random numbers of replicas: streams of a seed's own, the same on every processor.

They come from ``quizserver.kernel.draws``, which counts: number i of a stream is a function of the
seed, the stream and i. So a seed draws the same whoever else is in the batch, in torch and in the
kernel, and what one stream draws changes no other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quizserver.kernel import draws
from quizserver.kernel.draws import Stream

SHUFFLED_AHEAD = 4096
"""Examples whose order is drawn at once for each replica, over as many epochs as that makes."""

Floats = NDArray[np.float64]
Draw = Callable[[Sequence[int], Stream, int, int], Floats]


class SeedDraws:
    """Draws for replicas with these seeds; equal seeds get equal numbers."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self._distinct = sorted(set(seeds))
        place = {seed: index for index, seed in enumerate(self._distinct)}
        self._index = np.array([place[seed] for seed in seeds])
        self._drawn = dict.fromkeys(Stream, 0)
        self._epochs: dict[tuple[int, bool], int] = {}
        self._orders: dict[tuple[int, bool], list[Tensor]] = {}

    def uniform(self, stream: Stream, *size: int) -> Floats:
        """The next uniform numbers in [0, 1) of a stream, (R, *size)."""
        return self._for_replicas(self._next(draws.uniform_numbers, stream, size))

    def normal(self, stream: Stream, *size: int) -> Floats:
        """The next standard normal numbers of a stream, (R, *size)."""
        return self._for_replicas(self._next(draws.normal_numbers, stream, size))

    def weights(self, init: str, inputs: int, outputs: int) -> Floats:
        """First weights (R, inputs, outputs) by the name of their distribution in ``INITS``."""
        draw, scale = INITS[init]
        size = inputs, outputs
        if draw == "zeros":
            return np.zeros((len(self._index), *size))
        if draw == "uniform":
            numbers = self._next(draws.uniform_numbers, Stream.INIT, size)
            numbers = (2 * numbers - 1) * scale(inputs, outputs)
        elif draw == "normal":
            numbers = scale(inputs, outputs) * self._next(draws.normal_numbers, Stream.INIT, size)
        else:
            tall = self._next(draws.normal_numbers, Stream.INIT, (max(size), min(size)))
            numbers = orthonormal_columns(tall)
            numbers = numbers if inputs >= outputs else numbers.swapaxes(1, 2)
        return self._for_replicas(numbers)

    def next_epoch(self, examples: int, replace: bool = False) -> int:
        """The number of the next epoch over so many examples, from 0 on."""
        epoch = self._epochs.get((examples, replace), 0)
        self._epochs[examples, replace] = epoch + 1
        return epoch

    def next_order(self, examples: int, replace: bool = False) -> Tensor:
        """The order of the examples in the next epoch: (R, examples).

        With ``replace`` each of them is drawn from all. Those of many epochs are drawn at once,
        which is faster.
        """
        waiting = self._orders.setdefault((examples, replace), [])
        epoch = self.next_epoch(examples, replace)
        if not waiting:
            ahead = max(1, SHUFFLED_AHEAD // examples)
            orders = draws.example_orders(self._distinct, examples, epoch, ahead, replace=replace)
            each_epoch = torch.from_numpy(orders[self._index].astype(np.int64)).transpose(0, 1)
            waiting.extend(each_epoch.contiguous().unbind()[::-1])
        return waiting.pop()

    def _for_replicas(self, numbers: Floats) -> Floats:
        """Each replica's row of those of the distinct seeds."""
        rows: Floats = numbers[self._index]
        return rows

    def _next(self, draw: Draw, stream: Stream, size: tuple[int, ...]) -> Floats:
        """The next numbers of a stream, (distinct seeds, *size)."""
        first, count = self._drawn[stream], math.prod(size)
        self._drawn[stream] = first + count
        return draw(self._distinct, stream, first, count).reshape(-1, *size)


Scale = Callable[[int, int], float]

# How one replica's weights are drawn before scaling: "default" is torch.nn.Linear's (Kaiming
# uniform with a = √5, that is ±1/√inputs), Glorot and He as in torch.nn.init with gain 1 and √2,
# LeCun has variance 1/inputs; "normal" (variance 1) and "uniform" (±1) are to be scaled.
INITS: dict[str, tuple[str, Scale]] = {
    "default": ("uniform", lambda i, _: 1 / math.sqrt(i)),
    "glorot_uniform": ("uniform", lambda i, o: math.sqrt(6 / (i + o))),
    "glorot_normal": ("normal", lambda i, o: math.sqrt(2 / (i + o))),
    "he_uniform": ("uniform", lambda i, _: math.sqrt(6 / i)),
    "he_normal": ("normal", lambda i, _: math.sqrt(2 / i)),
    "lecun_normal": ("normal", lambda i, _: 1 / math.sqrt(i)),
    "lecun_uniform": ("uniform", lambda i, _: math.sqrt(3 / i)),
    "normal": ("normal", lambda _i, _o: 1.0),
    "uniform": ("uniform", lambda _i, _o: 1.0),
    "orthogonal": ("orthogonal", lambda _i, _o: 1.0),
    "zeros": ("zeros", lambda _i, _o: 0.0),
}


def orthonormal_columns(matrices: Floats) -> Floats:
    """Orthonormal columns that span those of tall ``matrices`` (S, rows, columns).

    As a QR decomposition whose triangle has a positive diagonal (Saxe et al., 2014; then every
    orthogonal matrix is as likely). Modified Gram-Schmidt, twice, whose sums go from row to row:
    the routines behind ``torch.linalg.qr`` sum in an order that depends on the processor.
    """
    columns = np.array(matrices.transpose(2, 1, 0))  # (columns, rows, S): sums along rows
    for _ in range(2):
        for number in range(len(columns)):
            column = columns[number]
            column /= np.sqrt(_sum_rows(column * column))
            others = columns[number + 1 :]
            shares = _sum_rows((others * column).swapaxes(0, 1))
            others -= shares[:, None] * column
    return columns.transpose(2, 1, 0)


def _sum_rows(values: Floats) -> Floats:
    """The sum over the first axis, from first to last."""
    total = np.zeros(values.shape[1:])
    for row in values:
        total += row
    return total
