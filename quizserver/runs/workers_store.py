"""Every SQL statement on the workers and on the files that each of them holds.

A worker states itself every few seconds; one that was silent for ``SILENCE`` counts as gone. The
moments are the database's own, as the clocks of several machines may differ.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.db.computed import worker, worker_file
from quizserver.db.session import Database, changed_rows
from quizserver.machine import Machine

SILENCE = 20.0
"""Seconds after which a worker that states nothing counts as gone."""
_FORGOTTEN = 3600.0  # seconds after which its row is deleted


@dataclass(frozen=True, slots=True)
class WorkerStatement:
    """A worker that is alive: since when it runs (seconds since 1970), and what it holds.

    ``files`` are the fingerprints of the simulations in its content folder, by path.
    """

    machine: str
    name: str
    version: str
    started_at: float
    files: Mapping[str, str]


class WorkerStore:
    """The workers in the computed store. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def state_worker(
        self,
        worker_id: str,
        machine: Machine,
        version: str,
        files: Mapping[str, str],
        *,
        are_stated: bool = False,
    ) -> None:
        """Writes that a worker is alive, and what it holds.

        ``are_stated`` says that these files were written before; they are written again where the
        worker's row is gone, as in a store that was made anew.
        """
        with self._database.write() as session:
            now = _database_now(session)
            updated = session.execute(
                worker.update().where(worker.c.id == worker_id).values(seen_at=now)
            )
            is_new = not changed_rows(updated)
            if is_new:
                session.execute(worker.delete().where(worker.c.seen_at < now - _FORGOTTEN))
                session.execute(
                    worker.insert().values(
                        id=worker_id,
                        machine=machine.id,
                        name=machine.name,
                        version=version,
                        started_at=now,
                        seen_at=now,
                    )
                )
            if is_new or not are_stated:
                session.execute(worker_file.delete().where(worker_file.c.worker_id == worker_id))
                rows = [
                    {"worker_id": worker_id, "path": path, "fingerprint": fingerprint}
                    for path, fingerprint in files.items()
                ]
                if rows:
                    session.execute(worker_file.insert(), rows)

    def is_held(self, files: Mapping[str, str]) -> bool:
        """Whether a worker that is alive holds all these files, by path and fingerprint."""
        wanted = sa.or_(
            *(
                sa.and_(worker_file.c.path == path, worker_file.c.fingerprint == fingerprint)
                for path, fingerprint in files.items()
            )
        )
        with self._database.read() as session:
            holder = (
                sa.select(worker.c.id)
                .join(worker_file)
                .where(worker.c.seen_at > _database_now(session) - SILENCE, wanted)
                .group_by(worker.c.id)
                .having(sa.func.count() == len(files))
            )
            return session.execute(holder.limit(1)).first() is not None

    def list_workers(self) -> list[WorkerStatement]:
        """The workers that are alive, those that have run longest first."""
        with self._database.read() as session:
            rows = session.execute(
                sa.select(worker)
                .where(worker.c.seen_at > _database_now(session) - SILENCE)
                .order_by(worker.c.started_at, worker.c.id)
            ).all()
            files: dict[str, dict[str, str]] = {row.id: {} for row in rows}
            for row in session.execute(
                sa.select(worker_file).where(worker_file.c.worker_id.in_(list(files)))
            ):
                files[row.worker_id][row.path] = row.fingerprint
        return [
            WorkerStatement(row.machine, row.name, row.version, row.started_at, files[row.id])
            for row in rows
        ]


def _database_now(session: Session) -> sa.ColumnElement[float]:
    """Seconds since 1970: by PostgreSQL's clock, or by this machine's beside an SQLite file."""
    if session.get_bind().dialect.name == "postgresql":
        return sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Double)
    return sa.literal(time.time(), sa.Double)
