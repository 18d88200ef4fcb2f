"""Reads and writes the experiments that people ran. Every function takes a session."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.db.tables import experiment, person, standing

# A learner who turns a knob back and forth runs one experiment, not thirty.
REPEAT_WINDOW = timedelta(minutes=1)


def has_recent_experiment(
    session: Session, person_id: int, topic: str, simulation: str, now: datetime
) -> bool:
    """Whether the person has a row for this simulation from within the last minute.

    A row from before their latest answer does not count: what matters is which simulations were run
    between two answers.
    """
    answered_since = sa.exists().where(
        standing.c.person_id == person_id, standing.c.latest_at >= experiment.c.started_at
    )
    recent = sa.select(sa.literal(1)).where(
        experiment.c.person_id == person_id,
        experiment.c.topic == topic,
        experiment.c.simulation == simulation,
        experiment.c.started_at > now - REPEAT_WINDOW,
        ~answered_since,
    )
    return session.scalar(recent.limit(1)) is not None


def record_experiment(
    session: Session, person_id: int, topic: str, simulation: str, now: datetime
) -> bool:
    """Records that the person ran a simulation; False when that is recorded already."""
    # Locked until the transaction ends, so that two requests at once don't both find no recent row;
    # no row means that the person was deleted.
    person_lock = sa.select(person.c.id).where(person.c.id == person_id).with_for_update()
    if session.scalar(person_lock) is None or has_recent_experiment(
        session, person_id, topic, simulation, now
    ):
        return False
    session.execute(
        sa.insert(experiment).values(
            person_id=person_id, topic=topic, simulation=simulation, started_at=now
        )
    )
    return True


def merge_guest_experiments(session: Session, guest_id: int, account_id: int) -> None:
    """Moves a guest's experiments to an account, as new rows: see ``merge_guest_attempts``."""
    moved = sa.select(
        sa.literal(account_id),
        experiment.c.topic,
        experiment.c.simulation,
        experiment.c.started_at,
    ).where(experiment.c.person_id == guest_id)
    columns = ["person_id", "topic", "simulation", "started_at"]
    session.execute(
        sa.insert(experiment).from_select(
            columns, moved.order_by(experiment.c.started_at, experiment.c.id)
        )
    )
    session.execute(sa.delete(experiment).where(experiment.c.person_id == guest_id))


def export_experiments(session: Session, person_id: int) -> list[dict[str, Any]]:
    """Every experiment of a person as plain data, first to latest."""
    rows = session.execute(
        sa.select(experiment.c.topic, experiment.c.simulation, experiment.c.started_at)
        .where(experiment.c.person_id == person_id)
        .order_by(experiment.c.started_at, experiment.c.id)
    )
    return [
        {"topic": row.topic, "simulation": row.simulation, "started_at": row.started_at.isoformat()}
        for row in rows
    ]
