"""Phase maps that learners ask for: which plane, its form in the store, its counts. No numpy."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from quizserver.lab import phases
from quizserver.lab.model import Description, Knob, Map
from quizserver.lab.phases import Plane
from quizserver.runs.model import Batch, RefusedError
from quizserver.topics.identity import did_you_mean

Grid = list[list[int | None]]
Span = tuple[float, float]


def asked(
    description: Description,
    wanted: Map,
    setting: Mapping[str, float],
    shapes: Collection[str],
    *,
    first_seed: int,
) -> Plane:
    """The plane of a request, over the ranges of a recorded map of the same two knobs.

    ``setting`` holds every knob, ``shapes`` are the names there are. Raises RefusedError (422) with
    the field at fault.
    """
    knobs = {knob.name: knob for knob in description.knobs}
    for field, name in (("map.x", wanted.x), ("map.y", wanted.y)):
        _known(name, knobs, "knob", field)
    if wanted.x == wanted.y:
        raise RefusedError(422, "A map needs two different knobs.", "map.y")
    _known(wanted.shape, shapes, "shape", "map.shape")
    first = next(iter(description.series))
    if wanted.series is not None:
        _known(wanted.series, description.series, "series", "map.series")
    spans = _recorded_spans(description, wanted)
    return phases.plane(
        description,
        Map(
            wanted.x,
            wanted.y,
            wanted.shape,
            # one name for one thing: the same map is found again, however it was asked for
            series=None if wanted.series == first else wanted.series,
            x_range=_span(knobs[wanted.x], spans.get(wanted.x)),
            y_range=_span(knobs[wanted.y], spans.get(wanted.y)),
        ),
        setting=setting,
        first_seed=first_seed,
    )


def _known(name: str, there: Collection[str], kind: str, field: str) -> None:
    if name not in there:
        hint = did_you_mean(name, there)
        raise RefusedError(422, f"There is no {kind} {name[:64]!r}. {hint}".rstrip(), field)


def _recorded_spans(description: Description, wanted: Map) -> dict[str, Span | None]:
    """The ranges that the author chose for these two knobs, whichever of them is x."""
    for recorded in description.maps:
        if {recorded.x, recorded.y} == {wanted.x, wanted.y}:
            return {recorded.x: recorded.x_range, recorded.y: recorded.y_range}
    return {}


def _span(knob: Knob, span: Span | None) -> Span | None:
    """The span within the knob's range, None where nothing is left of it."""
    if span is None:
        return None
    low, high = max(span[0], knob.low), min(span[1], knob.high)
    return (low, high) if low < high else None


def to_json(plane: Plane) -> dict[str, Any]:
    """What the store keeps of a plane; the inverse of ``from_json``."""
    return {**asdict(plane), "setting": dict(plane.setting)}


def from_json(data: Mapping[str, Any]) -> Plane:
    values = {name: tuple(data[name]) for name in ("x_values", "y_values")}
    return Plane(**{**data, **values})


def merge(batches: Iterable[Batch]) -> tuple[list[int], list[int]]:
    """Cell numbers and their counts, from batches that follow each other."""
    cells: list[int] = []
    counts: list[int] = []
    for batch in batches:
        part = json.loads(batch.summary)
        cells += part["cells"]
        counts += part["counts"]
    return cells, counts


def grid(plane: Plane, batches: Iterable[Batch]) -> Grid:
    """One row a value of y, one count a value of x; None for a cell that is not trained yet."""
    width = len(plane.x_values)
    rows: Grid = [[None] * width for _ in plane.y_values]
    for cell, count in zip(*merge(batches), strict=True):
        row, column = divmod(cell, width)
        rows[row][column] = count
    return rows
