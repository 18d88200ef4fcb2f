"""Lists the content folder: which files there are, and whether they changed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from quizserver.file_signatures import FileSignature, file_signature
from quizserver.topics.model import Diagnostic

_IGNORED_FILES = ("README.md", "CONTRIBUTING.md")
_OTHER_MARKDOWN_SUFFIXES = (".markdown", ".mdown", ".mkdn", ".mkd", ".md.txt")
_MAX_DEPTH = 6


@dataclass(frozen=True, slots=True)
class FolderListing:
    """Every file of the content folder, by path relative to it with ``/``."""

    files: Mapping[str, FileSignature] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def topic_folders(self) -> list[str]:
        """The folders directly inside the content folder that hold a markdown file."""
        return sorted({path.split("/")[0] for path in self.files if is_page(path)})


def is_page(path: str) -> bool:
    """Whether this is a lesson or a question: a markdown file directly in a topic's folder."""
    parts = path.split("/")
    return len(parts) == 2 and parts[1].lower().endswith(".md") and parts[1] not in _IGNORED_FILES


def is_lesson(path: str) -> bool:
    return path.split("/")[-1].lower() == "lesson.md"


def is_simulation(path: str) -> bool:
    parts = path.split("/")
    return (
        len(parts) == 2 and parts[1].endswith(".py") and parts[1].removesuffix(".py").isidentifier()
    )


def list_folder(content: Path, *, only_topic: str | None = None) -> FolderListing:
    """Every file in ``content`` (in its folder ``only_topic``) but hidden and temporary ones.

    Raises OSError when ``content`` itself cannot be read.
    """
    files: dict[str, FileSignature] = {}
    diagnostics: list[Diagnostic] = []
    prefix, depth = (f"{only_topic}/", 1) if only_topic else ("", 0)
    for path, entry in _walk_folder(content / prefix, prefix, depth, diagnostics):
        if "/" not in path:
            if path.lower().endswith(".md") and path not in _IGNORED_FILES:
                message = "This file lies outside any topic."
                hint = "Put it into a folder: each folder here is one topic."
                diagnostics.append(Diagnostic(1, 1, "file-outside-topic", message, hint, path=path))
            continue
        if path.count("/") == 1 and path.lower().endswith(_OTHER_MARKDOWN_SUFFIXES):
            message = f'"{entry.name}" is not read: a page\'s name ends in .md.'
            hint = f"Rename it: {entry.name.split('.')[0]}.md."
            diagnostics.append(Diagnostic(1, 1, "not-md", message, hint, path=path))
        files[path] = file_signature(entry.stat())
    return FolderListing(files, tuple(diagnostics))


def _walk_folder(
    folder: Path | str, prefix: str, depth: int, diagnostics: list[Diagnostic]
) -> Iterator[tuple[str, os.DirEntry[str]]]:
    try:
        with os.scandir(folder) as entries:
            sorted_entries = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        if not prefix:
            raise
        if not isinstance(error, FileNotFoundError):
            diagnostics.append(_unreadable_file(prefix.rstrip("/"), error))
        return
    for entry in sorted_entries:
        if _is_ignored(entry.name):
            continue
        path = prefix + entry.name
        try:
            if entry.is_symlink() and not _stays_inside(entry, folder, depth):
                message = "This link leads out of the content folder, or nowhere."
                hint = "Put the file itself here."
                diagnostics.append(Diagnostic(1, 1, "link-outside", message, hint, path=path))
            elif entry.is_dir():
                if depth < _MAX_DEPTH:
                    yield from _walk_folder(entry.path, path + "/", depth + 1, diagnostics)
            elif entry.is_file():
                entry.stat()
                yield path, entry
        except FileNotFoundError:
            continue  # gone since the folder was read
        except OSError as error:
            diagnostics.append(_unreadable_file(path, error))


def _stays_inside(entry: os.DirEntry[str], folder: Path | str, depth: int) -> bool:
    root = Path(folder).resolve()
    for _ in range(depth):
        root = root.parent
    try:
        return Path(entry.path).resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError):
        return False


def _unreadable_file(path: str, error: OSError) -> Diagnostic:
    message = f"This cannot be read: {error.strerror or error}."
    return Diagnostic(1, 1, "unreadable", message, "Check that the server may read it.", path=path)


def _is_ignored(name: str) -> bool:
    return (
        name.startswith((".", "#", "~", "__pycache__"))
        or name.endswith(("~", ".swp", ".swo", ".tmp", ".bak", ".part", ".orig"))
        or name != name.encode("utf-8", "replace").decode()
    )
