"""The fingerprint of a simulation file: a digest of its text and the engine that trains it."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

ENGINE_VERSION = "2"
"""Part of every fingerprint: raise it when the same file would train to other curves."""


def file_fingerprint(path: Path) -> str:
    """SHA-256 of the file's text (line ends normalised) and ``ENGINE_VERSION``, as hex.

    Raises ``OSError`` when the file cannot be read, ``UnicodeDecodeError`` when it is not UTF-8.
    """
    status = path.stat()
    return _cached_fingerprint(path, status.st_mtime_ns, status.st_size, status.st_ino)


@functools.lru_cache(maxsize=256)
def _cached_fingerprint(path: Path, _changed: int, _size: int, _inode: int) -> str:
    # every page with evidence needs it: the file is read again only when its stat changed
    return text_fingerprint(path.read_text(encoding="utf-8"))


def text_fingerprint(text: str) -> str:
    """The fingerprint of a file with this text."""
    return hashlib.sha256(f"{ENGINE_VERSION}\n{text}".encode()).hexdigest()
