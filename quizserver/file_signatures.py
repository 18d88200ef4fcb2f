"""Whether a file was saved since the last look, and what was computed of it until then."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

FileSignature = tuple[int, int, int, int]
"""Differs whenever a file was saved, or became readable: the times of its last change and of its
status in ns, its size in bytes, and its inode.

Anybody can set the time of a file's last change back, and its inode goes to another file when it is
deleted; the time of its status is the system's own.
"""

_Value = TypeVar("_Value")


def file_signature(status: os.stat_result) -> FileSignature:
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino


class SavedFileCache(Generic[_Value]):
    """A value of each of some files, computed again only when the file was saved."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[FileSignature, _Value]] = {}

    def values(
        self, files: Mapping[str, FileSignature], compute: Callable[[str], _Value | None]
    ) -> dict[str, _Value]:
        """The value of each file, by path; ``compute(path)`` gives those that are not known.

        A file for which it gives None is left out, and asked for again at the next call. What is
        known of other files is forgotten.
        """
        known: dict[str, tuple[FileSignature, _Value]] = {}
        for path, signature in files.items():
            entry = self._known.get(path)
            if entry is None or entry[0] != signature:
                value = compute(path)
                if value is None:
                    continue
                entry = signature, value
            known[path] = entry
        self._known = known
        return {path: value for path, (_, value) in known.items()}
