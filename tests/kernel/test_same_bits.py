"""One seed, one curve: the same bits from every variant of the kernel."""

from __future__ import annotations

import numpy as np
import pytest

from quizserver.kernel.library import load_library
from tests.kernel.bits import digests
from tests.kernel.test_library import CHOICES


@pytest.fixture(scope="module")
def module_digests() -> dict[str, str]:
    return digests(load_library("wasm"))


@pytest.mark.parametrize("choice", CHOICES[:-1])
def test_a_variant_gives_the_bits_of_the_module(choice: str, module_digests: dict[str, str]):
    with np.errstate(all="raise"):
        assert digests(load_library(choice)) == module_digests


def test_the_trainings_differ_from_each_other(module_digests: dict[str, str]):
    """So their digests say something: none is that of another, or of numbers that are all alike."""
    assert len(set(module_digests.values())) == len(module_digests) > 40
