"""Pages of files that were needed once are given back, and nothing is lost with them."""

from __future__ import annotations

import ctypes
import mmap
import re
import sys
from pathlib import Path

import pytest

from quizserver.worker.library_pages import BYTES_MIN, release_library_pages

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="does nothing elsewhere")

SIZE = 2 * BYTES_MIN


def resident_kilobytes(path: Path) -> int:
    smaps = Path("/proc/self/smaps").read_text()
    _, _, rest = smaps.partition(f" {path}\n")
    found = re.search(r"^Rss: +(\d+) kB", rest, re.MULTILINE)
    assert found is not None
    return int(found[1])


def map_file(path: Path, prot: int) -> mmap.mmap:
    path.write_bytes(b"x" * SIZE)
    with path.open("r+b") as file:
        mapped = mmap.mmap(file.fileno(), SIZE, flags=mmap.MAP_PRIVATE, prot=prot)
    assert mapped[:] == b"x" * SIZE  # reads every page
    return mapped


def test_unchanged_pages_are_given_back_and_come_again(tmp_path: Path) -> None:
    path = tmp_path / "library.so"
    with map_file(path, mmap.PROT_READ) as mapped:
        assert resident_kilobytes(path) == SIZE // 1024
        release_library_pages()
        assert resident_kilobytes(path) == 0
        assert mapped[:] == b"x" * SIZE


def test_a_mapping_that_was_changed_before_it_became_read_only_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "relocated.so"
    with map_file(path, mmap.PROT_READ | mmap.PROT_WRITE) as mapped:
        mapped[5000:5004] = b"here"
        anchor = ctypes.c_char.from_buffer(mapped)
        libc = ctypes.CDLL(None, use_errno=True)
        libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        assert libc.mprotect(ctypes.addressof(anchor), SIZE, mmap.PROT_READ) == 0
        release_library_pages()
        assert mapped[5000:5004] == b"here"
        del anchor
