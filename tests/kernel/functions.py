"""``numbers.h`` compiled with the kernel's flags into a library of functions of arrays."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quizserver.kernel import recipe
from quizserver.kernel.build import compile_units
from quizserver.kernel.library import KernelLibrary, NativeLibrary
from quizserver.kernel.wasm_library import WasmLibrary

UNIT = str(Path(__file__).with_name("functions.c"))
UNITS = (
    (UNIT, (*recipe.FLOAT32, "-I.")),
    (UNIT, (*recipe.FLOAT64, "-I.")),
    ("memory.c", ()),
    ("version.c", ()),
)
GROUP = 16
"""Numbers that are counted as one: the largest vector that a processor has."""


def compile_functions(variant: recipe.Variant, folder: Path) -> KernelLibrary:
    """The library for one of this machine's variants or for ``recipe.WASM``, loaded from a file in
    the folder. Raises KernelBuildError."""
    path = folder / f"functions-{variant.name}"
    if variant is recipe.WASM:
        link = ["wasm-ld", "-s", "--no-entry", "--export-dynamic", "--export=__heap_base"]
        path.write_bytes(compile_units(variant, variant.target, [], link, UNITS))
        return WasmLibrary(path)
    link = ["ld.lld", "-shared", "-s", "--no-undefined"]
    data = compile_units(variant, f"{variant.target}-linux-none", ["-fPIC"], link, UNITS)
    path.write_bytes(data)
    return NativeLibrary(path, variant.name, hashlib.sha256(data).hexdigest())


def apply(library: KernelLibrary, name: str, *values: NDArray[np.floating]) -> NDArray[np.floating]:
    """A function of ``numbers.h`` ("exp") of arrays (n,) of one type."""
    (first, *_) = values
    groups = -(-len(first) // GROUP)
    with library.open_arena() as arena:
        addresses = []
        for each in values:
            address, array = arena.allocate(groups * GROUP, first.dtype)
            array[: len(each)] = each
            addresses.append(address)
        out, results = arena.allocate(groups * GROUP, first.dtype)
        library.call(f"{name}_{first.dtype}", *addresses, groups, out)
        return results[: len(first)].copy()


def sweep(library: KernelLibrary, name: str, first: int, count: int) -> tuple[float, float]:
    """The largest error of a function of float32 over ``count`` × 16 float32 whose bits follow each
    other from ``first`` × 16 on, in units in the last place, and an argument that has it.

    The same function of float64 is taken for exact.
    """
    with library.open_arena() as arena:
        errors_at, errors = arena.allocate(GROUP, np.float64)
        places_at, places = arena.allocate(GROUP, np.uint64)
        library.call(f"sweep_{name}", first, count, errors_at, places_at)
        worst = int(errors.argmax())
        bits = places[worst : worst + 1].astype(np.uint32)
        return float(errors[worst]), float(bits.view(np.float32)[0])
