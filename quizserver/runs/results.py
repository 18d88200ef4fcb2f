"""The forms of a run's results: JSON, replicas, CSV. No numpy: the web process does not load it.

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
from quizserver.runs.model import Batch, Run
from quizserver.runs.requests import CurveRequest, MapRequest, PlanRequest, VerificationRequest

Curves = dict[str, dict[str, list[float | None]]]
CountGrid = list[list[int | None]]


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


def merge_cells(batches: Iterable[Batch]) -> tuple[list[int], list[int]]:
    """Cell numbers and their counts, from batches that follow each other."""
    cells: list[int] = []
    counts: list[int] = []
    for batch in batches:
        summary = json.loads(batch.summary)
        cells += summary["cells"]
        counts += summary["counts"]
    return cells, counts


def count_grid(plane: Plane, batches: Iterable[Batch]) -> CountGrid:
    """One row a value of y, one count a value of x; None for a cell that is not trained yet."""
    width = len(plane.x_values)
    rows: CountGrid = [[None] * width for _ in plane.y_values]
    for cell, count in zip(*merge_cells(batches), strict=True):
        row, column = divmod(cell, width)
        rows[row][column] = count
    return rows


def describe_run(
    run: Run, batches: Sequence[Batch], now: float, *, for_author: bool = False
) -> dict[str, Any]:
    """The run with its curves, or its map's counts (null: not yet), so far; ready for JSON.

    ``for_author`` adds what the simulation's code said when it failed.
    """
    request = _curve_or_map_request(run)
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
        "outputs_sha256": run.outputs_sha256,
    }
    if for_author:
        data["error_detail"] = run.error_detail
    if isinstance(request, MapRequest):
        return {**data, "map": map_json(request.plane, batches)}
    x, series = merge_curves(batches)
    empty: Curves = {name: {"median": [], "low": [], "high": []} for name in request.series}
    return {**data, "x": x, "series": series or empty}


def _curve_or_map_request(run: Run) -> CurveRequest | MapRequest:
    assert not isinstance(run.request, VerificationRequest | PlanRequest), "it has no curves"
    return run.request


def map_json(plane: Plane, batches: Iterable[Batch]) -> dict[str, Any]:
    """The axes of a map, what is counted, and the counts that the batches have."""
    return {
        "x": plane.x,
        "x_values": plane.x_values,
        "y": plane.y,
        "y_values": plane.y_values,
        "shape": plane.shape,
        "series": plane.series,
        "n": plane.replicas,
        "counts": count_grid(plane, batches),
    }


def replica_curves(request: CurveRequest, batches: Iterable[Batch]) -> dict[str, list[list[float]]]:
    """For each series one list of values a replica, in the order of the seeds."""
    curves: dict[str, list[list[float]]] = {
        name: [[] for _ in request.seeds] for name in request.series
    }
    for batch in batches:
        values = _decode_values(batch.data)
        offset = 0
        for curve in (curve for name in request.series for curve in curves[name]):
            curve.extend(values[offset : offset + batch.count])
            offset += batch.count
    return curves


def finite_or_none(values: Iterable[float]) -> list[float | None]:
    """The values with None for infinities and NaN, which JSON does not have."""
    return [value if math.isfinite(value) else None for value in values]


def csv_lines(run: Run, batches: Sequence[Batch]) -> Iterator[str]:
    """The run as CSV, one line a seed and point: seed, x, each series.

    Values are in full precision; those that are not finite are ``inf``, ``-inf`` and ``nan``. Of a
    map one line a cell: the two knobs, how many replicas show the shape, and of how many.
    """
    request = _curve_or_map_request(run)
    if isinstance(request, MapRequest):
        yield from _map_lines(request.plane, batches)
    else:
        yield from _curve_lines(request, batches)


def _curve_lines(request: CurveRequest, batches: Sequence[Batch]) -> Iterator[str]:
    curves = replica_curves(request, batches)
    x, _ = merge_curves(batches)
    yield _csv_line(["seed", request.x_label, *request.series])
    for number, seed in enumerate(request.seeds):
        columns = [curves[name][number] for name in request.series]
        yield "".join(_csv_line([seed, *row]) for row in zip(x, *columns, strict=True))


def _map_lines(plane: Plane, batches: Sequence[Batch]) -> Iterator[str]:
    yield _csv_line([plane.x, plane.y, "k", "n"])
    for y, row in zip(plane.y_values, count_grid(plane, batches), strict=True):
        for x, count in zip(plane.x_values, row, strict=True):
            if count is not None:
                yield _csv_line([x, y, count, plane.replicas])


def csv_name(run: Run) -> str:
    """The file name of the run's CSV."""
    request = _curve_or_map_request(run)
    return f"{request.topic}-{request.arm or request.simulation}-{run.id[:8]}.csv"


def _csv_line(cells: Sequence[object]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()


def _decode_values(data: bytes) -> array[float]:
    values = array("d", data)
    if sys.byteorder == "big":
        values.byteswap()
    return values
