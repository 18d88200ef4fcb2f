"""Runs the same thing in many threads at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


def run_at_once(call: Callable[[int], Result], count: int) -> list[Result]:
    """What ``call`` returns for each number below ``count``, all called together."""
    barrier = threading.Barrier(count)

    def wait_and_call(number: int) -> Result:
        barrier.wait()
        return call(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(wait_and_call, range(count)))
