"""Real worker processes, and everything that can go wrong in them."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from quizserver.runs.model import Run
from quizserver.runs.results import merge_curves, replica_curves

from . import fakes
from .fakes import POINTS, order
from .farm import WAIT, Farm, alive, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

MISHAPS = ("raise", "exit", "crash", "hang", "hog", "flood", "series", "forks", "nonsense")
SECONDS = 4  # what a run may take here; only those that hang take it


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    """One worker that trains everything in this module that does not end it."""
    farm = Farm(tmp_path_factory.mktemp("farm"), seconds=SECONDS)
    farm.start()
    yield farm
    farm.close()


@pytest.fixture(scope="module")
def mishaps(farm: Farm) -> dict[str, Run]:
    """One run for each mishap, all ended; asked for together, since some take their time."""
    asked = {fault: farm.ask(order(fault)) for fault in MISHAPS}
    return {fault: farm.ended(run_id) for fault, run_id in asked.items()}


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Farm]:
    """A worker that a test may kill."""
    farm = Farm(tmp_path)
    farm.start()
    yield farm
    farm.close()


def assert_complete(farm: Farm, run: Run) -> None:
    """The run is done and has every point of every replica once, as trained."""
    assert (run.state, run.error) == ("done", None)
    assert (run.points_done, run.points_total) == (POINTS, POINTS)
    batches = list(farm.store.read_batches(run.id))
    assert merge_curves(batches)[0] == list(range(POINTS))
    loss, accuracy = fakes.expected(run.request)
    assert replica_curves(run, batches) == {"loss": loss.tolist(), "accuracy": accuracy.tolist()}


def test_a_run_is_trained_and_stored_point_by_point(farm: Farm) -> None:
    run = farm.ended(farm.ask(order(pause=0.03)))
    assert_complete(farm, run)
    assert run.sentence == "It went as it should."
    assert run.last_seq > 1, "points come in several batches"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("raise", "ended with an error: ZeroDivisionError: a rate of nothing"),
        ("exit", r"died \(exit code 3\)"),
        ("crash", r"died \(signal SIGSEGV\)"),
        ("hang", f"ended after {SECONDS} s"),
        ("hog", "more than the 512 MiB of memory"),
        ("flood", f"more points than the {POINTS}"),
        ("series", "the series"),
        ("forks", f"ended after {SECONDS} s"),
        ("nonsense", "not a frame"),
    ],
)
def test_a_mishap_ends_the_run_with_a_message_for_people(
    mishaps: dict[str, Run], fault: str, words: str
) -> None:
    run = mishaps[fault]
    assert run.state == "failed"
    assert run.error is not None
    assert re.search(words, run.error)
    assert "Traceback" not in run.error


def test_after_every_mishap_the_next_run_works_and_nothing_is_left(
    farm: Farm, mishaps: dict[str, Run]
) -> None:
    for seed in (101, 102):
        assert_complete(farm, farm.ended(farm.ask(order(seed=seed))))
    # the supervisor, its scheduler and two consumers: no training process, no child of one
    until(lambda: len(farm.family()) == 4, "a training process was left behind")


def test_a_failed_run_may_be_asked_for_again(farm: Farm, mishaps: dict[str, Run]) -> None:
    assert farm.ask(order("raise")) != mishaps["raise"].id


def test_a_training_process_holds_no_secret_no_database_and_few_rights(farm: Farm) -> None:
    run = farm.ended(farm.ask(order("tell")))
    assert run.sentence is not None
    told = json.loads(run.sentence)
    assert not any("QUIZSERVER" in name or "TOKEN" in name for name in told["environment"])
    assert not [path for path in told["files"].values() if "sqlite" in path]
    pipes = [path for number, path in told["files"].items() if int(number) > 2]
    assert len([path for path in pipes if path.startswith("pipe:")]) == 1
    assert told["core"] == 0
    assert told["open_files"] <= 64
    assert told["cpu"] <= SECONDS + 5
    assert told["nice"] >= 10
    assert told["group"], "a process group of its own"


def test_diverged_replicas_are_data(farm: Farm) -> None:
    run = farm.ended(farm.ask(order("diverge")))
    assert (run.state, run.error) == ("done", None)
    batches = list(farm.store.read_batches(run.id))
    _, series = merge_curves(batches)
    assert series["loss"]["high"][1] is None
    assert series["loss"]["median"][1] is not None
    assert np.isnan(replica_curves(run, batches)["loss"][0][1])


def test_a_training_process_killed_from_outside_ends_its_run_with_a_message(own: Farm) -> None:
    run_id = own.ask(order(pause=5))
    _, training = own.trainer()
    os.kill(training, signal.SIGKILL)
    run = own.ended(run_id)
    assert run.state == "failed"
    assert "killed from outside" in (run.error or "")
    assert_complete(own, own.ended(own.ask(order(seed=1))))


def test_stopping_a_run_ends_its_training_and_frees_the_worker(own: Farm) -> None:
    run_id = own.ask(order(pause=5))
    _, training = own.trainer()
    own.store.leave_run(run_id, "ann", 1.0)
    until(lambda: not alive({training}), "the training process lives on")
    assert own.get(run_id).state == "stopped"
    assert_complete(own, own.ended(own.ask(order(seed=1))))


def test_a_killed_consumer_is_replaced_and_its_run_goes_on_where_it_was(own: Farm) -> None:
    run_id = own.ask(order(pause=0.3))
    until(lambda: own.get(run_id).points_done >= 2, "no points came")
    consumer, training = own.trainer()
    before = list(own.store.read_batches(run_id))
    os.kill(consumer, signal.SIGKILL)
    until(lambda: not alive({consumer, training}), "the training process outlived its worker")
    run = own.ended(run_id)
    assert_complete(own, run)
    assert run.attempt == 2
    assert list(own.store.read_batches(run_id))[: len(before)] == before, "nothing is told twice"
    until(lambda: len(own.family()) == 4, "the consumer was not replaced")


def test_a_run_that_takes_its_worker_along_twice_is_failed(own: Farm) -> None:
    run_id = own.ask(order(pause=10))
    for attempt in (1, 2):
        until(lambda n=attempt: own.get(run_id).attempt == n, "not tried again")  # type: ignore[misc]
        consumer, _ = own.trainer()
        os.kill(consumer, signal.SIGKILL)
    run = own.ended(run_id)
    assert run.state == "failed"
    assert "worker was lost" in (run.error or "")


def test_a_killed_supervisor_leaves_no_process_and_the_next_one_finishes_its_runs(
    own: Farm,
) -> None:
    run_id = own.ask(order(pause=0.3))
    own.trainer()
    family = own.family()
    assert own.process is not None
    own.process.kill()
    own.process.wait()
    until(lambda: not alive(family), "processes were left behind")
    own.start()
    assert_complete(own, own.ended(run_id))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("whole_group", [False, True], ids=["supervisor", "group"])
def test_a_signal_stops_everything_and_gives_the_runs_back(
    own: Farm, number: signal.Signals, whole_group: bool
) -> None:
    run_id = own.ask(order(pause=0.2))
    own.trainer()
    family = own.family()
    assert own.process is not None
    if whole_group:
        os.killpg(own.process.pid, number)
    else:
        own.process.send_signal(number)
    assert own.process.wait(WAIT) == 0
    assert not alive(family)
    run = own.get(run_id)
    assert (run.state, run.attempt) == ("queued", 0)


def test_a_run_whose_message_was_lost_is_found_again(tmp_path: Path) -> None:
    farm = Farm(tmp_path)
    run_id = farm.ask(order())
    farm.queue.huey.flush()
    farm.start()
    assert_complete(farm, farm.ended(run_id))
    farm.close()


def test_a_message_about_a_run_that_is_gone_does_no_harm(farm: Farm) -> None:
    for nonsense in ("0" * 24, "", "../x"):
        farm.queue.put(nonsense)
    assert_complete(farm, farm.ended(farm.ask(order(seed=7))))
