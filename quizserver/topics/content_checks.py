"""Every problem of every file, as ``quizserver check`` reports them. Never raises for bad files."""

from __future__ import annotations

import os
from pathlib import Path

from quizserver.topics.model import Diagnostic
from quizserver.topics.simulation_links import ClaimChecker
from quizserver.topics.workspace import load_workspace, sorted_diagnostics


def check_content(
    path: Path, *, content: Path, claim_checker: ClaimChecker | None
) -> list[Diagnostic]:
    """The problems of the file or folder ``path``, in the order of file, line and column.

    ``path`` is checked as part of ``content``; one outside of it is checked by itself: a folder
    with markdown files directly inside as a topic, another folder as a content folder. Without a
    ``claim_checker``, claims are not compared with their simulations.
    """
    path, content = Path(os.path.abspath(path)), Path(os.path.abspath(content))  # noqa: PTH100
    if not path.exists():
        message = "There is no such file or folder."
        return [Diagnostic(1, 1, "no-such-path", message, "Check its spelling.", path=path.name)]
    only_topic = None
    if not path.is_relative_to(content):
        content, only_topic = _enclosing_content(path)
    try:
        workspace = load_workspace(content, only_topic=only_topic)
    except OSError as error:
        message = f"The content folder cannot be read: {error.strerror or error}."
        return [Diagnostic(1, 1, "no-content", message, "Check its path and its rights.", path=".")]
    diagnostics = workspace.diagnostics()
    if claim_checker is not None:
        files = frozenset(workspace.listing.files)
        diagnostics.extend(claim_checker(workspace.parsed_pages(), files, content))
    prefix = path.relative_to(content).as_posix()
    if prefix != ".":
        diagnostics = [
            diagnostic
            for diagnostic in diagnostics
            if diagnostic.path == prefix or diagnostic.path.startswith(f"{prefix}/")
        ]
    return sorted_diagnostics(diagnostics)


def _enclosing_content(path: Path) -> tuple[Path, str | None]:
    """The content folder that ``path`` makes by itself, and the one topic of it to look at."""
    topic = path if path.is_dir() else path.parent
    is_topic = not path.is_dir() or any(topic.glob("*.md"))
    return (topic.parent, topic.name) if is_topic else (topic, None)
