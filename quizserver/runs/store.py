"""Every statement on runs, their points and who watches them. The only SQL of this room.

A run moves ``queued → running → done | failed | stopped``, and back to ``queued`` when its worker
was lost. Each move is one guarded UPDATE: it names the state and the attempt it moves from, and
reports whether it happened, so two processes can never both believe that they made it. The state is
the cancel flag too: a run that was stopped refuses its worker's next write.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.db.computed import point, run, watch
from quizserver.db.session import Database
from quizserver.runs.model import ACTIVE, Batch, Run, RunRefusedError, RunRequest
from quizserver.runs.request_rows import request_columns, request_key, run_from_row

_ACTIVE = tuple(sorted(ACTIVE))


@dataclass(frozen=True, slots=True)
class RunSubmission:
    """The run that an order got, and whether it is new, was joined, or was found finished."""

    run: Run
    how: Literal["new", "joined", "found"]


@dataclass(frozen=True, slots=True)
class RunProgress:
    """A run, how many wait ahead of it (0 unless it waits), and its batches since a cursor."""

    run: Run
    waiting: int
    batches: tuple[Batch, ...]


class Heartbeat(NamedTuple):
    """A worker's sign of life: in which attempt, and when by that worker's own clock."""

    attempt: int
    heartbeat_at: float


class RunStore:
    """Runs in the computed store. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def submit(
        self, request: RunRequest, visitor: str, now: float, *, waiting_max: int, per_visitor: int
    ) -> RunSubmission:
        """The run of this order: a finished or active one when there is one, else a new one.

        Raises RefusedError: 429 when the visitor has ``per_visitor`` active runs, 503 when
        ``waiting_max`` runs wait. Joining a run is never refused, as it costs no training.
        """
        identity = request_key(request)
        with self._database.write() as session:
            existing = _find_alive(session, identity)
            if existing is None:
                _check_bounds(session, visitor, waiting_max, per_visitor)
                run_id = _insert_run(session, identity, request, now)
                if run_id is None:  # another web process was faster
                    existing = _find_alive(session, identity)
                else:
                    _join_run(session, run_id, visitor)
                    return RunSubmission(_get_run(session, run_id), "new")
            assert existing is not None
            session.execute(run.update().where(run.c.id == existing.id).values(used_at=now))
            if existing.active:
                _join_run(session, existing.id, visitor)
            return RunSubmission(existing, "joined" if existing.active else "found")

    def find_run(self, request: RunRequest) -> Run | None:
        """The active or finished run of this order, if there is one."""
        with self._database.read() as session:
            return _find_alive(session, request_key(request))

    def get_run(self, run_id: str) -> Run | None:
        with self._database.read() as session:
            return _run_or_none(session.execute(sa.select(run).where(run.c.id == run_id)).first())

    def leave_run(self, run_id: str, visitor: str, now: float) -> Run | None:
        """The visitor no longer wants the run; the last one to leave an active run stops it.

        Somebody who never asked for the run changes nothing.
        """
        with self._database.write() as session:
            removed = session.execute(
                watch.delete().where(watch.c.run_id == run_id, watch.c.visitor == visitor)
            )
            others = session.scalar(
                sa.select(sa.func.count()).select_from(watch).where(watch.c.run_id == run_id)
            )
            if _changed_any(removed) and not others:
                session.execute(
                    run.update()
                    .where(run.c.id == run_id, run.c.state.in_(_ACTIVE))
                    .values(state="stopped", finished_at=now)
                )
            return _run_or_none(session.execute(sa.select(run).where(run.c.id == run_id)).first())

    def claim_run(self, run_id: str, now: float) -> Run | None:
        """Takes a waiting run for this worker: None when it no longer waits."""
        with self._database.write() as session:
            updated = session.execute(
                run.update()
                .where(run.c.id == run_id, run.c.state == "queued")
                .values(
                    state="running",
                    attempt=run.c.attempt + 1,
                    started_at=now,
                    heartbeat_at=now,
                )
            )
            return _get_run(session, run_id) if _changed_any(updated) else None

    def claim_curve(self, now: float, *, patience: float) -> Run | None:
        """Takes the curve that has waited longest, and for ``patience`` seconds: no long order."""
        longest_waiting = (
            sa.select(run.c.id)
            .where(run.c.state == "queued", run.c.plane.is_(None), run.c.overlay.is_(None))
            .where(run.c.created_at <= now - patience)
            .order_by(run.c.created_at, run.c.id)
            .limit(1)
        )
        # Nothing waits most of the time, and a read disturbs nobody.
        with self._database.read() as session:
            run_id = session.scalar(longest_waiting)
        return None if run_id is None else self.claim_run(run_id, now)

    def add_batch(self, run_id: str, attempt: int, batch: Batch, now: float) -> bool:
        """Appends a batch and beats the heart; False when the run is no longer this attempt's."""
        size = len(batch.data) + len(batch.summary)
        with self._database.write() as session:
            updated = session.execute(
                run.update()
                .where(*_owned_by(run_id, attempt), run.c.last_seq == batch.seq - 1)
                .values(
                    points_done=run.c.points_done + batch.count,
                    last_seq=batch.seq,
                    size=run.c.size + size,
                    heartbeat_at=now,
                )
            )
            if not _changed_any(updated):
                return False
            session.execute(
                point.insert().values(
                    run_id=run_id,
                    seq=batch.seq,
                    points=batch.count,
                    summary=batch.summary,
                    data=batch.data,
                )
            )
            return True

    def update_heartbeat(self, run_id: str, attempt: int, now: float) -> bool:
        """Says that the worker lives; False when the run is no longer this attempt's."""
        return self._update_owned(run_id, attempt, {"heartbeat_at": now})

    def owns_run(self, run_id: str, attempt: int) -> bool:
        """Whether the run still belongs to this attempt: it was neither stopped nor given away."""
        with self._database.read() as session:
            statement = sa.select(run.c.id).where(*_owned_by(run_id, attempt))
            return session.execute(statement).first() is not None

    def finish_run(
        self,
        run_id: str,
        attempt: int,
        state: Literal["done", "failed"],
        now: float,
        *,
        error: str | None = None,
        sentence: str | None = None,
    ) -> bool:
        """Ends a running run; False when it is no longer this attempt's."""
        outcome = {"error": error, "sentence": sentence}
        return self._update_owned(run_id, attempt, {"state": state, "finished_at": now, **outcome})

    def release_run(self, run_id: str, attempt: int) -> bool:
        """Puts a run that its worker must leave back into the queue, as if it was not taken."""
        waiting = {"state": "queued", "attempt": attempt - 1, "started_at": None}
        return self._update_owned(run_id, attempt, waiting)

    def fail_waiting(self, run_id: str, now: float, error: str) -> bool:
        """Fails a run that still waits."""
        with self._database.write() as session:
            return _changed_any(
                session.execute(
                    run.update()
                    .where(run.c.id == run_id, run.c.state == "queued")
                    .values(state="failed", error=error, finished_at=now)
                )
            )

    def read_heartbeats(self) -> dict[str, Heartbeat]:
        """The latest sign of life of every run that a worker has."""
        statement = sa.select(run.c.id, run.c.attempt, run.c.heartbeat_at)
        with self._database.read() as session:
            rows = session.execute(statement.where(run.c.state == "running")).all()
        return {row.id: Heartbeat(row.attempt, row.heartbeat_at) for row in rows}

    def reclaim_run(
        self, run_id: str, heartbeat: Heartbeat, now: float, *, attempts: int, error: str
    ) -> Literal["queued", "failed"] | None:
        """Takes a run from the worker whose last sign of life this was.

        It waits again, or has failed after ``attempts`` tries. None when there was a later sign.
        """
        state: Literal["queued", "failed"] = "queued" if heartbeat.attempt < attempts else "failed"
        values: dict[str, Any] = {"state": "queued", "started_at": None}
        if state == "failed":
            values = {"state": "failed", "error": error, "finished_at": now}
        with self._database.write() as session:
            updated = session.execute(
                run.update()
                .where(
                    *_owned_by(run_id, heartbeat.attempt),
                    run.c.heartbeat_at == heartbeat.heartbeat_at,
                )
                .values(values)
            )
            return state if _changed_any(updated) else None

    def waiting_ids(self, limit: int | None = None) -> list[str]:
        """Ids of the runs that wait, the longest waiting first."""
        with self._database.read() as session:
            statement = sa.select(run.c.id).where(run.c.state == "queued")
            return list(
                session.scalars(statement.order_by(run.c.created_at, run.c.id).limit(limit))
            )

    def read_progress(self, cursors: Mapping[str, int]) -> dict[str, RunProgress]:
        """For each run that still exists: how it stands, and its batches after its cursor.

        One statement for all runs, one more when any has news, one more when any waits.
        """
        with self._database.read() as session:
            rows = session.execute(sa.select(run).where(run.c.id.in_(list(cursors)))).all()
            runs = [run_from_row(row) for row in rows]
            stale_cursors = {r.id: cursors[r.id] for r in runs if r.last_seq > cursors[r.id]}
            batches = _read_batches(session, stale_cursors)
            queued_ids: Sequence[str] = ()
            if any(r.state == "queued" for r in runs):
                queued_ids = session.scalars(
                    sa.select(run.c.id)
                    .where(run.c.state == "queued")
                    .order_by(run.c.created_at, run.c.id)
                ).all()
            positions = {run_id: position for position, run_id in enumerate(queued_ids)}
            # Without one snapshot for all statements, batches newer than the run may be seen; they
            # are told next time.
            return {
                r.id: RunProgress(
                    r,
                    positions.get(r.id, 0),
                    tuple(b for b in batches.get(r.id, ()) if b.seq <= r.last_seq),
                )
                for r in runs
            }

    def read_batches(self, run_id: str) -> Iterator[Batch]:
        """Every batch of a run with the values of its replicas, in order, read one by one."""
        statement = sa.select(point.c.seq, point.c.points, point.c.summary, point.c.data).where(
            point.c.run_id == run_id
        )
        with self._database.read() as session:
            for row in session.execute(statement.order_by(point.c.seq)):
                yield Batch(row.seq, row.points, row.summary, row.data)

    def evict_runs(self, bytes_max: int, *, runs_max: int) -> int:
        """Forgets the ended runs that were used longest ago until the rest fits; how many."""
        with self._database.write() as session:
            rows = session.execute(
                sa.select(run.c.id, run.c.size)
                .where(run.c.state.not_in(_ACTIVE))
                .order_by(run.c.used_at.desc(), run.c.id)
            ).all()
            total_size = 0
            evicted = []
            for number, row in enumerate(rows, start=1):
                total_size += row.size
                if total_size > bytes_max or number > runs_max:
                    evicted.append(row.id)
            for start in range(0, len(evicted), 500):
                session.execute(run.delete().where(run.c.id.in_(evicted[start : start + 500])))
            return len(evicted)

    def _update_owned(self, run_id: str, attempt: int, values: Mapping[str, Any]) -> bool:
        with self._database.write() as session:
            statement = run.update().where(*_owned_by(run_id, attempt)).values(values)
            return _changed_any(session.execute(statement))


