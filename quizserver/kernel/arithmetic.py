"""Whether numbers are rounded in this process as the kernel needs it.

Some libraries, compiled for speed, tell the processor when they are loaded to take the smallest
numbers for zero. The same seed would then give another curve.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from quizserver.kernel.library import KernelLibrary

_LANES = 16


def find_arithmetic_fault(library: KernelLibrary) -> str:
    """What is wrong with the arithmetic of this thread, as a clause; "" when nothing is."""
    for dtype, fraction_bits, bias in (("float32", 23, 127), ("float64", 52, 1023)):
        cases = _cases(fraction_bits, bias)
        integer = "uint32" if dtype == "float32" else "uint64"
        with library.open_arena() as arena:
            first, first_bits = arena.allocate((2, _LANES), integer)
            second, second_bits = arena.allocate((2, _LANES), integer)
            sums, sum_bits = arena.allocate(_LANES, integer)
            for lane, (a, b, c, d, _expected, _fault) in enumerate(cases):
                first_bits[:, lane], second_bits[:, lane] = (a, c), (b, d)
            library.call(f"add_products_{dtype}", first, second, 2, sums)
            for found, (*_, expected, fault) in zip(sum_bits, cases, strict=False):
                if found != np.asarray(expected, integer):
                    return f"{fault} in {dtype}"
    return ""


def _cases(fraction_bits: int, bias: int) -> list[tuple[int, int, int, int, int, str]]:
    """The bits of a, b, c and d, and those of a * b + c * d, with the fault if it is another sum.

    By their bits, as this process may not be able to compute the smallest numbers.
    """

    def power(exponent: int) -> int:
        return (exponent + bias) << fraction_bits

    one, minus = power(0), 1 << (bias.bit_length() + 1 + fraction_bits)
    half = 1 << (fraction_bits - 1)  # of a fraction: it makes 1.5 of 1
    fused = "a product is not rounded before it is added"
    rounding = "sums are not rounded to the nearest number"
    flushed = "numbers near zero are taken for zero"
    return [
        # three quarters and one quarter of the distance to the next number
        (one, one, power(-fraction_bits - 1) | half, one, one + 1, rounding),
        (one, one, power(-fraction_bits - 2), one, one, rounding),
        (minus | one, one, minus | power(-fraction_bits - 2), one, minus | one, rounding),
        # (1 + u)² is 1 + 2u + u², of which u² is lost when it is rounded
        (minus | (one + 2), one, one + 1, one + 1, 0, fused),
        # half of the smallest normal number, and the smallest number of all
        (power(1 - bias), power(-1), 0, 0, half, flushed),
        (1, one, 0, 0, 1, flushed),
    ]
