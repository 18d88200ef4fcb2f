"""Parses the JSON body of a request for a run: form and types only; no page is trusted."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from quizserver.runs.model import RunRefusedError

BODY_MAX = 16 * 1024  # bytes; a full setting of every knob is far below

_Name = Annotated[str, Field(min_length=1, max_length=128)]


class MapBody(BaseModel):
    """The part of a body that asks for a phase map; ``series`` None is the first series."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    x: _Name
    y: _Name
    shape: _Name
    series: _Name | None = None


class RequestBody(BaseModel):
    """The body of a request for a run: every type is checked, and no value."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    topic: _Name
    simulation: _Name
    arm: _Name | None = None
    knobs: dict[str, FiniteFloat] = Field(default_factory=dict, max_length=64)
    replicas: int | None = None
    first_seed: int = 0
    map: MapBody | None = None


def parse_request_body(data: bytes) -> RequestBody:
    """The parsed body.

    Raises RunRefusedError: 400 when it is not a JSON object of this form, 422 when a value that
    must be a number is none.
    """
    try:
        return RequestBody.model_validate_json(data)
    except ValidationError as error:
        raise _refusal_for(error.errors(include_url=False, include_context=False)[0]) from None


def parse_plan_query(topic: str, simulation: str, query: Mapping[str, str]) -> RequestBody:
    """The body of a request for a plan, whose knobs and seeds are in the query of its address.

    Raises RunRefusedError (422) when a value that must be a number is none.
    """
    seeds = {name: query[name] for name in ("first_seed", "replicas") if name in query}
    knobs = {name: text for name, text in query.items() if name not in seeds}
    body = {
        "topic": topic,
        "simulation": simulation,
        "knobs": {name: _number_or_text(float, text) for name, text in knobs.items()},
        **{name: _number_or_text(int, text) for name, text in seeds.items()},
    }
    return parse_request_body(json.dumps(body).encode())


def _number_or_text(kind: Callable[[str], float], text: str) -> float | str:
    try:
        return kind(text)
    except ValueError:  # its check says which one it is
        return text


def _refusal_for(error: Mapping[str, Any]) -> RunRefusedError:
    """The refusal that names the first error of a body."""
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
