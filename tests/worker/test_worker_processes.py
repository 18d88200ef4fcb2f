"""Real worker processes, and everything that can go wrong in them."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from quizserver.runs.model import Run
from quizserver.runs.results import merge_curves, replica_curves
from tests.runs.examples import POINTS, curve_request, expected_curves
from tests.worker.running_worker import WAIT, RunningWorker, alive_ids, wait_until

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
    pytest.mark.xdist_group("worker processes"),  # most share one worker and its mishaps
]

MISHAPS = ("raise", "exit", "crash", "hang", "hog", "flood", "series", "forks", "nonsense")
SECONDS = 4  # what a run may take here; only those that hang take it


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorker]:
    """One worker that trains everything in this module that does not end it."""
    worker = RunningWorker(tmp_path_factory.mktemp("worker"), seconds=SECONDS)
    worker.start()
    yield worker
    worker.close()


@pytest.fixture(scope="module")
def mishaps(worker: RunningWorker) -> dict[str, Run]:
    """One run for each mishap, all ended; asked for together, since some take their time."""
    run_ids = {fault: worker.submit(curve_request(fault)) for fault in MISHAPS}
    return {fault: worker.wait_for_end(run_id) for fault, run_id in run_ids.items()}


@pytest.fixture
def own_worker(tmp_path: Path) -> Iterator[RunningWorker]:
    """A worker that a test may kill."""
    worker = RunningWorker(tmp_path)
    worker.start()
    yield worker
    worker.close()


def assert_complete(worker: RunningWorker, run: Run) -> None:
    """The run is done and has every point of every replica once, as trained."""
    assert (run.state, run.error) == ("done", None)
    assert (run.points_done, run.points_total) == (POINTS, POINTS)
    batches = list(worker.store.read_batches(run.id))
    assert merge_curves(batches)[0] == list(range(POINTS))
    loss, accuracy = expected_curves(run.request)
    assert replica_curves(run.request, batches) == {
        "loss": loss.tolist(),
        "accuracy": accuracy.tolist(),
    }


def test_a_run_is_trained_and_stored_point_by_point(worker: RunningWorker) -> None:
    run = worker.wait_for_end(worker.submit(curve_request(pause=0.03)))
    assert_complete(worker, run)
    assert run.sentence == "It went as it should."
    assert run.last_seq > 1, "points come in several batches"


@pytest.mark.parametrize(
    ("fault", "sentence", "detail"),
    [
        ("raise", "its author has to fix", "ZeroDivisionError: a rate of nothing"),
        ("exit", "its author has to fix", r"died \(exit code 3\)"),
        ("crash", "its author has to fix", r"died \(signal SIGSEGV\)"),
        ("hang", f"ended after {SECONDS} s.*with 4 of {POINTS} points|last point", "in _hang"),
        ("hog", "more than the 512 MiB of memory.*Try fewer seeds", "MemoryError"),
        ("flood", "its author has to fix", f"more points than the {POINTS}"),
        ("series", "its author has to fix", "the series"),
        ("forks", "its author has to fix", "may not start processes"),
        ("nonsense", "its author has to fix", "not a frame"),
    ],
)
def test_a_mishap_ends_the_run_with_a_sentence_for_learners_and_details_for_authors(
    mishaps: dict[str, Run], fault: str, sentence: str, detail: str
) -> None:
    run = mishaps[fault]
    assert run.state == "failed"
    assert run.error is not None
    assert run.error_detail is not None
    assert re.search(sentence, run.error)
    assert re.search(detail, run.error_detail)
    assert not re.search(r"Traceback|Error:|\.py|exit code", run.error), "code speaks to learners"
    assert str(Path(__file__).parents[2]) not in run.error_detail, "it names the server's folders"


def test_after_every_mishap_the_next_run_works_and_nothing_is_left(
    worker: RunningWorker, mishaps: dict[str, Run]
) -> None:
    for seed in (101, 102):
        assert_complete(worker, worker.wait_for_end(worker.submit(curve_request(seed=seed))))
    # the dispatcher: no executor, no training process, no child of one
    wait_until(lambda: len(worker.process_ids()) == 1, "a process was left behind")


def test_a_failed_run_may_be_requested_again(
    worker: RunningWorker, mishaps: dict[str, Run]
) -> None:
    assert worker.submit(curve_request("raise")) != mishaps["raise"].id


def test_a_training_process_has_no_secret_no_database_and_few_rights(
    worker: RunningWorker,
) -> None:
    run = worker.wait_for_end(worker.submit(curve_request("tell")))
    assert run.sentence is not None
    seen = json.loads(run.sentence)
    assert not any("QUIZSERVER" in name or "TOKEN" in name for name in seen["environment"])
    assert not [path for path in seen["files"].values() if "sqlite" in path]
    other_files = [path for number, path in seen["files"].items() if int(number) > 2]
    assert len([path for path in other_files if path.startswith("pipe:")]) == 1
    assert seen["core"] == 0
    assert seen["open_files"] <= 64
    assert seen["cpu"] <= SECONDS + 5
    assert seen["nice"] >= 10
    assert seen["group"], "a process group of its own"


def test_diverged_replicas_are_data(worker: RunningWorker) -> None:
    run = worker.wait_for_end(worker.submit(curve_request("diverge")))
    assert (run.state, run.error) == ("done", None)
    batches = list(worker.store.read_batches(run.id))
    _, series = merge_curves(batches)
    assert series["loss"]["high"][1] is None
    assert series["loss"]["median"][1] is not None
    assert np.isnan(replica_curves(run.request, batches)["loss"][0][1])


def test_a_training_process_killed_from_outside_ends_its_run_with_a_message(
    own_worker: RunningWorker,
) -> None:
    run_id = own_worker.submit(curve_request(pause=5))
    _, training = own_worker.wait_for_training()
    os.kill(training, signal.SIGKILL)
    run = own_worker.wait_for_end(run_id)
    assert run.state == "failed"
    assert "killed from outside" in (run.error or "")
    assert_complete(own_worker, own_worker.wait_for_end(own_worker.submit(curve_request(seed=1))))


def test_stopping_a_run_ends_its_training_and_frees_the_worker(own_worker: RunningWorker) -> None:
    run_id = own_worker.submit(curve_request(pause=5))
    _, training = own_worker.wait_for_training()
    own_worker.store.leave_run(run_id, "ann", 1.0)
    wait_until(lambda: not alive_ids({training}), "the training process is still alive")
    assert own_worker.get_run(run_id).state == "stopped"
    assert_complete(own_worker, own_worker.wait_for_end(own_worker.submit(curve_request(seed=1))))


def test_the_run_of_a_killed_executor_goes_on_where_it_was(
    own_worker: RunningWorker,
) -> None:
    run_id = own_worker.submit(curve_request(pause=0.3))
    wait_until(lambda: own_worker.get_run(run_id).points_done >= 2, "no points came")
    executor, training = own_worker.wait_for_training()
    before = list(own_worker.store.read_batches(run_id))
    os.kill(executor, signal.SIGKILL)
    wait_until(
        lambda: not alive_ids({executor, training}), "the training process outlived its worker"
    )
    run = own_worker.wait_for_end(run_id)
    assert_complete(own_worker, run)
    assert run.attempt == 2
    assert list(own_worker.store.read_batches(run_id))[: len(before)] == before, (
        "nothing is sent twice"
    )
    wait_until(lambda: len(own_worker.process_ids()) == 1, "a process was left behind")


def test_a_run_that_kills_its_worker_twice_is_failed(own_worker: RunningWorker) -> None:
    run_id = own_worker.submit(curve_request(pause=10))
    for attempt in (1, 2):
        wait_until(lambda n=attempt: own_worker.get_run(run_id).attempt == n, "not tried again")  # type: ignore[misc]
        executor, _ = own_worker.wait_for_training()
        os.kill(executor, signal.SIGKILL)
    run = own_worker.wait_for_end(run_id)
    assert run.state == "failed"
    assert "worker was lost" in (run.error or "")


def test_a_killed_dispatcher_leaves_no_process_and_the_next_one_finishes_its_runs(
    own_worker: RunningWorker,
) -> None:
    run_id = own_worker.submit(curve_request(pause=0.3))
    own_worker.wait_for_training()
    pids = own_worker.process_ids()
    assert own_worker.process is not None
    own_worker.process.kill()
    own_worker.process.wait()
    wait_until(lambda: not alive_ids(pids), "processes were left behind")
    own_worker.start()
    assert_complete(own_worker, own_worker.wait_for_end(run_id))


def test_the_run_of_an_executor_that_is_too_slow_to_leave_is_released_too(
    own_worker: RunningWorker,
) -> None:
    """As on a machine that is too busy for it; else the run would wait for its lease to lapse."""
    run_id = own_worker.submit(curve_request(pause=5))
    executor, _ = own_worker.wait_for_training()
    pids = own_worker.process_ids()
    os.kill(executor, signal.SIGSTOP)
    assert own_worker.process is not None
    own_worker.process.send_signal(signal.SIGTERM)
    assert own_worker.process.wait(WAIT) == 0
    wait_until(lambda: not alive_ids(pids), "processes were left behind")
    run = own_worker.get_run(run_id)
    assert (run.state, run.attempt) == ("queued", 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("whole_group", [False, True], ids=["dispatcher", "group"])
def test_a_signal_stops_everything_and_releases_the_runs(
    own_worker: RunningWorker, number: signal.Signals, whole_group: bool
) -> None:
    run_id = own_worker.submit(curve_request(pause=0.2))
    own_worker.wait_for_training()
    pids = own_worker.process_ids()
    assert own_worker.process is not None
    if whole_group:
        os.killpg(own_worker.process.pid, number)
    else:
        own_worker.process.send_signal(number)
    assert own_worker.process.wait(WAIT) == 0
    assert not alive_ids(pids)
    run = own_worker.get_run(run_id)
    assert (run.state, run.attempt) == ("queued", 0)
    assert own_worker.queue.sent_ids() == [run_id], "it was sent again"


def test_no_more_runs_are_trained_at_once_than_two_for_each_core(worker: RunningWorker) -> None:
    """One for each core, and beside each that has become long a short one."""
    assert worker.process is not None
    started, cpu_seconds = time.monotonic(), _cpu_seconds(worker.process.pid)
    run_ids = [worker.submit(curve_request(pause=0.1, seed=seed)) for seed in range(21, 27)]
    running: list[int] = []

    def have_ended() -> bool:
        running.append(len(worker.store.read_heartbeats()))  # of one moment
        return all(worker.get_run(run_id).state == "done" for run_id in run_ids)

    wait_until(have_ended, "the runs did not end")
    assert 2 <= max(running) <= 4
    spent = _cpu_seconds(worker.process.pid) - cpu_seconds
    assert spent < 0.5 * (time.monotonic() - started), "the dispatcher does not wait, it spins"


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_run_whose_message_was_lost_is_found_again(tmp_path: Path) -> None:
    worker = RunningWorker(tmp_path)
    run_id = worker.submit(curve_request())
    worker.queue.huey.flush()
    worker.start()
    assert_complete(worker, worker.wait_for_end(run_id))
    worker.close()


def test_a_message_about_a_run_that_is_gone_does_no_harm(worker: RunningWorker) -> None:
    for run_id in ("0" * 24, "", "../x"):
        worker.queue.send_run(run_id)
    assert_complete(worker, worker.wait_for_end(worker.submit(curve_request(seed=7))))
