"""Where the coefficients in ``quizserver/kernel/source/numbers_*.h`` come from.

``python -m benchmarks.kernel_coefficients`` prints them with the largest error that the polynomial
or fraction itself makes (rounding comes on top; ``benchmarks.kernel_accuracy`` measures both).
Each is the best in the largest relative error: Remez's exchange of extremes, in mpmath, with 50
digits, then rounded to the format; the error printed is that of the rounded coefficients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import mpmath as mp
import numpy as np

mp.mp.dps = 50
GRID = 601
Function = Callable[[mp.mpf], mp.mpf]


def minimax(
    basis: Sequence[Function], target: Function, weight: Function, low: mp.mpf, high: mp.mpf
) -> tuple[list[mp.mpf], mp.mpf]:
    """Coefficients of ``basis`` (n functions) that make the largest of |weight × (sum − target)| on
    [low, high] least, and that largest value."""
    n = len(basis)
    middle, half = (low + high) / 2, (high - low) / 2
    points = [middle - half * mp.cos(mp.pi * i / GRID) for i in range(GRID + 1)]
    weights = [abs(weight(x)) for x in points]
    table = [[w * f(x) for f in basis] for x, w in zip(points, weights, strict=True)]
    wanted = [w * target(x) for x, w in zip(points, weights, strict=True)]
    chosen = [round((i + 0.5) * GRID / (n + 1)) for i in range(n + 1)]
    for _ in range(40):
        rows = [[*table[c], mp.mpf((-1) ** i)] for i, c in enumerate(chosen)]
        solution = mp.lu_solve(mp.matrix(rows), mp.matrix([wanted[c] for c in chosen]))
        found = list(solution)[:n]
        errors = [mp.fdot(row, found) - value for row, value in zip(table, wanted, strict=True)]
        extremes = _alternating_extremes(errors, n + 1)
        largest = max(abs(error) for error in errors)
        if extremes == chosen or largest <= abs(solution[n]) * (1 + mp.mpf("1e-6")):
            break
        chosen = extremes
    return found, largest


def _alternating_extremes(errors: Sequence[mp.mpf], count: int) -> list[int]:
    """Where ``count`` errors of changing sign are largest, in order."""
    extremes: list[int] = []
    for i, error in enumerate(errors):
        if not error:
            continue
        if extremes and (error > 0) == (errors[extremes[-1]] > 0):
            if abs(error) > abs(errors[extremes[-1]]):
                extremes[-1] = i
        else:
            extremes.append(i)
    while len(extremes) > count:
        extremes.pop(0 if abs(errors[extremes[0]]) < abs(errors[extremes[-1]]) else -1)
    if len(extremes) < count:
        raise ArithmeticError("too few extremes: the target is fitted to the last digit already")
    return extremes


def rounded_minimax(
    basis: Sequence[Function],
    target: Function,
    weight: Function,
    low: mp.mpf,
    high: mp.mpf,
    number_type: type[np.floating],
) -> tuple[list[float], mp.mpf]:
    """``minimax`` with coefficients that ``number_type`` holds, and the error with these."""
    found, _ = minimax(basis, target, weight, low, high)
    held = [_rounded(coefficient, number_type) for coefficient in found]
    points = [low + (high - low) * i / GRID for i in range(GRID + 1)]
    sums = [mp.fdot(held, [f(x) for f in basis]) for x in points]
    pairs = zip(points, sums, strict=True)
    return held, max(abs(weight(x) * (target(x) - value)) for x, value in pairs)


def _rounded(value: mp.mpf, number_type: type[np.floating]) -> float:
    digits = 24 if number_type is np.float32 else 53
    with mp.workprec(digits):
        return float(+value)


def powers(count: int, first: int = 0, step: int = 1) -> list[Function]:
    """x ** first, x ** (first + step), …"""
    return [lambda x, power=first + step * i: x**power for i in range(count)]


def exponential_rest(number_type: type[np.floating], count: int) -> tuple[list[float], mp.mpf]:
    """q(r) of ``exp(r) = 1 + r + r * r * q(r)`` for |r| ≤ log(2) / 2; error relative to
    exp(r) − 1."""
    half = mp.log(2) / 2 * (1 + mp.mpf(2) ** -10)
    return rounded_minimax(
        powers(count),
        lambda r: (mp.expm1(r) - r) / r**2 if r else mp.mpf(1) / 2,
        lambda r: r**2 / mp.expm1(r) if r else mp.mpf(0),
        -half,
        half,
        number_type,
    )


def tangent_rest(number_type: type[np.floating], count: int) -> tuple[list[float], mp.mpf]:
    """q(z) of ``tanh(h) = h + h * z * q(z)`` with z = h * h, for |h| ≤ 7/16 log(2)."""
    return rounded_minimax(
        powers(count),
        lambda z: (mp.tanh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z if z else -mp.mpf(1) / 3,
        lambda z: z * mp.sqrt(z) / mp.tanh(mp.sqrt(z)) if z else mp.mpf(0),
        mp.mpf(0),
        (mp.mpf(7) / 16 * mp.log(2) * (1 + mp.mpf(2) ** -10)) ** 2,
        number_type,
    )


def logarithm_rest(number_type: type[np.floating], count: int) -> tuple[list[float], mp.mpf]:
    """q(f) of ``log(1 + f) = f - f * f / 2 + f * f * f * q(f)``, √½ ≤ 1 + f ≤ √2."""
    return rounded_minimax(
        powers(count),
        lambda f: (mp.log1p(f) - f + f**2 / 2) / f**3 if f else mp.mpf(1) / 3,
        lambda f: f**3 / mp.log1p(f) if f else mp.mpf(0),
        mp.sqrt(mp.mpf(1) / 2) - 1,
        mp.sqrt(mp.mpf(2)) - 1,
        number_type,
    )


def area_rest(number_type: type[np.floating], count: int) -> tuple[list[float], mp.mpf]:
    """R(z) of ``log((1 + s) / (1 - s)) = 2 * s + s * z * R(z)`` with z = s * s, for the same range
    of 1 + f = (1 + s) / (1 - s)."""
    end = ((mp.sqrt(mp.mpf(2)) - 1) / (mp.sqrt(mp.mpf(2)) + 1)) ** 2
    return rounded_minimax(
        powers(count),
        lambda z: (2 * mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 2) / z if z else mp.mpf(2) / 3,
        lambda z: z / 2,
        mp.mpf(0),
        end * (1 + mp.mpf(2) ** -20),
        number_type,
    )


def fifth_power_rest(count: int) -> tuple[list[float], mp.mpf]:
    """R(z) of ``log((1 + s) / (1 - s)) = 2 * s + s * z * (2 / 3 + z * R(z))`` in float64."""
    end = ((mp.sqrt(mp.mpf(2)) - 1) / (mp.sqrt(mp.mpf(2)) + 1)) ** 2
    return rounded_minimax(
        powers(count),
        lambda z: (
            ((2 * mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 2) / z - mp.mpf(2) / 3) / z
            if z
            else mp.mpf(2) / 5
        ),
        lambda z: z**2 / 2,
        mp.mpf(0),
        end * (1 + mp.mpf(2) ** -20),
        np.float64,
    )


def sine_rest(count: int) -> tuple[list[float], mp.mpf]:
    """S(z) of ``sin(y) = y + y * z * S(z)`` with z = y * y, |y| ≤ π/4."""
    return rounded_minimax(
        powers(count),
        lambda z: (mp.sin(mp.sqrt(z)) / mp.sqrt(z) - 1) / z if z else -mp.mpf(1) / 6,
        lambda z: z,
        mp.mpf(0),
        (mp.pi / 4) ** 2 * (1 + mp.mpf(2) ** -20),
        np.float64,
    )


def cosine_rest(count: int) -> tuple[list[float], mp.mpf]:
    """C(z) of ``cos(y) = 1 - z / 2 + z * z * C(z)`` with z = y * y, |y| ≤ π/4."""
    return rounded_minimax(
        powers(count),
        lambda z: (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2 if z else mp.mpf(1) / 24,
        lambda z: z**2,
        mp.mpf(0),
        (mp.pi / 4) ** 2 * (1 + mp.mpf(2) ** -20),
        np.float64,
    )


def scaled_tail(a: mp.mpf) -> mp.mpf:
    """The share of the standard normal distribution above ``a``, times exp(a² / 2)."""
    with mp.workdps(60):
        return mp.erfc(a / mp.sqrt(2)) / 2 * mp.exp(a * a / 2)


def tail_fraction(
    number_type: type[np.floating], top: int, end: int
) -> tuple[list[float], list[float], mp.mpf]:
    """Numerator (degree ``top``) and denominator (degree ``top`` + 1, beginning with 1) of
    ``scaled_tail`` on [0, end], all positive, and the largest relative error."""
    middle = mp.mpf(2)
    points = [
        middle * (1 + t) / (1 - t * (1 - 2 * middle / (end + middle)) + mp.mpf(10) ** -40)
        for t in (-mp.cos(mp.pi * i / 400) for i in range(401))
    ]
    points = [min(max(x * end / points[-1], mp.mpf(0)), mp.mpf(end)) for x in points]
    values = [scaled_tail(x) for x in points]
    table = [
        [x**i for i in range(top + 1)] + [-value * x**i for i in range(1, top + 2)]
        for x, value in zip(points, values, strict=True)
    ]
    numbers = 2 * top + 2
    chosen = [round(i * 400 / numbers) for i in range(numbers + 1)]
    below = [mp.mpf(1)] * len(points)
    for _ in range(60):
        weights = [1 / (value * b) for value, b in zip(values, below, strict=True)]
        rows = [
            [weights[c] * entry for entry in table[c]] + [mp.mpf((-1) ** i)]
            for i, c in enumerate(chosen)
        ]
        found = list(
            mp.lu_solve(mp.matrix(rows), mp.matrix([weights[c] * values[c] for c in chosen]))
        )
        over, under = found[: top + 1], [mp.mpf(1), *found[top + 1 : numbers]]
        below = [mp.polyval(under[::-1], x) for x in points]
        errors = [
            mp.polyval(over[::-1], x) / b / value - 1
            for x, value, b in zip(points, values, below, strict=True)
        ]
        try:
            extremes = _alternating_extremes(errors, numbers + 1)
        except ArithmeticError:
            continue
        if extremes == chosen and max(map(abs, errors)) <= abs(found[-1]) * mp.mpf("1.001"):
            break
        chosen = extremes
    over_held = [_rounded(c, number_type) for c in over]
    under_held = [_rounded(c, number_type) for c in under]
    largest = max(
        abs(mp.polyval(over_held[::-1], x) / mp.polyval(under_held[::-1], x) / value - 1)
        for x, value in zip(points, values, strict=True)
    )
    return over_held, under_held, largest


def main() -> None:
    for name, (coefficients, error) in {
        "exp, float32": exponential_rest(np.float32, 5),
        "exp, float64": exponential_rest(np.float64, 10),
        "tanh, float32": tangent_rest(np.float32, 3),
        "tanh, float64": tangent_rest(np.float64, 8),
        "log, float32": logarithm_rest(np.float32, 8),
        "log, float64": area_rest(np.float64, 7),
        "pow": fifth_power_rest(8),
        "sin, float64": sine_rest(6),
        "cos, float64": cosine_rest(6),
    }.items():
        print_coefficients(name, coefficients, error)
    over, under, error = tail_fraction(np.float64, 9, 39)
    print_coefficients("numerator of the normal tail, float64", over, error)
    print_coefficients("its denominator", under, error)


def print_coefficients(name: str, coefficients: Sequence[float], error: mp.mpf) -> None:
    print(f"{name}: largest relative error 2^{float(mp.log(error, 2)):.1f}")  # noqa: T201
    for coefficient in coefficients:
        print(f"    {coefficient!r}")  # noqa: T201


if __name__ == "__main__":
    main()
