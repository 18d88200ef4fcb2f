"""All files of a content folder together: what each holds, what is served, how they fit together.

A workspace is updated again and again; it reads and parses only what changed, and keeps the last
good version of what is broken now. It is used by one thread at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from quizserver.file_signatures import SavedFileCache
from quizserver.topics.assets import is_image
from quizserver.topics.cross_checks import check_cross_references
from quizserver.topics.folder import FolderListing, is_page, is_simulation, list_folder
from quizserver.topics.image_sizes import NO_SIZE, ImageSize, read_image_size
from quizserver.topics.lesson import RenderedLesson
from quizserver.topics.links import SiteMap
from quizserver.topics.model import Diagnostic, Question, Snapshot, Topic, first_problems
from quizserver.topics.page_file import (
    NO_SIGNATURE,
    CachedPage,
    PageFile,
    ParsedPage,
    RenderedPage,
    UnrenderedPageError,
)
from quizserver.topics.page_reader import PageReader, shared_reader
from quizserver.topics.question import ParsedQuestion
from quizserver.topics.slugs import ID_RULE, humanise_id, is_id, slugify


def load_workspace(content: Path, *, only_topic: str | None = None) -> Workspace:
    """The folder ``content`` (or one topic of it) as it stands.

    Raises OSError when ``content`` itself cannot be read.
    """
    workspace = Workspace(content)
    workspace.update(list_folder(content, only_topic=only_topic))
    return workspace


@dataclass
class Workspace:
    """``files`` are the pages as they stand, ``served`` the version of each that is served."""

    content: Path
    listing: FolderListing = field(default_factory=FolderListing)
    files: dict[str, PageFile] = field(default_factory=dict)
    served: dict[str, ParsedPage] = field(default_factory=dict)
    id_owners: dict[str, str] = field(default_factory=dict)  # question id -> path that serves it
    _rendered: dict[str, CachedPage] = field(default_factory=dict)
    _rendered_for: SiteMap = field(default_factory=SiteMap)
    _unrendered: dict[str, Diagnostic] = field(default_factory=dict)  # what was too slow
    _reader: PageReader = field(default_factory=shared_reader)
    _image_sizes: Mapping[str, ImageSize] = field(default_factory=dict)
    _read_sizes: SavedFileCache[ImageSize] = field(default_factory=SavedFileCache)

    def update(self, listing: FolderListing) -> None:
        """Take over the files as ``listing`` has them, reading those that changed."""
        self.listing = listing
        files: dict[str, PageFile] = {}
        for path, signature in sorted(listing.files.items()):
            if is_page(path):
                file = self.files.get(path)
                if file is None or file.signature != signature:
                    file = self._reader.load_page(self.content, path, signature, file)
                files[path] = file
        self.files = files
        self._read_image_sizes()
        self._choose_served()

    def _read_image_sizes(self) -> None:
        images = {
            path: signature for path, signature in self.listing.files.items() if is_image(path)
        }
        sizes = self._read_sizes.values(images, lambda path: read_image_size(self.content / path))
        self._image_sizes = {path: size for path, size in sizes.items() if size != NO_SIZE}

    def with_file(self, path: str, data: bytes | None) -> Workspace:
        """A workspace in which the page at ``path`` holds ``data`` (None: it is gone).

        This one stays as it is, and nothing is read from the disk.
        """
        file = None if data is None else self.read_page(path, data)
        return self.with_page(path, file)

    def read_page(self, path: str, data: bytes) -> PageFile:
        """The page at ``path`` as it would be with ``data``. May take seconds."""
        previous = self.files.get(path)
        signature = previous.signature if previous else NO_SIGNATURE
        return self._reader.read_page(path, data, signature, previous)

    def with_page(self, path: str, file: PageFile | None) -> Workspace:
        """A workspace in which the page at ``path`` is ``file`` (None: it is gone)."""
        files = {name: file for name, file in self.files.items() if name != path}
        signatures = {
            name: signature for name, signature in self.listing.files.items() if name != path
        }
        if file is not None:
            signatures[path] = file.signature
            files[path] = file
        workspace = Workspace(
            content=self.content,
            listing=FolderListing(signatures, self.listing.diagnostics),
            files=dict(sorted(files.items())),
            served=dict(self.served),
            id_owners=dict(self.id_owners),
            _rendered=dict(self._rendered),
            _rendered_for=self._rendered_for,
            _reader=self._reader,
            _image_sizes=self._image_sizes,
        )
        workspace._choose_served()
        return workspace

    def _choose_served(self) -> None:
        """Decide which version of each file is served, and which file serves each question's id.

        An id belongs to the file that served it so far, else to the first. A file that takes an id
        which another one serves is broken, like any other mistake: what it was before goes on
        being served.
        """
        previous_ids = {path: question_id for question_id, path in self.id_owners.items()}
        candidates = {
            path: file.parsed if file.is_servable else self.served.get(path)
            for path, file in self.files.items()
        }

        def lacks_its_previous_id(path: str) -> bool:
            page = candidates[path]
            return not (isinstance(page, ParsedQuestion) and previous_ids.get(path) == page.id)

        # Files that had the id before come first, then the order of paths.
        paths = sorted(self.files, key=lambda path: (lacks_its_previous_id(path), path))
        owners: dict[str, str] = {}
        served = {path: page for path, page in self.served.items() if path in self.files}
        for path in paths:
            page = candidates[path]
            if page is not None and _owns_id(owners, page, path):
                served[path] = page
        for path in paths:
            if path in served and not _owns_id(owners, served[path], path):
                del served[path]
        self.served, self.id_owners = served, owners

    def is_stale(self, path: str) -> bool:
        """Whether an earlier version is served, because the file as it stands cannot be."""
        return path in self.served and self.served[path] is not self.files[path].parsed

    def build_snapshot(self) -> Snapshot:
        """Everything that can be served now, and every diagnostic except those of claims."""
        site_map = self.site_map()
        questions: dict[str, Question] = {}
        by_folder: dict[str, list[Question]] = {folder: [] for folder in site_map.topic_ids}
        lessons: dict[str, RenderedLesson] = {}
        for path, page in self.rendered_pages(site_map).items():
            folder = self.files[path].folder
            if isinstance(page, RenderedLesson):
                lessons[folder] = page
            else:
                questions[page.id] = page
                by_folder[folder].append(page)
        topics = [
            self._build_topic(f, i, lessons.get(f), by_folder[f])
            for f, i in site_map.topic_ids.items()
        ]
        topic_order = {rendered.lesson.topic: rendered.topic_order for rendered in lessons.values()}
        topics.sort(
            key=lambda topic: (
                topic_order.get(topic.id) is None,
                topic_order.get(topic.id),
                topic.id,
            )
        )
        return Snapshot(
            topics={topic.id: topic for topic in topics},
            questions=questions,
            diagnostics=tuple(self.diagnostics()),
            stale_paths=frozenset(path for path in self.files if self.is_stale(path)),
        )

    def rendered_pages(self, site_map: SiteMap) -> dict[str, RenderedPage]:
        """The pages that are served, by path; those that did not change are as they were.

        One that takes too long, or is too large, is left out, and has a diagnostic.
        """
        cached_pages: dict[str, CachedPage] = {}
        self._unrendered = {}
        is_known_site = site_map == self._rendered_for
        for path in site_map.page_urls:
            parsed, topic = self.served[path], site_map.topic_ids[self.files[path].folder]
            cached = self._rendered.get(path)
            if cached is None or not cached.is_current(
                parsed, topic, site_map, is_known_site=is_known_site
            ):
                try:
                    cached = self._reader.render_page(parsed, topic, site_map, cached)
                except UnrenderedPageError as error:
                    self._unrendered[path] = error.diagnostic
                    continue
            cached_pages[path] = cached
        self._rendered, self._rendered_for = cached_pages, site_map
        return {path: cached.page for path, cached in cached_pages.items()}

    def site_map(self) -> SiteMap:
        """What links can point to."""
        topics = self._topic_ids()
        pages: dict[str, str] = {}
        for path, file in self.files.items():
            page = self.served.get(path)
            if file.folder not in topics or page is None:
                continue
            if not isinstance(page, ParsedQuestion):
                pages[path] = f"/topics/{topics[file.folder]}"
            elif self.id_owners.get(page.id) == path:
                pages[path] = f"/questions/{page.id}"
        served_ids = {page_url.removeprefix("/questions/") for page_url in pages.values()}
        broken_ids = {
            page.id for page in self.parsed_pages() if isinstance(page, ParsedQuestion)
        } - served_ids
        files = frozenset(self.listing.files)
        return SiteMap(
            files,
            pages,
            topics,
            frozenset(self.id_owners),
            frozenset(broken_ids),
            self._image_sizes,
        )

    def _topic_ids(self) -> dict[str, str]:
        """Folder -> id. A folder whose name is no id gets a slug, unless that is taken."""
        folders = self.listing.topic_folders
        ids = {folder: folder for folder in folders if is_id(folder)}
        for folder in folders:
            if folder not in ids and slugify(folder) not in ids.values():
                ids[folder] = slugify(folder)
        return dict(sorted(ids.items()))

    def _build_topic(
        self,
        folder: str,
        identifier: str,
        rendered: RenderedLesson | None,
        questions: list[Question],
    ) -> Topic:
        lesson_positions = {
            question: index
            for index, question in enumerate(rendered.question_ids if rendered else ())
        }
        questions.sort(key=lambda q: (lesson_positions.get(q.id, len(lesson_positions)), q.path))
        return Topic(
            id=identifier,
            title=rendered.lesson.title if rendered else humanise_id(folder),
            summary=rendered.summary if rendered else "",
            lesson=rendered.lesson if rendered else None,
            questions=tuple(questions),
            simulations={
                path.split("/")[1].removesuffix(".py"): self.content / path
                for path in self.listing.files
                if path.split("/")[0] == folder and is_simulation(path)
            },
            folder=self.content / folder,
        )

    def parsed_pages(self) -> list[ParsedPage]:
        """Every file as it stands now, those that cannot be served included."""
        return [file.parsed for file in self.files.values() if file.parsed is not None]

    def diagnostics(self) -> list[Diagnostic]:
        """Every diagnostic of every file, except those of claims."""
        site_map = self.site_map()
        diagnostics = [*self.listing.diagnostics, *self._check_folder_names(site_map)]
        for path, file in self.files.items():
            is_stale = self.is_stale(path)
            own = (
                _with_path(path, diagnostic, is_stale and diagnostic.fatal)
                for diagnostic in (*file.diagnostics, *self._check_ownership(file))
            )
            unrendered = [self._unrendered[path]] if path in self._unrendered else []
            crossing = check_cross_references(file.parsed, site_map) if file.parsed else ()
            found = chain(unrendered, crossing)
            located = (diagnostic.at_path(path) for diagnostic in found)
            diagnostics.extend(first_problems(own, located))
        return sorted_diagnostics(diagnostics)

    def _check_folder_names(self, site_map: SiteMap) -> Iterator[Diagnostic]:
        for folder in self.listing.topic_folders:
            if is_id(folder):
                continue
            message = f"The folder's name \"{folder}\" cannot be a topic's id."
            hint = f"Rename it to {slugify(folder)} (an id is {ID_RULE})."
            if folder not in site_map.topic_ids:
                hint += " Until then it is not served: another topic has that id."
            first_path = min(path for path, file in self.files.items() if file.folder == folder)
            yield Diagnostic(1, 1, "bad-topic-id", message, hint, path=first_path)

    def _check_ownership(self, file: PageFile) -> Iterator[Diagnostic]:
        if not isinstance(file.parsed, ParsedQuestion) or not file.is_servable:
            return
        owner = self.id_owners.get(file.parsed.id)
        if owner != file.path:
            message = f'The question in {owner} has the id "{file.parsed.id}" too.'
            position = file.parsed.id_position
            hint = "Give this one another id." + (
                "" if self.is_stale(file.path) else " It is not served until then."
            )
            yield Diagnostic(*position, "duplicate-question-id", message, hint, True)


def _owns_id(owners: dict[str, str], page: ParsedPage, path: str) -> bool:
    """Whether ``path`` may serve this page: no other file has its id; if nobody has, it gets it."""
    return not isinstance(page, ParsedQuestion) or owners.setdefault(page.id, path) == path


def _with_path(path: str, diagnostic: Diagnostic, is_stale: bool) -> Diagnostic:
    diagnostic = diagnostic.at_path(path)
    if is_stale:
        hint = f"{diagnostic.hint} Until then its last good version is served.".strip()
        diagnostic = replace(diagnostic, hint=hint)
    return diagnostic


def sorted_diagnostics(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Each problem once, in the order of file, line and column."""
    return sorted(set(diagnostics), key=lambda p: (p.path, p.line, p.column, p.code, p.message))
