"""Phase maps in real workers: every cell once, and curves that pass them."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from quizserver.confined.process import LONG_NICE
from quizserver.runs.model import Run
from quizserver.runs.requests import MapRequest
from quizserver.runs.results import count_grid, merge_cells
from tests.runs.examples import curve_request, expected_counts, map_request, plan_request
from tests.worker.running_worker import WAIT, RunningWorker, alive_ids, wait_until

pytestmark = pytest.mark.xdist_group("map runs")  # which share their worker
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
SECONDS = 3


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorker]:
    worker = RunningWorker(tmp_path_factory.mktemp("worker"), map_seconds=SECONDS)
    worker.start()
    yield worker
    worker.close()


def assert_complete_map(worker: RunningWorker, run: Run) -> None:
    """The map is done and has every cell once, as trained."""
    assert (run.state, run.error) == ("done", None)
    assert isinstance(run.request, MapRequest)
    batches = list(worker.store.read_batches(run.id))
    cells, _ = merge_cells(batches)
    assert sorted(cells) == list(range(run.request.plane.cell_count))
    assert count_grid(run.request.plane, batches) == expected_counts(run.request.plane)


@linux
def test_a_map_is_trained_and_stored_as_its_cells_come(worker: RunningWorker) -> None:
    run = worker.wait_for_end(worker.submit(map_request(pause=0.1)))
    assert_complete_map(worker, run)
    assert run.sentence == "A map."
    assert run.last_seq > 1, "cells come in several batches"
    assert merge_cells(list(worker.store.read_batches(run.id)))[0][:4] != [
        0,
        1,
        2,
        3,
    ], "coarse first"


@linux
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("hang", f"The map was ended after {SECONDS} s"),
        ("nonsense", "cells or counts that it can't have"),
        ("series", "gave points where cells"),
    ],
)
def test_a_map_that_goes_wrong_ends_with_a_message_and_keeps_its_cells(
    worker: RunningWorker, fault: str, words: str
) -> None:
    run = worker.wait_for_end(worker.submit(map_request(fault)))
    assert run.state == "failed"
    told_authors = f"{run.error} {run.error_detail}"
    assert re.search(words, run.error or "") if fault == "hang" else words in told_authors
    assert words not in (run.error or "") or fault == "hang", "code speaks to learners"
    assert run.points_done == (0 if fault == "series" else 8 if fault == "hang" else 4)


@linux
def test_a_lost_workers_map_goes_on_without_a_cell_stored_twice(tmp_path: Path) -> None:
    worker = RunningWorker(tmp_path)
    worker.start()
    try:
        run_id = worker.submit(map_request(pause=0.4))
        wait_until(lambda: worker.get_run(run_id).points_done >= 8, "no cells came")
        executor, training = worker.wait_for_training()
        before = list(worker.store.read_batches(run_id))
        os.kill(executor, signal.SIGKILL)
        wait_until(lambda: not alive_ids({executor, training}), "the training outlived its worker")
        run = worker.wait_for_end(run_id)
        assert_complete_map(worker, run)
        assert run.attempt == 2
        assert list(worker.store.read_batches(run_id))[: len(before)] == before
    finally:
        worker.close()


@linux
def test_stopping_a_map_ends_its_training_and_keeps_its_cells(worker: RunningWorker) -> None:
    run_id = worker.submit(map_request(pause=0.5, seed=1))
    wait_until(lambda: worker.get_run(run_id).points_done >= 4, "no cells came")
    _, training = worker.wait_for_training()
    worker.store.leave_run(run_id, "ann", 1.0)
    wait_until(lambda: not alive_ids({training}), "the training process is still alive")
    assert worker.get_run(run_id).state == "stopped"
    assert worker.get_run(run_id).points_done >= 4


@linux
def test_curves_pass_maps_that_hold_every_worker(tmp_path: Path) -> None:
    worker = RunningWorker(tmp_path, silence=2, map_seconds=600)
    worker.start()
    try:
        map_ids = [worker.submit(map_request(pause=0.9, seed=seed)) for seed in (1, 2)]
        wait_until(
            lambda: all(worker.get_run(run_id).points_done for run_id in map_ids),
            "the maps did not begin",
        )
        slow = worker.wait_for_end(
            worker.submit(curve_request(pause=0.4))
        )  # longer than a worker may be silent
        assert slow.state == "done"
        runs = [worker.get_run(run_id) for run_id in map_ids]
        assert any(run.state == "running" for run in runs), "the curve waited for both maps"
        for run_id in map_ids:
            assert_complete_map(worker, worker.wait_for_end(run_id))
            assert worker.get_run(run_id).attempt == 1, "a map that was passed is not lost"
        # the dispatcher alone
        wait_until(lambda: len(worker.process_ids()) == 1, "a process was left behind")
    finally:
        worker.close()


@linux
def test_a_plan_passes_curves_that_hold_every_worker(worker: RunningWorker) -> None:
    curve_ids = [worker.submit(curve_request(pause=0.2, seed=seed)) for seed in (50, 60)]
    wait_until(
        lambda: all(worker.get_run(run_id).points_done for run_id in curve_ids),
        "the curves did not begin",
    )
    plan = worker.wait_for_end(worker.submit(plan_request()))
    assert (plan.state, plan.error) == ("done", None)
    runs = [worker.get_run(run_id) for run_id in curve_ids]
    assert all(run.state == "running" for run in runs), "the plan waited for curves"
    for run_id in curve_ids:
        done = worker.wait_for_end(run_id)
        assert (done.state, done.attempt, done.points_done) == ("done", 1, done.points_total)
        assert len(done.outputs_sha256 or "") == 64


@linux
def test_short_runs_pass_others_that_take_long_and_no_more_than_there_are_cores(
    worker: RunningWorker,
) -> None:
    long_ids = [worker.submit(curve_request(pause=0.3, seed=seed)) for seed in (50, 60)]
    wait_until(
        lambda: all(worker.get_run(run_id).state == "running" for run_id in long_ids),
        "the long runs did not begin",
    )
    ids = [worker.submit(curve_request(pause=0.3, seed=seed)) for seed in (1, 2, 3)]
    wait_until(lambda: worker.get_run(ids[1]).state == "running", "two did not pass")
    assert worker.get_run(ids[2]).state == "queued"
    for run_id in (*ids, *long_ids):
        assert worker.wait_for_end(run_id).state == "done"


@linux
def test_a_run_that_takes_long_gets_the_last_place(worker: RunningWorker) -> None:
    run_id = worker.submit(curve_request(pause=0.3, seed=70))
    _, training = worker.wait_for_training()
    wait_until(lambda: os.getpriority(os.PRIO_PROCESS, training) == LONG_NICE, "it kept its place")
    worker.store.leave_run(run_id, "ann", 1.0)


@linux
def test_maps_and_the_curve_that_passes_them_end_with_their_worker(tmp_path: Path) -> None:
    worker = RunningWorker(tmp_path)
    worker.start()
    try:
        map_ids = [worker.submit(map_request(pause=0.5, seed=seed)) for seed in (1, 2)]
        wait_until(
            lambda: all(worker.get_run(run_id).points_done for run_id in map_ids),
            "the maps did not begin",
        )
        curve_id = worker.submit(curve_request(pause=5))
        wait_until(lambda: worker.get_run(curve_id).state == "running", "the curve did not pass")
        pids = worker.process_ids()
        assert worker.process is not None
        worker.process.send_signal(signal.SIGTERM)
        assert worker.process.wait(WAIT) == 0
        assert not alive_ids(pids)
        assert [worker.get_run(run_id).state for run_id in (curve_id, *map_ids)] == ["queued"] * 3
        assert [worker.get_run(run_id).attempt for run_id in (curve_id, *map_ids)] == [0] * 3
    finally:
        worker.close()
