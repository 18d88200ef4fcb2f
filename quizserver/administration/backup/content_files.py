"""The files of a content folder, for a backup of them and back."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from quizserver.administration.backup.archive import PIECE, ArchiveReader
from quizserver.administration.backup.model import CONTENT_PREFIX, Part
from quizserver.atomic_files import sync_folder


def list_content_files(folder: Path) -> tuple[list[Path], list[Path]]:
    """The files of a content folder, relative to it, and what a backup can't take: links and others
    that are no files, and names that are no text.

    Hidden files and folders, such as git's, and what Python compiled are left out.
    """
    files: list[Path] = []
    others: list[Path] = []
    for parent_name, folders, names in os.walk(folder):
        parent = Path(parent_name)
        folders[:] = sorted(n for n in folders if not n.startswith(".") and n != "__pycache__")
        odd = [name for name in folders if (parent / name).is_symlink() or not _is_text(name)]
        folders[:] = [name for name in folders if name not in odd]
        for name in sorted([n for n in names if not n.startswith(".")] + odd):
            path = parent / name
            is_file = path.is_file() and not path.is_symlink() and _is_text(path.name)
            (files if is_file else others).append(path.relative_to(folder))
    return files, others


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # bytes that are no UTF-8
        return False
    return True


def read_file(path: Path) -> Iterator[bytes]:
    """The bytes of a file, piece by piece."""
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def extract_content(reader: ArchiveReader, files: Iterable[Part], folder: Path) -> None:
    """Writes the files of a backup into an empty folder, synced to the disk."""
    folders = {folder}
    for part in files:
        path = folder / part.name.removeprefix(CONTENT_PREFIX)
        path.parent.mkdir(parents=True, exist_ok=True)
        folders.update(p for p in path.parents if p.is_relative_to(folder))
        with path.open("xb") as file:
            for piece in reader.read_part(part):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
    for each in folders:
        sync_folder(each)


def is_same_content(folder: Path, files: Iterable[Part]) -> bool:
    """Whether a folder holds just these files."""
    expected = {part.name.removeprefix(CONTENT_PREFIX): part for part in files}
    present, _ = list_content_files(folder)
    if {path.as_posix() for path in present} != expected.keys():
        return False
    return all(_digest(folder / name) == part.sha256 for name, part in expected.items())


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    for piece in read_file(path):
        digest.update(piece)
    return digest.hexdigest()
