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
from quizserver.runs.key import key
from quizserver.runs.model import ACTIVE, Batch, Order, RefusedError, Run
from quizserver.runs.rows import as_run, columns_of

_ACTIVE = tuple(sorted(ACTIVE))


@dataclass(frozen=True, slots=True)
class Asked:
    """The run that an order got, and whether it is new, was joined, or was found finished."""

    run: Run
    how: Literal["new", "joined", "found"]


@dataclass(frozen=True, slots=True)
class Progress:
    """A run, how many wait ahead of it (0 unless it waits), and its batches since a cursor."""

    run: Run
    waiting: int
    batches: tuple[Batch, ...]


class Sign(NamedTuple):
    """A worker's sign of life: in which attempt, and when by that worker's own clock."""

    attempt: int
    heartbeat_at: float


class RunStore:
    """Runs in the computed store. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(
        self, order: Order, visitor: str, now: float, *, waiting_max: int, per_visitor: int
    ) -> Asked:
        """The run of this order: a finished or active one when there is one, else a new one.

        Raises RefusedError: 429 when the visitor has ``per_visitor`` active runs, 503 when
        ``waiting_max`` runs wait. Joining a run is never refused, as it costs no training.
        """
        identity = key(order)
        with self._database.write() as session:
            found = _alive(session, identity)
            if found is None:
                _check_bounds(session, visitor, waiting_max, per_visitor)
                run_id = _insert(session, identity, order, now)
                if run_id is None:  # another web process was faster
                    found = _alive(session, identity)
                else:
                    _join(session, run_id, visitor)
                    return Asked(_get(session, run_id), "new")
            assert found is not None
            session.execute(run.update().where(run.c.id == found.id).values(used_at=now))
            if found.active:
                _join(session, found.id, visitor)
            return Asked(found, "joined" if found.active else "found")

    def known(self, order: Order) -> Run | None:
        """The active or finished run of this order, if there is one."""
        with self._database.read() as session:
            return _alive(session, key(order))

    def get(self, run_id: str) -> Run | None:
        with self._database.read() as session:
            return _maybe(session.execute(sa.select(run).where(run.c.id == run_id)).first())

    def leave(self, run_id: str, visitor: str, now: float) -> Run | None:
        """The visitor no longer wants the run; the last one to leave an active run stops it.

        Somebody who never asked for the run changes nothing.
        """
        with self._database.write() as session:
            left = session.execute(
                watch.delete().where(watch.c.run_id == run_id, watch.c.visitor == visitor)
            )
            others = session.scalar(
                sa.select(sa.func.count()).select_from(watch).where(watch.c.run_id == run_id)
            )
            if _changed(left) and not others:
                session.execute(
                    run.update()
                    .where(run.c.id == run_id, run.c.state.in_(_ACTIVE))
                    .values(state="stopped", finished_at=now)
                )
            return _maybe(session.execute(sa.select(run).where(run.c.id == run_id)).first())

    def claim(self, run_id: str, now: float) -> Run | None:
        """Takes a waiting run for this worker: None when it no longer waits."""
        with self._database.write() as session:
            taken = session.execute(
                run.update()
                .where(run.c.id == run_id, run.c.state == "queued")
                .values(
                    state="running",
                    attempt=run.c.attempt + 1,
                    started_at=now,
                    heartbeat_at=now,
                )
            )
            return _get(session, run_id) if _changed(taken) else None

    def claim_curve(self, now: float, *, patience: float) -> Run | None:
        """Takes the curve that has waited longest, and for ``patience`` seconds: no long order."""
        found = (
            sa.select(run.c.id)
            .where(run.c.state == "queued", run.c.plane.is_(None), run.c.overlay.is_(None))
            .where(run.c.created_at <= now - patience)
            .order_by(run.c.created_at, run.c.id)
            .limit(1)
        )
        # Nothing waits most of the time, and a read disturbs nobody.
        with self._database.read() as session:
            run_id = session.scalar(found)
        return None if run_id is None else self.claim(run_id, now)

    def add(self, run_id: str, attempt: int, batch: Batch, now: float) -> bool:
        """Appends a batch and beats the heart; False when the run is no longer this attempt's."""
        size = len(batch.data) + len(batch.summary)
        with self._database.write() as session:
            mine = session.execute(
                run.update()
                .where(*_mine(run_id, attempt), run.c.last_seq == batch.seq - 1)
                .values(
                    points_done=run.c.points_done + batch.count,
                    last_seq=batch.seq,
                    size=run.c.size + size,
                    heartbeat_at=now,
                )
            )
            if not _changed(mine):
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

    def beat(self, run_id: str, attempt: int, now: float) -> bool:
        """Says that the worker lives; False when the run is no longer this attempt's."""
        return self._move(run_id, attempt, {"heartbeat_at": now})

    def holds(self, run_id: str, attempt: int) -> bool:
        """Whether the run still belongs to this attempt: it was neither stopped nor given away."""
        with self._database.read() as session:
            statement = sa.select(run.c.id).where(*_mine(run_id, attempt))
            return session.execute(statement).first() is not None

    def finish(
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
        said = {"error": error, "sentence": sentence}
        return self._move(run_id, attempt, {"state": state, "finished_at": now, **said})

    def give_back(self, run_id: str, attempt: int) -> bool:
        """Puts a run that its worker must leave back into the queue, as if it was not taken."""
        waiting = {"state": "queued", "attempt": attempt - 1, "started_at": None}
        return self._move(run_id, attempt, waiting)

    def refuse(self, run_id: str, now: float, error: str) -> bool:
        """Fails a run that still waits."""
        with self._database.write() as session:
            return _changed(
                session.execute(
                    run.update()
                    .where(run.c.id == run_id, run.c.state == "queued")
                    .values(state="failed", error=error, finished_at=now)
                )
            )

    def signs(self) -> dict[str, Sign]:
        """The latest sign of life of every run that a worker has."""
        statement = sa.select(run.c.id, run.c.attempt, run.c.heartbeat_at)
        with self._database.read() as session:
            rows = session.execute(statement.where(run.c.state == "running")).all()
        return {row.id: Sign(row.attempt, row.heartbeat_at) for row in rows}

    def take_away(
        self, run_id: str, last: Sign, now: float, *, attempts: int, error: str
    ) -> Literal["queued", "failed"] | None:
        """Takes a run from the worker whose last sign of life this was.

        It waits again, or has failed after ``attempts`` tries. None when there was a later sign.
        """
        state: Literal["queued", "failed"] = "queued" if last.attempt < attempts else "failed"
        values: dict[str, Any] = {"state": "queued", "started_at": None}
        if state == "failed":
            values = {"state": "failed", "error": error, "finished_at": now}
        with self._database.write() as session:
            taken = session.execute(
                run.update()
                .where(*_mine(run_id, last.attempt), run.c.heartbeat_at == last.heartbeat_at)
                .values(values)
            )
            return state if _changed(taken) else None

    def waiting(self, limit: int | None = None) -> list[str]:
        """Ids of the runs that wait, the longest waiting first."""
        with self._database.read() as session:
            statement = sa.select(run.c.id).where(run.c.state == "queued")
            return list(
                session.scalars(statement.order_by(run.c.created_at, run.c.id).limit(limit))
            )

    def progress(self, cursors: Mapping[str, int]) -> dict[str, Progress]:
        """For each run that still exists: how it stands, and its batches after its cursor.

        One statement for all runs, one more when any has news, one more when any waits.
        """
        with self._database.read() as session:
            rows = session.execute(sa.select(run).where(run.c.id.in_(list(cursors)))).all()
            runs = [as_run(row) for row in rows]
            news = {r.id: cursors[r.id] for r in runs if r.last_seq > cursors[r.id]}
            batches = _batches(session, news)
            queue: Sequence[str] = ()
            if any(r.state == "queued" for r in runs):
                queue = session.scalars(
                    sa.select(run.c.id)
                    .where(run.c.state == "queued")
                    .order_by(run.c.created_at, run.c.id)
                ).all()
            place = {run_id: ahead for ahead, run_id in enumerate(queue)}
            # Without one snapshot for all statements, batches newer than the run may be seen; they
            # are told next time.
            return {
                r.id: Progress(
                    r,
                    place.get(r.id, 0),
                    tuple(b for b in batches.get(r.id, ()) if b.seq <= r.last_seq),
                )
                for r in runs
            }

    def batches(self, run_id: str) -> Iterator[Batch]:
        """Every batch of a run with the values of its replicas, in order, read one by one."""
        statement = sa.select(point.c.seq, point.c.points, point.c.summary, point.c.data).where(
            point.c.run_id == run_id
        )
        with self._database.read() as session:
            for row in session.execute(statement.order_by(point.c.seq)):
                yield Batch(row.seq, row.points, row.summary, row.data)

    def evict(self, bytes_max: int, *, runs_max: int) -> int:
        """Forgets the ended runs that were used longest ago until the rest fits; how many."""
        with self._database.write() as session:
            rows = session.execute(
                sa.select(run.c.id, run.c.size)
                .where(run.c.state.not_in(_ACTIVE))
                .order_by(run.c.used_at.desc(), run.c.id)
            ).all()
            kept = 0
            gone = []
            for number, row in enumerate(rows, start=1):
                kept += row.size
                if kept > bytes_max or number > runs_max:
                    gone.append(row.id)
            for start in range(0, len(gone), 500):
                session.execute(run.delete().where(run.c.id.in_(gone[start : start + 500])))
            return len(gone)

    def _move(self, run_id: str, attempt: int, values: Mapping[str, Any]) -> bool:
        with self._database.write() as session:
            statement = run.update().where(*_mine(run_id, attempt)).values(values)
            return _changed(session.execute(statement))


def _mine(run_id: str, attempt: int) -> list[sa.ColumnElement[bool]]:
    return [run.c.id == run_id, run.c.state == "running", run.c.attempt == attempt]


def _changed(result: Any) -> bool:
    return bool(result.rowcount)


def _alive(session: Session, identity: str) -> Run | None:
    statement = sa.select(run).where(run.c.key == identity, run.c.state.in_((*_ACTIVE, "done")))
    return _maybe(session.execute(statement).first())


def _check_bounds(session: Session, visitor: str, waiting_max: int, per_visitor: int) -> None:
    yours = session.scalar(
        sa.select(sa.func.count())
        .select_from(watch.join(run))
        .where(watch.c.visitor == visitor, run.c.state.in_(_ACTIVE))
    )
    if (yours or 0) >= per_visitor:
        runs = "run" if per_visitor == 1 else "runs"
        raise RefusedError(
            429,
            f"You already have {yours} {runs} going. Wait for one to end, or stop one.",
            retry_after=5,
        )
    waiting = session.scalar(
        sa.select(sa.func.count()).select_from(run).where(run.c.state == "queued")
    )
    if (waiting or 0) >= waiting_max:
        raise RefusedError(
            503, "Too many runs are waiting just now. Try again in a moment.", retry_after=5
        )


def _insert(session: Session, identity: str, order: Order, now: float) -> str | None:
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
                    **columns_of(order),
                )
            )
    except sa.exc.IntegrityError:
        return None
    return run_id


