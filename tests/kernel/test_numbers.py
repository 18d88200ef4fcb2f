"""The kernel's functions of numbers: how far they err, what they give at the ends, and the same
bits from every variant. ``benchmarks.kernel_accuracy`` measures the errors over all float32."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from quizserver.kernel import recipe
from quizserver.kernel.library import KernelLibrary
from quizserver.kernel.processor import usable_variants
from tests.kernel.functions import apply, compile_functions, sweep

pytestmark = pytest.mark.xdist_group("kernel functions")  # compiled once
BOUND = 2.0
"""Units in the last place."""
INF, NAN = np.inf, np.nan
FUNCTIONS = (
    "exp", "log", "log1p", "tanh", "sigmoid", "softplus", "gelu", "gelu_slope", "gelu_tanh",
    "gelu_tanh_slope", "sqrt",
)  # fmt: skip


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> list[KernelLibrary]:
    """The functions in this machine's best and plainest variant and in WebAssembly."""
    folder = tmp_path_factory.mktemp("functions")
    variants = list(dict.fromkeys([usable_variants()[0], usable_variants()[-1], recipe.WASM]))
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda variant: compile_functions(variant, folder), variants))


@pytest.fixture(scope="module")
def library(libraries: list[KernelLibrary]) -> KernelLibrary:
    return libraries[0]


def spread_float32(step: int = 4999) -> NDArray[np.float32]:
    """Every ``step``-th float32 of all, NaN among them, and all that lie next to a power of two."""
    bits = np.arange(0, 2**32, step, dtype=np.uint32)
    powers = (np.arange(512, dtype=np.uint32) << 23)[:, None] + np.arange(-3, 4).astype(np.uint32)
    return np.concatenate([bits, powers.ravel()]).view(np.float32)


def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    e = np.exp(-abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


EXACT: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "exp": np.exp,
    "log": np.log,
    "log1p": np.log1p,
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "softplus": lambda x: np.log1p(np.exp(-abs(x))),
    "gelu_tanh": lambda x: x * sigmoid(np.sqrt(8 / np.pi) * (x + 0.044715 * x**3)),
}


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_float32_errs_by_less_than_two_units_in_the_last_place(library: KernelLibrary, name: str):
    x = spread_float32()
    found, exact = apply(library, name, x).astype(np.float64), EXACT[name](x.astype(np.float64))
    if name == "gelu_tanh":  # numpy multiplies an infinity by 0
        found, exact = found[abs(x) < 1e30], exact[abs(x) < 1e30]
    assert np.array_equal(np.isnan(found), np.isnan(exact))
    found, exact = (np.clip(each, -(2.0**128), 2.0**128) for each in (found, exact))
    unit = np.exp2(np.floor(np.log2(np.maximum(abs(exact), 2.0**-126))) - 23)
    assert np.nanmax(abs(found - exact) / unit) < BOUND