def _owned_by(run_id: str, attempt: int) -> list[sa.ColumnElement[bool]]:
    return [run.c.id == run_id, run.c.state == "running", run.c.attempt == attempt]


def _changed_any(result: Any) -> bool:
    return bool(result.rowcount)


def _find_alive(session: Session, identity: str) -> Run | None:
    statement = sa.select(run).where(run.c.key == identity, run.c.state.in_((*_ACTIVE, "done")))
    return _run_or_none(session.execute(statement).first())


def _check_bounds(session: Session, visitor: str, waiting_max: int, per_visitor: int) -> None:
    own_count = session.scalar(
        sa.select(sa.func.count())
        .select_from(watch.join(run))
        .where(watch.c.visitor == visitor, run.c.state.in_(_ACTIVE))
    )
    if (own_count or 0) >= per_visitor:
        noun = "run" if per_visitor == 1 else "runs"
        raise RunRefusedError(
            429,
            f"You already have {own_count} {noun} going. Wait for one to end, or stop one.",
            retry_after=5,
        )
    waiting_count = session.scalar(
        sa.select(sa.func.count()).select_from(run).where(run.c.state == "queued")
    )
    if (waiting_count or 0) >= waiting_max:
        raise RunRefusedError(
            503, "Too many runs are waiting just now. Try again in a moment.", retry_after=5
        )


