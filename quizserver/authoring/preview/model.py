"""The scope of a preview, as the command parses it and passes it to the web process."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_TOPIC_VARIABLE = "PREVIEW_ONLY"
HOME_PATH = "/preview/"


@dataclass(frozen=True, slots=True)
class Preview:
    """The preview of a content folder: of the topic folder ``only_topic``, or of all of them.

    ``start_path`` is the address at which it begins.
    """

    only_topic: str | None = None
    start_path: str = HOME_PATH

    def to_environ(self) -> dict[str, str]:
        """Environment variables for a child process. Only its argument turns a preview on."""
        return {_TOPIC_VARIABLE: self.only_topic or ""}

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Preview:
        return cls(environ.get(_TOPIC_VARIABLE) or None)


def locate_preview(path: Path | None, content: Path) -> tuple[Path, Preview]:
    """The content folder that ``path`` belongs to, and what of it is previewed.

    As with the PATH of ``quizserver check``, a path inside ``content`` is previewed among its
    neighbours; one outside of it by itself: a folder with markdown files, or a file, as a topic.
    """
    content = _absolute_path(content)
    if path is None:
        return content, Preview()
    path = _absolute_path(path)
    if path.is_relative_to(content):
        parts = path.relative_to(content).parts
        return content, Preview(None, _topic_address(parts[0]) if parts else HOME_PATH)
    topic_folder = path if path.is_dir() else path.parent
    if path.is_dir() and not any(topic_folder.glob("*.md")):
        return topic_folder, Preview()
    return topic_folder.parent, Preview(topic_folder.name, _topic_address(topic_folder.name))


def content_flag(content: Path, default: Path) -> str:
    """The flag `` --content DIR`` that a command needs to find the folder; "" if it needs none."""
    content, cwd = _absolute_path(content), Path.cwd()
    if content == _absolute_path(default):
        return ""
    printed = content.relative_to(cwd) if content.is_relative_to(cwd) else content
    return f" --content {shlex.quote(str(printed))}"


def _topic_address(folder: str) -> str:
    return f"{HOME_PATH}topics/{folder}"


def _absolute_path(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100  (links stay as they are written)
