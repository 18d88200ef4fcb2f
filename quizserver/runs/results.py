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
    """The run with its curves so far, ready for JSON."""
    order = run.order
    x, series = merge(batches)
    elapsed = run.elapsed(now)
    return {
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
        "x": x,
        "series": series or {n: {"median": [], "low": [], "high": []} for n in order.series},
        "elapsed_s": None if elapsed is None else round(elapsed, 3),
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

    Values are in full precision; those that are not finite are ``inf``, ``-inf`` and ``nan``.
    """
    curves = replicas(run, batches)
    x, _ = merge(batches)
    yield _line(["seed", run.order.x_label, *run.order.series])
    for number, seed in enumerate(run.order.seeds):
        columns = [curves[name][number] for name in run.order.series]
        yield "".join(_line([seed, *row]) for row in zip(x, *columns, strict=True))


def _line(cells: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _values(data: bytes) -> array[float]:
    values = array("d", data)
    if sys.byteorder == "big":
        values.byteswap()
    return values