@pytest.mark.parametrize("name", ["exp", "log", "log1p", "tanh", "sigmoid"])
def test_where_float32_errs_most_it_errs_as_the_table_says(library: KernelLibrary, name: str):
    """A million numbers one after another around the place of the largest error of all."""
    table = (Path(__file__).parents[2] / "docs" / "kernel.md").read_text("utf-8")
    row = next(line for line in table.splitlines() if line.startswith(f"| {name} | float32 |"))
    error, place = (float(cell) for cell in row.split("|")[3:5])
    bits = int(np.float32(place).view(np.uint32))
    largest, _ = sweep(library, name, bits // 16 - 2**15, 2**16)
    assert largest == pytest.approx(error, abs=0.0051)
    assert largest < BOUND


def log1p_of(x: Decimal) -> Decimal:
    """With no digits lost where x is tiny."""
    return x - x * x / 2 if abs(x) < Decimal("1e-20") else (1 + x).ln()


DECIMAL: dict[str, Callable[..., Decimal]] = {
    "exp": Decimal.exp,
    "log": lambda x: abs(x).ln(),
    "log1p": lambda x: (1 + x).ln(),
    "tanh": lambda x: 1 - 2 / ((2 * x).exp() + 1),
    "sigmoid": lambda x: 1 / (1 + (-x).exp()),
    "softplus": lambda x: log1p_of((-abs(x)).exp()),
    "sqrt": lambda x: abs(x).sqrt(),
}


def float64_arguments() -> NDArray[np.float64]:
    generator = np.random.default_rng(3)
    sizes = 10.0 ** generator.uniform(-6, 2.8, 1500)
    hard = [0.3466, 0.5493, 0.6931, 1.0397, 19.06, 19.1, 36.7, 37.5, 708.4, 709.7, 745.1]
    return np.concatenate([sizes * generator.normal(size=1500), hard, np.negative(hard)])


def units_off(found: NDArray[Any], exact: list[Decimal]) -> float:
    """The largest error in units in the last place of a float64."""
    least = Decimal(2.0**-1022)
    errors = []
    for one, other in zip(found, exact, strict=True):
        unit = Decimal(float(np.spacing(float(max(abs(other), least)))))
        errors.append(float(abs(Decimal(float(one)) - other) / unit))
    return max(errors)


@pytest.mark.parametrize("name", DECIMAL)
def test_float64_errs_by_less_than_two_units_in_the_last_place(library: KernelLibrary, name: str):
    x = float64_arguments()
    x = abs(x) if name in ("log", "sqrt") else x[x > -1] if name == "log1p" else x
    with localcontext(prec=60):
        exact = [DECIMAL[name](Decimal(float(one))) for one in x]
        inside = [abs(one) < Decimal("1.7e308") for one in exact]
        kept = [one for one, is_inside in zip(exact, inside, strict=True) if is_inside]
        bound = 0.5001 if name == "sqrt" else BOUND
        assert units_off(apply(library, name, x)[inside], kept) < bound


def test_powers_and_cosines_err_by_less_than_two_units_in_the_last_place(library: KernelLibrary):
    generator = np.random.default_rng(4)
    bases = np.concatenate([generator.uniform(0.8, 1, 500), np.exp(generator.normal(size=500))])
    exponents = np.concatenate(
        [np.floor(generator.uniform(0, 3000, 500)), generator.normal(size=500)]
    )
    angles = np.concatenate([np.linspace(0, np.pi, 301), generator.uniform(-30, 30, 300)])
    with localcontext(prec=60):
        exact = [
            Decimal(b) ** Decimal(e)
            for b, e in zip(bases.tolist(), exponents.tolist(), strict=True)
        ]
        assert units_off(apply(library, "pow", bases, exponents), exact) < BOUND
        cosines = [cosine(Decimal(angle)) for angle in angles.tolist()]
        assert units_off(apply(library, "cos", angles), cosines) < BOUND


def cosine(x: Decimal) -> Decimal:
    term = total = Decimal(1)
    for n in range(2, 200, 2):
        term *= -x * x / (n * (n - 1))
        total += term
    return total


def normal_share(x: Decimal) -> Decimal:
    """The share of the standard normal distribution below x, by its power series."""
    term = total = x
    for n in range(1, 400):
        term *= -x * x / (2 * n)
        total += term / (2 * n + 1)
    pi = Decimal(
        "3.14159265358979323846264338327950288419716939937510582097494459230781640628620900"
    )
    return Decimal("0.5") + total / (2 * pi).sqrt()


def test_gelu_and_its_slope_are_exact(library: KernelLibrary):
    x = np.concatenate([np.linspace(-9, 9, 361), [-1e-8, 1e-8]])
    with localcontext(prec=80):
        shares = [normal_share(Decimal(float(one))) for one in x]
        exact = [share * Decimal(float(one)) for share, one in zip(shares, x, strict=True)]
        assert units_off(apply(library, "gelu", x), exact) < 8
        slope = apply(library, "gelu_slope", x)
        step = Decimal("1e-20")
        for one, share, found in zip(x.tolist(), shares, slope.tolist(), strict=True):
            at = Decimal(one)
            density = (normal_share(at + step) - share) / step
            assert abs(Decimal(found) - (share + at * density)) < Decimal("3e-16")
    single = x.astype(np.float32)
    double = apply(library, "gelu", single.astype(np.float64)).astype(np.float32)
    assert np.array_equal(apply(library, "gelu", single), double)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_ends_are_exact(library: KernelLibrary, dtype: type[np.floating]):
    tiny = float(np.finfo(dtype).smallest_subnormal)
    largest = float(np.finfo(dtype).max)
    high, low = (88.73, -104.1) if dtype is np.float32 else (709.8, -745.2)
    lost = 1e-10 if dtype is np.float32 else 1e-20
    for name, argument, expected in (
        *(
            ("exp", x, y)
            for x, y in ((0, 1), (-0.0, 1), (lost, 1), (high, INF), (INF, INF), (-INF, 0))
        ),
        *(("exp", x, 0) for x in (low, -largest)),
        *(("log", x, y) for x, y in ((1, 0), (0, -INF), (-0.0, -INF), (-1, NAN), (INF, INF))),
        *(("log", x, NAN) for x in (-tiny, -INF)),
        *(("log1p", x, y) for x, y in ((-1, -INF), (-1.5, NAN), (INF, INF), (-INF, NAN))),
        *(("log1p", x, x) for x in (0.0, -0.0, lost, tiny, -tiny)),
        *(("tanh", x, x) for x in (0.0, -0.0, lost, -lost, tiny, -tiny)),
        *(("tanh", x, 1) for x in (19.2, largest, INF)),
        *(("tanh", x, -1) for x in (-19.2, -largest, -INF)),
        *(("sigmoid", x, y) for x, y in ((0, 0.5), (-0.0, 0.5), (40, 1), (INF, 1), (-INF, 0))),
        *(("sigmoid", x, 0) for x in (low, -largest)),
        *(("softplus", x, 0) for x in (INF, -INF, largest, -largest)),
        *(("sqrt", x, y) for x, y in ((4, 2), (-0.0, -0.0), (-1, NAN), (INF, INF))),
        *(("gelu", x, y) for x, y in ((0.0, 0.0), (-0.0, -0.0), (50, 50), (INF, INF), (-50, -0.0))),
        *(("gelu_tanh", x, y) for x, y in ((0.0, 0.0), (-0.0, -0.0), (50, 50), (-50, -0.0))),
        *(("gelu_slope", x, y) for x, y in ((0, 0.5), (50, 1), (-50, 0))),
        *(("gelu_tanh_slope", x, y) for x, y in ((0, 0.5), (50, 1), (-50, 0), (largest, 1))),
        *((name, sign * NAN, NAN) for name in FUNCTIONS for sign in (1, -1)),
    ):
        found = apply(library, name, np.array([argument], dtype))
        wanted = np.array([expected], dtype)
        place = f"{name}({argument}) is {found[0]}, not {expected}"
        assert np.array_equal(found, wanted, equal_nan=True), place
        assert (
            np.isnan(expected)
            or name.endswith("slope")
            or (np.signbit(found[0]) == np.signbit(wanted[0]))
        ), place


def test_exponentials_become_subnormal_before_they_become_zero(library: KernelLibrary):
    x = np.array([-87.4, -95, -103.9], np.float32)
    for name in ("exp", "sigmoid"):
        assert np.array_equal(
            apply(library, name, x), np.exp(x.astype(np.float64)).astype(np.float32)
        )
    assert apply(library, "exp", np.array([-745.1]))[0] == 5e-324


@pytest.mark.parametrize(
    ("base", "exponent", "expected"),
    [
        (0.0, 0.0, 1.0), (0.0, 2.0, 0.0), (0.0, -1.0, INF), (INF, 0.5, INF), (INF, -0.5, 0.0),
        (1.0, 1e300, 1.0), (1.0, INF, 1.0), (0.5, 1e300, 0.0), (0.5, -INF, INF),
        (2.0, 10.0, 1024.0),
        (2.0, 1024.0, INF), (2.0, -1074.0, 5e-324), (5e-324, 1.0, 5e-324), (0.9, 1.0, 0.9),
        (-1.0, 2.0, NAN), (NAN, 0.0, 1.0), (NAN, 1.0, NAN), (2.0, NAN, NAN),
    ],
)  # fmt: skip
def test_powers_at_the_ends(library: KernelLibrary, base: float, exponent: float, expected: float):
    found = apply(library, "pow", np.array([base]), np.array([exponent]))
    assert np.array_equal(found, [expected], equal_nan=True)


def test_cosines_at_the_ends(library: KernelLibrary):
    found = apply(library, "cos", np.array([0.0, -0.0, np.pi, -np.pi, 2 * np.pi]))
    assert found.tolist() == [1, 1, -1, -1, 1]
    assert np.isnan(apply(library, "cos", np.array([INF, NAN, 2e6]))).all()


def test_every_nan_becomes_the_same(library: KernelLibrary):
    for words in (np.uint32([0x7F800001, 0xFFC12345]), np.uint64([2**64 - 1, 0x7FF0000000000001])):
        numbers = words.view(f"f{words.itemsize}")
        ends = np.array([-0.0, INF], numbers.dtype)
        made = apply(library, "canonical", np.concatenate([numbers, ends]))
        assert len(set(made[:2].view(words.dtype).tolist())) == 1
        assert np.isnan(made[:2]).all()
        assert str(made[2:].tolist()) == "[-0.0, inf]"


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_every_variant_gives_the_same_bits(libraries: list[KernelLibrary]):
    single = spread_float32(79_999)
    double = np.concatenate([float64_arguments(), single.astype(np.float64)])
    for name in FUNCTIONS:
        for values in (single, double):
            made = {
                apply(each, "canonical", apply(each, name, values)).tobytes() for each in libraries
            }
            assert len(made) == 1, name
    for name, values in (("cos", (double,)), ("pow", (abs(double), double[::-1]))):
        made = {
            apply(each, "canonical", apply(each, name, *values)).tobytes() for each in libraries
        }
        assert len(made) == 1, name
