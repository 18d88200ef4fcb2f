"""Every problem of every file, as ``quizserver check`` reports them. Never raises for bad files."""

from __future__ import annotations

import os
from pathlib import Path

from quizserver.topics.model import Diagnostic
from quizserver.topics.simulation_links import ClaimChecker
from quizserver.topics.workspace import Workspace, load_workspace, sorted_diagnostics


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
    prefix = path.relative_to(content).as_posix()
    if claim_checker is not None:
        diagnostics.extend(_check_claims(workspace, prefix, claim_checker))
    if prefix != ".":
        diagnostics = [
            diagnostic
            for diagnostic in diagnostics
            if diagnostic.path == prefix or diagnostic.path.startswith(f"{prefix}/")
        ]
    return sorted_diagnostics(diagnostics)


def _check_claims(
    workspace: Workspace, prefix: str, claim_checker: ClaimChecker
) -> list[Diagnostic]:
    """The problems of claims in the topic in which ``prefix`` lies ("." for all topics).

    A page refers to simulations of its own topic only, so no other one is read: each may take as
    long as reading a file may.
    """
    topic = prefix.split("/")[0]
    is_meant = {path: topic in (".", path.split("/")[0]) for path in workspace.listing.files}
    pages = [page for page in workspace.parsed_pages() if is_meant.get(page.path, True)]
    files = frozenset(path for path, is_in_topic in is_meant.items() if is_in_topic)
    return claim_checker(pages, files, workspace.content)


def _enclosing_content(path: Path) -> tuple[Path, str | None]:
    """The content folder that ``path`` makes by itself, and the one topic of it to look at."""
    topic = path if path.is_dir() else path.parent
    is_topic = not path.is_dir() or any(topic.glob("*.md"))
    return (topic.parent, topic.name) if is_topic else (topic, None)
