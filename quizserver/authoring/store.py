"""Stores drafts and the versions of files. The caller owns the transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.authoring.files import text_digest
from quizserver.db.session import changed_rows, insert_if_new
from quizserver.db.tables import draft, file_version, person

Origin = Literal["browser", "disk"]
HISTORY_LIMIT = 200
"""Versions of a file that its history lists, the newest first."""


@dataclass(frozen=True, slots=True)
class DraftKey:
    """What a draft is stored under: one author has at most one draft of a page."""

    path: str
    person_id: int


@dataclass(frozen=True, slots=True)
class StoredDraft:
    """An author's draft; ``base_digest`` is the digest of the file that it was begun from."""

    source: str
    base_digest: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class DraftSummary:
    """A draft in a list, without its text. ``email`` is its author's."""

    path: str
    person_id: int
    email: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class FileVersion:
    """A text that a file had. ``email`` is who published it; an empty text is a deletion.

    In lists ``source`` is left out (empty); ``is_deletion`` holds there too.
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
    """The draft was saved from another tab; ``stored_text`` is its text now (None: deleted)."""

    def __init__(self, stored_text: str | None) -> None:
        super().__init__("the draft was changed in another tab")
        self.stored_text = stored_text


_EMPTY_DIGEST = text_digest("")
_Statement = TypeVar("_Statement", sa.Update, sa.Delete)


def get_draft(session: Session, key: DraftKey) -> StoredDraft | None:
    row = session.execute(_select_draft(key)).first()
    return StoredDraft(*row) if row else None


def list_drafts(session: Session) -> list[DraftSummary]:
    """The drafts of all authors without their texts, by path and then the latest first."""
    rows = session.execute(
        sa.select(draft.c.path, draft.c.person_id, person.c.email, draft.c.updated_at)
        .join(person, person.c.id == draft.c.person_id)
        .order_by(draft.c.path, draft.c.updated_at.desc())
    )
    return [DraftSummary(*row) for row in rows]


def save_draft(
    session: Session, key: DraftKey, new_draft: StoredDraft, *, expected_digest: str | None
) -> StoredDraft:
    """Stores ``new_draft`` in place of the one with ``expected_digest`` (None: there was none).

    Returns the draft as it is stored. Raises StaleDraftError when another one is stored, unless it
    has the very same text. A stored draft keeps its base: saving does not look at the file.
    """
    row = session.execute(_select_draft(key).with_for_update()).first()
    if row is None:
        if expected_digest is not None:
            raise StaleDraftError(None)
        if insert_if_new(
            session, draft, path=key.path, person_id=key.person_id, **_draft_values(new_draft)
        ):
            return new_draft
        row = session.execute(_select_draft(key).with_for_update()).one()
    stored = StoredDraft(*row)
    if stored.source == new_draft.source:
        return stored
    if text_digest(stored.source) != expected_digest:
        raise StaleDraftError(stored.source)
    saved = replace(new_draft, base_digest=stored.base_digest)
    statement = _where_draft(sa.update(draft), key, stored.source)
    session.execute(statement.values(**_draft_values(saved)))
    return saved


def replace_draft(
    session: Session, key: DraftKey, replaced_text: str, new_draft: StoredDraft
) -> bool:
    """Stores ``new_draft``, with its base, in place of the draft with ``replaced_text``.

    Returns False, and changes nothing, when another draft is stored.
    """
    statement = _where_draft(sa.update(draft), key, replaced_text)
    statement = statement.values(**_draft_values(new_draft))
    return changed_rows(session.execute(statement)) > 0


def delete_draft(session: Session, key: DraftKey, source: str) -> bool:
    """Deletes the draft ``source``; False, and nothing is done, when another one is stored."""
    statement = _where_draft(sa.delete(draft), key, source)
    return changed_rows(session.execute(statement)) > 0


def record_version(
    session: Session,
    path: str,
    source: str,
    origin: Origin,
    now: datetime,
    *,
    author: tuple[int | None, str | None] = (None, None),
) -> None:
    """Adds a version; ``author`` is the id and the address of who published it.

    A text found on the disk is added only when it differs from the newest version.
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
    """The text with this digest that the file once had; None when it is not stored."""
    return session.scalar(
        sa.select(file_version.c.source)
        .where(file_version.c.path == path, file_version.c.digest == version_digest)
        .limit(1)
    )


def has_version(session: Session, path: str, version_digest: str) -> bool:
    """Whether the file once had the text with this digest."""
    found = sa.select(file_version.c.id).where(
        file_version.c.path == path, file_version.c.digest == version_digest
    )
    return session.scalar(found.limit(1)) is not None


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
    """The paths of files whose newest version is a deletion: they can be restored."""
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


def _select_draft(key: DraftKey) -> sa.Select[Any]:
    return sa.select(draft.c.source, draft.c.base, draft.c.updated_at).where(
        draft.c.path == key.path, draft.c.person_id == key.person_id
    )


def _draft_values(stored: StoredDraft) -> dict[str, Any]:
    return {"source": stored.source, "base": stored.base_digest, "updated_at": stored.updated_at}


def _newest_digest(session: Session, path: str) -> str | None:
    return session.scalar(
        sa.select(file_version.c.digest)
        .where(file_version.c.path == path)
        .order_by(file_version.c.id.desc())
        .limit(1)
    )


def _where_draft(statement: _Statement, key: DraftKey, source: str) -> _Statement:
    return statement.where(
        draft.c.path == key.path, draft.c.person_id == key.person_id, draft.c.source == source
    )
