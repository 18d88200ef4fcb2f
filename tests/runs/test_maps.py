"""Phase maps on their way from a training process to a page, and what of them survives."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from quizserver.lab.model import Map
from quizserver.runs import map_requests, results
from quizserver.runs.model import Batch, Run
from quizserver.runs.store import RunStore
from quizserver.worker.process import read_cells
from quizserver.worker.protocol import ProtocolError

from .conftest import Ask
from .fakes import expected_counts, map_order, order
from .farm import WAIT, Farm, alive, until

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
SECONDS = 3


def stored(store: RunStore, ask: Ask, cells: int = 24) -> tuple[Run, list[Batch]]:
    """A map that is being trained, its first ``cells`` cells stored in fives."""
    run = store.claim_run(ask(map_order()).run.id, 1001.0)
    assert run is not None
    assert run.request.plane is not None
    counts = [count for row in expected_counts(run.request.plane) for count in row]
    for seq, start in enumerate(range(0, cells, 5), start=1):
        part = list(range(start, min(cells, start + 5)))
        summary = json.dumps({"cells": part, "counts": [counts[cell] for cell in part]})
        assert store.add_batch(run.id, 1, Batch(seq, len(part), summary), 1002.0)
    found = store.get_run(run.id)
    assert found is not None
    return found, list(store.read_batches(run.id))


def test_an_order_with_a_plane_comes_back_from_the_store_as_it_was(ask: Ask) -> None:
    assert ask(map_order()).run.request == map_order()
    assert ask(order()).run.request.plane is None


def test_a_map_and_the_curves_of_its_setting_are_two_runs(ask: Ask) -> None:
    assert ask(map_order()).run.id != ask(order()).run.id
    assert ask(map_order()).how == "joined"


def test_a_map_that_is_not_finished_has_counts_only_where_it_was_trained(
    store: RunStore, ask: Ask
) -> None:
    run, batches = stored(store, ask, cells=8)
    told = results.describe_run(run, batches, now=1003.0)
    expected = expected_counts(map_order().plane)  # type: ignore[arg-type]
    assert told["map"]["counts"][0] == expected[0]
    assert told["map"]["counts"][1] == [*expected[1][:2], None, None, None, None]
    assert told["map"]["counts"][2:] == [[None] * 6] * 2
    assert (run.points_done, run.points_total, told["map"]["n"]) == (8, 24, 5)
    assert "x" not in told, "a map has no curves"


def test_the_csv_of_a_map_has_a_line_a_cell_that_equals_the_json(store: RunStore, ask: Ask) -> None:
    run, batches = stored(store, ask)
    rows = list(csv.reader(io.StringIO("".join(results.csv_lines(run, batches)))))
    told = results.describe_run(run, batches, now=1003.0)["map"]
    assert rows[0] == ["rate", "pause", "k", "n"]
    assert [[float(cell) for cell in row] for row in rows[1:]] == [
        [x, y, told["counts"][row][column], 5]
        for row, y in enumerate(told["y_values"])
        for column, x in enumerate(told["x_values"])
    ]


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"cells": [0], "counts": [6]},
        {"cells": [24], "counts": [0]},
        {"cells": [-1], "counts": [0]},
        {"cells": [0, 1], "counts": [0]},
        {"cells": ["0"], "counts": [0]},
        {"cells": [0], "counts": [0.5]},
        {"cells": 3, "counts": [0]},
    ],
)
def test_cells_that_are_not_the_planes_are_no_cells(header: dict[str, object]) -> None:
    plane = map_order().plane
    assert plane is not None
    assert read_cells({"cells": [0, 23], "counts": [0, 5]}, plane) == ([0, 23], [0, 5])
    with pytest.raises(ProtocolError):
        read_cells(header, plane)


def test_a_span_that_the_knob_no_longer_reaches_is_cut() -> None:
    """A recorded range is only a proposal: the knob's own limits stand above it."""
    from .fakes import DESCRIPTION

    far = Map("rate", "pause", "flat", x_range=(0.5, 1000), y_range=(20, 30))
    plane = map_requests.requested_plane(
        replace(DESCRIPTION, maps=(far,)), far, map_order().knobs, {"flat"}, first_seed=0
    )
    assert (plane.x_values[0], plane.x_values[-1]) == (0.5, 10)
    assert (plane.y_values[0], plane.y_values[-1]) == (0, 10)


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    farm = Farm(tmp_path_factory.mktemp("farm"), map_seconds=SECONDS)
    farm.start()
    yield farm
    farm.close()


def assert_whole(farm: Farm, run: Run) -> None:
    """The map is done and has every cell once, as trained."""
    assert (run.state, run.error) == ("done", None)
    assert run.request.plane is not None
    batches = list(farm.store.read_batches(run.id))
    cells, _ = map_requests.merge_cells(batches)
    assert sorted(cells) == list(range(run.request.plane.cell_count))
    assert map_requests.count_grid(run.request.plane, batches) == expected_counts(run.request.plane)


