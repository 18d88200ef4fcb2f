"""The forms in which a run's results are told."""

from __future__ import annotations

import csv
import io
import json
import math

import numpy as np

from quizserver.runs import results
from quizserver.runs.model import Batch, Run
from quizserver.runs.store import RunStore

from .conftest import batch
from .fakes import expected


def stored(store: RunStore, running: Run) -> tuple[Run, list[Batch]]:
    for seq, (start, stop) in enumerate([(0, 1), (1, 4), (4, 9), (9, 12)], start=1):
        store.add_batch(running.id, 1, batch(running.request, seq, start, stop), 1002.0)
    run = store.get_run(running.id)
    assert run is not None
    return run, list(store.read_batches(run.id))


def test_the_curves_are_whole_although_they_were_stored_in_batches(
    store: RunStore, running: Run
) -> None:
    run, batches = stored(store, running)
    told = results.describe_run(run, batches, now=1003.0)
    loss, _ = expected(run.request)
    assert told["x"] == list(range(12))
    assert np.allclose(told["series"]["loss"]["median"], np.median(loss, axis=0), rtol=1e-5)
    assert np.allclose(told["series"]["loss"]["high"], np.quantile(loss, 0.9, axis=0), rtol=1e-5)
    assert (told["seeds"], told["state"], told["elapsed_s"]) == ([0, 5], "running", 2.0)


def test_a_run_without_points_has_empty_curves(running: Run) -> None:
    told = results.describe_run(running, [], now=1001.0)
    assert told["x"] == []
    assert told["series"]["accuracy"] == {"median": [], "low": [], "high": []}


def test_replicas_are_exactly_what_was_trained(store: RunStore, running: Run) -> None:
    run, batches = stored(store, running)
    curves = results.replica_curves(run, batches)
    loss, accuracy = expected(run.request)
    assert curves == {"loss": loss.tolist(), "accuracy": accuracy.tolist()}


def test_the_csv_equals_the_json(store: RunStore, running: Run) -> None:
    run, batches = stored(store, running)
    rows = list(csv.reader(io.StringIO("".join(results.csv_lines(run, batches)))))
    curves = results.replica_curves(run, batches)
    assert rows[0] == ["seed", "epoch", "loss", "accuracy"]
    assert [[float(cell) for cell in row] for row in rows[1:]] == [
        [seed, x, curves["loss"][seed][x], curves["accuracy"][seed][x]]
        for seed in range(5)
        for x in range(12)
    ]


def test_what_is_not_finite_is_null_in_json_and_spelled_out_in_csv(running: Run) -> None:
    values = np.zeros((2, 5, 1))
    values[0, :, 0] = [math.nan, math.inf, -math.inf, 1.0, 2.0]
    summary = json.dumps({"x": [0], "series": {"loss": {"median": [None]}}})
    odd = Batch(1, 1, summary, values.astype("<f8").tobytes())
    curves = results.replica_curves(running, [odd])
    assert [results.finite_or_none(curve) for curve in curves["loss"]] == [
        [None],
        [None],
        [None],
        [1],
        [2],
    ]
    lines = "".join(results.csv_lines(running, [odd])).splitlines()
    assert [line.split(",")[2] for line in lines[1:]] == ["nan", "inf", "-inf", "1.0", "2.0"]
