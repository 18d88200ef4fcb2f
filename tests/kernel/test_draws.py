"""Seeded draws: the same numbers as another implementation of Philox gives, and such as they should
be."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from statistics import NormalDist

import numpy as np
import pytest

from quizserver.kernel.draws import END, Stream, example_orders, normal_numbers, uniform_numbers
from quizserver.kernel.library import KernelLibrary, load_library
from quizserver.kernel.processor import usable_variants

CHOICES = [*(variant.name for variant in usable_variants()), "wasm"]
SEEDS = [0, 1, 12345, 2**32 - 1, 2**32, 2**63 + 7, 2**64 - 1]


@pytest.fixture(params=CHOICES)
def library(request: pytest.FixtureRequest) -> KernelLibrary:
    return load_library(request.param)


def philox_words(key: tuple[int, int], counter: tuple[int, int, int, int]) -> list[int]:
    """Philox4x32-10 as Salmon et al. (2011) describe it, in Python's whole numbers."""
    (a, b, c, d), (left, right) = counter, key
    for _ in range(10):
        first, second = a * 0xD2511F53, c * 0xCD9E8D57
        a, b, c, d = (
            second >> 32 ^ b ^ left, second % 2**32, first >> 32 ^ d ^ right, first % 2**32,
        )  # fmt: skip
        left, right = (left + 0x9E3779B9) % 2**32, (right + 0xBB67AE85) % 2**32
    return [a, b, c, d]


def uniform_number(seed: int, stream: int, index: int) -> float:
    block = index // 2
    counter = (block % 2**32, block >> 32, stream, 0)
    words = philox_words((seed % 2**32, seed >> 32), counter)
    a, b = words[2 * (index % 2) :][:2]
    return ((a >> 5) * 2**26 + (b >> 6)) / 2**53


