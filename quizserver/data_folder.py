"""Who uses a data folder: servers share it, a restore wants it alone."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOCK_NAME = "server.lock"
_SERVING_NAME = "serving.lock"
_MARKER_NAME = "restore-in-progress"


FOLDER_MODE = 0o700
FILE_MODE = 0o600
"""What lies in a data folder is for its owner alone: addresses of people, hashes, the key."""


class DataFolderError(RuntimeError):
    """The data folder can't be used now; the message says why and what to do."""


def make_data_folder(folder: Path) -> None:
    """Makes the folder, for its owner alone, unless it is there. Raises OSError if it can't.

    A folder that is there keeps its mode: whoever made it may have meant it so.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=FOLDER_MODE, exist_ok=True)


def prepare_folder(folder: Path) -> None:
    """Makes the data folder and checks that files can be written in it. Raises OSError if not."""
    make_data_folder(folder)
    probe = folder / f".writable-{os.getpid()}"
    probe.touch()
    probe.unlink()


def make_private_file(path: Path) -> None:
    """Makes an empty file that its owner alone may read, unless there is a file.

    SQLite takes that for a new database, and gives its log the same mode. For a file that can't be
    made the error is left to whoever opens it next.
    """
    with suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE))


def warning_about_mode(folder: Path) -> str | None:
    """What to tell whoever starts a server on a folder that others than its owner may enter."""
    mode = stat.S_IMODE(folder.stat().st_mode)
    if not mode & 0o077:
        return None
    return (
        f"The data folder {folder} is open to other users of this machine (mode {mode:04o})."
        f" It holds addresses and passwords' hashes: chmod {FOLDER_MODE:o} it."
    )


def hold_data_folder(folder: Path) -> int:
    """Takes the lock that says that a server uses the folder; returns its open file.

    It holds until every process that inherited the file has ended, however it ends. Raises
    DataFolderError while a restore goes on or after one that was interrupted, OSError when the
    folder can't be written to.
    """
    handle = _open_lock(folder)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        check_not_restoring(folder)
    except BlockingIOError:
        os.close(handle)
        raise DataFolderError(f"A backup is being restored into {folder}. Wait for it.") from None
    except DataFolderError:
        os.close(handle)
        raise
    return handle


def claim_serving(folder: Path, address: str) -> int:
    """Takes the lock that says that one server serves the folder's SQLite files; returns its open
    file, which holds until this process has ended: no child inherits it.

    ``address`` is what a second server is told. Raises DataFolderError that names the first one,
    OSError when the folder can't be written to.
    """
    handle = os.open(folder / _SERVING_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        other = os.read(handle, 500).decode("utf-8", "replace").strip() or "it is just starting"
        os.close(handle)
        raise DataFolderError(
            f"Another server works on the data folder {folder} already ({other}), and SQLite is"
            " for one server. Stop that one, or name another folder with --data DIR."
        ) from None
    os.ftruncate(handle, 0)
    os.write(handle, f"process {os.getpid()}, {address}\n".encode())
    return handle


def check_not_restoring(folder: Path) -> None:
    """Raises DataFolderError when a restore into the folder has not come to its end."""
    if (folder / _MARKER_NAME).exists():
        raise DataFolderError(
            f"A restore into {folder} was interrupted, or goes on just now, and what lies there is"
            " not whole. Run `quizserver restore` again with the same file; it begins anew."
        )


@contextmanager
def claim_data_folder(folder: Path) -> Iterator[None]:
    """Has the folder alone. Raises DataFolderError while a server or another restore uses it."""
    handle = _open_lock(folder)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise DataFolderError(
            f"A server, or another restore, uses the data folder {folder}. Stop it first."
        ) from None
    finally:
        os.close(handle)  # also releases the lock


def restore_marker(folder: Path) -> Path:
    """The file that says that the folder's contents are being replaced."""
    return folder / _MARKER_NAME


def _open_lock(folder: Path) -> int:
    return os.open(folder / _LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
