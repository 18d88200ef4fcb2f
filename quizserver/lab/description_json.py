"""Descriptions as JSON, as the describing child process prints them and evidence holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from quizserver.lab.description_texts import check_description_texts
from quizserver.lab.model import Arm, Axis, Description, Knob, Map


def description_to_json(description: Description) -> dict[str, Any]:
    """Plain lists, dicts, numbers and strings; the inverse of ``description_from_json``."""
    return {
        "title": description.title,
        "summary": description.summary,
        "knobs": [asdict(knob) for knob in description.knobs],
        "arms": [{**asdict(arm), "knobs": dict(arm.knobs)} for arm in description.arms],
        "x": asdict(description.x),
        "series": {name: asdict(axis) for name, axis in description.series.items()},
        "points": description.points,
        "fingerprint": description.fingerprint,
        "maps": [asdict(phase_map) for phase_map in description.maps],
    }


def description_from_json(data: Mapping[str, Any]) -> Description:
    """Raises ``ValueError`` when ``data`` is no description."""
    try:
        description = Description(
            title=str(data["title"]),
            summary=str(data["summary"]),
            knobs=tuple(_knob_from_json(knob) for knob in data["knobs"]),
            arms=tuple(Arm(**arm) for arm in data["arms"]),
            x=Axis(**data["x"]),
            series={name: Axis(**axis) for name, axis in data["series"].items()},
            points=int(data["points"]),
            fingerprint=str(data["fingerprint"]),
            maps=tuple(_map_from_json(phase_map) for phase_map in data.get("maps", ())),
        )
        check_description_texts(description)
        return description
    except Exception as error:
        raise ValueError(f"this is no description of a simulation: {error}") from error


def _knob_from_json(data: Mapping[str, Any]) -> Knob:
    return Knob(**{**data, "choices": tuple(data.get("choices", ()))})


def _map_from_json(data: Mapping[str, Any]) -> Map:
    spans = {name: tuple(data[name]) for name in ("x_range", "y_range") if data.get(name)}
    return Map(**{**data, **spans})