def _insert_run(session: Session, identity: str, request: RunRequest, now: float) -> str | None:
    run_id = secrets.token_hex(12)
    try:
        with session.begin_nested():
            session.execute(
                run.insert().values(
                    id=run_id,
                    key=identity,
                    state="queued",
                    created_at=now,
                    heartbeat_at=now,
                    used_at=now,
                    **request_columns(request),
                )
            )
    except sa.exc.IntegrityError:
        return None
    return run_id


def _join_run(session: Session, run_id: str, visitor: str) -> None:
    watching = sa.select(watch.c.run_id).where(watch.c.run_id == run_id, watch.c.visitor == visitor)
    if session.execute(watching).first() is None:
        session.execute(watch.insert().values(run_id=run_id, visitor=visitor))


def _read_batches(session: Session, after: Mapping[str, int]) -> dict[str, list[Batch]]:
    batches: dict[str, list[Batch]] = {}
    for chunk in _split_chunks(after.items(), 200):
        conditions = [sa.and_(point.c.run_id == run_id, point.c.seq > seq) for run_id, seq in chunk]
        statement = sa.select(point.c.run_id, point.c.seq, point.c.points, point.c.summary).where(
            sa.or_(*conditions)
        )
        for row in session.execute(statement.order_by(point.c.run_id, point.c.seq)):
            batches.setdefault(row.run_id, []).append(Batch(row.seq, row.points, row.summary))
    return batches


def _split_chunks(items: Iterable[tuple[str, int]], size: int) -> Iterator[list[tuple[str, int]]]:
    """Statements have a bound on their terms; this many runs go into one."""
    entries = list(items)
    for start in range(0, len(entries), size):
        yield entries[start : start + size]


def _get_run(session: Session, run_id: str) -> Run:
    return run_from_row(session.execute(sa.select(run).where(run.c.id == run_id)).one())


def _run_or_none(row: sa.Row[Any] | None) -> Run | None:
    return None if row is None else run_from_row(row)
