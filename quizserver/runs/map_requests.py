"""Phase maps that learners ask for: which plane, its form in the store, its counts. No numpy."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from quizserver.lab import phase_maps
from quizserver.lab.model import Description, Knob, Map
from quizserver.lab.phase_maps import Plane
from quizserver.runs.model import Batch, RunRefusedError
from quizserver.topics.slugs import did_you_mean

Grid = list[list[int | None]]
Span = tuple[float, float]


def requested_plane(
    description: Description,
    map_spec: Map,
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
    for field, name in (("map.x", map_spec.x), ("map.y", map_spec.y)):
        _check_name(name, knobs, "knob", field)
    if map_spec.x == map_spec.y:
        raise RunRefusedError(422, "A map needs two different knobs.", "map.y")
    _check_name(map_spec.shape, shapes, "shape", "map.shape")
    first_series = next(iter(description.series))
    if map_spec.series is not None:
        _check_name(map_spec.series, description.series, "series", "map.series")
    spans = _recorded_spans(description, map_spec)
    return phase_maps.build_plane(
        description,
        Map(
            map_spec.x,
            map_spec.y,
            map_spec.shape,
            # one name for one thing: the same map is found again, however it was asked for
            series=None if map_spec.series == first_series else map_spec.series,
            x_range=_clip_span(knobs[map_spec.x], spans.get(map_spec.x)),
            y_range=_clip_span(knobs[map_spec.y], spans.get(map_spec.y)),
        ),
        setting=setting,
        first_seed=first_seed,
    )


def _check_name(name: str, names: Collection[str], kind: str, field: str) -> None:
    if name not in names:
        hint = did_you_mean(name, names)
        raise RunRefusedError(422, f"There is no {kind} {name[:64]!r}. {hint}".rstrip(), field)


def _recorded_spans(description: Description, map_spec: Map) -> dict[str, Span | None]:
    """The ranges that the author chose for these two knobs, whichever of them is x."""
    for recorded_map in description.maps:
        if {recorded_map.x, recorded_map.y} == {map_spec.x, map_spec.y}:
            return {recorded_map.x: recorded_map.x_range, recorded_map.y: recorded_map.y_range}
    return {}


def _clip_span(knob: Knob, span: Span | None) -> Span | None:
    """The span within the knob's range, None where nothing is left of it."""
    if span is None:
        return None
    low, high = max(span[0], knob.low), min(span[1], knob.high)
    return (low, high) if low < high else None


def plane_to_json(plane: Plane) -> dict[str, Any]:
    """What the store keeps of a plane; the inverse of ``from_json``."""
    return {**asdict(plane), "setting": dict(plane.setting)}


def plane_from_json(data: Mapping[str, Any]) -> Plane:
    values = {name: tuple(data[name]) for name in ("x_values", "y_values")}
    return Plane(**{**data, **values})


def merge_cells(batches: Iterable[Batch]) -> tuple[list[int], list[int]]:
    """Cell numbers and their counts, from batches that follow each other."""
    cells: list[int] = []
    counts: list[int] = []
    for batch in batches:
        summary = json.loads(batch.summary)
        cells += summary["cells"]
        counts += summary["counts"]
    return cells, counts


def count_grid(plane: Plane, batches: Iterable[Batch]) -> Grid:
    """One row a value of y, one count a value of x; None for a cell that is not trained yet."""
    width = len(plane.x_values)
    rows: Grid = [[None] * width for _ in plane.y_values]
    for cell, count in zip(*merge_cells(batches), strict=True):
        row, column = divmod(cell, width)
        rows[row][column] = count
    return rows
