"""Digests of what a content folder serves: of each file, and of all files together."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from quizserver.file_signatures import SavedFileCache
from quizserver.topics.folder import is_page
from quizserver.topics.slugs import hex_digest
from quizserver.topics.workspace import Workspace

Digests = Mapping[str, str]
"""Path -> 64 hex digits: of a page, of the text that is served; of another file, of its bytes."""


class FileDigests:
    """Computes the digests of a workspace; reads a file again only when it was saved."""

    def __init__(self) -> None:
        self._others: SavedFileCache[str] = SavedFileCache()

    def digests_of(self, workspace: Workspace) -> dict[str, str]:
        """The digests; a page's first 16 digits are its version. What can't be read is left out."""
        pages = {path: hex_digest(page.text, 64) for path, page in workspace.served.items()}
        files = workspace.listing.files
        others = {path: signature for path, signature in files.items() if not is_page(path)}
        return pages | self._others.values(
            others, lambda path: _bytes_digest(workspace.content / path)
        )


def folder_digest(digests: Digests) -> str:
    """64 hex digits that are equal for two folders exactly when all their digests are."""
    lines = "".join(f"{path}\0{digest}\n" for path, digest in sorted(digests.items()))
    return hex_digest(lines, 64)


def differing_paths(ours: Digests, theirs: Digests) -> list[str]:
    """The paths that only one side has, or that have two digests, in order."""
    paths = ours.keys() | theirs.keys()
    return sorted(path for path in paths if ours.get(path) != theirs.get(path))


def _bytes_digest(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
