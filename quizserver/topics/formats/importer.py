"""Writes a planned import into a topic's folder, as a whole or not at all, and takes it back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from quizserver.atomic_files import write_atomically
from quizserver.topics.formats.import_plan import ImportPlan, image_differs


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file that an import wrote: its path in the content folder, and what it replaced.

    ``sha256`` is that of what was written, ``earlier`` the bytes before (None: there was no file).
    """

    path: str
    sha256: str
    earlier: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class WrittenImport:
    """The files that an import wrote, in their order, and the folders that it made."""

    files: tuple[WrittenFile, ...]
    folders: tuple[str, ...] = ()


class ImportWriteError(Exception):
    """An import of which nothing was written: which file could not be, and why.

    ``left`` are the files that could not be put back either.
    """

    def __init__(self, path: str, reason: str, left: Sequence[str] = ()) -> None:
        super().__init__(f"{path} cannot be written: {reason}")
        self.path, self.reason, self.left = path, reason, tuple(left)


def write_import(plan: ImportPlan) -> WrittenImport:
    """Writes every question of ``plan`` that is to be written, its images before it.

    Raises ImportWriteError when a file cannot be written; what was written before is taken back.
    """
    written: list[WrittenFile] = []
    folders: list[str] = []
    path = plan.topic
    try:
        for path, data in _files_to_write(plan):
            folders += _make_folders(plan.content, path)
            written.append(_write_file(plan, path, data))
    except OSError as error:
        left = take_back_import(plan.content, WrittenImport(tuple(written), tuple(folders)))
        raise ImportWriteError(path, _reason(error), left) from None
    except BaseException:  # such as Ctrl-C
        take_back_import(plan.content, WrittenImport(tuple(written), tuple(folders)))
        raise
    return WrittenImport(tuple(written), tuple(folders))


def take_back_import(content: Path, written: WrittenImport) -> tuple[str, ...]:
    """Puts back what was there before an import; returns the paths that stay as they are.

    A file that was changed since then stays, and so does one that cannot be replaced.
    """
    left: list[str] = []
    for file in reversed(written.files):
        path = content / file.path
        try:
            if hashlib.sha256(path.read_bytes()).hexdigest() != file.sha256:
                left.append(file.path)
            elif file.earlier is None:
                path.unlink()
            else:
                write_atomically(path, file.earlier, overwrite=True)
        except FileNotFoundError:
            continue  # deleted since then
        except OSError:
            left.append(file.path)
    for folder in reversed(written.folders):
        try:
            (content / folder).rmdir()
        except OSError:
            continue  # it holds something else now
    return tuple(left)


def _files_to_write(plan: ImportPlan) -> Iterator[tuple[str, bytes]]:
    """The path and the bytes of each file, no path twice."""
    images: set[str] = set()
    for row in plan.written:
        for image in row.question.images:
            path = f"{plan.topic}/{image.path}"
            target = plan.content / path
            if path not in images and (not target.exists() or image_differs(target, image)):
                yield path, image.data
            images.add(path)
        yield row.path, row.question.source.encode("utf-8")


def _write_file(plan: ImportPlan, path: str, data: bytes) -> WrittenFile:
    """Writes one file. Raises OSError, also for a folder that leads out of the topic's."""
    target = plan.content / path
    topic_folder = (plan.content / path.split("/")[0]).resolve()
    if not target.parent.resolve().is_relative_to(topic_folder):
        raise OSError("its folder leads out of the topic's")
    earlier = target.read_bytes() if plan.overwrite and target.is_file() else None
    write_atomically(target, data, overwrite=earlier is not None)
    return WrittenFile(path, hashlib.sha256(data).hexdigest(), earlier)


def _make_folders(content: Path, path: str) -> list[str]:
    """Makes the folders of a file, and returns those that were not there."""
    made: list[str] = []
    parts = path.split("/")[:-1]
    for number in range(len(parts) + 1):
        folder = "/".join(parts[:number])
        try:
            (content / folder).mkdir(parents=number == 0)
        except FileExistsError:
            if not (content / folder).is_dir():
                raise NotADirectoryError(0, "a file lies where the folder should be") from None
        else:
            made += [folder] if folder else []
    return made


def _reason(error: OSError) -> str:
    if isinstance(error, FileExistsError):
        return "somebody else made it just now"
    return error.strerror or str(error)
