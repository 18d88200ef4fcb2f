"""What a backup says of itself: its manifest, which lists every part with its size and digest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, Literal, get_args

FORMAT = 1
MANIFEST_NAME = "manifest.json"
KEY_NAME = "secret_key"
CONTENT_PREFIX = "content/"

Kind = Literal["int", "float", "text", "bool", "moment", "json", "bytes"]
"""What the values of a column are, whichever database it came from."""


class BackupError(Exception):
    """A backup can't be made, read or restored; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file inside of a backup: its name there, its size in bytes and its SHA-256."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class TablePart:
    """The rows of one table, each a JSON array of its columns, one a line.

    ``last_number`` is the last id that the database gave out, which may be that of a row that has
    been deleted since; None where the database keeps no such count.
    """

    table: str
    columns: tuple[tuple[str, Kind], ...]
    rows: int
    last_number: int | None
    part: Part


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in a backup. ``files`` are those of the content folder; None: it was left out."""

    product: str
    revision: str
    created_at: datetime
    tables: tuple[TablePart, ...]
    files: tuple[Part, ...] | None
    secret_key: Part | None

    @property
    def row_count(self) -> int:
        return sum(table.rows for table in self.tables)

    @property
    def parts(self) -> list[Part]:
        """Every part, in the order in which they stand in the file."""
        parts = list(self.files or ())
        if self.secret_key is not None:
            parts.append(self.secret_key)
        return parts + [table.part for table in self.tables]

    def to_json(self) -> dict[str, Any]:
        """As JSON values, the version of the format first."""
        document = {"format": FORMAT} | asdict(self)
        return document | {"created_at": self.created_at.isoformat()}


def manifest_from_json(document: Any) -> Manifest:
    """The manifest of these JSON values. Raises BackupError when they are not one."""
    number = document.get("format") if isinstance(document, Mapping) else None
    if not isinstance(number, int):
        raise BackupError("Its manifest is not one of a backup.")
    if number > FORMAT:
        raise BackupError(
            f"It has format {number}; this version of quizserver reads up to {FORMAT}."
            " Use the version that made it, or a newer one."
        )
    try:
        manifest = Manifest(
            product=str(document["product"]),
            revision=str(document["revision"]),
            created_at=datetime.fromisoformat(document["created_at"]),
            tables=tuple(_table_from_json(table) for table in document["tables"]),
            files=(
                None
                if document["files"] is None
                else tuple(Part(**part) for part in document["files"])
            ),
            secret_key=Part(**document["secret_key"]) if document["secret_key"] else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BackupError(f"Its manifest can't be read ({error}).") from None
    _check_names(manifest)
    return manifest


def _table_from_json(values: Mapping[str, Any]) -> TablePart:
    columns = tuple((str(name), kind) for name, kind in values["columns"])
    if unknown := {kind for _, kind in columns}.difference(get_args(Kind)):
        raise ValueError(f"unknown kind of column: {unknown}")
    return TablePart(
        table=str(values["table"]),
        columns=columns,
        rows=int(values["rows"]),
        last_number=values["last_number"],
        part=Part(**values["part"]),
    )


def _check_names(manifest: Manifest) -> None:
    """Raises BackupError for a name that would lead out of the content folder, or into SQL."""
    for table in manifest.tables:
        names = [table.table, *(name for name, _ in table.columns)]
        if not all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names):
            raise BackupError(f"Its table {table.table!r} has a name that can't be one.")
    for part in manifest.files or ():
        path = PurePosixPath(part.name.removeprefix(CONTENT_PREFIX))
        is_inside = part.name.startswith(CONTENT_PREFIX) and not path.is_absolute()
        if not is_inside or ".." in path.parts or not path.parts or "\0" in part.name:
            raise BackupError(f"Its file {part.name!r} lies outside of the content folder.")
