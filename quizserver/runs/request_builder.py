"""Builds the request of curves or of a map from a checked body: every knob set and in its range."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from quizserver.lab import phase_maps
from quizserver.lab.model import Description, Knob, KnobError, Map, check_knobs
from quizserver.lab.phase_maps import CELL_REPLICAS, Plane
from quizserver.runs.model import RunRefusedError
from quizserver.runs.request_parser import MapBody, RequestBody
from quizserver.runs.requests import CurveRequest, MapRequest, PlanRequest
from quizserver.topics.slugs import did_you_mean

SEED_MAX = 2**31 - 1
DEFAULT_REPLICAS = 32

Span = tuple[float, float]


def build_request(
    body: RequestBody, description: Description, path: str, *, replicas_max: int
) -> CurveRequest | MapRequest:
    """The full request for a body; knobs that the body leaves out are as in its arm, or have their
    default.

    Raises RunRefusedError (422) with the name of the first knob or field at fault.
    """
    if body.map is None:
        return _build_curve_request(body, description, path, replicas_max)
    return _build_map_request(body, body.map, description, path)


def build_plan_request(
    body: RequestBody, description: Description, path: str, *, replicas_max: int
) -> PlanRequest:
    """The request for the plan of what a body asks for. Raises RunRefusedError as
    ``build_request`` does."""
    return PlanRequest(
        topic=body.topic,
        simulation=body.simulation,
        path=path,
        fingerprint=description.fingerprint,
        knobs=_full_setting(body, description),
        first_seed=body.first_seed,
        replicas=_requested_replicas(body, replicas_max),
    )


def _build_curve_request(
    body: RequestBody, description: Description, path: str, replicas_max: int
) -> CurveRequest:
    replicas = _requested_replicas(body, replicas_max)
    return CurveRequest(
        topic=body.topic,
        simulation=body.simulation,
        path=path,
        fingerprint=description.fingerprint,
        arm=body.arm,
        knobs=_full_setting(body, description),
        first_seed=body.first_seed,
        replicas=replicas,
        x_label=description.x.label,
        series=tuple(description.series),
        points=description.points,
    )


def _requested_replicas(body: RequestBody, replicas_max: int) -> int:
    replicas = min(DEFAULT_REPLICAS, replicas_max) if body.replicas is None else body.replicas
    if not 1 <= replicas <= replicas_max:
        raise RunRefusedError(
            422, f"Between 1 and {replicas_max} replicas can be trained.", "replicas"
        )
    _check_first_seed(body, replicas)
    return replicas


def _build_map_request(
    body: RequestBody, map_body: MapBody, description: Description, path: str
) -> MapRequest:
    # It imports numpy, which the web process needs for maps only.
    from quizserver.lab.shapes.single import SHAPES

    if body.replicas not in (None, CELL_REPLICAS):
        raise RunRefusedError(
            422, f"A map trains {CELL_REPLICAS} replicas in each cell.", "replicas"
        )
    _check_first_seed(body, CELL_REPLICAS)
    return MapRequest(
        topic=body.topic,
        simulation=body.simulation,
        path=path,
        fingerprint=description.fingerprint,
        arm=body.arm,
        series=tuple(description.series),
        plane=requested_plane(
            description,
            Map(map_body.x, map_body.y, map_body.shape, series=map_body.series),
            _full_setting(body, description),
            SHAPES,
            first_seed=body.first_seed,
        ),
    )


def _check_first_seed(body: RequestBody, replicas: int) -> None:
    if not 0 <= body.first_seed <= SEED_MAX - replicas:
        raise RunRefusedError(
            422, f"The first seed must lie between 0 and {SEED_MAX:,}.", "first_seed"
        )


def _full_setting(body: RequestBody, description: Description) -> Mapping[str, float]:
    """A value for every knob: the body's, else its arm's, else the default."""
    knobs_by_name = {knob.name: knob for knob in description.knobs}
    snapped = {
        name: _snap_to_bound(knobs_by_name[name], value) if name in knobs_by_name else value
        for name, value in body.knobs.items()
    }
    try:
        return check_knobs(description.knobs, {**_arm_knobs(description, body.arm), **snapped})
    except KnobError as error:
        raise RunRefusedError(422, error.message[:500], error.field[:64]) from None


def _arm_knobs(description: Description, name: str | None) -> Mapping[str, float]:
    if name is None:
        return {}
    arms = {arm.name: arm for arm in description.arms}
    if name not in arms:
        hint = did_you_mean(name, arms)
        raise RunRefusedError(422, f"There is no arm {name!r}. {hint}".rstrip(), "arm")
    return arms[name].knobs


def _snap_to_bound(knob: Knob, value: float) -> float:
    """The bound itself for a value that misses it by rounding alone, as a slider's may."""
    for bound in (knob.low, knob.high):
        if math.isclose(value, bound, rel_tol=1e-9):
            return float(bound)
    return value


def requested_plane(
    description: Description,
    map_spec: Map,
    setting: Mapping[str, float],
    shapes: Collection[str],
    *,
    first_seed: int,
) -> Plane:
    """The plane of a requested map, over the ranges of a recorded map of the same two knobs.

    ``setting`` holds every knob; ``shapes`` are the names of all shapes. Raises RunRefusedError
    (422) with the field at fault.
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
            # The first series has one spelling, so that a map is found again however it was named.
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
