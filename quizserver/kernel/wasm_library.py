"""The kernel's WebAssembly module under wasmtime, where no native kernel can be had."""

from __future__ import annotations

import atexit
import ctypes
import mmap
import resource
import threading
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from quizserver.kernel import recipe
from quizserver.kernel.arena import ALIGNMENT, Arena, FreeList, bytes_at
from quizserver.kernel.library import KernelLibrary, KernelUnavailableError

_PAGE = 1 << 16  # bytes in which the memory of a module grows
_ALL_ADDRESSES = 1 << 32  # with so many set aside, no access needs a check of its address


class WasmLibrary(KernelLibrary):
    """The module in ``path``, translated for this processor."""

    kind = "wasmtime"

    def __init__(self, path: Path) -> None:
        """Raises KernelUnavailableError where the module or wasmtime can't be used."""
        try:
            import wasmtime
        except (ImportError, OSError, RuntimeError) as error:
            raise KernelUnavailableError(f"wasmtime is not usable here ({error})") from error
        try:
            engine = wasmtime.Engine(_configure(wasmtime))
            module = wasmtime.Module(engine, path.read_bytes())
            self._store: Any = wasmtime.Store(engine)
            instance = wasmtime.Instance(self._store, module, [])
            self._exports = cast(Any, instance.exports(self._store))
            self._memory = self._exports["memory"]
            heap = int(self._exports["__heap_base"].value(self._store))
        except (OSError, KeyError, wasmtime.WasmtimeError, wasmtime.Trap) as error:
            reason = str(error).strip().partition("\n")[0]
            raise KernelUnavailableError(f"{path} can't be used ({reason})") from error
        # It never moves (see ``_configure``), so that arrays stay where they are when it grows.
        self._base = ctypes.addressof(self._memory.data_ptr(self._store).contents)
        self._lock = threading.RLock()
        self._free = FreeList()
        start = -(-heap // ALIGNMENT) * ALIGNMENT
        self._free.give(start, self.memory_size - start)
        self.version = self._read_version()
        atexit.register(self._drop)

    def _drop(self) -> None:
        """Gives everything of wasmtime's back while Python still can: its own clean-up fails when
        that comes after the end of the program (wasmtime 50.0)."""
        self._exports = self._memory = self._store = None

    @property
    def memory_size(self) -> int:
        """Bytes of the module's memory now; it grows when it is needed, and never shrinks."""
        return int(self._memory.data_len(self._store))

    def call(self, name: str, *words: int) -> int:
        with self._lock:
            function = self._exports[name]
            return int(function(self._store, *words))

    def open_arena(self) -> Arena:
        return _WasmArena(self)

    def take(self, size: int) -> tuple[int, NDArray[np.uint8]]:
        """The address of ``size`` bytes, all zero, and the bytes. Raises MemoryError."""
        with self._lock:
            address = self._free.take(size)
            if address is None:
                self._grow(size)
                address = self._free.take(size)
                assert address is not None
        memory = bytes_at(self._base + address, size, self)
        memory[:] = 0
        return address, memory

    def give(self, address: int, size: int) -> None:
        """Takes the bytes at ``address`` back."""
        with self._lock:
            self._free.give(address, size)

    def _grow(self, size: int) -> None:
        """Grows the memory until ``size`` bytes in one piece are free. Raises MemoryError."""
        import wasmtime

        end = self.memory_size
        pages = -(-(size - self._free.tail(end)) // _PAGE)
        if end + pages * _PAGE > recipe.WASM_MEMORY_MAX:
            raise MemoryError(
                f"the kernel may use {recipe.WASM_MEMORY_MAX >> 20} MiB of memory under wasmtime"
            )
        _check_allowance(end + pages * _PAGE)
        try:
            self._memory.grow(self._store, pages)
        except wasmtime.WasmtimeError as error:
            raise MemoryError(f"the kernel's memory can't grow ({error})") from error
        self._free.give(end, pages * _PAGE)

    def _read_version(self) -> str:
        address = self.call("kernel_version")
        mark = len(recipe.VERSION_MARK)
        text = bytes_at(self._base + address, mark + recipe.VERSION_LENGTH, self).tobytes()
        is_marked = text.startswith(recipe.VERSION_MARK)
        return text[mark:].decode("ascii", "replace") if is_marked else ""


class _WasmArena(Arena):
    def __init__(self, library: WasmLibrary) -> None:
        self._library = library
        self._blocks: list[tuple[int, int]] = []

    def _take(self, size: int) -> tuple[int, NDArray[np.uint8]]:
        size = -(-size // ALIGNMENT) * ALIGNMENT
        address, memory = self._library.take(size)
        self._blocks.append((address, size))
        return address, memory

    def release(self) -> None:
        while self._blocks:
            self._library.give(*self._blocks.pop())


def _configure(wasmtime: Any) -> Any:
    """What the translator may do, so that it also works in a confined process and in its forks."""
    config = wasmtime.Config()
    config.strategy = "cranelift"
    config.cranelift_opt_level = "speed"
    config.parallel_compilation = False  # a process with threads can't be forked safely
    config.memory_init_cow = False  # it would make a file, which confined processes may not
    config.memory_may_move = False
    addresses = _addresses_left()
    if addresses is None:
        config.memory_reservation = _ALL_ADDRESSES
    else:
        # No more of them than the memory may ever need, and some are left for everything else.
        config.memory_reservation = min(recipe.WASM_MEMORY_MAX, addresses // 2)
        config.memory_guard_size = 0
    return config


def _addresses_left() -> int | None:
    """How many bytes of addresses this process may still take; None without a limit."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return None
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    except (OSError, ValueError):
        pages = 0
    return max(0, limit - pages * resource.getpagesize())


def _check_allowance(size: int) -> None:
    """Raises MemoryError where this process's limit on memory has no room for ``size`` bytes.

    The addresses were set aside before the limit was, so the system would not notice by itself.
    """
    try:
        mmap.mmap(-1, size).close()
    except (OSError, ValueError) as error:
        raise MemoryError(f"no memory for {size >> 20} MiB of the kernel") from error
