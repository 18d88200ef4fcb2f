"""Every SQL statement on runs, their points and their visitors.

A run moves ``queued → running → done | failed | stopped``, and back to ``queued`` when its worker
was lost. Each move is one guarded UPDATE: it names the state and the attempt it moves from, and
reports whether it happened, so only one of two processes that try the same move makes it. The state
is the cancel flag too: a run that was stopped refuses its worker's next write.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.db.computed import point, run, watch
from quizserver.db.session import Database, changed_rows
from quizserver.runs.model import (
    ACTIVE,
    Batch,
    Heartbeat,
    NotHeldError,
    Run,
    RunProgress,
    RunRefusedError,
    RunSubmission,
    State,
)
from quizserver.runs.requests import RunKind, RunRequest, request_from_row, request_key

_ACTIVE = tuple(sorted(ACTIVE))
_CANDIDATES = 20  # queued runs among which a worker looks for one whose files it holds


class RunStore:
    """Runs in the computed store. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def submit_request(
        self, request: RunRequest, visitor: str, now: float, *, waiting_max: int, per_visitor: int
    ) -> RunSubmission:
        """The run of this request: a finished or active one when there is one, else a new one.

        Raises RunRefusedError: 429 when the visitor has ``per_visitor`` active runs, 503 when
        ``waiting_max`` runs are queued. Joining a run is never refused, as it costs no training.
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
        """The active or finished run of this request, if there is one."""
        with self._database.read() as session:
            return _find_alive(session, request_key(request))

    def get_run(self, run_id: str) -> Run | None:
        with self._database.read() as session:
            return _run_or_none(session.execute(sa.select(run).where(run.c.id == run_id)).first())

    def list_own_runs(self, visitor: str) -> list[Run]:
        """The active runs that the visitor has asked for and not left, newest first; no plans."""
        with self._database.read() as session:
            return _own_runs(session, visitor)

    def is_own_run(self, run_id: str, visitor: str) -> bool:
        """Whether the run is active, and the visitor has asked for it and not left it."""
        statement = (
            sa.select(run.c.id)
            .select_from(watch.join(run))
            .where(run.c.id == run_id, watch.c.visitor == visitor, run.c.state.in_(_ACTIVE))
        )
        with self._database.read() as session:
            return session.execute(statement).first() is not None

    def leave_run(self, run_id: str, visitor: str, now: float) -> Run | None:
        """Removes the visitor from the run; the last one to leave an active run stops it.

        A visitor who never asked for the run changes nothing.
        """
        with self._database.write() as session:
            removed = session.execute(
                watch.delete().where(watch.c.run_id == run_id, watch.c.visitor == visitor)
            )
            others = session.scalar(
                sa.select(sa.func.count()).select_from(watch).where(watch.c.run_id == run_id)
            )
            if changed_rows(removed) and not others:
                session.execute(
                    run.update()
                    .where(run.c.id == run_id, run.c.state.in_(_ACTIVE))
                    .values(state="stopped", finished_at=now)
                )
            return _run_or_none(session.execute(sa.select(run).where(run.c.id == run_id)).first())

    def claim_next(
        self,
        now: float,
        *,
        offered: str | None = None,
        kinds: Collection[RunKind] | None = None,
        holds: Callable[[RunRequest], bool] = lambda _request: True,
    ) -> Run | None:
        """Claims a queued run for a worker: the first of the candidates, None without any.

        The only move from ``queued`` to ``running``. ``offered`` is the id that a message carries:
        no other run is a candidate then. With ``kinds`` only requests of these kinds are. Plans
        come first, then the candidate that was submitted first, of those whose files the worker
        ``holds``. Raises NotHeldError when it does not hold those of ``offered``.
        """
        candidates = sa.select(run).where(run.c.state == "queued")
        if offered is not None:
            candidates = candidates.where(run.c.id == offered)
        if kinds is not None:
            candidates = candidates.where(run.c.kind.in_(kinds))
        # Most of the time there is no candidate, and a read blocks no writer.
        with self._database.read() as session:
            rows = session.execute(
                candidates.order_by(run.c.kind != "plan", run.c.created_at, run.c.id).limit(
                    _CANDIDATES
                )
            ).all()
        queued_runs = [_run_from_row(row) for row in rows]
        run_id = next((r.id for r in queued_runs if holds(r.request)), None)
        if run_id is None:
            if offered is not None and queued_runs:
                raise NotHeldError(queued_runs[0])
            return None
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
            return _get_run(session, run_id) if changed_rows(updated) else None

    def add_batch(self, run_id: str, attempt: int, batch: Batch, now: float) -> bool:
        """Appends a batch, which is a heartbeat; False when the run is no longer this attempt's."""
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
            if not changed_rows(updated):
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
        """Records that the worker is alive; False when the run is no longer this attempt's."""
        return self._update_owned(run_id, attempt, {"heartbeat_at": now})

    def owns_run(self, run_id: str, attempt: int) -> bool:
        """Whether the run still belongs to this attempt: it was neither stopped nor reclaimed."""
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
        error_detail: str | None = None,
        sentence: str | None = None,
        outputs_sha256: str | None = None,
    ) -> bool:
        """Ends a running run; False when it is no longer this attempt's."""
        outcome = {
            "error": error,
            "error_detail": error_detail,
            "sentence": sentence,
            "outputs_sha256": outputs_sha256,
        }
        return self._update_owned(run_id, attempt, {"state": state, "finished_at": now, **outcome})

    def release_run(self, run_id: str, attempt: int) -> bool:
        """Makes a run that its worker must leave queued again, as if it had not been claimed."""
        values = {"state": "queued", "attempt": attempt - 1, "started_at": None}
        return self._update_owned(run_id, attempt, values)

    def fail_waiting(self, run_id: str, now: float, error: str) -> bool:
        """Fails a run that is still queued; False when it is not."""
        with self._database.write() as session:
            updated = session.execute(
                run.update()
                .where(run.c.id == run_id, run.c.state == "queued")
                .values(state="failed", error=error, finished_at=now)
            )
            return changed_rows(updated) > 0

    def read_heartbeats(self) -> dict[str, Heartbeat]:
        """The latest heartbeat of every running run."""
        statement = sa.select(run.c.id, run.c.attempt, run.c.heartbeat_at)
        with self._database.read() as session:
            rows = session.execute(statement.where(run.c.state == "running")).all()
        return {row.id: Heartbeat(row.attempt, row.heartbeat_at) for row in rows}

    def reclaim_run(
        self, run_id: str, heartbeat: Heartbeat, now: float, *, attempts: int, error: str
    ) -> Literal["queued", "failed"] | None:
        """Takes a run from the worker whose last heartbeat this was.

        Returns the new state: the run is queued again, or has failed after ``attempts`` attempts.
        None when there was a later heartbeat.
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
            return state if changed_rows(updated) else None

    def queued_ids(self) -> list[str]:
        """The ids of the queued runs in the order of their submission."""
        with self._database.read() as session:
            return _queued_ids(session)

    def read_progress(self, cursors: Mapping[str, int]) -> dict[str, RunProgress]:
        """Each run that still exists, with its batches after its cursor.

        One statement for all runs, one more when any has new batches, one more when any is queued.
        """
        with self._database.read() as session:
            rows = session.execute(sa.select(run).where(run.c.id.in_(list(cursors)))).all()
            runs = [_run_from_row(row) for row in rows]
            stale_cursors = {r.id: cursors[r.id] for r in runs if r.last_seq > cursors[r.id]}
            batches = _read_batches(session, stale_cursors)
            any_queued = any(r.state == "queued" for r in runs)
            queued_ids = _queued_ids(session) if any_queued else []
            positions = {run_id: position for position, run_id in enumerate(queued_ids)}
            # Without one snapshot for all statements, batches newer than the run may be seen; they
            # are returned next time.
            return {
                r.id: RunProgress(
                    r,
                    positions.get(r.id, 0),
                    tuple(b for b in batches.get(r.id, ()) if b.seq <= r.last_seq),
                )
                for r in runs
            }

    def read_batches(self, run_id: str) -> Iterator[Batch]:
        """Every batch of a run with its ``data``, in order, read one by one."""
        statement = sa.select(point.c.seq, point.c.points, point.c.summary, point.c.data).where(
            point.c.run_id == run_id
        )
        with self._database.read() as session:
            for row in session.execute(statement.order_by(point.c.seq)):
                yield Batch(row.seq, row.points, row.summary, row.data)

    def evict_runs(self, bytes_max: int, *, runs_max: int) -> int:
        """Deletes the ended runs that were used longest ago until the rest fits; how many."""
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
            return changed_rows(session.execute(statement)) > 0


def _owned_by(run_id: str, attempt: int) -> list[sa.ColumnElement[bool]]:
    return [run.c.id == run_id, run.c.state == "running", run.c.attempt == attempt]


def _queued_ids(session: Session) -> list[str]:
    statement = sa.select(run.c.id).where(run.c.state == "queued")
    return list(session.scalars(statement.order_by(run.c.created_at, run.c.id)))


def _find_alive(session: Session, identity: str) -> Run | None:
    statement = sa.select(run).where(run.c.key == identity, run.c.state.in_((*_ACTIVE, "done")))
    return _run_or_none(session.execute(statement).first())


def _own_runs(session: Session, visitor: str) -> list[Run]:
    rows = session.execute(
        sa.select(run)
        .select_from(watch.join(run))
        .where(watch.c.visitor == visitor, run.c.state.in_(_ACTIVE), run.c.kind != "plan")
        .order_by(run.c.created_at.desc(), run.c.id)
    )
    return [_run_from_row(row) for row in rows]


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
            own_runs=_own_runs(session, visitor),
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
                    **request.row_values(),
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
    """The items in lists of at most ``size``, as a statement has a bound on its terms."""
    entries = list(items)
    for start in range(0, len(entries), size):
        yield entries[start : start + size]


def _get_run(session: Session, run_id: str) -> Run:
    return _run_from_row(session.execute(sa.select(run).where(run.c.id == run_id)).one())


def _run_or_none(row: sa.Row[Any] | None) -> Run | None:
    return None if row is None else _run_from_row(row)


def _run_from_row(row: sa.Row[Any]) -> Run:
    """The run of a whole row of the table ``run``."""
    state: State = row.state
    return Run(
        id=row.id,
        request=request_from_row(row),
        state=state,
        points_done=row.points_done,
        points_total=row.points_total,
        last_seq=row.last_seq,
        attempt=row.attempt,
        error=row.error,
        error_detail=row.error_detail,
        sentence=row.sentence,
        outputs_sha256=row.outputs_sha256,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