@linux
def test_a_map_is_trained_and_stored_as_its_cells_come(farm: Farm) -> None:
    run = farm.ended(farm.ask(map_order(pause=0.1)))
    assert_whole(farm, run)
    assert run.sentence == "A map."
    assert run.last_seq > 1, "cells come in several batches"
    assert map_requests.merge_cells(list(farm.store.read_batches(run.id)))[0][:4] != [0, 1, 2, 3], (
        "coarse first"
    )


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
    farm: Farm, fault: str, words: str
) -> None:
    run = farm.ended(farm.ask(map_order(fault)))
    assert run.state == "failed"
    assert re.search(words, run.error or "")
    assert run.points_done == (0 if fault == "series" else 8 if fault == "hang" else 4)


@linux
def test_a_lost_workers_map_goes_on_without_a_cell_told_twice(tmp_path: Path) -> None:
    farm = Farm(tmp_path)
    farm.start()
    try:
        run_id = farm.ask(map_order(pause=0.4))
        until(lambda: farm.get(run_id).points_done >= 8, "no cells came")
        consumer, training = farm.trainer()
        before = list(farm.store.read_batches(run_id))
        os.kill(consumer, signal.SIGKILL)
        until(lambda: not alive({consumer, training}), "the training outlived its worker")
        run = farm.ended(run_id)
        assert_whole(farm, run)
        assert run.attempt == 2
        assert list(farm.store.read_batches(run_id))[: len(before)] == before
    finally:
        farm.close()


@linux
def test_stopping_a_map_ends_its_training_and_keeps_its_cells(farm: Farm) -> None:
    run_id = farm.ask(map_order(pause=0.5, seed=1))
    until(lambda: farm.get(run_id).points_done >= 4, "no cells came")
    _, training = farm.trainer()
    farm.store.leave_run(run_id, "ann", 1.0)
    until(lambda: not alive({training}), "the training process lives on")
    assert farm.get(run_id).state == "stopped"
    assert farm.get(run_id).points_done >= 4


@linux
def test_curves_pass_maps_that_hold_every_worker(tmp_path: Path) -> None:
    farm = Farm(tmp_path, silence=2, map_seconds=600)
    farm.start()
    try:
        maps = [farm.ask(map_order(pause=0.9, seed=seed)) for seed in (1, 2)]
        until(lambda: all(farm.get(each).points_done for each in maps), "the maps did not begin")
        slow = farm.ended(farm.ask(order(pause=0.4)))  # longer than a worker may be silent
        assert slow.state == "done"
        stands = [farm.get(each) for each in maps]
        assert any(run.state == "running" for run in stands), "the curve waited for both maps"
        for each in maps:
            assert_whole(farm, farm.ended(each))
            assert farm.get(each).attempt == 1, "a map that stands still is not lost"
        # the supervisor, its scheduler and two consumers: no training process
        until(lambda: len(farm.family()) == 4, "a training process was left behind")
    finally:
        farm.close()


@linux
def test_a_map_that_stands_still_does_not_use_up_its_time(tmp_path: Path) -> None:
    farm = Farm(tmp_path, map_seconds=8)
    farm.start()
    try:
        maps = [farm.ask(map_order(pause=0.5, seed=seed)) for seed in (1, 2)]
        until(lambda: all(farm.get(each).points_done for each in maps), "the maps did not begin")
        curves = [farm.ask(order(pause=0.5, seed=seed)) for seed in (1, 2)]
        for each in [*curves, *maps]:
            assert farm.ended(each).state == "done"
        spent = [farm.get(each).elapsed_seconds(0.0) or 0.0 for each in maps]
        assert max(spent) > 8, "the clock on the wall went on"
    finally:
        farm.close()


@linux
def test_a_map_that_stands_still_ends_with_its_worker(tmp_path: Path) -> None:
    farm = Farm(tmp_path)
    farm.start()
    try:
        maps = [farm.ask(map_order(pause=0.5, seed=seed)) for seed in (1, 2)]
        until(lambda: all(farm.get(each).points_done for each in maps), "the maps did not begin")
        curve = farm.ask(order(pause=5))
        until(lambda: farm.get(curve).state == "running", "the curve was not let pass")
        family = farm.family()
        assert farm.process is not None
        farm.process.send_signal(signal.SIGTERM)
        assert farm.process.wait(WAIT) == 0
        assert not alive(family)
        assert [farm.get(each).state for each in (curve, *maps)] == ["queued"] * 3
        assert [farm.get(each).attempt for each in (curve, *maps)] == [0] * 3
    finally:
        farm.close()
