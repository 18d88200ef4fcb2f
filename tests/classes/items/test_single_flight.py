"""Work that several callers need is done once, never for longer than they wait, and for all."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from quizserver.classes.items import single_flight
from quizserver.classes.items.single_flight import ReportProgress, SingleFlight, StillRunning


class Work:
    """Work that counts its calls; it ends when ``may_end`` is set."""

    def __init__(self) -> None:
        self.may_end, self.started, self.times = threading.Event(), threading.Event(), 0

    def __call__(self, report: ReportProgress) -> int:
        self.times += 1
        report(0.4)
        self.started.set()
        assert self.may_end.wait(20)
        return self.times


def create_single_flight() -> SingleFlight[int]:
    return SingleFlight(ThreadPoolExecutor(2))


def test_quick_work_is_done_for_each_caller():
    work = Work()
    work.may_end.set()
    flight = create_single_flight()
    assert [flight.run_or_wait(1, work, 5.0), flight.run_or_wait(1, work, None)] == [1, 2]


def test_many_callers_at_once_share_one_run_and_see_its_progress():
    work, flight = Work(), create_single_flight()
    assert isinstance(flight.run_or_wait(1, work, 0.0), StillRunning)
    assert work.started.wait(20)
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda _: flight.run_or_wait(1, work, 0.01), range(8)))
        assert results == [StillRunning(0.4)] * 8
        waiting = [threads.submit(flight.run_or_wait, 1, work, None) for _ in range(4)]
        work.may_end.set()
        assert [future.result() for future in waiting] == [1] * 4
    assert work.times == 1


def test_a_caller_who_comes_back_gets_the_result_of_its_work():
    work, flight = Work(), create_single_flight()
    flight.run_or_wait(1, work, 0.0)
    work.may_end.set()
    assert flight.run_or_wait(1, work, 10.0) == 1
    assert flight.run_or_wait(1, work, 10.0) == 2, "nobody waits for the first any more"


def test_a_result_that_nobody_fetched_is_not_shown_for_ever(monkeypatch: pytest.MonkeyPatch):
    work, flight = Work(), create_single_flight()
    flight.run_or_wait(1, work, 0.0)
    work.may_end.set()
    while flight._jobs[1].ended_at == float("inf"):
        pass
    monkeypatch.setattr(single_flight, "KEEP_SECONDS", -1.0)
    assert flight.run_or_wait(1, work, 10.0) == 2


def test_a_caller_while_older_work_runs_gets_its_own():
    work, flight = Work(), create_single_flight()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(flight.run_or_wait, 1, work, None)
        assert work.started.wait(20)
        second = threads.submit(flight.run_or_wait, 1, work, None)
        while not second.running():
            pass
        work.may_end.set()
        assert first.result() == 1
        assert second.result() == 2


def test_different_keys_do_not_wait_for_each_other():
    slow, quick, flight = Work(), Work(), create_single_flight()
    flight.run_or_wait(1, slow, 0.0)
    quick.may_end.set()
    assert flight.run_or_wait(2, quick, 10.0) == 1
    slow.may_end.set()


def test_a_caller_without_limit_is_not_queued_behind_others():
    slow, quick, flight = Work(), Work(), create_single_flight()
    for key in range(3):
        flight.run_or_wait(key, slow, 0.0)
    quick.may_end.set()
    assert flight.run_or_wait(99, quick, None) == 1
    slow.may_end.set()


def test_a_failure_is_raised_to_the_caller_who_comes_back():
    flight, may_fail = create_single_flight(), threading.Event()

    def fail(_report: ReportProgress) -> int:
        assert may_fail.wait(20)
        raise OSError("the disk is gone")

    assert isinstance(flight.run_or_wait(1, fail, 0.0), StillRunning)
    may_fail.set()
    with pytest.raises(OSError, match="the disk is gone"):
        flight.run_or_wait(1, fail, 10.0)
