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

from quizserver.lab.phases import Plane
from quizserver.runs import planes
from quizserver.runs.model import Batch, Run

Curves = dict[str, dict[str, list[float | None]]]


def merge(batches: Iterable[Batch]) -> tuple[list[float | None], Curves]:
    """x and the lines of every series, from the summaries of batches that follow each other."""
    x: list[float | None] = []
    series: Curves = {}
    for batch in batches:
        part = json.loads(batch.summary)
        x += part["x"]
        for name, lines in part["series"].items():
            whole = series.setdefault(name, {line: [] for line in lines})
            for line, values in lines.items():
                whole[line] += values
    return x, series


def describe(run: Run, batches: Sequence[Batch], now: float) -> dict[str, Any]:
    """The run with its curves, or its map's counts (null: not yet), so far; ready for JSON."""
    order = run.order
    elapsed = run.elapsed(now)
    told = {
        "id": run.id,
        "topic": order.topic,
        "simulation": order.simulation,
        "arm": order.arm,
        "knobs": dict(order.knobs),
        "seeds": [order.seeds.start, order.seeds.stop],
        "state": run.state,
        "error": run.error,
        "sentence": run.sentence,
        "points_total": run.points_total,
        "elapsed_s": None if elapsed is None else round(elapsed, 3),
    }
    if order.plane is not None:
        return {**told, "map": _map(order.plane, batches)}
    x, series = merge(batches)
    empty: Curves = {name: {"median": [], "low": [], "high": []} for name in order.series}
    return {**told, "x": x, "series": series or empty}


def _map(plane: Plane, batches: Iterable[Batch]) -> dict[str, Any]:
    return {
        "x": plane.x,
        "x_values": plane.x_values,
        "y": plane.y,
        "y_values": plane.y_values,
        "shape": plane.shape,
        "series": plane.series,
        "n": plane.replicas,
        "counts": planes.grid(plane, batches),
    }


def replicas(run: Run, batches: Iterable[Batch]) -> dict[str, list[list[float]]]:
    """For each series one list of values a replica, in the order of the seeds."""
    curves: dict[str, list[list[float]]] = {
        name: [[] for _ in run.order.seeds] for name in run.order.series
    }
    for batch in batches:
        values = _values(batch.data)
        place = 0
        for curve in (curve for name in run.order.series for curve in curves[name]):
            curve.extend(values[place : place + batch.count])
            place += batch.count
    return curves


def finite(values: Iterable[float]) -> list[float | None]:
    """JSON knows no infinity and no NaN: they become None."""
    return [value if math.isfinite(value) else None for value in values]


def csv_lines(run: Run, batches: Sequence[Batch]) -> Iterator[str]:
    """The run as CSV, one line a seed and point: seed, x, each series.

    Values are in full precision; those that are not finite are ``inf``, ``-inf`` and ``nan``. Of a
    map one line a cell: the two knobs, how many replicas show the shape, and of how many.
    """
    if run.order.plane is not None:
        yield from _map_lines(run.order.plane, batches)
        return
    curves = replicas(run, batches)
    x, _ = merge(batches)
    yield _line(["seed", run.order.x_label, *run.order.series])
    for number, seed in enumerate(run.order.seeds):
        columns = [curves[name][number] for name in run.order.series]
        yield "".join(_line([seed, *row]) for row in zip(x, *columns, strict=True))


def _map_lines(plane: Plane, batches: Sequence[Batch]) -> Iterator[str]:
    yield _line([plane.x, plane.y, "k", "n"])
    for y, row in zip(plane.y_values, planes.grid(plane, batches), strict=True):
        for x, count in zip(plane.x_values, row, strict=True):
            if count is not None:
                yield _line([x, y, count, plane.replicas])


def _line(cells: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _values(data: bytes) -> array[float]:
    values = array("d", data)
    if sys.byteorder == "big":
        values.byteswap()
    return values
