"""Drafts and the versions of files. The only SQL of this room; the caller owns the transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.authoring.files import text_digest
from quizserver.db.session import insert_if_new
from quizserver.db.tables import draft, file_version, person

Origin = Literal["browser", "disk"]
HISTORY_LIMIT = 200
"""Versions of a file that its history lists, the newest first."""


@dataclass(frozen=True, slots=True)
class StoredDraft:
    """What an author has written; ``base`` is the digest of the file it was begun from."""

    source: str
    base_digest: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class DraftSummary:
    """One draft in a list. ``email`` is its author's."""

    path: str
    person_id: int
    email: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class FileVersion:
    """A text that a file had. ``email`` is who published it; an empty text is a deletion.

    In lists, ``source`` is left out (empty) and ``gone`` says whether it was a deletion.
    """

    id: int
    source: str
    digest: str
    origin: Origin
    email: str | None
    saved_at: datetime

    @property
    def is_deletion(self) -> bool:
        return self.digest == _EMPTY_DIGEST


class StaleDraftError(Exception):
    """The draft was saved from elsewhere meanwhile; ``stored`` is what it holds (None: nothing)."""

    def __init__(self, stored_text: str | None) -> None:
        super().__init__("the draft was changed in another tab")
        self.stored_text = stored_text


_EMPTY_DIGEST = text_digest("")
_Change = TypeVar("_Change", sa.Update, sa.Delete)


def get_draft(session: Session, path: str, person_id: int) -> StoredDraft | None:
    row = session.execute(_select_draft(path, person_id)).first()
    return StoredDraft(*row) if row else None


def list_drafts(session: Session) -> list[DraftSummary]:
    """Every draft of everybody, without its text, by path and then the latest first."""
    rows = session.execute(
        sa.select(draft.c.path, draft.c.person_id, person.c.email, draft.c.updated_at)
        .join(person, person.c.id == draft.c.person_id)
        .order_by(draft.c.path, draft.c.updated_at.desc())
    )
    return [DraftSummary(*row) for row in rows]


def save_draft(
    session: Session,
    path: str,
    person_id: int,
    source: str,
    base_digest: str | None,
    now: datetime,
    *,
    expected_digest: str | None,
) -> None:
    """Keeps a draft in the place of the one with the digest ``seen`` (None: there was none).

    Raises OtherTabError when another one is stored, unless it holds the very same text. The base
    of a draft that is there stays as it was: saving does not see what others did to the file.
    """
    row = session.execute(_select_draft(path, person_id).with_for_update()).first()
    if row is None:
        if expected_digest is not None:
            raise StaleDraftError(None)
        values = {"source": source, "base": base_digest, "updated_at": now}
        if insert_if_new(session, draft, path=path, person_id=person_id, **values):
            return
        row = session.execute(_select_draft(path, person_id).with_for_update()).one()
    stored = StoredDraft(*row)
    if stored.source == source:
        return
    if text_digest(stored.source) != expected_digest:
        raise StaleDraftError(stored.source)
    statement = _where_draft(sa.update(draft), path, person_id, stored.source)
    session.execute(statement.values(source=source, updated_at=now))


def rebase_draft(
    session: Session,
    path: str,
    person_id: int,
    replaced_text: str,
    source: str,
    base_digest: str | None,
    now: datetime,
) -> bool:
    """Puts a decided text in the place of the draft ``before``, begun from the file as it is now.

    False, and nothing is done, when another one is stored.
    """
    values = {"source": source, "base": base_digest, "updated_at": now}
    return _execute_changed(
        session, _where_draft(sa.update(draft), path, person_id, replaced_text).values(**values)
    )


def delete_draft(session: Session, path: str, person_id: int, source: str) -> bool:
    """Forgets the draft ``source``; False, and nothing is done, when another one is stored."""
    return _execute_changed(session, _where_draft(sa.delete(draft), path, person_id, source))


def record_version(
    session: Session,
    path: str,
    source: str,
    origin: Origin,
    now: datetime,
    *,
    author: tuple[int | None, str | None] = (None, None),
) -> None:
    """Adds a version, ``by`` an author's id and address.

    What is found on the disk is added only when the newest one is another.
    """
    version_digest = text_digest(source)
    if origin == "disk" and _newest_digest(session, path) == version_digest:
        return
    session.execute(
        sa.insert(file_version).values(
            path=path,
            source=source,
            digest=version_digest,
            origin=origin,
            person_id=author[0],
            email=author[1],
            saved_at=now,
        )
    )


def version_text(session: Session, path: str, version_digest: str | None) -> str | None:
    """The text with this digest that the file once had; None when it was never kept."""
    return session.scalar(
        sa.select(file_version.c.source)
        .where(file_version.c.path == path, file_version.c.digest == version_digest)
        .limit(1)
    )


def list_versions(session: Session, path: str) -> list[FileVersion]:
    """The newest versions of a file, the latest first, without their texts."""
    rows = session.execute(
        sa.select(*_COLUMNS)
        .where(file_version.c.path == path)
        .order_by(file_version.c.id.desc())
        .limit(HISTORY_LIMIT)
    )
    return [FileVersion(row.id, "", *row[1:]) for row in rows]


def get_version(session: Session, path: str, version_id: int) -> tuple[FileVersion, str] | None:
    """A version with its text, and the text of the one before ("" when there was none)."""
    rows = session.execute(
        sa.select(*_COLUMNS, file_version.c.source)
        .where(file_version.c.path == path, file_version.c.id <= version_id)
        .order_by(file_version.c.id.desc())
        .limit(2)
    ).all()
    if not rows or rows[0].id != version_id:
        return None
    selected, *older = [FileVersion(row.id, row.source, *row[1:-1]) for row in rows]
    return selected, older[0].source if older else ""


def list_deleted_paths(session: Session) -> list[str]:
    """Files whose newest version is a deletion: those that can be brought back."""
    newest_ids = sa.select(sa.func.max(file_version.c.id)).group_by(file_version.c.path)
    return list(
        session.scalars(
            sa.select(file_version.c.path)
            .where(file_version.c.id.in_(newest_ids), file_version.c.digest == _EMPTY_DIGEST)
            .order_by(file_version.c.path)
        )
    )


_COLUMNS = (
    file_version.c.id,
    file_version.c.digest,
    file_version.c.origin,
    file_version.c.email,
    file_version.c.saved_at,
)


def _select_draft(path: str, person_id: int) -> sa.Select[Any]:
    return sa.select(draft.c.source, draft.c.base, draft.c.updated_at).where(
        draft.c.path == path, draft.c.person_id == person_id
    )


def _newest_digest(session: Session, path: str) -> str | None:
    return session.scalar(
        sa.select(file_version.c.digest)
        .where(file_version.c.path == path)
        .order_by(file_version.c.id.desc())
        .limit(1)
    )


def _where_draft(statement: _Change, path: str, person_id: int, source: str) -> _Change:
    return statement.where(
        draft.c.path == path, draft.c.person_id == person_id, draft.c.source == source
    )


def _execute_changed(session: Session, statement: sa.Update | sa.Delete) -> bool:
    result: Any = session.execute(statement)
    return bool(result.rowcount)
