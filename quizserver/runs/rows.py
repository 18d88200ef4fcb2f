"""Between the rows of the computed store and the values of this room."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from quizserver.runs import planes
from quizserver.runs.model import Order, Run, State


def columns_of(order: Order) -> dict[str, Any]:
    """What a new row keeps of an order; ``as_run`` reads it back."""
    return {
        "topic": order.topic,
        "simulation": order.simulation,
        "path": order.path,
        "fingerprint": order.fingerprint,
        "arm": order.arm,
        "knobs": dict(order.knobs),
        "first_seed": order.first_seed,
        "replicas": order.replicas,
        "x_label": order.x_label,
        "series": list(order.series),
        "plane": None if order.plane is None else planes.to_json(order.plane),
        "overlay": None if order.overlay is None else dict(order.overlay),
        "points_total": order.points,
    }


def as_run(row: sa.Row[Any]) -> Run:
    """The run of a whole row of the table ``run``."""
    state: State = row.state
    order = Order(
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
        plane=None if row.plane is None else planes.from_json(row.plane),
        overlay=row.overlay,
    )
    return Run(
        id=row.id,
        order=order,
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
