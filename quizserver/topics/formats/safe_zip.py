"""Reads the members of an untrusted zip file: at most so many, so large, and by safe names."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib

MOST_MEMBERS = 10_000
LARGEST_MEMBER = 32 * 1024 * 1024
LARGEST_TOTAL = 128 * 1024 * 1024
_ENCRYPTED = 0x1


class UnsafeZipError(Exception):
    """A zip file that is broken, or that is not unpacked for safety; the message says why."""


class SafeZip:
    """The members of a zip file in memory, each read with a limit. Nothing is unpacked to a disk.

    Raises UnsafeZipError for a file that is no zip, and for one with too many members.
    """

    def __init__(self, data: bytes) -> None:
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, UnicodeError):
            raise UnsafeZipError("This zip file is broken") from None
        members = self._archive.infolist()
        if len(members) > MOST_MEMBERS:
            raise UnsafeZipError(f"This zip file holds more than {MOST_MEMBERS:,} files")
        self._left = LARGEST_TOTAL
        self._members = {member.filename: member for member in members if _is_plain_file(member)}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._members)

    def read(self, name: str) -> bytes | None:
        """The bytes of a member; None when there is no such file.

        Raises UnsafeZipError when it is broken, encrypted or too large, whatever size it declares.
        """
        member = self._members.get(name)
        if member is None:
            return None
        if member.flag_bits & _ENCRYPTED:
            raise UnsafeZipError("This zip file is encrypted")
        try:
            with self._archive.open(member) as file:
                data = file.read(min(LARGEST_MEMBER, self._left) + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError):
            # RuntimeError: a kind of compression that is not read
            raise UnsafeZipError(f"{name[:80]} in this zip file is broken") from None
        self._left -= len(data)
        if len(data) > LARGEST_MEMBER or self._left < 0:
            raise UnsafeZipError("This zip file is too large when it is unpacked")
        return data


def _is_plain_file(member: zipfile.ZipInfo) -> bool:
    mode = member.external_attr >> 16
    is_link = stat.S_IFMT(mode) not in (0, stat.S_IFREG)
    parts = member.filename.split("/")
    return not (member.is_dir() or is_link or ".." in parts or member.filename.startswith("/"))
