"""Drafts and the versions of files. The only SQL of this room; the caller owns the transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.authoring.files import digest
from quizserver.db.session import insert_if_new
from quizserver.db.tables import draft, file_version, person

Origin = Literal["browser", "disk"]
HISTORY = 200
"""Versions of a file that its history lists, the newest first."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What an author has written; ``base`` is the digest of the file it was begun from."""

    source: str
    base: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class DraftLine:
    """One draft in a list. ``email`` is its author's."""

    path: str
    person_id: int
    email: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Version:
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
    def gone(self) -> bool:
        return self.digest == _NOTHING


class OtherTabError(Exception):
    """The draft was saved from elsewhere meanwhile; ``stored`` is what it holds (None: nothing)."""

    def __init__(self, stored: str | None) -> None:
        super().__init__("the draft was changed in another tab")
        self.stored = stored


_NOTHING = digest("")
_Change = TypeVar("_Change", sa.Update, sa.Delete)


def draft_of(session: Session, path: str, person_id: int) -> Draft | None:
    row = session.execute(_draft(path, person_id)).first()
    return Draft(*row) if row else None


def drafts(session: Session) -> list[DraftLine]:
    """Every draft of everybody, without its text, by path and then the latest first."""
    rows = session.execute(
        sa.select(draft.c.path, draft.c.person_id, person.c.email, draft.c.updated_at)
        .join(person, person.c.id == draft.c.person_id)
        .order_by(draft.c.path, draft.c.updated_at.desc())
    )
    return [DraftLine(*row) for row in rows]


def save_draft(
    session: Session,
    path: str,
    person_id: int,
    source: str,
    base: str | None,
    now: datetime,
    *,
    seen: str | None,
) -> None:
    """Keeps a draft in the place of the one with the digest ``seen`` (None: there was none).

    Raises OtherTabError when another one is stored, unless it holds the very same text. The base
    of a draft that is there stays as it was: saving does not see what others did to the file.
    """
    row = session.execute(_draft(path, person_id).with_for_update()).first()
    if row is None:
        if seen is not None:
            raise OtherTabError(None)
        values = {"source": source, "base": base, "updated_at": now}
        if insert_if_new(session, draft, path=path, person_id=person_id, **values):
            return
        row = session.execute(_draft(path, person_id).with_for_update()).one()
    stored = Draft(*row)
    if stored.source == source:
        return
    if digest(stored.source) != seen:
        raise OtherTabError(stored.source)
    before = _that(sa.update(draft), path, person_id, stored.source)
    session.execute(before.values(source=source, updated_at=now))


def rebase_draft(
    session: Session,
    path: str,
    person_id: int,
    before: str,
    source: str,
    base: str | None,
    now: datetime,
) -> bool:
    """Puts a decided text in the place of the draft ``before``, begun from the file as it is now.

    False, and nothing is done, when another one is stored.
    """
    values = {"source": source, "base": base, "updated_at": now}
    return _done(session, _that(sa.update(draft), path, person_id, before).values(**values))


def drop_draft(session: Session, path: str, person_id: int, source: str) -> bool:
    """Forgets the draft ``source``; False, and nothing is done, when another one is stored."""
    return _done(session, _that(sa.delete(draft), path, person_id, source))


def record(
    session: Session,
    path: str,
    source: str,
    origin: Origin,
    now: datetime,
    *,
    by: tuple[int | None, str | None] = (None, None),
) -> None:
    """Adds a version, ``by`` an author's id and address.

    What is found on the disk is added only when the newest one is another.
    """
    mark = digest(source)
    if origin == "disk" and _newest(session, path) == mark:
        return
    session.execute(
        sa.insert(file_version).values(
            path=path,
            source=source,
            digest=mark,
            origin=origin,
            person_id=by[0],
            email=by[1],
            saved_at=now,
        )
    )


def text_of(session: Session, path: str, mark: str | None) -> str | None:
    """The text with this digest that the file once had; None when it was never kept."""
    return session.scalar(
        sa.select(file_version.c.source)
        .where(file_version.c.path == path, file_version.c.digest == mark)
        .limit(1)
    )


def versions(session: Session, path: str) -> list[Version]:
    """The newest versions of a file, the latest first, without their texts."""
    rows = session.execute(
        sa.select(*_COLUMNS)
        .where(file_version.c.path == path)
        .order_by(file_version.c.id.desc())
        .limit(HISTORY)
    )
    return [Version(row.id, "", *row[1:]) for row in rows]


def version(session: Session, path: str, number: int) -> tuple[Version, str] | None:
    """A version with its text, and the text of the one before ("" when there was none)."""
    rows = session.execute(
        sa.select(*_COLUMNS, file_version.c.source)
        .where(file_version.c.path == path, file_version.c.id <= number)
        .order_by(file_version.c.id.desc())
        .limit(2)
    ).all()
    if not rows or rows[0].id != number:
        return None
    found, *before = [Version(row.id, row.source, *row[1:-1]) for row in rows]
    return found, before[0].source if before else ""


def deleted_paths(session: Session) -> list[str]:
    """Files whose newest version is a deletion: those that can be brought back."""
    newest = sa.select(sa.func.max(file_version.c.id)).group_by(file_version.c.path)
    return list(
        session.scalars(
            sa.select(file_version.c.path)
            .where(file_version.c.id.in_(newest), file_version.c.digest == _NOTHING)
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


def _draft(path: str, person_id: int) -> sa.Select[Any]:
    return sa.select(draft.c.source, draft.c.base, draft.c.updated_at).where(
        draft.c.path == path, draft.c.person_id == person_id
    )


def _newest(session: Session, path: str) -> str | None:
    return session.scalar(
        sa.select(file_version.c.digest)
        .where(file_version.c.path == path)
        .order_by(file_version.c.id.desc())
        .limit(1)
    )


def _that(statement: _Change, path: str, person_id: int, source: str) -> _Change:
    return statement.where(
        draft.c.path == path, draft.c.person_id == person_id, draft.c.source == source
    )


def _done(session: Session, statement: sa.Update | sa.Delete) -> bool:
    result: Any = session.execute(statement)
    return bool(result.rowcount)
