"""The key under which a run is found again."""

from __future__ import annotations

import hashlib
import json

from quizserver.lab.phases import Plane
from quizserver.runs.model import Order


def key(order: Order) -> str:
    """64 hex digits that are equal for two orders exactly when their results must be equal.

    The arm is left out: two arms with the same setting of every knob are the same training. The
    fingerprint is in, so that a changed simulation never finds the results of the old one.
    """
    said: dict[str, object] = {
        "topic": order.topic,
        "simulation": order.simulation,
        "fingerprint": order.fingerprint,
        "knobs": {name: _canonical(value) for name, value in order.knobs.items()},
        "seeds": [order.first_seed, order.replicas],
        "series": list(order.series),
        "plane": None if order.plane is None else _plane(order.plane),
    }
    if order.plane is not None:
        # Where the two knobs stood before they were spread over the plane changes no cell.
        said["knobs"] = {
            name: _canonical(value)
            for name, value in order.knobs.items()
            if name not in (order.plane.x, order.plane.y)
        }
    if order.overlay is not None:
        # What the texts claim is in the fingerprint; how they are worded changes no verdict.
        said["verified"] = True
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _plane(plane: Plane) -> list[object]:
    axes = ((plane.x, plane.x_values), (plane.y, plane.y_values))
    named = [[name, [_canonical(value) for value in values]] for name, values in axes]
    return [*named, plane.shape, plane.series]


def _canonical(value: float) -> str:
    # Adding zero turns -0.0 into 0.0; hex is exact and has one spelling for a number.
    return (float(value) + 0.0).hex()
