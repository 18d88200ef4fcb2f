"""Work that several ask for is done once, never for longer than they will wait, and for all."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from quizserver.classes.items import single_flight
from quizserver.classes.items.single_flight import ReportProgress, SingleFlight, StillRunning


class Work:
    """Counts how often it is done; it goes on when ``go`` is set."""

    def __init__(self) -> None:
        self.go, self.begun, self.times = threading.Event(), threading.Event(), 0

    def __call__(self, told: ReportProgress) -> int:
        self.times += 1
        told(0.4)
        self.begun.set()
        assert self.go.wait(20)
        return self.times


def shared_work() -> SingleFlight[int]:
    return SingleFlight(ThreadPoolExecutor(2))


def test_quick_work_is_done_for_each_who_asks():
    work = Work()
    work.go.set()
    one = shared_work()
    assert [one.run_or_wait(1, work, 5.0), one.run_or_wait(1, work, None)] == [1, 2]


def test_many_at_once_have_it_done_once_and_hear_how_far_it_is():
    work, one = Work(), shared_work()
    assert isinstance(one.run_or_wait(1, work, 0.0), StillRunning)
    assert work.begun.wait(20)
    with ThreadPoolExecutor(8) as people:
        found = list(people.map(lambda _: one.run_or_wait(1, work, 0.01), range(8)))
        assert found == [StillRunning(0.4)] * 8
        patient = [people.submit(one.run_or_wait, 1, work, None) for _ in range(4)]
        work.go.set()
        assert [each.result() for each in patient] == [1] * 4
    assert work.times == 1


def test_who_comes_back_gets_what_was_done_for_them():
    work, one = Work(), shared_work()
    one.run_or_wait(1, work, 0.0)
    work.go.set()
    assert one.run_or_wait(1, work, 10.0) == 1
    assert one.run_or_wait(1, work, 10.0) == 2, "nobody waits for the first any more"


def test_a_result_that_nobody_fetched_is_not_shown_for_ever(monkeypatch: pytest.MonkeyPatch):
    work, one = Work(), shared_work()
    one.run_or_wait(1, work, 0.0)
    work.go.set()
    while one._jobs[1].ended_at == float("inf"):
        pass
    monkeypatch.setattr(single_flight, "KEEP_SECONDS", -1.0)
    assert one.run_or_wait(1, work, 10.0) == 2


def test_who_asks_while_older_work_is_on_its_way_gets_their_own():
    work, one = Work(), shared_work()
    with ThreadPoolExecutor(2) as people:
        first = people.submit(one.run_or_wait, 1, work, None)
        assert work.begun.wait(20)
        second = people.submit(one.run_or_wait, 1, work, None)
        while not second.running():
            pass
        work.go.set()
        assert first.result() == 1
        assert second.result() == 2


def test_different_keys_do_not_wait_for_each_other():
    slow, quick, one = Work(), Work(), shared_work()
    one.run_or_wait(1, slow, 0.0)
    quick.go.set()
    assert one.run_or_wait(2, quick, 10.0) == 1
    slow.go.set()


def test_who_waits_for_as_long_as_it_takes_is_not_queued_behind_others():
    slow, quick, one = Work(), Work(), shared_work()
    for key in range(3):
        one.run_or_wait(key, slow, 0.0)
    quick.go.set()
    assert one.run_or_wait(99, quick, None) == 1
    slow.go.set()


def test_a_failure_is_told_to_who_asked_and_to_who_comes_back():
    one, go = shared_work(), threading.Event()

    def fail(_told: ReportProgress) -> int:
        assert go.wait(20)
        raise OSError("the disk is gone")

    assert isinstance(one.run_or_wait(1, fail, 0.0), StillRunning)
    go.set()
    with pytest.raises(OSError, match="the disk is gone"):
        one.run_or_wait(1, fail, 10.0)
