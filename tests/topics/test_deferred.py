"""A deferred value is made at its first use, once."""

from __future__ import annotations

import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from quizserver.topics.deferred import Deferred


def test_it_is_made_at_its_first_use_and_once_by_many_threads() -> None:
    made: list[object] = []
    barrier = threading.Barrier(8)

    def make() -> object:
        time.sleep(0.02)  # time for the others to come
        made.append(object())
        return made[-1]

    deferred = Deferred(make)
    assert not deferred.is_made
    assert made == []

    def ask() -> object:
        barrier.wait()
        return deferred.get()

    with ThreadPoolExecutor(8) as pool:
        values = [future.result() for future in [pool.submit(ask) for _ in range(8)]]
    assert len(made) == 1
    assert all(value is made[0] for value in values)
    assert deferred.is_made


def test_what_makes_it_is_let_go_of() -> None:
    deferred = Deferred(lambda: "value")
    deferred.get()
    assert deferred._make is None


def test_a_failure_is_raised_and_tried_again() -> None:
    outcomes = iter([ValueError("once"), None])

    def make() -> str:
        if (error := next(outcomes)) is not None:
            raise error
        return "made"

    deferred = Deferred(make)
    with pytest.raises(ValueError, match="once"):
        deferred.get()
    assert not deferred.is_made
    assert deferred.get() == "made"


def test_a_pickle_holds_the_value_and_equality_looks_at_it() -> None:
    deferred = Deferred(lambda: ["a"])
    again = pickle.loads(pickle.dumps(deferred))
    assert again.is_made
    assert again == deferred
    assert again != Deferred.of(["b"])
