"""New files that are on the disk before anybody can see them, and two that change their names."""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
from pathlib import Path

_AT_FDCWD = -100
_EXCHANGE = 2  # RENAME_EXCHANGE of renameat2(2)


def write_temporary(path: Path, data: bytes, mode: int) -> Path:
    """A file beside ``path`` that no reader of the folder takes for a page, safe on the disk.

    Raises OSError; then it is gone again.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


def exchange_files(one: Path, other: Path) -> bool:
    """Two names change their files in one step; False where the system can't (not Linux)."""
    if _renameat2 is None:
        return False
    status = _renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _EXCHANGE)
    return bool(status == 0)


def sync_folder(folder: Path) -> None:
    """Makes the folder's names as durable as the files they stand for."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _load_renameat2() -> ctypes._NamedFuncPointer | None:
    if sys.platform != "linux":
        return None
    return getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)


_renameat2 = _load_renameat2()
