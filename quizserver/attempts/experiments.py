"""Records who ran which simulation, after the run was accepted. A failure never fails the run."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

import sqlalchemy as sa

from quizserver.attempts import experiments_store
from quizserver.db.session import Database

log = logging.getLogger(__name__)


def create_experiment_recorder(
    database: Database, learner_id: Callable[[], int | None]
) -> Callable[[str, str], None]:
    """The function to call with a topic and a simulation when a run of it was accepted.

    It records the experiment for ``learner_id()``, and nothing when that is None.
    """

    def record_run(topic: str, simulation: str) -> None:
        now = datetime.now(UTC)
        try:
            person_id = learner_id()
            if person_id is None:
                return
            # Read first: writers wait for each other, and most runs closely follow another.
            with database.read() as session:
                if experiments_store.has_recent_experiment(
                    session, person_id, topic, simulation, now
                ):
                    return
            with database.write() as session:
                experiments_store.record_experiment(session, person_id, topic, simulation, now)
        except sa.exc.SQLAlchemyError:
            log.exception("a run of %s/%s was not noted", topic, simulation)

    return record_run
