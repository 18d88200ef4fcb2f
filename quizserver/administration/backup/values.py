"""The values of a row as JSON, the same for both databases: a backup of one goes into the other."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from quizserver.administration.backup.model import Kind

Encode = Callable[[Any], Any]


def encode_row(kinds: Sequence[Encode | None], row: Iterable[Any]) -> bytes:
    """The row as one line of JSON, with the encoders of ``row_encoders``."""
    values = [
        value if encode is None or value is None else encode(value)
        for encode, value in zip(kinds, row, strict=True)
    ]
    return json.dumps(values, separators=(",", ":")).encode() + b"\n"


def row_encoders(kinds: Iterable[Kind]) -> list[Encode | None]:
    """For each column what makes a JSON value of one of the database's; None: it is one."""
    return [_ENCODERS.get(kind) for kind in kinds]


def row_decoders(kinds: Iterable[Kind], *, for_sqlite: bool) -> list[Encode | None]:
    """For each column what makes a value for the database's driver of a JSON value."""
    decoders = _DECODERS | (_SQLITE_DECODERS if for_sqlite else {})
    return [decoders.get(kind) for kind in kinds]


def decode_row(decoders: Sequence[Encode | None], line: bytes) -> tuple[Any, ...]:
    """The values of a line of JSON, for the driver."""
    return tuple(
        value if decode is None or value is None else decode(value)
        for decode, value in zip(decoders, json.loads(line), strict=True)
    )


def _encode_moment(value: datetime) -> str:
    value = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return value.isoformat()


def _encode_bytes(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _sqlite_moment(text: str) -> str:
    """A moment as SQLAlchemy stores it in SQLite: without a zone, always with six digits."""
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"


# JSON values are kept as the text that the database holds.
_ENCODERS: dict[Kind, Encode] = {"bool": bool, "moment": _encode_moment, "bytes": _encode_bytes}
_DECODERS: dict[Kind, Encode] = {"moment": datetime.fromisoformat, "bytes": base64.b64decode}
_SQLITE_DECODERS: dict[Kind, Encode] = {"moment": _sqlite_moment, "bool": int}
