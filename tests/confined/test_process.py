"""A confined process, seen from its parent."""

from __future__ import annotations

import os
import sys
import time

import pytest

from quizserver.confined.limits import Limits
from quizserver.confined.process import LONG_NICE, start_confined


def spin(_writer: int) -> int:
    while True:
        pass


def wait_for_nothing(_writer: int) -> int:
    time.sleep(60)
    return 0


@pytest.mark.skipif(sys.platform != "linux", reason="no other system tells how long one waited")
def test_the_time_that_it_waits_for_a_processor_is_known() -> None:
    core = min(os.sched_getaffinity(0))
    limits = Limits(memory_mb=512, seconds=60)
    first, second = (start_confined(spin, limits) for _ in range(2))
    sleeping = start_confined(wait_for_nothing, limits)
    try:
        for process in (first, second):
            os.sched_setaffinity(process.pid, {core})
        first.lower_priority()
        assert os.getpriority(os.PRIO_PROCESS, first.pid) == LONG_NICE
        started = time.monotonic()
        while first.waited_seconds() < 0.2:
            assert time.monotonic() < started + 30, "it never waited"
            time.sleep(0.01)
        assert sleeping.waited_seconds() < 0.2, "one that sleeps does not wait for a processor"
    finally:
        for process in (first, second, sleeping):
            process.kill_group()
