"""A backup as a file: a zip whose parts are written and read piece by piece, each with its digest.

A zip, as its table of contents stands at the end: a file that was cut short is recognised at once.
The manifest is written last.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

from quizserver.administration.backup.model import (
    MANIFEST_NAME,
    BackupError,
    Manifest,
    Part,
    manifest_from_json,
)

PIECE = 1 << 20
"""Bytes that are read or written at once."""
_MANIFEST_BYTES_MAX = 256 << 20
# The last two are ``zipfile``'s for a way of compression and an encryption that no backup has.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


class ArchiveWriter:
    """Adds parts to a backup; the caller writes the manifest last. A context manager."""

    def __init__(self, file: IO[bytes], now: datetime) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6)
        self._moment = now.timetuple()[:6]

    def add_part(self, name: str, pieces: Iterable[bytes]) -> Part:
        """Writes a part piece by piece; returns it with its size and digest."""
        digest, size = hashlib.sha256(), 0
        info = zipfile.ZipInfo(name, self._moment)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        with self._zip.open(info, "w", force_zip64=True) as target:
            for piece in pieces:
                target.write(piece)
                digest.update(piece)
                size += len(piece)
        return Part(name, size, digest.hexdigest())

    def finish(self, manifest: Manifest) -> None:
        """Writes the manifest; the table of contents follows when the block ends."""
        self.add_part(MANIFEST_NAME, [json.dumps(manifest.to_json(), indent=1).encode()])

    def __enter__(self) -> ArchiveWriter:
        return self

    def __exit__(self, *_error: object) -> None:
        self._zip.close()


class ArchiveReader:
    """A backup that is open for reading."""

    def __init__(self, archive: zipfile.ZipFile, manifest: Manifest) -> None:
        self._zip = archive
        self.manifest = manifest

    def read_part(self, part: Part) -> Iterator[bytes]:
        """The bytes of a part, piece by piece.

        Raises BackupError at the end when they are not those that the manifest speaks of.
        """
        digest, size = hashlib.sha256(), 0
        try:
            with self._zip.open(part.name) as source:
                while piece := source.read(PIECE):
                    digest.update(piece)
                    size += len(piece)
                    yield piece
        except KeyError:
            raise BackupError(f"Its part {part.name} is missing.") from None
        except _DAMAGE as error:
            raise BackupError(f"Its part {part.name} is damaged ({error}).") from None
        if (size, digest.hexdigest()) != (part.size, part.sha256):
            raise BackupError(
                f"Its part {part.name} is not what the manifest speaks of: {size:,} bytes instead"
                f" of {part.size:,}, or other ones."
            )

    def read_lines(self, part: Part) -> Iterator[bytes]:
        """The lines of a part, checked as ``read_part`` does."""
        rest = b""
        for piece in self.read_part(part):
            lines = (rest + piece).split(b"\n")
            rest = lines.pop()
            yield from lines
        if rest:
            yield rest


@contextmanager
def open_archive(path: Path) -> Iterator[ArchiveReader]:
    """A backup for reading. Raises BackupError when the file is none, or is cut short."""
    try:
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo(MANIFEST_NAME)
            if info.file_size > _MANIFEST_BYTES_MAX:
                raise BackupError("Its manifest is too large to be one.")
            document = json.loads(archive.read(info))
            yield ArchiveReader(archive, manifest_from_json(document))
    except KeyError:
        raise BackupError("It holds no manifest: it is no backup of quizserver.") from None
    except _DAMAGE as error:
        raise BackupError(f"It is no backup, or was cut short ({error}).") from None
    except UnicodeDecodeError as error:
        raise BackupError(f"Its manifest can't be read ({error}).") from None
    except json.JSONDecodeError as error:
        raise BackupError(f"Its manifest can't be read ({error}).") from None
    except OSError as error:
        raise BackupError(f"It can't be read ({error.strerror or error}).") from None


def check_archive(reader: ArchiveReader) -> None:
    """Reads every part and compares digests, numbers of rows and the form of each row.

    Raises BackupError at the first one that is wrong.
    """
    manifest = reader.manifest
    for part in [*(manifest.files or ()), *([manifest.secret_key] if manifest.secret_key else [])]:
        for _ in reader.read_part(part):
            pass
    for table in manifest.tables:
        rows, width = 0, len(table.columns)
        for line in reader.read_lines(table.part):
            rows += 1
            try:
                values = json.loads(line)
            except ValueError:
                values = None
            if not isinstance(values, list) or len(values) != width:
                raise BackupError(f"Row {rows:,} of its table {table.table} is no row.")
        if rows != table.rows:
            raise BackupError(
                f"Its table {table.table} has {rows:,} rows; the manifest says {table.rows:,}."
            )
