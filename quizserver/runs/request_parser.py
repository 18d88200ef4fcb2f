"""What a learner asks for, checked here whatever the page has checked: text -> order."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from quizserver.lab.model import Description, Knob, KnobError, Map, check_knobs
from quizserver.lab.phase_maps import CELL_REPLICAS
from quizserver.runs import map_requests
from quizserver.runs.model import RunRefusedError, RunRequest
from quizserver.topics.slugs import did_you_mean

BODY_MAX = 16 * 1024  # bytes; a full setting of every knob is far below
SEED_MAX = 2**31 - 1
DEFAULT_REPLICAS = 32

_Name = Annotated[str, Field(min_length=1, max_length=128)]


class MapBody(BaseModel):
    """The part of a request that makes it one for a phase map: ``series`` None is the first."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    x: _Name
    y: _Name
    shape: _Name
    series: _Name | None = None


class RequestBody(BaseModel):
    """The body of a request for a run, with every type checked and nothing else."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    topic: _Name
    simulation: _Name
    arm: _Name | None = None
    knobs: dict[str, FiniteFloat] = Field(default_factory=dict, max_length=64)
    replicas: int | None = None
    first_seed: int = 0
    map: MapBody | None = None


def parse_request_body(data: bytes) -> RequestBody:
    """The request in a JSON body.

    Raises RefusedError: 400 when it is no JSON object of this form, 422 when a number is not one.
    """
    try:
        return RequestBody.model_validate_json(data)
    except ValidationError as error:
        raise _refusal_for(error.errors(include_url=False, include_context=False)[0]) from None


def build_request(
    body: RequestBody,
    description: Description,
    path: str,
    *,
    replicas_max: int,
    shapes: Collection[str] = (),
) -> RunRequest:
    """The full order for a request: every knob set and within its range.

    Knobs that the request leaves out are as in the arm, or have their default. ``shapes`` are those
    that a map may count. Raises RefusedError (422) with the name of the first knob or field at
    fault.
    """
    replicas = _check_replicas(body, replicas_max)
    if not 0 <= body.first_seed <= SEED_MAX - replicas:
        raise RunRefusedError(
            422, f"The first seed must lie between 0 and {SEED_MAX:,}.", "first_seed"
        )
    knobs_by_name = {knob.name: knob for knob in description.knobs}
    snapped = {
        name: _snap_to_bound(knobs_by_name[name], value) if name in knobs_by_name else value
        for name, value in body.knobs.items()
    }
    try:
        knobs = check_knobs(description.knobs, {**_arm_knobs(description, body.arm), **snapped})
    except KnobError as error:
        raise RunRefusedError(422, error.message[:500], error.field[:64]) from None
    plane = None
    if body.map is not None:
        map_spec = Map(body.map.x, body.map.y, body.map.shape, series=body.map.series)
        plane = map_requests.requested_plane(
            description, map_spec, knobs, shapes, first_seed=body.first_seed
        )
    return RunRequest(
        topic=body.topic,
        simulation=body.simulation,
        path=path,
        fingerprint=description.fingerprint,
        arm=body.arm,
        knobs=knobs,
        first_seed=body.first_seed,
        replicas=replicas,
        x_label=description.x.label,
        series=tuple(description.series),
        points=description.points if plane is None else plane.cell_count,
        plane=plane,
    )


def _check_replicas(body: RequestBody, replicas_max: int) -> int:
    if body.map is not None:
        if body.replicas not in (None, CELL_REPLICAS):
            raise RunRefusedError(
                422, f"A map trains {CELL_REPLICAS} replicas in each cell.", "replicas"
            )
        return CELL_REPLICAS
    replicas = min(DEFAULT_REPLICAS, replicas_max) if body.replicas is None else body.replicas
    if not 1 <= replicas <= replicas_max:
        raise RunRefusedError(
            422, f"Between 1 and {replicas_max} replicas can be trained.", "replicas"
        )
    return replicas


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


def _refusal_for(error: Mapping[str, Any]) -> RunRefusedError:
    """The first thing that is wrong with a body, for people."""
    location = [str(part) for part in error["loc"] if part != "[key]"]
    match error["type"]:
        case "json_invalid":
            return RunRefusedError(400, "The request is not valid JSON.")
        case "missing":
            return RunRefusedError(400, f"The request lacks “{location[-1]}”.", location[-1])
        case "extra_forbidden":
            return RunRefusedError(400, f"A request for a run has no field {location[-1][:64]!r}.")
    if not location:
        return RunRefusedError(400, "The request must be a JSON object.")
    if location[0] == "knobs" and len(location) > 1:
        return RunRefusedError(
            422, f"The knob {location[1][:64]!r} must be a finite number.", location[1][:64]
        )
    if location[0] == "map":
        if len(location) == 1:
            return RunRefusedError(400, "The field “map” must be a JSON object.", "map")
        return RunRefusedError(
            422, f"The map's “{location[1][:64]}” must be a name.", f"map.{location[1][:64]}"
        )
    if location[0] in ("replicas", "first_seed"):
        name = location[0].replace("_", " ")
        return RunRefusedError(422, f"The field “{name}” must be a whole number.", location[0])
    return RunRefusedError(400, f"The field “{location[0]}” can't be used.", location[0])
