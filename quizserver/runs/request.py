"""What a learner asks for, checked here whatever the page has checked: text -> order."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from quizserver.lab.model import Description, Knob, KnobError, Map, check_knobs
from quizserver.lab.phases import REPLICAS
from quizserver.runs import planes
from quizserver.runs.model import Order, RefusedError
from quizserver.topics.identity import did_you_mean

BODY_MAX = 16 * 1024  # bytes; a full setting of every knob is far below
SEED_MAX = 2**31 - 1
DEFAULT_REPLICAS = 32

_Name = Annotated[str, Field(min_length=1, max_length=128)]


class WantedMap(BaseModel):
    """The part of a request that makes it one for a phase map: ``series`` None is the first."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    x: _Name
    y: _Name
    shape: _Name
    series: _Name | None = None


class Wanted(BaseModel):
    """The body of a request for a run, with every type checked and nothing else."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    topic: _Name
    simulation: _Name
    arm: _Name | None = None
    knobs: dict[str, FiniteFloat] = Field(default_factory=dict, max_length=64)
    replicas: int | None = None
    first_seed: int = 0
    map: WantedMap | None = None


def read(body: bytes) -> Wanted:
    """The request in a JSON body.

    Raises RefusedError: 400 when it is no JSON object of this form, 422 when a number is not one.
    """
    try:
        return Wanted.model_validate_json(body)
    except ValidationError as error:
        raise _refusal(error.errors(include_url=False, include_context=False)[0]) from None


def order(
    wanted: Wanted,
    description: Description,
    path: str,
    *,
    replicas_max: int,
    shapes: Collection[str] = (),
) -> Order:
    """The full order for a request: every knob set and within its range.

    Knobs that the request leaves out are as in the arm, or have their default. ``shapes`` are those
    that a map may count. Raises RefusedError (422) with the name of the first knob or field at
    fault.
    """
    replicas = _replicas(wanted, replicas_max)
    if not 0 <= wanted.first_seed <= SEED_MAX - replicas:
        raise RefusedError(
            422, f"The first seed must lie between 0 and {SEED_MAX:,}.", "first_seed"
        )
    known = {knob.name: knob for knob in description.knobs}
    turned = {
        name: _snap(known[name], value) if name in known else value
        for name, value in wanted.knobs.items()
    }
    try:
        knobs = check_knobs(description.knobs, {**_arm(description, wanted.arm), **turned})
    except KnobError as error:
        raise RefusedError(422, error.message[:500], error.field[:64]) from None
    plane = None
    if wanted.map is not None:
        asked = Map(wanted.map.x, wanted.map.y, wanted.map.shape, series=wanted.map.series)
        plane = planes.asked(description, asked, knobs, shapes, first_seed=wanted.first_seed)
    return Order(
        topic=wanted.topic,
        simulation=wanted.simulation,
        path=path,
        fingerprint=description.fingerprint,
        arm=wanted.arm,
        knobs=knobs,
        first_seed=wanted.first_seed,
        replicas=replicas,
        x_label=description.x.label,
        series=tuple(description.series),
        points=description.points if plane is None else plane.cells,
        plane=plane,
    )


def _replicas(wanted: Wanted, most: int) -> int:
    if wanted.map is not None:
        if wanted.replicas not in (None, REPLICAS):
            raise RefusedError(422, f"A map trains {REPLICAS} replicas in each cell.", "replicas")
        return REPLICAS
    replicas = min(DEFAULT_REPLICAS, most) if wanted.replicas is None else wanted.replicas
    if not 1 <= replicas <= most:
        raise RefusedError(422, f"Between 1 and {most} replicas can be trained.", "replicas")
    return replicas


def _arm(description: Description, name: str | None) -> Mapping[str, float]:
    if name is None:
        return {}
    arms = {arm.name: arm for arm in description.arms}
    if name not in arms:
        hint = did_you_mean(name, arms)
        raise RefusedError(422, f"There is no arm {name!r}. {hint}".rstrip(), "arm")
    return arms[name].knobs


def _snap(knob: Knob, value: float) -> float:
    """The bound itself for a value that misses it by rounding alone, as a slider's may."""
    for bound in (knob.low, knob.high):
        if math.isclose(value, bound, rel_tol=1e-9):
            return float(bound)
    return value


def _refusal(error: Mapping[str, Any]) -> RefusedError:
    """The first thing that is wrong with a body, for people."""
    place = [str(part) for part in error["loc"] if part != "[key]"]
    match error["type"]:
        case "json_invalid":
            return RefusedError(400, "The request is not valid JSON.")
        case "missing":
            return RefusedError(400, f"The request lacks “{place[-1]}”.", place[-1])
        case "extra_forbidden":
            return RefusedError(400, f"A request for a run has no field {place[-1][:64]!r}.")
    if not place:
        return RefusedError(400, "The request must be a JSON object.")
    if place[0] == "knobs" and len(place) > 1:
        return RefusedError(
            422, f"The knob {place[1][:64]!r} must be a finite number.", place[1][:64]
        )
    if place[0] == "map":
        if len(place) == 1:
            return RefusedError(400, "The field “map” must be a JSON object.", "map")
        return RefusedError(
            422, f"The map's “{place[1][:64]}” must be a name.", f"map.{place[1][:64]}"
        )
    if place[0] in ("replicas", "first_seed"):
        name = place[0].replace("_", " ")
        return RefusedError(422, f"The field “{name}” must be a whole number.", place[0])
    return RefusedError(400, f"The field “{place[0]}” can't be used.", place[0])
