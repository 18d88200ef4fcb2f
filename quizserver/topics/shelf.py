"""All files of a content folder together: what each is worth, and how they fit one another.

A shelf is filled again and again; it reads and judges only what changed, and keeps the last good
version of what is broken now. It is used by one thread at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from quizserver.topics.crossing import crossing_flaws
from quizserver.topics.folder import Listing, is_page, is_simulation
from quizserver.topics.identity import ID_RULE, humanise, is_id, slug
from quizserver.topics.lesson import BuiltLesson
from quizserver.topics.links import Site
from quizserver.topics.model import Problem, Question, Snapshot, Topic
from quizserver.topics.page_file import AnyDraft, PageFile
from quizserver.topics.question import Draft
from quizserver.topics.text import Flaw


@dataclass
class Shelf:
    content: Path
    listing: Listing = field(default_factory=Listing)
    files: dict[str, PageFile] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)  # question id -> path that serves it

    def fill(self, listing: Listing) -> None:
        """Take over the files as ``listing`` has them, reading those that changed."""
        self.listing = listing
        pages = {path: sign for path, sign in sorted(listing.files.items()) if is_page(path)}
        self.files = {path: self.files.get(path, PageFile(path, (0, 0, 0, 0))) for path in pages}
        for path, signature in pages.items():
            if self.files[path].signature != signature:
                self.files[path].read(self.content, signature)
        self._settle()

    def trying(self, path: str, data: bytes | None) -> Shelf:
        """A shelf of its own in which the page at ``path`` holds ``data`` (None: it is gone).

        This one stays as it is, and the disk is not asked.
        """
        files = {name: replace(file) for name, file in self.files.items() if name != path}
        listed = {name: sign for name, sign in self.listing.files.items() if name != path}
        if data is not None:
            tried = replace(self.files.get(path, PageFile(path, (0, 0, 0, 0))))
            tried.judge(data)
            files[path], listed[path] = tried, tried.signature
        listing = Listing(listed, self.listing.problems)
        shelf = Shelf(self.content, listing, dict(sorted(files.items())), dict(self.owners))
        shelf._settle()
        return shelf

    def _settle(self) -> None:
        """Decide which file serves each question's id: the one that did so far, else the first.

        A file that takes an id which another one serves is broken, like any other mistake: what
        it was before goes on being served.
        """
        held = {path: identifier for identifier, path in self.owners.items()}
        # Who had an id before comes first, then the order of paths.
        files = sorted(self.files.values(), key=lambda file: (not _keeps(file, held), file.path))
        owners: dict[str, PageFile] = {}
        for file in files:
            wanted = file.candidate
            if not isinstance(wanted, Draft) or _first(owners, wanted, file) is file:
                file.good = wanted
        for file in files:
            if isinstance(file.good, Draft) and _first(owners, file.good, file) is not file:
                file.good = None
        self.owners = {identifier: file.path for identifier, file in owners.items()}

    def snapshot(self) -> Snapshot:
        """Everything that can be served now, and every problem that needs no catalog."""
        site = self.site()
        questions: dict[str, Question] = {}
        by_folder: dict[str, list[Question]] = {folder: [] for folder in site.topics}
        lessons: dict[str, BuiltLesson] = {}
        for path, file in self.files.items():
            if path not in site.pages:
                continue
            page = file.build(site.topics[file.folder], site)
            if isinstance(page, BuiltLesson):
                lessons[file.folder] = page
            else:
                questions[page.id] = page
                by_folder[file.folder].append(page)
        topics = [self._topic(f, i, lessons.get(f), by_folder[f]) for f, i in site.topics.items()]
        order = {built.lesson.topic: built.order for built in lessons.values()}
        topics.sort(key=lambda topic: (order.get(topic.id) is None, order.get(topic.id), topic.id))
        return Snapshot(
            topics={topic.id: topic for topic in topics},
            questions=questions,
            problems=tuple(self.problems()),
            kept=frozenset(path for path, file in self.files.items() if file.kept),
        )

    def site(self) -> Site:
        """What links can point to."""
        topics = self._topic_ids()
        pages: dict[str, str] = {}
        for path, file in self.files.items():
            if file.folder not in topics or file.good is None:
                continue
            if not isinstance(file.good, Draft):
                pages[path] = f"/topics/{topics[file.folder]}"
            elif self.owners.get(file.good.id) == path:
                pages[path] = f"/questions/{file.good.id}"
        served = {url.removeprefix("/questions/") for url in pages.values()}
        broken = {draft.id for draft in self.drafts() if isinstance(draft, Draft)} - served
        files = frozenset(self.listing.files)
        return Site(files, pages, topics, frozenset(self.owners), frozenset(broken))

    def _topic_ids(self) -> dict[str, str]:
        """Folder -> id. A folder whose name is no id gets a slug, unless that is taken."""
        folders = self.listing.topics
        ids = {folder: folder for folder in folders if is_id(folder)}
        for folder in folders:
            if folder not in ids and slug(folder) not in ids.values():
                ids[folder] = slug(folder)
        return dict(sorted(ids.items()))

    def _topic(
        self, folder: str, identifier: str, built: BuiltLesson | None, questions: list[Question]
    ) -> Topic:
        shown = {question: at for at, question in enumerate(built.questions if built else ())}
        questions.sort(key=lambda q: (shown.get(q.id, len(shown)), q.path))
        return Topic(
            id=identifier,
            title=built.lesson.title if built else humanise(folder),
            summary=built.summary if built else "",
            lesson=built.lesson if built else None,
            questions=tuple(questions),
            simulations={
                path.split("/")[1].removesuffix(".py"): self.content / path
                for path in self.listing.files
                if path.split("/")[0] == folder and is_simulation(path)
            },
            folder=self.content / folder,
        )

    def drafts(self) -> list[AnyDraft]:
        """Every file as it stands now, those that cannot be served included."""
        return [file.draft for file in self.files.values() if file.draft is not None]

    def problems(self) -> list[Problem]:
        """Every problem of every file but those that only the catalog can tell."""
        site = self.site()
        found = [*self.listing.problems, *self._folder_problems(site)]
        for path, file in self.files.items():
            for flaw in (*file.flaws, *self._ownership(file)):
                found.append(_problem(path, flaw, kept=file.kept and flaw.fatal))
            if file.draft is not None:
                found.extend(_problem(path, flaw) for flaw in crossing_flaws(file.draft, site))
        return ordered(found)

    def _folder_problems(self, site: Site) -> Iterator[Problem]:
        for folder in self.listing.topics:
            if is_id(folder):
                continue
            message = f"The folder's name \"{folder}\" cannot be a topic's id."
            hint = f"Rename it to {slug(folder)} (an id is {ID_RULE})."
            if folder not in site.topics:
                hint += " Until then it is not served: another topic has that id."
            first = min(path for path, file in self.files.items() if file.folder == folder)
            yield Problem(first, 1, 1, "bad-topic-id", message, hint)

    def _ownership(self, file: PageFile) -> Iterator[Flaw]:
        if not isinstance(file.draft, Draft) or not file.usable:
            return
        owner = self.owners.get(file.draft.id)
        if owner != file.path:
            message = f'The question in {owner} has the id "{file.draft.id}" too.'
            at = file.draft.id_place
            hint = "Give this one another id." + (
                "" if file.kept else " It is not served until then."
            )
            yield Flaw(*at, "duplicate-question-id", message, hint, True)


def _first(owners: dict[str, PageFile], draft: Draft, file: PageFile) -> PageFile:
    """The file that has the draft's id: ``file`` itself, if no other came before it."""
    return owners.setdefault(draft.id, file)


def _keeps(file: PageFile, held: dict[str, str]) -> bool:
    wanted = file.candidate
    return isinstance(wanted, Draft) and held.get(file.path) == wanted.id


def _problem(path: str, flaw: Flaw, *, kept: bool = False) -> Problem:
    hint = f"{flaw.hint} Until then its last good version is served.".strip() if kept else flaw.hint
    return Problem(path, flaw.line, flaw.column, flaw.code, flaw.message, hint)


def ordered(problems: Iterable[Problem]) -> list[Problem]:
    """Each problem once, in the order of file, line and column."""
    return sorted(set(problems), key=lambda p: (p.path, p.line, p.column, p.code, p.message))
