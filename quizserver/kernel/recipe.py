"""How the kernel is compiled: its sources, the compiler's flags, and the variants of a processor.

``source_version`` is a digest of all of it. A built library carries the version that it was built
from, so that one that is out of date is noticed before it trains anything.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).parent / "source"
BUILT = Path(__file__).parent / "built"
"""Where native libraries lie with their manifest; not in the repository."""
MANIFEST = "manifest.json"
WASM_FILE = Path(__file__).parent / "kernel.wasm"
"""The WebAssembly module, which is in the repository."""
WASM_FLOAT32_FILE = WASM_FILE.with_name("kernel-float32.wasm")
"""Likewise, without what trains in float64: most plans are in float32, and it is much smaller."""
VERSION_MARK = b"quizserver-kernel:"
VERSION_LENGTH = 16
"""Characters of a version, which follow ``VERSION_MARK`` in every built file."""
COMPILER = "ziglang==0.15.2"

FLAGS = (
    "-std=c11",
    "-O3",
    # A product and a sum are rounded one after the other on every processor, or bits would differ.
    "-ffp-contract=off",
    "-fno-math-errno",
    "-ffreestanding",
    "-fvisibility=hidden",
    "-fno-stack-protector",
    "-fno-sanitize=all",
    "-fno-asynchronous-unwind-tables",
    "-g0",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wno-psabi",
)
FLOAT32, FLOAT64 = ("-DREAL=float", "-DREAL_BITS=32"), ("-DREAL=double", "-DREAL_BITS=64")
UNITS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("arithmetic.c", FLOAT32),
    ("arithmetic.c", FLOAT64),
    ("kernel.c", FLOAT32),
    ("kernel.c", FLOAT64),
    ("draws.c", ()),
    ("memory.c", ()),
    ("version.c", ()),
)
"""The files of ``source/`` that are compiled, each with the flags of its own."""
FLOAT32_UNITS = tuple((unit, flags) for unit, flags in UNITS if flags is not FLOAT64)
"""Those of ``WASM_FLOAT32_FILE``."""


class Variant(NamedTuple):
    """One native library: for processors that have all of ``abilities``, as /proc/cpuinfo names
    them. ``target`` and ``processor`` are the compiler's words."""

    name: str
    target: str
    processor: str
    abilities: frozenset[str] = frozenset()


# The levels of the x86-64 psABI, without what the kernel would never use.
_V2 = frozenset({"cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"})
_V3 = _V2 | {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"}
_V4 = _V3 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
VARIANTS: dict[str, tuple[Variant, ...]] = {
    "x86_64": (
        Variant("x86-64-v4", "x86_64", "x86_64_v4", _V4),
        Variant("x86-64-v3", "x86_64", "x86_64_v3", _V3),
        Variant("x86-64-v2", "x86_64", "x86_64_v2", _V2),
    ),
    "aarch64": (Variant("aarch64", "aarch64", "generic"),),
    "riscv64": (Variant("riscv64", "riscv64", "baseline_rv64"),),
}
"""By machine, as ``uname -m`` names it, the best first."""
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
"""Other names of machines."""
WASM = Variant("wasm", "wasm32-freestanding", "generic+simd128+bulk_memory")
WASM_MEMORY_MAX = 1 << 30
"""Bytes of memory that the module may have at most; it says so itself."""
WASM_STACK = 1 << 16


def this_machine() -> str:
    """The machine's name in ``VARIANTS``; one that has no variants keeps its own."""
    machine = os.uname().machine.lower()
    return MACHINES.get(machine, machine)


@cache
def source_version(source: Path = SOURCE) -> str:
    """The digest of the sources and of how they are compiled: 16 hexadecimal digits.

    Raises OSError when the sources can't be read.
    """
    variants = [v for each in VARIANTS.values() for v in each] + [WASM]
    targets = [(v.name, v.target, v.processor) for v in variants]
    how = (FLAGS, UNITS, targets, WASM_MEMORY_MAX, WASM_STACK, COMPILER)
    digest = hashlib.sha256(repr(how).encode())
    for path in sorted(source.iterdir()):
        if path.suffix in {".c", ".h"}:
            data = path.read_bytes()
            digest.update(f"{path.name} {len(data)}\n".encode() + data)
    return digest.hexdigest()[:VERSION_LENGTH]
