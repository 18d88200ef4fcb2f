"""The fingerprint of a simulation file: a digest of its text and the engine that trains it."""

from __future__ import annotations

import errno
import functools
import hashlib
from pathlib import Path

from quizserver.file_signatures import FileSignature, file_signature

ENGINE_VERSION = "3"
"""Part of every fingerprint: raise it when the same file would train to other curves."""

FILE_MAX = 1024 * 1024
"""Bytes that a simulation file may have."""


def file_fingerprint(path: Path) -> str:
    """SHA-256 of the file's text (line ends normalised) and ``ENGINE_VERSION``, as hex.

    Raises ``OSError`` when the file cannot be read or has more than ``FILE_MAX`` bytes,
    ``UnicodeDecodeError`` when it is not UTF-8.
    """
    return _cached_fingerprint(path, file_signature(path.stat()))


def read_simulation_text(path: Path, *, errors: str = "strict") -> str:
    """The text of a simulation file, its line ends normalised.

    Every reader of such a file reads it by this, web processes among them. ``errors`` says what
    becomes of bytes that are not UTF-8, as ``bytes.decode`` does. Raises ``OSError`` when the file
    cannot be read or has more than ``FILE_MAX`` bytes, ``UnicodeDecodeError``.
    """
    with path.open("rb") as file:
        data = file.read(FILE_MAX + 1)
    if len(data) > FILE_MAX:
        raise OSError(errno.EFBIG, f"it has more than {FILE_MAX >> 10} KiB")
    return data.decode("utf-8", errors).replace("\r\n", "\n").replace("\r", "\n")


@functools.lru_cache(maxsize=256)
def _cached_fingerprint(path: Path, _signature: FileSignature) -> str:
    # Every page with evidence needs it: the file is read again only when it has changed.
    return text_fingerprint(read_simulation_text(path))


def text_fingerprint(text: str) -> str:
    """The fingerprint of a file with this text."""
    return hashlib.sha256(f"{ENGINE_VERSION}\n{text}".encode()).hexdigest()
