"""The forms of a run's results: JSON, replicas, CSV."""

from __future__ import annotations

import csv
import io
import json
import math

import numpy as np

from quizserver.runs import results
from quizserver.runs.model import Batch, Run
from quizserver.runs.store import RunStore
from tests.runs.conftest import Submit
from tests.runs.examples import (
    expected_batch,
    expected_counts,
    expected_curves,
    map_request,
)


def store_curves(store: RunStore, claimed_run: Run) -> tuple[Run, list[Batch]]:
    for seq, (start, stop) in enumerate([(0, 1), (1, 4), (4, 9), (9, 12)], start=1):
        batch = expected_batch(claimed_run.request, seq, start, stop)
        store.add_batch(claimed_run.id, 1, batch, 1002.0)
    run = store.get_run(claimed_run.id)
    assert run is not None
    return run, list(store.read_batches(run.id))


def test_the_curves_are_whole_although_they_were_stored_in_batches(
    store: RunStore, claimed_run: Run
) -> None:
    run, batches = store_curves(store, claimed_run)
    data = results.describe_run(run, batches, now=1003.0)
    loss, _ = expected_curves(run.request)
    assert data["x"] == list(range(12))
    assert np.allclose(data["series"]["loss"]["median"], np.median(loss, axis=0), rtol=1e-5)
    assert np.allclose(data["series"]["loss"]["high"], np.quantile(loss, 0.9, axis=0), rtol=1e-5)
    assert (data["seeds"], data["state"], data["elapsed_s"]) == ([0, 5], "running", 2.0)


def test_a_run_without_points_has_empty_curves(claimed_run: Run) -> None:
    data = results.describe_run(claimed_run, [], now=1001.0)
    assert data["x"] == []
    assert data["series"]["accuracy"] == {"median": [], "low": [], "high": []}


def test_replicas_are_exactly_what_was_trained(store: RunStore, claimed_run: Run) -> None:
    run, batches = store_curves(store, claimed_run)
    curves = results.replica_curves(run.request, batches)
    loss, accuracy = expected_curves(run.request)
    assert curves == {"loss": loss.tolist(), "accuracy": accuracy.tolist()}


def test_the_csv_equals_the_json(store: RunStore, claimed_run: Run) -> None:
    run, batches = store_curves(store, claimed_run)
    rows = list(csv.reader(io.StringIO("".join(results.csv_lines(run, batches)))))
    curves = results.replica_curves(run.request, batches)
    assert rows[0] == ["seed", "epoch", "loss", "accuracy"]
    assert [[float(cell) for cell in row] for row in rows[1:]] == [
        [seed, x, curves["loss"][seed][x], curves["accuracy"][seed][x]]
        for seed in range(5)
        for x in range(12)
    ]


def test_what_is_not_finite_is_null_in_json_and_spelled_out_in_csv(claimed_run: Run) -> None:
    values = np.zeros((2, 5, 1))
    values[0, :, 0] = [math.nan, math.inf, -math.inf, 1.0, 2.0]
    summary = json.dumps({"x": [0], "series": {"loss": {"median": [None]}}})
    batch = Batch(1, 1, summary, values.astype("<f8").tobytes())
    curves = results.replica_curves(claimed_run.request, [batch])
    assert [results.finite_or_none(curve) for curve in curves["loss"]] == [
        [None],
        [None],
        [None],
        [1],
        [2],
    ]
    lines = "".join(results.csv_lines(claimed_run, [batch])).splitlines()
    assert [line.split(",")[2] for line in lines[1:]] == ["nan", "inf", "-inf", "1.0", "2.0"]


def store_map(store: RunStore, submit: Submit, cells: int = 24) -> tuple[Run, list[Batch]]:
    """A map that is being trained, its first ``cells`` cells stored in fives."""
    run = store.claim_next(1001.0, offered=submit(map_request()).run.id)
    assert run is not None
    counts = [count for row in expected_counts(map_request().plane) for count in row]
    for seq, start in enumerate(range(0, cells, 5), start=1):
        chunk = list(range(start, min(cells, start + 5)))
        summary = json.dumps({"cells": chunk, "counts": [counts[cell] for cell in chunk]})
        assert store.add_batch(run.id, 1, Batch(seq, len(chunk), summary), 1002.0)
    stored_run = store.get_run(run.id)
    assert stored_run is not None
    return stored_run, list(store.read_batches(run.id))


def test_a_map_that_is_not_finished_has_counts_only_where_it_was_trained(
    store: RunStore, submit: Submit
) -> None:
    run, batches = store_map(store, submit, cells=8)
    data = results.describe_run(run, batches, now=1003.0)
    expected = expected_counts(map_request().plane)
    assert data["map"]["counts"][0] == expected[0]
    assert data["map"]["counts"][1] == [*expected[1][:2], None, None, None, None]
    assert data["map"]["counts"][2:] == [[None] * 6] * 2
    assert (run.points_done, run.points_total, data["map"]["n"]) == (8, 24, 5)
    assert "x" not in data, "a map has no curves"


def test_the_csv_of_a_map_has_a_line_a_cell_that_equals_the_json(
    store: RunStore, submit: Submit
) -> None:
    run, batches = store_map(store, submit)
    rows = list(csv.reader(io.StringIO("".join(results.csv_lines(run, batches)))))
    data = results.describe_run(run, batches, now=1003.0)["map"]
    assert rows[0] == ["rate", "pause", "k", "n"]
    assert [[float(cell) for cell in row] for row in rows[1:]] == [
        [x, y, data["counts"][row][column], 5]
        for row, y in enumerate(data["y_values"])
        for column, x in enumerate(data["x_values"])
    ]