def _join(session: Session, run_id: str, visitor: str) -> None:
    seen = sa.select(watch.c.run_id).where(watch.c.run_id == run_id, watch.c.visitor == visitor)
    if session.execute(seen).first() is None:
        session.execute(watch.insert().values(run_id=run_id, visitor=visitor))


def _batches(session: Session, after: Mapping[str, int]) -> dict[str, list[Batch]]:
    found: dict[str, list[Batch]] = {}
    for part in _parts(after.items(), 200):
        wanted = [sa.and_(point.c.run_id == run_id, point.c.seq > seq) for run_id, seq in part]
        statement = sa.select(point.c.run_id, point.c.seq, point.c.points, point.c.summary).where(
            sa.or_(*wanted)
        )
        for row in session.execute(statement.order_by(point.c.run_id, point.c.seq)):
            found.setdefault(row.run_id, []).append(Batch(row.seq, row.points, row.summary))
    return found


def _parts(items: Iterable[tuple[str, int]], size: int) -> Iterator[list[tuple[str, int]]]:
    """Statements have a bound on their terms; this many runs go into one."""
    everything = list(items)
    for start in range(0, len(everything), size):
        yield everything[start : start + size]


def _get(session: Session, run_id: str) -> Run:
    return as_run(session.execute(sa.select(run).where(run.c.id == run_id)).one())


def _maybe(row: sa.Row[Any] | None) -> Run | None:
    return None if row is None else as_run(row)
