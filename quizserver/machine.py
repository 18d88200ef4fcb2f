"""The machine on which this process runs: its name, and an id that its processes share."""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

ID_FILE = "machine_id"


def usable_cores() -> int:
    """The processor cores that this process may use, at least one."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Machine:
    """``id`` is a digest of the name and of what lies in the data folder.

    So two servers on one computer are two machines when each has a data folder, and so are two
    computers when one is a copy of the other with another name.
    """

    id: str
    name: str


def this_machine(data: Path) -> Machine:
    """The machine with this data folder; without one that can be written, its name decides."""
    name = socket.gethostname()[:255] or "unnamed"
    digest = hashlib.sha256(f"{name}\0{_read_folder_id(data)}".encode()).hexdigest()
    return Machine(digest[:32], name)


def _read_folder_id(data: Path) -> str:
    """What is in the folder's file of the id, which is made when it is missing."""
    path = data / ID_FILE
    try:
        # O_EXCL: of two processes that start together one makes the id and the other reads it.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read_or_empty(path)
    except OSError:
        return ""
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_hex(16) + "\n")
    return _read_or_empty(path)


def _read_or_empty(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
