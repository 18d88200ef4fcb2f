"""All files of a content folder together: what each is worth, and how they fit one another.

A shelf is filled again and again; it reads and judges only what changed, and keeps the last good
version of what is broken now. It is used by one thread at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from quizserver.topics.cross_checks import check_cross_references
from quizserver.topics.folder import FolderListing, is_page, is_simulation
from quizserver.topics.lesson import RenderedLesson
from quizserver.topics.links import SiteMap
from quizserver.topics.model import Diagnostic, Question, Snapshot, Topic
from quizserver.topics.page_file import PageFile, ParsedPage
from quizserver.topics.question import ParsedQuestion
from quizserver.topics.slugs import ID_RULE, humanise_id, is_id, slugify


@dataclass
class Workspace:
    content: Path
    listing: FolderListing = field(default_factory=FolderListing)
    files: dict[str, PageFile] = field(default_factory=dict)
    id_owners: dict[str, str] = field(default_factory=dict)  # question id -> path that serves it

    def update(self, listing: FolderListing) -> None:
        """Take over the files as ``listing`` has them, reading those that changed."""
        self.listing = listing
        page_signatures = {
            path: file_signature
            for path, file_signature in sorted(listing.files.items())
            if is_page(path)
        }
        self.files = {
            path: self.files.get(path, PageFile(path, (0, 0, 0, 0))) for path in page_signatures
        }
        for path, signature in page_signatures.items():
            if self.files[path].signature != signature:
                self.files[path].load_file(self.content, signature)
        self._assign_ids()

    def with_file(self, path: str, data: bytes | None) -> Workspace:
        """A shelf of its own in which the page at ``path`` holds ``data`` (None: it is gone).

        This one stays as it is, and the disk is not asked.
        """
        files = {name: replace(file) for name, file in self.files.items() if name != path}
        signatures = {
            name: signature for name, signature in self.listing.files.items() if name != path
        }
        if data is not None:
            overlay = replace(self.files.get(path, PageFile(path, (0, 0, 0, 0))))
            overlay.parse_bytes(data)
            files[path], signatures[path] = overlay, overlay.signature
        listing = FolderListing(signatures, self.listing.diagnostics)
        workspace = Workspace(
            self.content, listing, dict(sorted(files.items())), dict(self.id_owners)
        )
        workspace._assign_ids()
        return workspace

    def _assign_ids(self) -> None:
        """Decide which file serves each question's id: the one that did so far, else the first.

        A file that takes an id which another one serves is broken, like any other mistake: what
        it was before goes on being served.
        """
        previous_ids = {path: question_id for question_id, path in self.id_owners.items()}
        # Who had an id before comes first, then the order of paths.
        files = sorted(
            self.files.values(), key=lambda file: (not _keeps_id(file, previous_ids), file.path)
        )
        owners: dict[str, PageFile] = {}
        for file in files:
            candidate = file.candidate
            if (
                not isinstance(candidate, ParsedQuestion)
                or _first_owner(owners, candidate, file) is file
            ):
                file.last_good = candidate
        for file in files:
            if (
                isinstance(file.last_good, ParsedQuestion)
                and _first_owner(owners, file.last_good, file) is not file
            ):
                file.last_good = None
        self.id_owners = {question_id: file.path for question_id, file in owners.items()}

    def build_snapshot(self) -> Snapshot:
        """Everything that can be served now, and every problem that needs no catalog."""
        site_map = self.site_map()
        questions: dict[str, Question] = {}
        by_folder: dict[str, list[Question]] = {folder: [] for folder in site_map.topic_ids}
        lessons: dict[str, RenderedLesson] = {}
        for path, file in self.files.items():
            if path not in site_map.page_urls:
                continue
            page = file.render_page(site_map.topic_ids[file.folder], site_map)
            if isinstance(page, RenderedLesson):
                lessons[file.folder] = page
            else:
                questions[page.id] = page
                by_folder[file.folder].append(page)
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
            stale_paths=frozenset(path for path, file in self.files.items() if file.is_stale),
        )

    def site_map(self) -> SiteMap:
        """What links can point to."""
        topics = self._topic_ids()
        pages: dict[str, str] = {}
        for path, file in self.files.items():
            if file.folder not in topics or file.last_good is None:
                continue
            if not isinstance(file.last_good, ParsedQuestion):
                pages[path] = f"/topics/{topics[file.folder]}"
            elif self.id_owners.get(file.last_good.id) == path:
                pages[path] = f"/questions/{file.last_good.id}"
        served_ids = {page_url.removeprefix("/questions/") for page_url in pages.values()}
        broken_ids = {
            page.id for page in self.parsed_pages() if isinstance(page, ParsedQuestion)
        } - served_ids
        files = frozenset(self.listing.files)
        return SiteMap(files, pages, topics, frozenset(self.id_owners), frozenset(broken_ids))

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
        """Every problem of every file but those that only the catalog can tell."""
        site_map = self.site_map()
        diagnostics = [*self.listing.diagnostics, *self._check_folder_names(site_map)]
        for path, file in self.files.items():
            for diagnostic in (*file.diagnostics, *self._check_ownership(file)):
                diagnostics.append(
                    _with_path(path, diagnostic, is_stale=file.is_stale and diagnostic.fatal)
                )
            if file.parsed is not None:
                diagnostics.extend(
                    _with_path(path, diagnostic)
                    for diagnostic in check_cross_references(file.parsed, site_map)
                )
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
                "" if file.is_stale else " It is not served until then."
            )
            yield Diagnostic(*position, "duplicate-question-id", message, hint, True)


def _first_owner(owners: dict[str, PageFile], parsed: ParsedQuestion, file: PageFile) -> PageFile:
    """The file that has the draft's id: ``file`` itself, if no other came before it."""
    return owners.setdefault(parsed.id, file)


def _keeps_id(file: PageFile, previous_ids: dict[str, str]) -> bool:
    candidate = file.candidate
    return isinstance(candidate, ParsedQuestion) and previous_ids.get(file.path) == candidate.id


def _with_path(path: str, diagnostic: Diagnostic, *, is_stale: bool = False) -> Diagnostic:
    hint = (
        f"{diagnostic.hint} Until then its last good version is served.".strip()
        if is_stale
        else diagnostic.hint
    )
    return replace(diagnostic, path=path, hint=hint)


def sorted_diagnostics(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Each problem once, in the order of file, line and column."""
    return sorted(set(diagnostics), key=lambda p: (p.path, p.line, p.column, p.code, p.message))
