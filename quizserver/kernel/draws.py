"""The kernel's seeded draws as arrays, for what is drawn outside of it: data and first weights.

Number i of a stream of a seed is the same whatever else is drawn, on every processor and in the
browser: see ``source/draws.h``. Each function takes any sequence of seeds, whole numbers from 0 to
2^64 - 1, and returns a row for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from quizserver.kernel.library import KernelLibrary, load_library

END = 2**31
"""What indices, examples and epochs stay below: an address of WebAssembly has 32 bits."""


class Stream(IntEnum):
    """What numbers are drawn for. Streams of one seed have nothing to do with each other."""

    INIT = 0
    DATA = 1
    DROPOUT = 2


def uniform_numbers(
    seeds: Sequence[int],
    stream: Stream,
    first: int,
    count: int,
    library: KernelLibrary | None = None,
) -> NDArray[np.float64]:
    """Numbers ``first`` … ``first + count - 1`` of the stream of each seed: (seeds, count), each a
    multiple of 2^-53 in [0, 1).

    Raises ValueError for a seed, index or count out of range, KernelUnavailableError, MemoryError.
    """
    return _numbers("fill_uniform_numbers", seeds, stream, first, count, library)


def normal_numbers(
    seeds: Sequence[int],
    stream: Stream,
    first: int,
    count: int,
    library: KernelLibrary | None = None,
) -> NDArray[np.float64]:
    """The same as standard normal numbers: the normal quantiles of the uniform ones.

    Raises as ``uniform_numbers`` does.
    """
    return _numbers("fill_normal_numbers", seeds, stream, first, count, library)


def example_orders(
    seeds: Sequence[int],
    examples: int,
    first_epoch: int,
    epochs: int,
    library: KernelLibrary | None = None,
    *,
    replace: bool = False,
) -> NDArray[np.int32]:
    """The order of the examples in each epoch from ``first_epoch`` on, a permutation of
    0 … ``examples - 1``: (seeds, epochs, examples).

    With ``replace`` each is drawn from all of them, whatever the others are.

    Raises as ``uniform_numbers`` does.
    """
    _check_range("examples", 0, examples)
    _check_range("epochs", first_epoch, epochs)
    shape = (len(seeds), epochs, examples)
    library = library or load_library()
    with library.open_arena() as arena:
        address, words = arena.allocate(len(seeds), np.uint64)
        words[:] = _seed_words(seeds)
        out, orders = arena.allocate(shape, np.int32)
        name = "fill_example_choices" if replace else "fill_example_orders"
        library.call(name, address, len(seeds), examples, first_epoch, epochs, out)
        return orders.copy()


def _numbers(
    name: str,
    seeds: Sequence[int],
    stream: Stream,
    first: int,
    count: int,
    library: KernelLibrary | None,
) -> NDArray[np.float64]:
    _check_range("numbers", first, count)
    library = library or load_library()
    with library.open_arena() as arena:
        address, words = arena.allocate(len(seeds), np.uint64)
        words[:] = _seed_words(seeds)
        out, numbers = arena.allocate((len(seeds), count), np.float64)
        library.call(name, address, len(seeds), Stream(stream), first, count, out)
        return numbers.copy()


def _seed_words(seeds: Sequence[int]) -> NDArray[np.uint64]:
    for seed in seeds:
        if not 0 <= seed < 2**64:
            raise ValueError(f"a seed must lie between 0 and 2^64 - 1, not be {seed}")
    return np.array([int(seed) for seed in seeds], np.uint64)


def _check_range(what: str, first: int, count: int) -> None:
    if first < 0 or count < 0 or first + count >= END:
        raise ValueError(
            f"{count} {what} from {first} on can't be drawn: both must be 0 or more, and their sum"
            f" below {END}"
        )
