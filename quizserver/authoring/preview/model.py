"""What is previewed, and how the launching process tells the one that serves it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_ONLY = "PREVIEW_ONLY"
HOME = "/preview/"


@dataclass(frozen=True, slots=True)
class Preview:
    """A content folder's preview: of the topic folder ``only``, or of all of them.

    ``at`` is the address at which it begins.
    """

    only: str | None = None
    at: str = HOME

    def environment(self) -> dict[str, str]:
        """As variables for a child process. They turn nothing on; only an argument does that."""
        return {_ONLY: self.only or ""}

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Preview:
        return cls(environ.get(_ONLY) or None)


def located(path: Path | None, content: Path) -> tuple[Path, Preview]:
    """The content folder that ``path`` belongs to, and what of it is previewed.

    As ``quizserver check`` takes its PATH: one inside ``content`` is seen among its neighbours,
    one outside of it by itself: a folder with markdown files, or a file, as a topic.
    """
    content = _absolute(content)
    if path is None:
        return content, Preview()
    path = _absolute(path)
    if path.is_relative_to(content):
        parts = path.relative_to(content).parts
        return content, Preview(None, _topic_address(parts[0]) if parts else HOME)
    topic = path if path.is_dir() else path.parent
    if path.is_dir() and not any(topic.glob("*.md")):
        return topic, Preview()
    return topic.parent, Preview(topic.name, _topic_address(topic.name))


def content_flag(content: Path, default: Path) -> str:
    """What a command needs to find the folder: `` --content DIR``, or nothing."""
    content, here = _absolute(content), Path.cwd()
    if content == _absolute(default):
        return ""
    shown = content.relative_to(here) if content.is_relative_to(here) else content
    return f" --content {shlex.quote(str(shown))}"


def _topic_address(folder: str) -> str:
    return f"{HOME}topics/{folder}"


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100  (links stay as they are written)
