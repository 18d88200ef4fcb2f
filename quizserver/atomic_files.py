"""Files written completely or not at all: durable temporary files, and exchanging two files."""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
from pathlib import Path

_AT_FDCWD = -100
_EXCHANGE = 2  # RENAME_EXCHANGE of renameat2(2)


def write_temporary(path: Path, data: bytes, mode: int) -> Path:
    """Writes ``data`` to a hidden temporary file beside ``path``, synced to the disk.

    Raises OSError, and then leaves no file behind.
    """
    prefix = f".{path.name[:40]}-"  # a file's name may be as long as the file system allows
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=prefix, suffix=".tmp")
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


def write_atomically(path: Path, data: bytes, *, overwrite: bool) -> None:
    """Writes the whole file or none. Raises OSError; FileExistsError unless ``overwrite``."""
    temporary = write_temporary(path, data, 0o644)
    try:
        if overwrite:
            temporary.replace(path)
        else:
            path.hardlink_to(temporary)
    finally:
        temporary.unlink(missing_ok=True)


def publish_new_file(temporary: Path, path: Path) -> None:
    """Gives a synced temporary file its name. Raises FileExistsError when the name is taken."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if path.exists():
            raise FileExistsError(path) from None
        temporary.rename(path)
    else:
        temporary.unlink()


def exchange_files(one: Path, other: Path) -> bool:
    """Exchanges two files in one step; False where the system can't (not Linux)."""
    if _renameat2 is None:
        return False
    status = _renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _EXCHANGE)
    return bool(status == 0)


def sync_folder(folder: Path) -> None:
    """Syncs the names in ``folder`` to the disk."""
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
