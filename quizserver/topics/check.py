"""Every problem of every file, as ``quizserver check`` reports them. Never raises for bad files."""

from __future__ import annotations

import os
from pathlib import Path

from quizserver.topics.claims import Catalog, claim_problems
from quizserver.topics.folder import list_folder
from quizserver.topics.model import Problem
from quizserver.topics.shelf import Shelf, ordered


def check(path: Path, *, content: Path, catalog: Catalog | None) -> list[Problem]:
    """The problems of the file or folder ``path``, in the order of file, line and column.

    ``path`` is checked as part of ``content``; one outside of it is checked by itself: a folder
    with markdown files directly inside as a topic, another folder as a content folder. Without a
    ``catalog``, claims are not compared with their simulations.
    """
    path, content = Path(os.path.abspath(path)), Path(os.path.abspath(content))  # noqa: PTH100
    if not path.exists():
        message = "There is no such file or folder."
        return [Problem(path.name, 1, 1, "no-such-path", message, "Check its spelling.")]
    only = None
    if not path.is_relative_to(content):
        content, only = _place_of(path)
    try:
        listing = list_folder(content, only=only)
    except OSError as error:
        message = f"The content folder cannot be read: {error.strerror or error}."
        return [Problem(".", 1, 1, "no-content", message, "Check its path and its rights.")]
    shelf = Shelf(content)
    shelf.fill(listing)
    found = shelf.problems()
    if catalog is not None:
        files = frozenset(listing.files)
        found.extend(claim_problems(shelf.drafts(), files, catalog, content))
    prefix = path.relative_to(content).as_posix()
    if prefix != ".":
        found = [p for p in found if p.path == prefix or p.path.startswith(f"{prefix}/")]
    return ordered(found)


def _place_of(path: Path) -> tuple[Path, str | None]:
    """The content folder that ``path`` makes by itself, and the one topic of it to look at."""
    topic = path if path.is_dir() else path.parent
    is_topic = not path.is_dir() or any(topic.glob("*.md"))
    return (topic.parent, topic.name) if is_topic else (topic, None)
