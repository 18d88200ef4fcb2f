"""Which ids the pages of a content folder have, without reading more than their front matter.

An import needs no page parsed but those whose ids its questions would take, so that it takes as
long in a large content folder as in an empty one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from quizserver.topics.folder import FolderListing, is_lesson, is_page, list_folder
from quizserver.topics.links import SiteMap
from quizserver.topics.page_file import parse_page_file, read_page_bytes
from quizserver.topics.question import ParsedQuestion
from quizserver.topics.slugs import is_id, slugify
from quizserver.topics.workspace import Workspace

_FRONT_MATTER_START = b"---"
_LONGEST_BEGINNING = 4096
_ID_KEY = re.compile(rb"^[ \t]*[\"']?id[\"']?[ \t]*:|\{.*\bid\b", re.MULTILINE)
_PLAIN_ID = re.compile(
    rb"^id:[ \t]*([\"']?)([a-z0-9]+(?:[-_][a-z0-9]+)*)\1[ \t]*\r?$", re.MULTILINE
)


@dataclass
class ContentIndex:
    """The files of a content folder, and the path of the question of each id.

    ``images`` and ``paths`` of an import under way are added with ``add_question``.
    """

    content: Path
    listing: FolderListing
    path_by_id: dict[str, str] = field(default_factory=dict)
    _parsed: dict[str, ParsedQuestion] = field(default_factory=dict)

    def parsed_question(self, path: str) -> ParsedQuestion | None:
        """The question in the file at ``path``, parsed; None when it holds none."""
        if path not in self._parsed:
            data = read_page_bytes(self.content, path)
            parsed = parse_page_file(path, data).parsed if isinstance(data, bytes) else None
            if not isinstance(parsed, ParsedQuestion):
                return None
            self._parsed[path] = parsed
        return self._parsed[path]

    def add_question(self, parsed: ParsedQuestion) -> None:
        """Takes in a question that is about to be written."""
        self._parsed[parsed.path] = parsed
        self.path_by_id[parsed.id] = parsed.path

    @cached_property
    def workspace(self) -> Workspace:
        """The whole folder, parsed: for questions that link to other pages of it."""
        workspace = Workspace(self.content)
        workspace.update(self.listing)
        return workspace

    def site_map(self, *, with_pages: bool) -> SiteMap:
        """What links can lead to; without pages, only files and topics."""
        if with_pages:
            return self.workspace.site_map()
        topic_ids = {folder: folder for folder in self.listing.topic_folders}
        return SiteMap(frozenset(self.listing.files), {}, topic_ids)


def index_content(content: Path) -> ContentIndex:
    """The index of a content folder as it stands; empty when there is no such folder.

    Raises OSError when the folder cannot be read.
    """
    index = ContentIndex(content, list_folder(content) if content.is_dir() else FolderListing())
    for path, identifier in _question_ids(content, sorted(index.listing.files)):
        index.path_by_id.setdefault(identifier, path)
    return index


def _question_ids(content: Path, paths: Iterable[str]) -> Iterable[tuple[str, str]]:
    for path in paths:
        if not is_page(path) or is_lesson(path):
            continue
        stem = PurePosixPath(path).stem
        yield path, _written_id(content, path) or (stem if is_id(stem) else slugify(stem))


def _written_id(content: Path, path: str) -> str | None:
    """The ``id:`` in a page's front matter, if there is one."""
    try:
        with (content / path).open("rb") as file:
            beginning = file.read(_LONGEST_BEGINNING).removeprefix(b"\xef\xbb\xbf")
    except OSError:
        return None
    if not beginning.startswith(_FRONT_MATTER_START):
        return None
    end = re.search(rb"\n(?:---|\.\.\.)[ \t]*(?:\r?\n|$)", beginning)
    front_matter = beginning[: end.start()] if end else beginning
    if end and not _ID_KEY.search(front_matter):
        return None
    plain = _PLAIN_ID.findall(front_matter)
    if end and len(plain) == 1:
        return str(plain[0][1].decode())
    data = read_page_bytes(content, path)
    parsed = parse_page_file(path, data).parsed if isinstance(data, bytes) else None
    return parsed.id if isinstance(parsed, ParsedQuestion) else None
