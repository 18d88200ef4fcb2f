"""Imported questions into a topic's folder: a file each, whole or not at all, nothing replaced.

The only part of the formats that touches a disk.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from quizserver.topics.crossing import crossing_flaws
from quizserver.topics.folder import list_folder
from quizserver.topics.formats.compose import decomposed
from quizserver.topics.formats.model import Brought, Imported, Picture
from quizserver.topics.identity import ID_RULE, digest, is_id
from quizserver.topics.links import Site
from quizserver.topics.model import Problem
from quizserver.topics.question import Draft, draft_question
from quizserver.topics.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Shelved:
    """A question that was written (or would be): its file, relative to the content folder."""

    path: str
    brought: Brought


@dataclass(frozen=True, slots=True)
class Outcome:
    shelved: tuple[Shelved, ...]
    problems: tuple[Problem, ...]


def topic_fault(topic: str) -> str | None:
    """Why no topic can be called so, if it can't."""
    return None if is_id(topic) else f'"{topic}" cannot be a topic\'s name: it is {ID_RULE}.'


def shelve(
    bank: str,
    imported: Imported,
    content: Path,
    topic: str,
    *,
    overwrite: bool = False,
    dry_run: bool = False,
    earlier: Sequence[Shelved] = (),
) -> Outcome:
    """Write each question to ``content/topic``, its images first.

    A question that is there already is a problem, and left as it is, unless ``overwrite``; another
    one of the same title gets a digest behind its id. ``earlier`` are those that other banks of
    this import brought: they are never replaced. With ``dry_run`` nothing is written. Raises
    OSError when the folder cannot be made or listed; a file that can't be written is a problem of
    its question.
    """
    plan = _Plan(bank, content, topic, overwrite, _ids(content), earlier)
    shelved: list[Shelved] = []
    problems = list(imported.problems)
    targets = [(each, plan.target(each)) for each in imported.questions]
    site = plan.site([path for _, path in targets if isinstance(path, str)], imported.questions)
    for each, path in targets:
        fault = path if isinstance(path, Problem) else plan.fault(each, path, site)
        if fault is None and isinstance(path, str) and not dry_run:
            fault = _write(plan, each, path)
        if fault is not None:
            problems.append(fault)
        elif isinstance(path, str):
            shelved.append(Shelved(path, each))
    return Outcome(tuple(shelved), tuple(sorted(problems, key=lambda p: (p.line, p.column))))


def _ids(content: Path) -> Shelf:
    shelf = Shelf(content)
    if content.is_dir():
        shelf.fill(list_folder(content))
    return shelf


class _Plan:
    def __init__(
        self,
        bank: str,
        content: Path,
        topic: str,
        overwrite: bool,
        shelf: Shelf,
        earlier: Sequence[Shelved],
    ) -> None:
        self.bank, self.content, self.topic, self.overwrite = bank, content, topic, overwrite
        self.shelf = shelf
        brought = [draft_question(each.path, each.brought.source) for each in earlier]
        drafts = [draft for draft in shelf.drafts() if isinstance(draft, Draft)]
        self.drafts = {draft.path: draft for draft in [*drafts, *brought]}
        self.taken = {draft.id: draft.path for draft in self.drafts.values()}
        self.earlier = {each.path for each in earlier}

    def problem(self, each: Brought, code: str, message: str, hint: str) -> Problem:
        return Problem(self.bank, each.line, 1, code, message, hint)

    def target(self, each: Brought) -> str | Problem:
        """The path for a question, or that it is there already."""
        slug = each.slug
        owner = self.taken.get(slug)
        if owner is not None and not self._is_same(owner, each):
            slug = f"{slug[:60].strip('-_')}-{digest(each.source, 8)}"
            owner = self.taken.get(slug)
        path = owner or f"{self.topic}/{slug}.md"
        if path in self.earlier:
            message = f'"{each.title}" is in another of these banks too.'
            return self.problem(each, "there-already", message, "Delete it in one of them.")
        there = owner is not None or os.path.lexists(self.content / path)
        if there and not self.overwrite:
            message = f'"{each.title}" is there already, in {path}.'
            return self.problem(each, "there-already", message, "--overwrite replaces it.")
        self.taken[slug] = path
        return path

    def _is_same(self, path: str, each: Brought) -> bool:
        """Whether the question of that file is this one, perhaps edited since.

        Many are called "What does this code print?": it is this one in this topic that has its
        text, or half of its options.
        """
        draft = self.drafts.get(path)
        if draft is None or path.split("/")[0] != self.topic:
            return False
        there = decomposed(draft)
        here = decomposed(draft_question(path, each.source))
        if here.stem and here.stem.split() == there.stem.split():
            return True
        texts, others = ({" ".join(o.text.split()) for o in i.options} for i in (here, there))
        return 2 * len(texts & others) >= max(len(texts), len(others))

    def site(self, paths: Sequence[str], questions: Sequence[Brought]) -> Site:
        """What links can lead to once everything is written."""
        now = self.shelf.site()
        pictures = {f"{self.topic}/{p.path}" for each in questions for p in each.pictures}
        return Site(
            now.files | pictures | set(paths),
            now.pages,
            {**now.topics, self.topic: self.topic},
            now.questions | set(self.taken),
            now.broken,
        )

    def fault(self, each: Brought, path: str, site: Site) -> Problem | None:
        """What speaks against writing a question there."""
        for flaw in crossing_flaws(draft_question(path, each.source), site):
            return self.problem(each, flaw.code, flaw.message, flaw.hint)
        for picture in each.pictures:
            lies = self.content / self.topic / picture.path
            if _differs(lies, picture) and not self.overwrite:
                message = f"Another image lies at {self.topic}/{picture.path} already."
                return self.problem(each, "image-there", message, "--overwrite replaces it.")
        return None


def _differs(path: Path, picture: Picture) -> bool:
    try:
        return path.read_bytes() != picture.data
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _write(plan: _Plan, each: Brought, path: str) -> Problem | None:
    """Images, then the question: a reader never sees one that names what is not there."""
    folder = (plan.content / plan.topic).resolve()
    try:
        for picture in each.pictures:
            target = plan.content / plan.topic / picture.path
            _make(target.parent)
            if not target.parent.resolve().is_relative_to(folder):
                raise OSError(f"{target.parent} leads out of the topic's folder")
            if not target.exists() or _differs(target, picture):
                place(target, picture.data, overwrite=plan.overwrite)
        file = plan.content / path
        _make(file.parent)
        place(file, each.source.encode("utf-8"), overwrite=plan.overwrite)
    except FileExistsError:
        message = f"{path} was made by somebody else just now."
        return plan.problem(each, "there-already", message, "--overwrite replaces it.")
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror or error}."
        return plan.problem(each, "not-written", message, "Check the folder's rights and space.")
    return None


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(0, "a file lies where the folder should be") from None


def place(target: Path, data: bytes, *, overwrite: bool) -> None:
    """The whole file or none: written beside, then moved. Raises FileExistsError, OSError."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".import-", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        if overwrite:
            temporary.replace(target)
        else:
            os.link(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
