"""What is told of a run: its curves as JSON, its replicas, its CSV. No numpy: the web stays light.

All numbers come from the same stored values, so every form of a result agrees with the others.
"""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from quizserver.lab.phase_maps import Plane
from quizserver.runs import map_requests
from quizserver.runs.model import Batch, Run

Curves = dict[str, dict[str, list[float | None]]]


def merge_curves(batches: Iterable[Batch]) -> tuple[list[float | None], Curves]:
    """x and the lines of every series, from the summaries of batches that follow each other."""
    x: list[float | None] = []
    series: Curves = {}
    for batch in batches:
        summary = json.loads(batch.summary)
        x += summary["x"]
        for name, lines in summary["series"].items():
            merged = series.setdefault(name, {line: [] for line in lines})
            for line, values in lines.items():
                merged[line] += values
    return x, series


def describe_run(run: Run, batches: Sequence[Batch], now: float) -> dict[str, Any]:
    """The run with its curves, or its map's counts (null: not yet), so far; ready for JSON."""
    request = run.request
    elapsed = run.elapsed_seconds(now)
    data = {
        "id": run.id,
        "topic": request.topic,
        "simulation": request.simulation,
        "arm": request.arm,
        "knobs": dict(request.knobs),
        "seeds": [request.seeds.start, request.seeds.stop],
        "state": run.state,
        "error": run.error,
        "sentence": run.sentence,
        "points_total": run.points_total,
        "elapsed_s": None if elapsed is None else round(elapsed, 3),
    }
    if request.plane is not None:
        return {**data, "map": _map_json(request.plane, batches)}
    x, series = merge_curves(batches)
    empty: Curves = {name: {"median": [], "low": [], "high": []} for name in request.series}
    return {**data, "x": x, "series": series or empty}


def _map_json(plane: Plane, batches: Iterable[Batch]) -> dict[str, Any]:
    return {
        "x": plane.x,
        "x_values": plane.x_values,
        "y": plane.y,
        "y_values": plane.y_values,
        "shape": plane.shape,
        "series": plane.series,
        "n": plane.replicas,
        "counts": map_requests.count_grid(plane, batches),
    }


def replica_curves(run: Run, batches: Iterable[Batch]) -> dict[str, list[list[float]]]:
    """For each series one list of values a replica, in the order of the seeds."""
    curves: dict[str, list[list[float]]] = {
        name: [[] for _ in run.request.seeds] for name in run.request.series
    }
    for batch in batches:
        values = _decode_values(batch.data)
        offset = 0
        for curve in (curve for name in run.request.series for curve in curves[name]):
            curve.extend(values[offset : offset + batch.count])
            offset += batch.count
    return curves


def finite_or_none(values: Iterable[float]) -> list[float | None]:
    """JSON knows no infinity and no NaN: they become None."""
    return [value if math.isfinite(value) else None for value in values]


def csv_lines(run: Run, batches: Sequence[Batch]) -> Iterator[str]:
    """The run as CSV, one line a seed and point: seed, x, each series.

    Values are in full precision; those that are not finite are ``inf``, ``-inf`` and ``nan``. Of a
    map one line a cell: the two knobs, how many replicas show the shape, and of how many.
    """
    if run.request.plane is not None:
        yield from _map_lines(run.request.plane, batches)
        return
    curves = replica_curves(run, batches)
    x, _ = merge_curves(batches)
    yield _csv_line(["seed", run.request.x_label, *run.request.series])
    for number, seed in enumerate(run.request.seeds):
        columns = [curves[name][number] for name in run.request.series]
        yield "".join(_csv_line([seed, *row]) for row in zip(x, *columns, strict=True))


def _map_lines(plane: Plane, batches: Sequence[Batch]) -> Iterator[str]:
    yield _csv_line([plane.x, plane.y, "k", "n"])
    for y, row in zip(plane.y_values, map_requests.count_grid(plane, batches), strict=True):
        for x, count in zip(plane.x_values, row, strict=True):
            if count is not None:
                yield _csv_line([x, y, count, plane.replicas])


def _csv_line(cells: Sequence[object]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()


def _decode_values(data: bytes) -> array[float]:
    values = array("d", data)
    if sys.byteorder == "big":
        values.byteswap()
    return values
