"""Reads and writes which files of the content folder are current. Every function takes a session.

A host that sees a file change announces it; the later announcement of a file is the current one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.db.session import insert_if_new, take_advisory_lock
from quizserver.db.tables import content_file, content_release, person
from quizserver.hosts.model import Release
from quizserver.hosts.store import database_now
from quizserver.topics.file_digests import folder_digest

Origin = Literal["browser", "disk", "command"]
Changes = Mapping[str, str | None]
"""Path -> the digest that is current from now on; None for a file that is gone."""


@dataclass(frozen=True, slots=True)
class KnownReleases:
    """The releases that an announcer has seen: all until ``until``, and its ``own`` later ones."""

    until: int
    own: Collection[int] = ()

    def __contains__(self, release_id: int) -> bool:
        return release_id <= self.until or release_id in self.own


@dataclass(frozen=True, slots=True)
class Announcement:
    """How many files an announcement changed, and its release; 0 when it changed none."""

    files_changed: int
    release_id: int


def newest_release_id(session: Session) -> int:
    """The id of the newest release; 0 when there is none."""
    return session.scalar(sa.select(sa.func.max(content_release.c.id))) or 0


def newest_release(session: Session) -> Release | None:
    row = session.execute(
        sa.select(
            content_release.c.id,
            content_release.c.digest,
            content_release.c.origin,
            content_release.c.host_name,
            person.c.email,
            content_release.c.released_at,
        )
        .outerjoin(person, person.c.id == content_release.c.person_id)
        .order_by(content_release.c.id.desc())
        .limit(1)
    ).first()
    return None if row is None else Release(*row)


def current_digests(session: Session) -> dict[str, str]:
    """The digest of every file that is current, by path."""
    return {
        row.path: row.digest
        for row in session.execute(sa.select(content_file.c.path, content_file.c.digest))
    }


# Every answer asks for it.
_CURRENT_DIGEST = sa.select(content_file.c.digest).where(
    content_file.c.path == sa.bindparam("path")
)


def current_digest(session: Session, path: str) -> str | None:
    """The digest of the file that is current at ``path``; None when none is."""
    return session.scalar(_CURRENT_DIGEST, {"path": path})


def announce_changes(
    session: Session,
    changes: Changes,
    *,
    origin: Origin,
    host_name: str,
    person_id: int | None = None,
    known: KnownReleases | None = None,
) -> Announcement:
    """Makes the changed files current, in the caller's transaction.

    With ``known``, a file that another release has changed stays as that one has it: the announcer
    had not seen it yet when its own file changed.
    """
    take_advisory_lock(session.connection(), "quizserver-content")
    rows = session.execute(sa.select(content_file)).all()
    current = {row.path: row.digest for row in rows}
    newer = {row.path for row in rows if known is not None and row.release_id not in known}
    changes = {
        path: digest
        for path, digest in changes.items()
        if current.get(path) != digest and path not in newer
    }
    if not changes:
        return Announcement(0, 0)
    after = {path: digest for path, digest in {**current, **changes}.items() if digest is not None}
    release_id = session.execute(
        sa.insert(content_release)
        .values(
            digest=folder_digest(after),
            origin=origin,
            host_name=host_name,
            person_id=person_id,
            files_changed=len(changes),
            released_at=database_now(session),
        )
        .returning(content_release.c.id)
    ).scalar_one()
    for path, digest in changes.items():
        _write_file(session, path, digest, release_id)
    return Announcement(len(changes), release_id)


def _write_file(session: Session, path: str, digest: str | None, release_id: int) -> None:
    if digest is None:
        session.execute(sa.delete(content_file).where(content_file.c.path == path))
    elif not insert_if_new(session, content_file, path=path, digest=digest, release_id=release_id):
        session.execute(
            sa.update(content_file)
            .where(content_file.c.path == path)
            .values(digest=digest, release_id=release_id)
        )
