"""How a request is stored: the key under which its run is found again, and the columns of its row."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import sqlalchemy as sa

from quizserver.lab.phase_maps import Plane
from quizserver.runs import map_requests
from quizserver.runs.model import Run, RunRequest, State


def request_key(request: RunRequest) -> str:
    """64 hex digits that are equal for two orders exactly when their results must be equal.

    The arm is left out: two arms with the same setting of every knob are the same training. The
    fingerprint is in, so that a changed simulation never finds the results of the old one.
    """
    identity: dict[str, object] = {
        "topic": request.topic,
        "simulation": request.simulation,
        "fingerprint": request.fingerprint,
        "knobs": {name: _canonical_number(value) for name, value in request.knobs.items()},
        "seeds": [request.first_seed, request.replicas],
        "series": list(request.series),
        "plane": None if request.plane is None else _plane_values(request.plane),
    }
    if request.plane is not None:
        # Where the two knobs stood before they were spread over the plane changes no cell.
        identity["knobs"] = {
            name: _canonical_number(value)
            for name, value in request.knobs.items()
            if name not in (request.plane.x, request.plane.y)
        }
    if request.overlay is not None:
        # What the texts claim is in the fingerprint; how they are worded changes no verdict.
        identity["verified"] = True
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _plane_values(plane: Plane) -> list[object]:
    axes = ((plane.x, plane.x_values), (plane.y, plane.y_values))
    named_axes = [[name, [_canonical_number(value) for value in values]] for name, values in axes]
    return [*named_axes, plane.shape, plane.series]


def _canonical_number(value: float) -> str:
    # Adding zero turns -0.0 into 0.0; hex is exact and has one spelling for a number.
    return (float(value) + 0.0).hex()


def request_columns(request: RunRequest) -> dict[str, Any]:
    """What a new row keeps of an order; ``as_run`` reads it back."""
    return {
        "topic": request.topic,
        "simulation": request.simulation,
        "path": request.path,
        "fingerprint": request.fingerprint,
        "arm": request.arm,
        "knobs": dict(request.knobs),
        "first_seed": request.first_seed,
        "replicas": request.replicas,
        "x_label": request.x_label,
        "series": list(request.series),
        "plane": None if request.plane is None else map_requests.plane_to_json(request.plane),
        "overlay": None if request.overlay is None else dict(request.overlay),
        "points_total": request.points,
    }


def run_from_row(row: sa.Row[Any]) -> Run:
    """The run of a whole row of the table ``run``."""
    state: State = row.state
    request = RunRequest(
        topic=row.topic,
        simulation=row.simulation,
        path=row.path,
        fingerprint=row.fingerprint,
        arm=row.arm,
        knobs=row.knobs,
        first_seed=row.first_seed,
        replicas=row.replicas,
        x_label=row.x_label,
        series=tuple(row.series),
        points=row.points_total,
        plane=None if row.plane is None else map_requests.plane_from_json(row.plane),
        overlay=row.overlay,
    )
    return Run(
        id=row.id,
        request=request,
        state=state,
        points_done=row.points_done,
        points_total=row.points_total,
        last_seq=row.last_seq,
        attempt=row.attempt,
        error=row.error,
        sentence=row.sentence,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
