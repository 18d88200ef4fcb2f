"""Every SQL statement on the plans of simulations, each the result of a run of its own kind."""

from __future__ import annotations

import sqlalchemy as sa

from quizserver.db.computed import plan, plan_given, plan_scope, point, run
from quizserver.db.session import Database, insert_if_new
from quizserver.runs.plans import PlanScope, PlanSummary, StoredPlan
from quizserver.runs.requests import PlanRequest

USED_EVERY = 60.0
"""Seconds in which the use of a plan is noted once: what was used longest ago is deleted first."""


class PlanStore:
    """Plans in the computed store. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find_plan(self, request: PlanRequest, now: float) -> StoredPlan | None:
        """The plan of this request's setting, or its refusal, whichever setting it was made for."""
        with self._database.read() as session:
            scopes = session.scalars(
                sa.select(plan_scope.c.scope).where(plan_scope.c.fingerprint == request.fingerprint)
            )
            keys = [PlanScope.from_text(text).plan_key(request) for text in scopes]
            if not keys:
                return None
            rows = session.execute(
                sa.select(plan.c.key, run.c.id, run.c.used_at, point.c.summary, point.c.data)
                .select_from(plan.join(run).join(point, point.c.run_id == run.c.id))
                .where(plan.c.key.in_(keys), run.c.state == "done")
            ).all()
        if not rows:
            return None
        # A refusal is of all that has the same whole numbers; a plan knows better.
        row = next((row for row in rows if row.data), rows[0])
        if now - row.used_at > USED_EVERY:
            with self._database.write() as session:
                session.execute(run.update().where(run.c.id == row.id).values(used_at=now))
        return StoredPlan(row.id, row.key, PlanSummary.from_json(row.summary), row.data)

    def file_plan(self, request: PlanRequest, run_id: str) -> StoredPlan | None:
        """The plan that a run of this request has made, which is found by ``find_plan`` from now
        on; None while there is none."""
        with self._database.read() as session:
            row = session.execute(
                sa.select(point.c.summary, point.c.data)
                .select_from(point.join(run))
                .where(run.c.id == run_id, run.c.state == "done")
            ).first()
        if row is None:
            return None
        summary = PlanSummary.from_json(row.summary)
        key = summary.scope.plan_key(request)
        with self._database.write() as session:
            insert_if_new(
                session,
                plan_scope,
                fingerprint=request.fingerprint,
                digest=summary.scope.digest,
                scope=summary.scope.to_text(),
            )
            insert_if_new(session, plan, key=key, run_id=run_id)
        return StoredPlan(run_id, key, summary, row.data)

    def delete_plan(self, run_id: str) -> None:
        """Deletes a plan with its run: the next request makes it again."""
        with self._database.write() as session:
            session.execute(run.delete().where(run.c.id == run_id))

    def note_given(self, run_id: str, visitor: str) -> None:
        """Notes that the visitor was given the plan of this run."""
        given = sa.select(plan_given.c.run_id).where(
            plan_given.c.run_id == run_id, plan_given.c.visitor == visitor
        )
        with self._database.read() as session:
            if session.execute(given).first() is not None:
                return
        with self._database.write() as session:
            if session.execute(sa.select(run.c.id).where(run.c.id == run_id)).first() is not None:
                insert_if_new(session, plan_given, run_id=run_id, visitor=visitor)

    def was_given(self, topic: str, simulation: str, visitor: str) -> bool:
        """Whether the visitor was given a plan of this simulation that is still kept."""
        with self._database.read() as session:
            statement = (
                sa.select(run.c.id)
                .select_from(plan_given.join(run))
                .where(
                    plan_given.c.visitor == visitor,
                    run.c.topic == topic,
                    run.c.simulation == simulation,
                )
            )
            return session.execute(statement.limit(1)).first() is not None