def example_order(seed: int, examples: int, epoch: int) -> list[int]:
    order = list(range(examples))
    for k in range(examples - 1):
        counter = (k // 4, epoch, 3, examples)
        word = philox_words((seed % 2**32, seed >> 32), counter)[k % 4]
        last = examples - 1 - k
        chosen = word * (last + 1) >> 32
        order[last], order[chosen] = order[chosen], order[last]
    return order


def test_the_other_implementation_gives_the_published_answers():
    """Those of Random123, kat_vectors, philox4x32 with 10 rounds."""
    ones, digits = 2**32 - 1, (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)
    assert philox_words((0, 0), (0, 0, 0, 0)) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    assert philox_words((ones, ones), (ones, ones, ones, ones)) == [
        0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD,
    ]  # fmt: skip
    assert philox_words((0xA4093822, 0x299F31D0), digits) == [
        0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1,
    ]  # fmt: skip


@pytest.mark.parametrize("stream", list(Stream))
def test_uniform_numbers_are_philox_words(library: KernelLibrary, stream: Stream):
    for first, count in ((0, 70), (31, 2), (5, 1), (2**31 - 40, 39)):
        expected = [[uniform_number(s, stream, first + i) for i in range(count)] for s in SEEDS]
        drawn = uniform_numbers(SEEDS, stream, first, count, library)
        assert drawn.dtype == np.float64
        assert np.array_equal(drawn, expected)


def test_normal_numbers_are_quantiles_of_the_uniform_numbers(library: KernelLibrary):
    """Against the same method in the standard library, with its own logarithm."""
    drawn = normal_numbers(SEEDS, Stream.DATA, 3, 3000, library)
    uniform = uniform_numbers(SEEDS, Stream.DATA, 3, 3000, library)
    centred = (uniform - 0.5) + 2.0**-54  # exact, as the share that lies further out
    outer = np.vectorize(NormalDist().inv_cdf)(0.5 - abs(centred))
    assert np.allclose(drawn, np.where(centred < 0, outer, -outer), rtol=2e-15, atol=0)


def test_orders_are_those_of_the_shuffle_that_is_described(library: KernelLibrary):
    for examples in (0, 1, 2, 3, 5, 64, 257):
        expected = [[example_order(s, examples, e) for e in (7, 8)] for s in SEEDS]
        drawn = example_orders(SEEDS, examples, 7, 2, library)
        assert drawn.dtype == np.int32
        assert drawn.shape == (len(SEEDS), 2, examples)
        assert drawn.tolist() == expected


def test_choices_are_those_that_are_described(library: KernelLibrary):
    for examples in (0, 1, 3, 64, 257):
        drawn = example_orders(SEEDS, examples, 7, 2, library, replace=True)
        assert drawn.tolist() == [
            [
                [
                    philox_words((s % 2**32, s >> 32), (k // 4, e, 4, examples))[k % 4] * examples
                    >> 32
                    for k in range(examples)
                ]
                for e in (7, 8)
            ]
            for s in SEEDS
        ]


def test_every_example_is_chosen_as_often_whatever_came_before():
    chosen = example_orders(range(500), 8, 0, 20, replace=True)
    assert abs(chi_square_deviation(np.bincount(chosen.ravel(), minlength=8))) < 4
    pairs = chosen[..., 0] * 8 + chosen[..., 1]
    assert abs(chi_square_deviation(np.bincount(pairs.ravel(), minlength=64))) < 4


def test_every_variant_draws_the_same_bits():
    drawn = {
        (
            normal_numbers(range(40), Stream.INIT, 0, 5000, load_library(choice)).tobytes(),
            example_orders(range(40), 100, 0, 5, load_library(choice)).tobytes(),
        )
        for choice in CHOICES
    }
    assert len(drawn) == 1


def test_a_number_depends_on_its_seed_stream_and_index_alone():
    together = normal_numbers(SEEDS, Stream.INIT, 0, 100)
    for row, seed in enumerate(SEEDS):
        for i in (0, 1, 31, 32, 99):
            assert normal_numbers([seed], Stream.INIT, i, 1)[0, 0] == together[row, i]
    streams = {stream: uniform_numbers(SEEDS, stream, 0, 200) for stream in Stream}
    numbers = np.concatenate([each.ravel() for each in streams.values()])
    assert len(set(numbers)) == len(numbers)
    orders = example_orders(SEEDS, 30, 0, 4)
    assert len({order.tobytes() for order in orders.reshape(-1, 30)}) == 4 * len(SEEDS)


def test_uniform_numbers_are_uniform_and_do_not_follow_each_other():
    numbers = uniform_numbers(range(64), Stream.DATA, 0, 4096)
    counts = np.histogram(numbers, 256, (0, 1))[0]
    assert abs(chi_square_deviation(counts)) < 4
    # neighbours in a seed, and the same place in neighbouring seeds
    for left, right in ((numbers[:, :-1], numbers[:, 1:]), (numbers[:-1], numbers[1:])):
        cells = np.histogram2d(left.ravel(), right.ravel(), 16, [[0, 1], [0, 1]])[0]
        assert abs(chi_square_deviation(cells.ravel())) < 4


def chi_square_deviation(counts: np.ndarray) -> float:
    """Pearson's statistic of counts that should be alike, in standard deviations from its mean."""
    expected = counts.sum() / counts.size
    freedom = counts.size - 1
    statistic = ((counts - expected) ** 2 / expected).sum()
    return float((statistic - freedom) / np.sqrt(2 * freedom))


def test_normal_numbers_are_normal_to_their_tails():
    numbers = np.sort(normal_numbers(range(256), Stream.DATA, 0, 4096).ravel())
    count = len(numbers)
    for power, moment in enumerate((0, 1, 0, 3, 0, 15), start=1):
        spread = np.sqrt((double_factorial(2 * power - 1) - moment**2) / count)
        assert abs((numbers**power).mean() - moment) < 4 * spread
    shares = np.array([NormalDist().cdf(x) for x in numbers[::16]])
    ranks = np.arange(count)[::16] / count
    assert np.abs(shares - ranks).max() < 1.95 / np.sqrt(count)  # Kolmogorov, 1 in 1,000
    for end in (2.5, 3, 3.5, 4):
        expected = count * NormalDist().cdf(-end)
        for beyond in ((numbers < -end).sum(), (numbers > end).sum()):
            assert abs(beyond - expected) < 4 * np.sqrt(expected) + 1


def double_factorial(number: int) -> int:
    return 1 if number < 2 else number * double_factorial(number - 2)


@pytest.mark.parametrize("examples", [2, 3, 4])
def test_all_orders_of_few_examples_are_as_likely(examples: int):
    orders = example_orders(range(120), examples, 0, 100)
    counted = Counter(map(tuple, orders.reshape(-1, examples).tolist()))
    counts = np.array([counted[order] for order in permutations(range(examples))])
    assert counts.sum() == 12_000
    assert abs(chi_square_deviation(counts)) < 4


def test_each_example_comes_at_each_place_as_often():
    orders = example_orders(range(500), 20, 0, 20)
    assert np.array_equal(np.sort(orders), np.broadcast_to(np.arange(20), orders.shape))
    for place in (0, 1, 10, 19):
        assert abs(chi_square_deviation(np.bincount(orders[..., place].ravel()))) < 4


@pytest.mark.parametrize(
    ("seeds", "first", "count"), [([0], -1, 1), ([0], 0, -1), ([0], END - 1, 1), ([0], END, 0)]
)
def test_what_has_no_number_is_refused(seeds: list[int], first: int, count: int):
    with pytest.raises(ValueError, match=f"{count} numbers from {first} on can't be drawn"):
        uniform_numbers(seeds, Stream.INIT, first, count)
    with pytest.raises(ValueError, match=f"{count} epochs from {first} on can't be drawn"):
        example_orders(seeds, 3, first, count)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_of_more_than_64_bits_is_refused(seed: int):
    with pytest.raises(ValueError, match="a seed must lie between"):
        normal_numbers([0, seed], Stream.INIT, 0, 1)
