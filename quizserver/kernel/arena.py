"""Memory that a kernel can read and write, seen as numpy arrays at the same time.

An arena holds what one training needs and gives it all back at its end.
"""

from __future__ import annotations

import ctypes
import math
from abc import ABC, abstractmethod
from bisect import insort
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

ALIGNMENT = 64
"""Bytes: a vector of sixteen lanes of float32, and a line of a processor's cache."""


class Arena(ABC):
    """Arrays that live until ``release``, or until the ``with`` block ends.

    An array must not be used after that: under WebAssembly its memory is given to others. Copy what
    is to be kept. Different arenas may be used by different threads at once, each by one.
    """

    def allocate(self, shape: int | tuple[int, ...], dtype: DTypeLike) -> tuple[int, NDArray[Any]]:
        """A new array of zeros, and the address by which the kernel finds it, a multiple of 64.

        Raises MemoryError.
        """
        element = np.dtype(dtype)
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        # What has no elements has an address all the same, of its own.
        size = max(1, math.prod(shape) * element.itemsize)
        address, memory = self._take(size)
        array = memory[: math.prod(shape) * element.itemsize].view(element).reshape(shape)
        return address, array

    @abstractmethod
    def _take(self, size: int) -> tuple[int, NDArray[np.uint8]]:
        """The address of ``size`` or more bytes, all zero, and the bytes."""

    @abstractmethod
    def release(self) -> None:
        """Gives all memory back. A second call changes nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


class NativeArena(Arena):
    """Memory of this process, which numpy allocates."""

    def __init__(self) -> None:
        self._blocks: list[NDArray[np.uint8]] = []

    def _take(self, size: int) -> tuple[int, NDArray[np.uint8]]:
        # Never touched zeros cost nothing before they are written.
        block = np.zeros(size + ALIGNMENT, np.uint8)
        self._blocks.append(block)
        offset = -block.ctypes.data % ALIGNMENT
        return block.ctypes.data + offset, block[offset : offset + size]

    def release(self) -> None:
        self._blocks.clear()


class FreeList:
    """Which parts of a memory that only grows are free: pairs of address and size, by address."""

    def __init__(self) -> None:
        self._free: list[tuple[int, int]] = []

    def take(self, size: int) -> int | None:
        """The address of the first free part that is large enough; None when there is none."""
        for index, (address, free) in enumerate(self._free):
            if free >= size:
                rest = [(address + size, free - size)] if free > size else []
                self._free[index : index + 1] = rest
                return address
        return None

    def give(self, address: int, size: int) -> None:
        """Makes a part free again, in one piece with its free neighbours."""
        insort(self._free, (address, size))
        merged: list[tuple[int, int]] = []
        for start, length in self._free:
            if merged and merged[-1][0] + merged[-1][1] == start:
                merged[-1] = (merged[-1][0], merged[-1][1] + length)
            else:
                merged.append((start, length))
        self._free = merged

    @property
    def free_bytes(self) -> int:
        return sum(size for _address, size in self._free)

    def tail(self, end: int) -> int:
        """How many bytes are free just before the address ``end``."""
        if not self._free or sum(self._free[-1]) != end:
            return 0
        return self._free[-1][1]


def bytes_at(address: int, size: int, owner: object) -> NDArray[np.uint8]:
    """``size`` bytes of this process at ``address``, as an array that keeps ``owner`` alive."""
    buffer = (ctypes.c_uint8 * size).from_address(address)
    buffer.owner = owner  # type: ignore[attr-defined]
    return np.ctypeslib.as_array(buffer)
