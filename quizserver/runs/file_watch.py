"""Notices that a SQLite file has changed without reading it: by Linux's inotify, and by its times.

A process that reads the file twenty times a second, as a worker would, uses a whole percent of a
core for nothing.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

_MODIFIED, _MOVED_HERE, _CREATED = 0x2, 0x80, 0x100  # of inotify(7)


class FileWatch:
    """Tells whether a SQLite file may hold something that it did not at the last look.

    ``events`` is a descriptor that becomes readable when something in its folder changes (and is
    read empty by ``may_have_changed``); None where the system has none, so that the caller must
    look from time to time. After a change the file is looked at for a while, as a commit is visible
    a little after it is written, and clocks of file systems are coarse. It is looked at once a
    second in any case.
    """

    SETTLE_SECONDS = 0.1
    REGULAR_SECONDS = 1.0

    def __init__(self, path: str) -> None:
        self.path = path
        self.events: int | None = None
        self._files = (path, f"{path}-wal")
        self._seen: list[tuple[int, int] | None] = []
        self._settled_at = 0.0
        self._looked_at = float("-inf")

    def open_events(self) -> None:
        """Opens ``events``, if the system has any."""
        self.events = _open_inotify(Path(self.path).parent)

    def close_events(self) -> None:
        if self.events is not None:
            os.close(self.events)
            self.events = None

    @property
    def is_settled(self) -> bool:
        """Whether no look is due before something changes, or a second is over."""
        return time.monotonic() > self._settled_at

    def may_have_changed(self) -> bool:
        if self.events is not None:
            with suppress(BlockingIOError):
                os.read(self.events, 1 << 16)
        now, seen = time.monotonic(), [_file_times(path) for path in self._files]
        if seen != self._seen:
            self._seen, self._settled_at = seen, now + self.SETTLE_SECONDS
        elif now > self._settled_at and now < self._looked_at + self.REGULAR_SECONDS:
            return False
        self._looked_at = now
        return True

    def look_again(self) -> None:
        """The next look is not spared: where one message was, there may be another."""
        self._seen = []


def _file_times(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 -- often; to make a Path takes longer than this
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _open_inotify(folder: Path) -> int | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = int(libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
    if descriptor < 0:
        return None
    mask = _MODIFIED | _MOVED_HERE | _CREATED
    if libc.inotify_add_watch(descriptor, os.fsencode(folder), mask) < 0:
        os.close(descriptor)
        return None
    return descriptor
