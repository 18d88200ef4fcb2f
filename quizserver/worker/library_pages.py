"""Gives back the memory of libraries' code that was needed once.

Importing torch reads some 70 MB of its code, and a dispatcher at rest needs next to none of it. The
pages are those of a file, unchanged: the system keeps them in its cache as long as there is room,
and maps them again when they are used. A fork does not inherit them in any case.
"""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Iterator
from pathlib import Path

BYTES_MIN = 1 << 20
"""Of a mapping; smaller ones are not worth the calls."""

_MADV_DONTNEED = 4
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r-[-x]p \S+ \S+ \S+ +/")
_ANONYMOUS = re.compile(r"Anonymous: +(\d+) kB")


def release_library_pages() -> None:
    """Unmaps the pages of files that this process maps for reading and has not changed.

    What is used later is mapped again by the system. Does nothing but on Linux.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for start, end in list(_unchanged_mappings()):
        # A failure is no fault: the pages stay as they are.
        libc.madvise(start, end - start, _MADV_DONTNEED)


def _unchanged_mappings() -> Iterator[tuple[int, int]]:
    """First and last address of the large mappings of files that are the same as the file.

    One that was written to before it became read-only, as by relocations, holds pages of its own
    that would be lost.
    """
    mapping: tuple[int, int] | None = None
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if found := _MAPPING.match(line):
            mapping = int(found[1], 16), int(found[2], 16)
        elif not line[0].isupper():
            mapping = None
        elif mapping is not None and (anonymous := _ANONYMOUS.match(line)):
            if anonymous[1] == "0" and mapping[1] - mapping[0] >= BYTES_MIN:
                yield mapping
            mapping = None
