"""How far the kernel's functions err, in units in the last place, with the arguments where they do.

``python -m benchmarks.kernel_accuracy`` prints the table of docs/kernel.md. float32: all 2^32
numbers, against the same functions of float64. float64: a million arguments, against numpy's long
double where that is wider (x86-64). It takes minutes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quizserver.kernel.library import KernelLibrary
from quizserver.kernel.processor import usable_variants
from tests.kernel.functions import apply, compile_functions, sweep

SWEPT = ("exp", "log", "log1p", "tanh", "sigmoid")
STEP = 2**20
VECTORS = 2**28
Wide = NDArray[np.longdouble]


def _sigmoid(x: Wide) -> Wide:
    e = np.exp(-abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


EXACT: dict[str, Callable[[Wide], Wide]] = {
    "exp": np.exp,
    "log": np.log,
    "log1p": np.log1p,
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "softplus": lambda x: np.log1p(np.exp(-abs(x))),
    "cos": np.cos,
}


def float32_rows(library: KernelLibrary) -> Iterator[tuple[str, float, float]]:
    """Name, largest error and an argument that has it, over all float32."""
    for name in SWEPT:
        found = (sweep(library, name, first, STEP) for first in range(0, VECTORS, STEP))
        yield name, *max(found)


def float64_rows(library: KernelLibrary) -> Iterator[tuple[str, float, float]]:
    """The same over a million float64 of all sizes, drawn from a fixed seed."""
    generator = np.random.default_rng(0)
    scales = 10.0 ** generator.uniform(-8, 2.8, 700_000)
    sizes = np.exp(generator.uniform(-700, 700, 300_000))
    arguments = np.concatenate([scales * generator.normal(size=700_000), sizes])
    for name, exact in EXACT.items():
        x = arguments[abs(arguments) < 1000] if name == "cos" else arguments
        x = x[x > -1] if name == "log1p" else abs(x) if name == "log" else x
        yield name, *_largest(apply(library, name, x), exact(x.astype(np.longdouble)), x)
    bases = np.exp(generator.uniform(-20, 20, 300_000))
    exponents = generator.normal(size=300_000) * 20
    bases[:100_000] = generator.uniform(0.9, 1, 100_000)
    exponents[:100_000] = np.floor(generator.uniform(0, 5000, 100_000))
    values = np.power(bases.astype(np.longdouble), exponents.astype(np.longdouble))
    yield "pow", *_largest(apply(library, "pow", bases, exponents), values, bases)


def _largest(
    found: NDArray[np.float64], exact: Wide, x: NDArray[np.float64]
) -> tuple[float, float]:
    inside = abs(exact) < np.finfo(np.float64).max
    size = np.maximum(abs(exact[inside]), np.finfo(np.float64).tiny)
    units = abs(found[inside] - exact[inside]) / np.exp2(np.floor(np.log2(size)) - 52)
    worst = int(units.argmax())
    return float(units[worst]), float(x[inside][worst])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, np.errstate(all="ignore"):
        library = compile_functions(usable_variants()[0], Path(folder))
        rows = [("float32", float32_rows)]
        if np.finfo(np.longdouble).nmant > 52:
            rows.append(("float64", float64_rows))
        for number_type, measure in rows:
            for name, error, argument in measure(library):
                print(f"| {name} | {number_type} | {error:.2f} | {argument!r} |", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
